//! What became of each share: at every moment
//! `found = accepted + rejected + stale + lost + in flight + queued`, in count and in integer work.

use std::collections::BTreeMap;

use bitcoin::Target;
use miner_core::{Share, target};

/// Distinct reasons a column may hold: a pool that invents more gets them counted together.
const REASONS: usize = 32;
/// Where the reasons beyond those are counted.
const OTHER: &str = "other";

/// Counts each share's way.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    columns: Columns<Amount>,
    best: Option<Target>,
}

/// The columns of the ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns<T> {
    /// All that was ever found.
    pub found: T,
    /// Taken by the pool or the node.
    pub accepted: T,
    /// Refused, by reason.
    pub rejected: BTreeMap<String, T>,
    /// Too late, by reason: told so by the pool, or not sent for it.
    pub stale: BTreeMap<String, T>,
    /// Never answered and never to be, by reason.
    pub lost: BTreeMap<String, T>,
    /// Sent, not answered yet.
    pub in_flight: T,
    /// Found, not sent yet.
    pub queued: T,
}

/// A number of shares and the work that was asked for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub shares: u64,
    /// Their targets' expected hashes (see [`target::work`]).
    pub work: u128,
}

/// How a share ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Taken.
    Accepted,
    /// Refused, for this reason.
    Rejected(String),
    /// Too late, for this reason.
    Stale(String),
    /// Never answered, for this reason.
    Lost(String),
}

/// Where a share is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Found, not sent yet.
    Queued,
    /// Sent, not answered yet.
    InFlight,
}

impl Fate {
    /// The status that events give.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Stale(_) => "stale",
            Self::Lost(_) => "lost",
        }
    }

    /// Why, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted => None,
            Self::Rejected(reason) | Self::Stale(reason) | Self::Lost(reason) => Some(reason),
        }
    }
}

impl Ledger {
    /// Registers a share, as queued, before anything is done with it.
    pub fn found(&mut self, share: &Share) {
        let amount = Amount::of(share);
        self.columns.found.add(amount);
        self.columns.queued.add(amount);
        self.best = Some(self.best.map_or(share.hash_value(), |best| best.min(share.hash_value())));
    }

    /// Moves a registered share from one stage to another.
    pub fn moved(&mut self, share: &Share, from: Stage, to: Stage) {
        self.columns.stage(from).sub(Amount::of(share));
        self.columns.stage(to).add(Amount::of(share));
    }

    /// Ends the way of a registered share.
    pub fn end(&mut self, share: &Share, stage: Stage, fate: &Fate) {
        self.columns.stage(stage).sub(Amount::of(share));
        self.columns.fate(fate).add(Amount::of(share));
    }

    /// Accounts for shares that were found but given up before they got here.
    pub fn given_up(&mut self, amount: Amount, reason: &str) {
        self.columns.found.add(amount);
        self.columns.fate(&Fate::Lost(reason.to_owned())).add(amount);
    }

    /// The columns so far.
    pub fn columns(&self) -> &Columns<Amount> {
        &self.columns
    }

    /// The lowest hash that was found, as a target.
    pub fn best(&self) -> Option<Target> {
        self.best
    }
}

impl Columns<Amount> {
    fn stage(&mut self, stage: Stage) -> &mut Amount {
        match stage {
            Stage::Queued => &mut self.queued,
            Stage::InFlight => &mut self.in_flight,
        }
    }

    fn fate(&mut self, fate: &Fate) -> &mut Amount {
        let (reasons, reason) = match fate {
            Fate::Accepted => return &mut self.accepted,
            Fate::Rejected(reason) => (&mut self.rejected, reason),
            Fate::Stale(reason) => (&mut self.stale, reason),
            Fate::Lost(reason) => (&mut self.lost, reason),
        };
        let known = reasons.contains_key(reason) || reasons.len() < REASONS;
        reasons.entry(if known { reason.clone() } else { OTHER.to_owned() }).or_default()
    }

    /// Whether all columns together make up what was found.
    pub fn balance(&self) -> bool {
        let ended = [&self.rejected, &self.stale, &self.lost].into_iter().flat_map(BTreeMap::values);
        let all = [&self.accepted, &self.in_flight, &self.queued].into_iter().chain(ended);
        let mut sum = Amount::default();
        all.for_each(|amount| sum.add(*amount));
        sum == self.found
    }
}

impl<T> Columns<T> {
    /// The same columns of something else.
    pub fn map<U>(&self, convert: impl Fn(&T) -> U) -> Columns<U> {
        let each = |reasons: &BTreeMap<String, T>| {
            reasons.iter().map(|(reason, value)| (reason.clone(), convert(value))).collect()
        };
        Columns {
            found: convert(&self.found),
            accepted: convert(&self.accepted),
            rejected: each(&self.rejected),
            stale: each(&self.stale),
            lost: each(&self.lost),
            in_flight: convert(&self.in_flight),
            queued: convert(&self.queued),
        }
    }
}

impl Amount {
    /// One share.
    pub fn of(share: &Share) -> Self {
        Self { shares: 1, work: target::work(share.target()) }
    }

    /// The work as difficulty, for display: difficulty 1 is 2⁴⁸ / 0xFFFF hashes.
    pub fn difficulty(&self) -> f64 {
        self.work as f64 * 65535.0 / 281_474_976_710_656.0
    }

    /// Adds another amount.
    pub fn add(&mut self, other: Self) {
        self.shares += other.shares;
        // 2¹²⁸ hashes are beyond all mining; a sum of made-up targets must not panic.
        self.work = self.work.saturating_add(other.work);
    }

    fn sub(&mut self, other: Self) {
        self.shares -= other.shares;
        self.work = self.work.saturating_sub(other.work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(shares: u64) -> Amount {
        Amount { shares, work: u128::from(shares) << 32 }
    }

    #[test]
    fn columns_that_do_not_add_up_are_seen() {
        let mut columns = Columns { found: amount(7), accepted: amount(1), ..Columns::default() };
        columns.rejected.insert("low".to_owned(), amount(1));
        columns.stale.insert("old".to_owned(), amount(1));
        columns.lost.insert("gone".to_owned(), amount(2));
        columns.in_flight = amount(1);
        assert!(!columns.balance());
        columns.queued = amount(1);
        assert!(columns.balance());
        columns.queued.work += 1;
        assert!(!columns.balance(), "in work too");
    }

    #[test]
    fn a_pool_that_invents_reasons_fills_no_memory() {
        let mut ledger = Ledger::default();
        (0..1000).for_each(|number| ledger.given_up(amount(1), &number.to_string()));
        let columns = ledger.columns();
        assert_eq!((columns.lost.len(), columns.lost[OTHER]), (REASONS + 1, amount(1000 - REASONS as u64)));
        assert!(columns.balance());
    }

    #[test]
    fn work_is_shown_as_difficulty() {
        let share = Amount { shares: 1, work: target::work(Target::MAX) };
        assert!((share.difficulty() - 1.0).abs() < 1e-9);
    }
}
