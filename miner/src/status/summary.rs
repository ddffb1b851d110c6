//! The last line of a run: the ledger, in shares and in difficulty.

use std::collections::BTreeMap;

use miner_core::target;
use miner_engine::Snapshot;
use miner_stratum::ledger::{Amount, Columns, Ledger};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Why a share was lost that nobody took from the engine in time.
const OVERFLOW: &str = "overflow";

/// The last event of a run.
#[derive(Debug, serde::Serialize)]
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

/// The columns of a ledger as an event tells them.
#[derive(Debug)]
pub(crate) struct Counts<T>(pub(crate) Columns<T>);

impl Summary {
    /// Sums up a run. What the engine gave up has never reached the ledger: it is lost by that name.
    pub(crate) fn new(mut ledger: Ledger, engine: &Snapshot, seconds: f64, next: Vec<String>) -> Self {
        let overflow = engine.overflow;
        if overflow.shares > 0 {
            ledger.given_up(Amount { shares: overflow.shares, work: overflow.work }, OVERFLOW);
        }
        let columns = ledger.columns();
        Self {
            counts: Counts(columns.map(|amount| amount.shares)),
            difficulty: Counts(columns.map(Amount::difficulty)),
            hashes: engine.hashes(),
            seconds,
            best: ledger.best().map(target::difficulty),
            next,
        }
    }
}

impl<T: Serialize> Serialize for Counts<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Columns { found, accepted, rejected, stale, lost, in_flight, queued } = &self.0;
        let mut map = serializer.serialize_map(Some(7))?;
        let mut number = |name, value| map.serialize_entry(name, value);
        number("found", found)?;
        number("accepted", accepted)?;
        number("in_flight", in_flight)?;
        number("queued", queued)?;
        let mut reasons = |name, value: &BTreeMap<String, T>| map.serialize_entry(name, value);
        reasons("rejected", rejected)?;
        reasons("stale", stale)?;
        reasons("lost", lost)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_engine::Overflow;

    #[test]
    fn what_the_engine_gave_up_is_lost_by_that_name() {
        let overflow = Overflow { shares: 3, work: 3 << 32 };
        let snapshot = Snapshot { overflow, ..Snapshot::default() };
        let summary = Summary::new(Ledger::default(), &snapshot, 1.0, vec![]);
        let json = serde_json::to_value(summary).unwrap();
        assert_eq!((&json["found"], &json["lost"]["overflow"]), (&3.into(), &3.into()), "{json}");
        let difficulty = json["difficulty"]["lost"]["overflow"].as_f64().unwrap();
        assert!((difficulty - 3.0).abs() < 1e-4, "{difficulty}");
        assert_eq!(
            (&json["accepted"], &json["queued"], &json["stale"]),
            (&0.into(), &0.into(), &serde_json::json!({}))
        );
    }
}
