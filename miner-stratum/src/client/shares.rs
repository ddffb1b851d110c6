//! The book of shares: each one's way from its find to its end, told to the ledger at every step. It decides which
//! share may go to whom; how it gets there is the connection's business.
//!
//! ```text
//! found ─▶ queued ─▶ in flight ─▶ ended: accepted, rejected, stale, lost
//!             ▲──────────┘ disconnected: sent again only if the same session goes on
//! ```

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use bitcoin::BlockHash;
use miner_core::{Extranonce, Job, Share, Terms};
use serde_json::Value;
use tokio::time::Instant;

use super::event::ClientEvent;
use super::issued::{Issued, PoolId, Standing};
use super::verdict;
use crate::ledger::{Fate, Ledger, Stage};
use crate::message::Rejection;

/// Shares that may wait to be sent.
const MAX_QUEUED: usize = 1024;
/// Shares that may wait for their answer.
const MAX_IN_FLIGHT: usize = 512;
/// Hashes that are remembered, so that none is sent twice.
const REMEMBERED: usize = 4096;

/// What the ledger says of a share that nobody is left to send to.
pub(super) const NOT_RESUMED: &str = "session not resumed";
const OVERFLOW: &str = "overflow";
const FOUND_TWICE: &str = "found twice";
const UNKNOWN_JOB: &str = "unknown job";
const NO_ANSWER: &str = "no answer";

/// All shares that have not ended.
#[derive(Debug, Default)]
pub(super) struct Book {
    ledger: Ledger,
    issued: Issued,
    /// Blocks first, then by age.
    queued: BTreeMap<(Urgency, Serial), Open>,
    in_flight: BTreeMap<Serial, Open>,
    serial: Serial,
    seen: Seen,
    closed: Option<&'static str>,
    overflowing: bool,
    /// What is to be told about it.
    events: Vec<ClientEvent>,
}

/// The number of a share, in the order of their finds.
pub(super) type Serial = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Block,
    Share,
}

#[derive(Debug)]
struct Open {
    share: Share,
    device: Arc<str>,
    pool: PoolId,
    urgency: Urgency,
    /// The last time it was sent, and how often before.
    sent: Option<Instant>,
    sendings: u32,
}

impl Book {
    /// Registers a share and decides whether it will be sent.
    pub(super) fn found(&mut self, share: Share, device: Arc<str>) {
        self.ledger.found(&share);
        let urgency = if share.is_block() { Urgency::Block } else { Urgency::Share };
        let standing = self.issued.standing(&share);
        let new = self.seen.insert(share.hash());
        let pool = standing.map_or(0, |(pool, _)| pool);
        let found = Open { share, device, pool, urgency, sent: None, sendings: 0 };
        match (self.refusal(standing.map(|(_, standing)| standing), urgency), new) {
            (Some(fate), _) => self.end(found, Stage::Queued, fate),
            (None, false) => self.end(found, Stage::Queued, Fate::Lost(FOUND_TWICE.to_owned())),
            (None, true) => self.enqueue(found),
        }
    }

    /// Why a share of a job like this is not worth sending.
    fn refusal(&self, standing: Option<Standing>, urgency: Urgency) -> Option<Fate> {
        let lost = |reason: &str| Some(Fate::Lost(reason.to_owned()));
        match (standing, self.closed) {
            (_, Some(reason)) => lost(reason),
            (None, _) => lost(UNKNOWN_JOB),
            (Some(Standing::Gone(reason)), _) => lost(reason),
            (Some(Standing::Over(reason)), _) if urgency == Urgency::Share => {
                Some(Fate::Stale(reason.to_owned()))
            }
            (Some(Standing::Over(_) | Standing::Open), _) => None,
        }
    }

    fn enqueue(&mut self, found: Open) {
        self.serial += 1;
        self.queued.insert((found.urgency, self.serial), found);
        if self.queued.len() > MAX_QUEUED {
            self.give_up_the_worst();
        }
    }

    /// Gives up the share with the highest hash; a block only where nothing but blocks is left.
    fn give_up_the_worst(&mut self) {
        let worst = self.queued.iter().max_by_key(|((urgency, _), open)| (*urgency, open.share.hash_value()));
        let Some(open) = worst.map(|(key, _)| *key).and_then(|key| self.queued.remove(&key)) else {
            return;
        };
        self.ledger.end(&open.share, Stage::Queued, &Fate::Lost(OVERFLOW.to_owned()));
        if !std::mem::replace(&mut self.overflowing, true) {
            let trouble = format!(
                "more shares are found than can be sent: the best {MAX_QUEUED} are kept. The pool's difficulty is too low"
            );
            self.events.push(ClientEvent::Trouble(trouble));
        }
    }

    /// A job goes out. `over`: why the pool takes no more shares of those before it, if so.
    pub(super) fn issue(&mut self, pool: PoolId, job: &Arc<Job>, terms: Terms, over: Option<&'static str>) {
        if let Some(reason) = over {
            self.issued.retire(pool, reason);
        }
        self.issued.add(pool, job, terms);
        self.drop_late(pool);
    }

    /// Ends what was not sent in time. What was sent already is asked for again: its answer may be a good one.
    fn drop_late(&mut self, pool: PoolId) {
        let late = |open: &Open| match self.issued.standing(&open.share) {
            Some((_, Standing::Over(reason))) if open.sendings == 0 => Some(reason),
            _ => None,
        };
        let waiting =
            self.queued.iter().filter(|((urgency, _), open)| *urgency == Urgency::Share && open.pool == pool);
        let late: Vec<_> = waiting.filter_map(|(key, open)| Some((*key, late(open)?))).collect();
        for (key, reason) in late {
            self.end_queued(key, Fate::Stale(reason.to_owned()));
        }
    }

    /// Whether a share can be sent to the pool.
    pub(super) fn has_next(&self, pool: PoolId) -> bool {
        self.next(pool).is_some()
    }

    fn next(&self, pool: PoolId) -> Option<(Urgency, Serial)> {
        let (key, _) = self.queued.iter().find(|(_, open)| open.pool == pool)?;
        // Blocks have room of their own.
        let room = if key.0 == Urgency::Block { 2 * MAX_IN_FLIGHT } else { MAX_IN_FLIGHT };
        (self.in_flight.len() < room).then_some(*key)
    }

    /// The next share to send to the pool; it counts as sent.
    pub(super) fn send_next(&mut self, pool: PoolId, now: Instant) -> Option<(Serial, &Share)> {
        let key = self.next(pool)?;
        let mut open = self.queued.remove(&key)?;
        open.sent = Some(now);
        open.sendings = open.sendings.saturating_add(1);
        self.overflowing &= !self.queued.is_empty();
        self.ledger.moved(&open.share, Stage::Queued, Stage::InFlight);
        let sent = self.in_flight.entry(key.1).or_insert(open);
        Some((key.1, &sent.share))
    }

    /// The pool answered. An answer to what was not sent to it is none.
    pub(super) fn answered(
        &mut self,
        pool: PoolId,
        serial: Serial,
        outcome: &Result<Value, Rejection>,
        now: Instant,
    ) -> bool {
        let Some(open) = self.take_in_flight(|number, open| number == serial && open.pool == pool).pop()
        else {
            return false;
        };
        let latency = open.1.sent.map(|sent| now.saturating_duration_since(sent));
        let fate = verdict::fate(outcome, open.1.sendings > 1);
        self.ledger.end(&open.1.share, Stage::InFlight, &fate);
        self.tell(open.1, fate, latency);
        true
    }

    /// When the pool's oldest unanswered share was sent.
    pub(super) fn unanswered_since(&self, pool: PoolId) -> Option<Instant> {
        self.in_flight.values().filter(|open| open.pool == pool).filter_map(|open| open.sent).min()
    }

    /// Gives up waiting for answers to what was sent before `since`.
    pub(super) fn give_up_unanswered(&mut self, pool: PoolId, since: Instant) {
        let late = |_, open: &Open| open.pool == pool && open.sent.is_some_and(|sent| sent <= since);
        for (_, open) in self.take_in_flight(late) {
            self.end(open, Stage::InFlight, Fate::Lost(NO_ANSWER.to_owned()));
        }
    }

    /// The connection to the pool ended: what it did not answer waits for the next one.
    pub(super) fn disconnected(&mut self, pool: PoolId) {
        for (serial, open) in self.take_in_flight(|_, open| open.pool == pool) {
            self.ledger.moved(&open.share, Stage::InFlight, Stage::Queued);
            self.queued.insert((open.urgency, serial), open);
        }
    }

    /// The pool's session goes on with this extranonce: what was found under another is lost.
    pub(super) fn resumed(&mut self, pool: PoolId, extranonce: (Extranonce, u8)) {
        let same = |terms: &Terms| (terms.extranonce1, terms.extranonce2_size) == extranonce;
        self.forget_but(pool, NOT_RESUMED, same);
    }

    /// The pool's session is no more.
    pub(super) fn forget(&mut self, pool: PoolId, reason: &'static str) {
        self.forget_but(pool, reason, |_| false);
    }

    fn forget_but(&mut self, pool: PoolId, reason: &'static str, but: impl Fn(&Terms) -> bool) {
        self.issued.forget(pool, reason, &but);
        self.end_all(reason, |open| open.pool == pool && !but(open.share.terms()));
    }

    /// No share is sent any more, whatever comes.
    pub(super) fn close(&mut self, reason: &'static str) {
        self.closed = Some(reason);
        self.end_all(reason, |_| true);
    }

    fn end_all(&mut self, reason: &'static str, which: impl Fn(&Open) -> bool) {
        for (_, open) in self.take_in_flight(|_, open| which(open)) {
            self.end(open, Stage::InFlight, Fate::Lost(reason.to_owned()));
        }
        let queued: Vec<_> =
            self.queued.iter().filter(|(_, open)| which(open)).map(|(key, _)| *key).collect();
        for key in queued {
            self.end_queued(key, Fate::Lost(reason.to_owned()));
        }
    }

    /// Whether every share has ended.
    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty() && self.in_flight.is_empty()
    }

    /// The ledger so far.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What happened since the last call.
    pub(super) fn take_events(&mut self) -> Vec<ClientEvent> {
        std::mem::take(&mut self.events)
    }

    fn take_in_flight(&mut self, which: impl Fn(Serial, &Open) -> bool) -> Vec<(Serial, Open)> {
        let serials = self.in_flight.iter().filter(|(serial, open)| which(**serial, open));
        let serials: Vec<Serial> = serials.map(|(serial, _)| *serial).collect();
        serials.into_iter().filter_map(|serial| self.in_flight.remove_entry(&serial)).collect()
    }

    fn end_queued(&mut self, key: (Urgency, Serial), fate: Fate) {
        if let Some(open) = self.queued.remove(&key) {
            self.end(open, Stage::Queued, fate);
        }
    }

    fn end(&mut self, open: Open, stage: Stage, fate: Fate) {
        self.ledger.end(&open.share, stage, &fate);
        if let (Urgency::Block, Fate::Lost(reason)) = (open.urgency, &fate) {
            self.events.push(ClientEvent::Trouble(last_words(&open.share, reason)));
        }
        self.tell(open, fate, None);
    }

    fn tell(&mut self, open: Open, fate: Fate, latency: Option<std::time::Duration>) {
        let share = Box::new(open.share);
        self.events.push(ClientEvent::Judged { share, device: open.device, fate, latency });
    }
}

/// A block that cannot be delivered, with what whoever has its transactions needs.
fn last_words(block: &Share, reason: &str) -> String {
    use bitcoin::consensus::encode::serialize_hex;
    use bitcoin::hex::DisplayHex as _;
    let coinbase = block.coinbase().unwrap_or_default().to_lower_hex_string();
    let header = serialize_hex(block.header());
    format!("block {} could not be delivered ({reason}): header {header}, coinbase {coinbase}", block.hash())
}

/// The hashes of the latest shares.
#[derive(Debug, Default)]
struct Seen {
    hashes: HashSet<BlockHash>,
    order: VecDeque<BlockHash>,
}

impl Seen {
    /// False for a hash that was there already.
    fn insert(&mut self, hash: BlockHash) -> bool {
        if !self.hashes.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
        true
    }
}
