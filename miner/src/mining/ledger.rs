//! What became of each share: at every moment
//! `found = accepted + rejected + stale + lost + in flight + queued`, in count and in work.

use std::collections::BTreeMap;

use miner_core::target;
use miner_core::{Share, bitcoin::Target};
use serde::Serialize;

/// Counts a share's way, in shares and in integer work.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: Counts<u64>,
    work: Counts<u128>,
    best: Option<Target>,
}

/// One column of the ledger.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Counts<T> {
    pub(crate) found: T,
    pub(crate) accepted: T,
    pub(crate) rejected: BTreeMap<String, T>,
    pub(crate) stale: BTreeMap<String, T>,
    pub(crate) lost: BTreeMap<String, T>,
    pub(crate) in_flight: T,
    pub(crate) queued: T,
}

/// How a share ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Accepted,
    Rejected(String),
    Lost(String),
}

impl Fate {
    /// The status that events give.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Lost(_) => "lost",
        }
    }
}

/// The last line of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    #[serde(flatten)]
    pub(crate) counts: Counts<u64>,
    /// The same in difficulty.
    pub(crate) difficulty: Counts<f64>,
    pub(crate) hashes: u64,
    pub(crate) seconds: f64,
    /// The highest difficulty that a share reached.
    #[serde(rename = "best_difficulty")]
    pub(crate) best: Option<f64>,
    /// Commands to try next: for people.
    #[serde(skip)]
    pub(crate) next: Vec<String>,
}

impl Ledger {
    /// Registers a share before anything is done with it.
    pub(crate) fn found(&mut self, share: &Share) {
        let work = target::work(share.target());
        self.counts.found += 1;
        self.counts.in_flight += 1;
        self.work.found += work;
        self.work.in_flight += work;
        self.best = Some(self.best.map_or(share.hash_value(), |best| best.min(share.hash_value())));
    }

    /// Ends a registered share's way.
    pub(crate) fn end(&mut self, asked: Target, fate: &Fate) {
        let work = target::work(asked);
        self.counts.in_flight -= 1;
        self.work.in_flight -= work;
        match fate {
            Fate::Accepted => {
                self.counts.accepted += 1;
                self.work.accepted += work;
            }
            Fate::Rejected(reason) => {
                *self.counts.rejected.entry(reason.clone()).or_default() += 1;
                *self.work.rejected.entry(reason.clone()).or_default() += work;
            }
            Fate::Lost(reason) => {
                *self.counts.lost.entry(reason.clone()).or_default() += 1;
                *self.work.lost.entry(reason.clone()).or_default() += work;
            }
        }
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> &Counts<u64> {
        &self.counts
    }

    /// The whole ledger at the end of a run.
    pub(crate) fn summary(&self, hashes: u64, seconds: f64, next: Vec<String>) -> Summary {
        Summary {
            counts: self.counts.clone(),
            difficulty: self.work.map(difficulty_of_work),
            hashes,
            seconds,
            best: self.best.map(target::difficulty),
            next,
        }
    }
}

impl Counts<u128> {
    fn map(&self, convert: fn(u128) -> f64) -> Counts<f64> {
        let each = |reasons: &BTreeMap<String, u128>| {
            reasons.iter().map(|(reason, work)| (reason.clone(), convert(*work))).collect()
        };
        Counts {
            found: convert(self.found),
            accepted: convert(self.accepted),
            rejected: each(&self.rejected),
            stale: each(&self.stale),
            lost: each(&self.lost),
            in_flight: convert(self.in_flight),
            queued: convert(self.queued),
        }
    }
}

/// Difficulty 1 is 2⁴⁸ / 0xFFFF hashes.
fn difficulty_of_work(work: u128) -> f64 {
    work as f64 * 65535.0 / 281_474_976_710_656.0
}
