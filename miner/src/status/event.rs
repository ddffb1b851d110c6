//! The events of a run. Their names and fields are a contract with scripts: add, never rename.

use miner_core::bitcoin::Target;
use miner_core::{Share, header, target};
use miner_engine::Rates;
use miner_node::Template;
use serde::Serialize;

use super::pool::{Listening, PoolRate, PoolShare, PoolSummary, SessionEvent};
use super::summary::Summary;
use crate::mining::upstream::Judged;

/// Something worth telling.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// Hashing is set up.
    Started(Started),
    /// The status page is open.
    Page { url: String },
    /// The source of work is there.
    Connected { url: String, chain: String, height: u32, payout: String },
    /// A pool took the worker.
    #[serde(rename = "connected")]
    PoolConnected { url: String, version_mask: String, resumed: bool },
    /// There is no pool at present.
    Disconnected { url: String, reason: String },
    /// Work arrived.
    Job(JobEvent),
    /// A share was judged.
    Share(ShareEvent),
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
    /// A pool is open.
    Listening(Listening),
    /// A miner came to a pool, or left it.
    Session(SessionEvent),
    /// A pool judged a share.
    #[serde(rename = "share")]
    PoolShare(PoolShare),
    /// How a pool does.
    #[serde(rename = "hashrate")]
    PoolRate(PoolRate),
    /// The last line of a pool.
    #[serde(rename = "summary")]
    PoolSummary(PoolSummary),
}

/// What hashes, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Started {
    pub(crate) version: &'static str,
    pub(crate) device: String,
    /// Of the CPU's; 0 for a GPU.
    pub(crate) threads: usize,
    /// Why this kernel, or how this GPU is used.
    pub(crate) choice: String,
    pub(crate) version_rolling: bool,
}

/// Work from a node or a pool. What one of them does not know of is left out.
#[derive(Debug, Serialize)]
pub(crate) struct JobEvent {
    pub(crate) job: String,
    /// `None` where a pool's coinbase does not tell.
    pub(crate) height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transactions: Option<usize>,
    /// The network's.
    pub(crate) difficulty: f64,
    /// In bitcoin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reward: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_own_block: Option<bool>,
    /// What a pool asks of a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share_difficulty: Option<f64>,
    /// Whether a pool takes no more shares for earlier jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clean: Option<bool>,
    /// Whether a person knows already.
    #[serde(skip)]
    pub(crate) goes_without_saying: bool,
}

/// A share and its verdict.
#[derive(Debug, Serialize)]
pub(crate) struct ShareEvent {
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    /// What its hash reaches.
    difficulty: f64,
    pub(crate) hash: String,
    /// Seconds from sending to the pool's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<f64>,
    #[serde(flatten)]
    pub(crate) proof: Proof,
    /// For the line of a pool's share; solo, the block has a line of its own.
    #[serde(skip)]
    pub(crate) standing: Option<Standing>,
}

/// How a run stands when a share was judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) accepted: u64,
    pub(crate) judged: u64,
    pub(crate) hs_10s: f64,
}

/// A block and the verdict on it: a node's on the block, or a pool's on the share.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Block {
    pub(crate) height: Option<u32>,
    pub(crate) hash: String,
    /// accepted, duplicate, inconclusive, rejected or undelivered; from a pool also stale or lost.
    pub(crate) result: &'static str,
    /// In the other's words, and plain ones.
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transactions: Option<usize>,
    /// In bitcoin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reward: Option<f64>,
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
        matches!(
            self,
            Self::Started(_)
                | Self::Connected { .. }
                | Self::PoolConnected { .. }
                | Self::Job(_)
                | Self::Share(_)
                | Self::Hashrate { .. }
                | Self::Session(_)
                | Self::PoolShare(_)
                | Self::PoolRate(_)
        )
    }
}

impl JobEvent {
    /// The job of a node's template.
    pub(crate) fn of(template: &Template) -> Self {
        Self {
            job: template.job().id().to_owned(),
            height: Some(template.height()),
            transactions: Some(template.transactions()),
            difficulty: target::difficulty(template.job().network_target()),
            reward: Some(template.reward().to_btc()),
            on_own_block: None,
            share_difficulty: None,
            clean: None,
            goes_without_saying: false,
        }
    }
}

impl ShareEvent {
    pub(crate) fn new(judged: &Judged, standing: Standing) -> Self {
        let share = &judged.share;
        let solo = share.terms().share_target == Target::ZERO;
        Self {
            status: judged.fate.word(),
            reason: judged.fate.reason().map(str::to_owned),
            difficulty: share.difficulty(),
            hash: share.hash().to_string(),
            latency: judged.latency.map(|latency| latency.as_secs_f64()),
            proof: Proof::new(share, &judged.device),
            standing: (!solo).then_some(standing),
        }
    }
}
