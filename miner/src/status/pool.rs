//! The events of a pool, and their lines.

use std::collections::BTreeMap;

use miner_core::Share;
use miner_pool::WorkerName;
use serde::Serialize;

use super::event::Proof;
use super::text::{count, hashrate, number};

/// A pool is open.
#[derive(Debug, Serialize)]
pub(crate) struct Listening {
    /// As miners take it.
    pub(crate) url: String,
    pub(crate) chain: String,
    pub(crate) height: u32,
    /// Of shares.
    pub(crate) difficulty: f64,
    pub(crate) block_difficulty: f64,
    pub(crate) payout: String,
}

/// A miner came or left.
#[derive(Debug, Serialize)]
pub(crate) struct SessionEvent {
    /// opened, resumed or closed.
    pub(crate) status: &'static str,
    pub(crate) session: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    /// Why it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Miners that are connected now.
    pub(crate) miners: u64,
}

/// A share that a pool judged.
#[derive(Debug, Serialize)]
pub(crate) struct PoolShare {
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) worker: String,
    pub(crate) session: String,
    /// Of a share that was taken.
    #[serde(flatten)]
    pub(crate) taken: Option<Taken>,
}

/// A share that counts.
#[derive(Debug, Serialize)]
pub(crate) struct Taken {
    /// What its hash reaches.
    difficulty: f64,
    hash: String,
    #[serde(flatten)]
    proof: Proof,
}

/// How a pool does.
#[derive(Debug, Serialize)]
pub(crate) struct PoolRate {
    /// From the shares of the last minute.
    pub(crate) hs_60s: f64,
    /// What all accepted shares stand for.
    pub(crate) hashes: u128,
    pub(crate) miners: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
}

/// The last line of a pool.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PoolSummary {
    /// Sessions that there were.
    pub(crate) sessions: u64,
    /// Shares that came.
    pub(crate) found: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    /// The difficulty of all accepted shares together.
    pub(crate) difficulty: f64,
    pub(crate) best_difficulty: Option<f64>,
    /// By what became of them.
    pub(crate) blocks: BTreeMap<&'static str, u64>,
    pub(crate) seconds: f64,
}

impl Taken {
    pub(crate) fn new(share: &Share, worker: &WorkerName) -> Self {
        let proof = Proof::new(share, &worker.to_string());
        Self { difficulty: share.difficulty(), hash: share.hash().to_string(), proof }
    }
}

impl Listening {
    pub(crate) fn line(&self) -> String {
        let Self { url, chain, height, difficulty, block_difficulty, payout } = self;
        format!(
            "a pool on {chain} at height {height}, {payout}; shares of difficulty {}, blocks of {}\n\
             mine with: miner -o {url} -u NAME -p x",
            number(*difficulty),
            number(*block_difficulty),
        )
    }
}

impl SessionEvent {
    pub(crate) fn line(&self) -> String {
        let Self { status, peer, agent, reason, miners, .. } = self;
        let what = match *status {
            "closed" => "a miner left",
            "resumed" => "a miner is back",
            _ => "a miner came",
        };
        let details: Vec<&str> = [agent, peer, reason].into_iter().flatten().map(String::as_str).collect();
        format!("{what}: {}; {miners} connected", details.join(", "))
    }
}

impl PoolShare {
    /// What goes well is told where more is asked for.
    pub(crate) fn line(&self, debug: bool) -> Option<String> {
        let Self { status, reason, worker, taken, .. } = self;
        match taken {
            Some(taken) if debug => {
                Some(format!("{status}: {worker}, difficulty {}, {}", number(taken.difficulty), taken.hash))
            }
            Some(_) => None,
            None => Some(format!("{status}: {worker}: {}", reason.as_deref().unwrap_or_default())),
        }
    }
}

impl PoolRate {
    pub(crate) fn line(&self) -> String {
        let Self { hs_60s, miners, accepted, rejected, .. } = self;
        format!("{miners} connected, {}, {accepted} accepted, {rejected} rejected", hashrate(*hs_60s))
    }
}

impl PoolSummary {
    pub(crate) fn line(&self) -> String {
        let Self { sessions, accepted, rejected, difficulty, best_difficulty, blocks, seconds, .. } = self;
        let all = |counts: &BTreeMap<&str, u64>| {
            let each: Vec<String> =
                counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
        };
        let best =
            best_difficulty.map(|best| format!("; best difficulty {}", number(best))).unwrap_or_default();
        format!(
            "\n{} in {seconds:.1} s: {accepted} shares accepted, of difficulty {}; {} rejected{}; {} blocks{}{best}",
            count(usize::try_from(*sessions).unwrap_or(usize::MAX), "session"),
            number(*difficulty),
            rejected.values().sum::<u64>(),
            all(rejected),
            blocks.values().sum::<u64>(),
            all(blocks),
        )
    }
}
