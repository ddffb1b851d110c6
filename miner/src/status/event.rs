//! The events of a run. Their names and fields are a contract with scripts: add, never rename.

use miner_core::{Share, header, target};
use miner_engine::Rates;
use serde::Serialize;

use super::summary::Summary;

/// Something worth telling.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// Hashing is set up.
    Started(Started),
    /// The source of work is there.
    Connected { url: String, chain: String, height: u32, payout: String },
    /// Work arrived.
    Job { job: String, height: u32, transactions: usize, difficulty: f64, reward: f64, on_own_block: bool },
    /// A share was judged.
    Share {
        status: &'static str,
        reason: Option<String>,
        difficulty: f64,
        hash: String,
        #[serde(flatten)]
        proof: Proof,
    },
    /// A block was judged.
    Block(Block),
    /// What became of an earlier block, or anything else worth knowing.
    Notice { message: String },
    /// How fast it goes.
    Hashrate { hs_10s: f64, hs_60s: f64, hs_15m: f64, hashes: u64 },
    /// Something failed; the run goes on.
    Error { message: String },
    /// The last line.
    Summary(Summary),
}

/// What hashes, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Started {
    pub(crate) version: &'static str,
    pub(crate) device: String,
    pub(crate) threads: usize,
    /// Why this kernel.
    pub(crate) choice: String,
    pub(crate) version_rolling: bool,
}

/// A block and the node's verdict on it.
#[derive(Debug, Serialize)]
pub(crate) struct Block {
    pub(crate) height: u32,
    pub(crate) hash: String,
    /// accepted, duplicate, inconclusive, rejected or undelivered.
    pub(crate) result: &'static str,
    /// In the node's words, and plain ones.
    pub(crate) reason: Option<String>,
    pub(crate) transactions: usize,
    /// In bitcoin.
    pub(crate) reward: f64,
    /// What the chain asked for.
    pub(crate) difficulty: f64,
    #[serde(flatten)]
    pub(crate) proof: Proof,
}

/// What lets anyone check a share with a SHA-256 of their own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Proof {
    /// The solved header in hex.
    pub(crate) header: String,
    pub(crate) target: String,
    pub(crate) device: String,
    pub(crate) job: String,
}

impl Proof {
    pub(crate) fn new(share: &Share, device: &str) -> Self {
        Self {
            header: header::to_hex(share.header()),
            target: format!("{:064x}", share.target()),
            device: device.to_owned(),
            job: share.job().id().to_owned(),
        }
    }
}

impl Event {
    pub(crate) fn hashrate(rates: Rates, hashes: u64) -> Self {
        let Rates { hs_10s, hs_60s, hs_15m } = rates;
        Self::Hashrate { hs_10s, hs_60s, hs_15m, hashes }
    }

    pub(crate) fn notice(message: impl Into<String>) -> Self {
        Self::Notice { message: message.into() }
    }

    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::Error { message: message.into() }
    }

    /// What `--quiet` leaves out.
    pub(crate) fn is_chatter(&self) -> bool {
        matches!(self, Self::Started(_) | Self::Connected { .. } | Self::Job { .. } | Self::Hashrate { .. })
    }
}

/// The difficulty of what a share was asked to meet.
pub(crate) fn asked_difficulty(share: &Share) -> f64 {
    target::difficulty(share.target())
}
