//! Who has which extranonce1: unique among the open sessions, kept a while for a miner that comes back.

use std::collections::VecDeque;
use std::collections::hash_map::{HashMap, RandomState};
use std::hash::BuildHasher as _;
use std::time::{Duration, Instant};

use miner_core::Extranonce;

/// Bytes of extranonce1.
pub const EXTRANONCE1_SIZE: u8 = 4;
/// Sessions that may come back: when more have closed, the first of them cannot any more.
const CLOSED: usize = 65_536;

/// All extranonce1s in use, and those that are kept for their sessions' return.
#[derive(Debug)]
pub struct Extranonces {
    /// Its keys come from the system's randomness: they make session ids that nobody guesses.
    secret: RandomState,
    next: u32,
    /// Sessions ever opened.
    opened: u64,
    grace: Duration,
    slots: HashMap<u32, Slot>,
    by_session: HashMap<String, u32>,
    /// In the order of closing; one that is open again, or closed anew, is passed over.
    closed: VecDeque<(Instant, u32)>,
}

#[derive(Debug)]
struct Slot {
    session: String,
    /// Connections of this session: a miner may be back before its broken connection is noticed.
    open: usize,
    closed: Instant,
}

impl Extranonces {
    /// None in use. A session that closed may come back within `grace`. The first extranonce is a random one, so
    /// that a restarted pool does not give its miners the work of others.
    pub fn new(grace: Duration) -> Self {
        let secret = RandomState::new();
        let [.., a, b, c, d] = secret.hash_one("first").to_be_bytes();
        Self {
            next: u32::from_be_bytes([a, b, c, d]),
            secret,
            opened: 0,
            grace,
            slots: HashMap::new(),
            by_session: HashMap::new(),
            closed: VecDeque::new(),
        }
    }

    /// Opens a session at the time `now`: an earlier one where `resume` is its id and it has not been given up,
    /// else a new one. Its id and extranonce1; `None` when all are in use.
    pub fn open(&mut self, resume: Option<&str>, now: Instant) -> Option<(String, Extranonce)> {
        self.give_up(now);
        if let Some(number) = resume.and_then(|id| self.by_session.get(id))
            && let Some(slot) = self.slots.get_mut(number)
        {
            slot.open += 1;
            return Some((slot.session.clone(), extranonce(*number)));
        }
        let number = self.free()?;
        self.opened += 1;
        let session = format!("{:016x}", self.secret.hash_one(self.opened));
        self.by_session.insert(session.clone(), number);
        self.slots.insert(number, Slot { session: session.clone(), open: 1, closed: now });
        Some((session, extranonce(number)))
    }

    /// Closes a session at the time `now`.
    pub fn close(&mut self, session: &str, now: Instant) {
        let Some(number) = self.by_session.get(session) else { return };
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.open = slot.open.saturating_sub(1);
        if slot.open == 0 {
            slot.closed = now;
            self.closed.push_back((now, *number));
        }
    }

    /// Sessions that are open.
    pub fn open_sessions(&self) -> usize {
        self.slots.values().filter(|slot| slot.open > 0).count()
    }

    /// Gives up the sessions that closed too long ago, or before too many others.
    fn give_up(&mut self, now: Instant) {
        while let Some((closed, number)) = self.closed.front().copied() {
            if now.saturating_duration_since(closed) < self.grace && self.closed.len() <= CLOSED {
                return;
            }
            self.closed.pop_front();
            let is_closed = |slot: &&Slot| slot.open == 0 && slot.closed == closed;
            if let Some(slot) = self.slots.get(&number).filter(is_closed) {
                self.by_session.remove(&slot.session);
                self.slots.remove(&number);
            }
        }
    }

    /// The next number that no session has.
    fn free(&mut self) -> Option<u32> {
        let mut numbers = (0..=u32::MAX).map(|step| self.next.wrapping_add(step));
        let free = numbers.find(|number| !self.slots.contains_key(number))?;
        self.next = free.wrapping_add(1);
        Some(free)
    }
}

fn extranonce(number: u32) -> Extranonce {
    Extranonce::nth(number.into(), EXTRANONCE1_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(600);

    #[test]
    fn open_sessions_never_share_and_ids_tell_nothing() {
        let (mut extranonces, now) = (Extranonces::new(GRACE), Instant::now());
        let opened: Vec<_> = (0..1000).map(|_| extranonces.open(None, now).unwrap()).collect();
        let ids: HashMap<_, _> = opened.iter().cloned().collect();
        let numbers: std::collections::HashSet<_> =
            opened.iter().map(|(_, extranonce1)| *extranonce1).collect();
        assert_eq!((ids.len(), numbers.len(), extranonces.open_sessions()), (1000, 1000, 1000));
        assert!(opened.iter().all(|(id, number)| number.size() == 4 && !id.contains(&number.to_string())));
    }

    #[test]
    fn a_session_comes_back_within_the_grace_and_not_after() {
        let (mut extranonces, start) = (Extranonces::new(GRACE), Instant::now());
        let (id, extranonce1) = extranonces.open(None, start).unwrap();
        extranonces.close(&id, start);
        let soon = start + GRACE - Duration::from_secs(1);
        assert_eq!(extranonces.open(Some(&id), soon), Some((id.clone(), extranonce1)));
        // Closed anew, it is kept anew; even while its first connection is still open.
        assert_eq!(extranonces.open(Some(&id), soon), Some((id.clone(), extranonce1)));
        extranonces.close(&id, soon);
        let later = soon + GRACE * 2;
        assert_eq!(extranonces.open(Some(&id), later), Some((id.clone(), extranonce1)), "one is open");
        extranonces.close(&id, later);
        extranonces.close(&id, later);
        let (other, _) = extranonces.open(Some(&id), later + GRACE).unwrap();
        assert_ne!(other, id);
        assert_eq!(
            (extranonces.slots.len(), extranonces.by_session.len(), extranonces.closed.len()),
            (1, 1, 0)
        );
    }

    #[test]
    fn numbers_in_use_are_passed_over_and_wrap() {
        let (mut extranonces, now) = (Extranonces::new(GRACE), Instant::now());
        extranonces.next = u32::MAX;
        let numbers: Vec<_> = (0..2).map(|_| extranonces.open(None, now).unwrap().1.to_string()).collect();
        assert_eq!(numbers, ["ffffffff", "00000000"]);
        extranonces.next = u32::MAX;
        assert_eq!(extranonces.open(None, now).unwrap().1.to_string(), "00000001");
    }

    #[test]
    fn a_restart_does_not_begin_where_the_last_run_did() {
        let now = Instant::now();
        let first = || Extranonces::new(GRACE).open(None, now).unwrap();
        let (a, b) = (first(), first());
        assert!(a.0 != b.0 && a.1 != b.1, "{a:?} {b:?}: by chance once in four billion runs");
    }

    #[test]
    fn what_is_kept_of_closed_sessions_is_bounded() {
        let (mut extranonces, now) = (Extranonces::new(GRACE), Instant::now());
        for _ in 0..CLOSED + 1000 {
            let (id, _) = extranonces.open(None, now).unwrap();
            extranonces.close(&id, now);
        }
        assert!(extranonces.slots.len() <= CLOSED + 1 && extranonces.closed.len() <= CLOSED + 1);
    }
}
