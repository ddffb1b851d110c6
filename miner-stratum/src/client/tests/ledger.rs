//! Whatever happens in whatever order: the ledger adds up, and nothing is sent to whom it does not concern.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use bitcoin::BlockHash;
use miner_core::{Job, Share, Terms};
use proptest::prelude::*;
use tokio::time::Instant;

use super::super::event::ClientEvent;
use super::super::shares::{Book, NOT_RESUMED, Serial};
use super::share::find;
use super::{block_job, job, notify, terms};
use crate::ledger::Fate;
use crate::message::Rejection;

const POOLS: usize = 2;

/// A job with its terms and some of its shares, made once.
struct Stock {
    job: Arc<Job>,
    terms: Terms,
    shares: Vec<Share>,
}

/// Jobs of two extranonces, some of blocks alone.
static STOCK: LazyLock<Vec<Stock>> = LazyLock::new(|| {
    let stock = |number: u8| {
        let job = if number % 4 == 3 { block_job("block") } else { job(&notify("j", 1, number, false)) };
        let terms = terms(&[number % 2]);
        Stock { shares: find(&job, terms, 6), job, terms }
    };
    (0..8).map(stock).collect()
});

#[derive(Debug, Clone)]
enum Happening {
    Found {
        stock: usize,
        share: usize,
    },
    Issued {
        pool: usize,
        stock: usize,
        clean: bool,
    },
    Sent {
        pool: usize,
        most: usize,
    },
    Answered {
        pool: usize,
        nth: usize,
        answer: Answer,
    },
    Unanswered {
        pool: usize,
    },
    Disconnected {
        pool: usize,
    },
    /// The next connection, with this extranonce.
    Subscribed {
        pool: usize,
        extranonce: u8,
    },
    Refused {
        pool: usize,
    },
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Yes,
    No,
    Late,
    Duplicate,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let pool = || 0..POOLS;
    let answer =
        prop_oneof![Just(Answer::Yes), Just(Answer::No), Just(Answer::Late), Just(Answer::Duplicate)];
    prop_oneof![
        6 => (0..8usize, 0..6usize).prop_map(|(stock, share)| Found { stock, share }),
        4 => (pool(), 0..8usize, any::<bool>()).prop_map(|(pool, stock, clean)| Issued { pool, stock, clean }),
        5 => (pool(), 1..5usize).prop_map(|(pool, most)| Sent { pool, most }),
        5 => (pool(), 0..4usize, answer).prop_map(|(pool, nth, answer)| Answered { pool, nth, answer }),
        1 => pool().prop_map(|pool| Unanswered { pool }),
        2 => pool().prop_map(|pool| Disconnected { pool }),
        3 => (pool(), 0..2u8).prop_map(|(pool, extranonce)| Subscribed { pool, extranonce }),
        1 => pool().prop_map(|pool| Refused { pool }),
    ]
}

/// What a pool knows, on its side of the wire.
#[derive(Default)]
struct Side {
    /// The session's extranonce, while connected.
    extranonce: Option<u8>,
    last_extranonce: Option<u8>,
    /// Jobs that it gave to the session, and those that it ended.
    given: HashSet<usize>,
    ended: HashSet<usize>,
    /// What arrived on this connection and is not answered.
    arrived: Vec<(Serial, BlockHash)>,
    on_this_connection: HashSet<BlockHash>,
}

#[derive(Default)]
struct World {
    book: Book,
    sides: [Side; POOLS],
    sendings: HashMap<BlockHash, usize>,
    found: u64,
    /// As told by events.
    ended: u64,
}

impl World {
    fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Found { stock, share } => {
                self.found += 1;
                self.book.found(STOCK[stock].shares[share].clone(), "cpu".into());
            }
            Happening::Issued { pool, stock, clean } => self.issue(pool, stock, clean),
            Happening::Sent { pool, most } => (0..most).for_each(|_| self.send(pool)),
            Happening::Answered { pool, nth, answer } => self.answer(pool, nth, answer),
            Happening::Unanswered { pool } => {
                self.sides[pool].arrived.clear();
                self.book.give_up_unanswered(pool, Instant::now());
            }
            Happening::Disconnected { pool } => self.disconnect(pool),
            Happening::Subscribed { pool, extranonce } => self.subscribe(pool, extranonce),
            Happening::Refused { pool } => {
                self.disconnect(pool);
                self.book.forget(pool, "worker refused");
                self.sides[pool] = Side::default();
            }
        }
    }

    /// A job is one pool's: the other one has jobs of its own.
    fn issue(&mut self, pool: usize, stock: usize, clean: bool) {
        let side = &mut self.sides[pool];
        if side.extranonce != Some((stock % 2) as u8) || stock / 4 != pool {
            return;
        }
        if clean {
            side.ended.extend(&side.given);
        }
        side.ended.remove(&stock);
        side.given.insert(stock);
        let Stock { job, terms, .. } = &STOCK[stock];
        self.book.issue(pool, job, *terms, clean.then_some("new block"));
    }

    fn send(&mut self, pool: usize) {
        let side = &mut self.sides[pool];
        if side.extranonce.is_none() {
            return;
        }
        let Some((serial, share)) = self.book.send_next(pool, Instant::now()) else { return };
        let (share, hash) = (share.clone(), share.hash());
        let stock = STOCK.iter().position(|stock| Arc::ptr_eq(&stock.job, share.job())).unwrap();
        assert!(side.given.contains(&stock), "to whom gave the job");
        assert_eq!(share.terms(), &STOCK[stock].terms);
        assert_eq!(side.extranonce, Some((stock % 2) as u8), "to the session that it was found in");
        let first = *self.sendings.entry(hash).and_modify(|sendings| *sendings += 1).or_insert(1) == 1;
        assert!(!first || share.is_block() || !side.ended.contains(&stock), "in time, if for the first time");
        assert!(side.on_this_connection.insert(hash), "once a connection");
        side.arrived.push((serial, hash));
    }

    fn answer(&mut self, pool: usize, nth: usize, answer: Answer) {
        let side = &mut self.sides[pool];
        if nth >= side.arrived.len() {
            assert!(!self.book.answered(pool, 1 << 40, &Ok(true.into()), Instant::now()));
            return;
        }
        let (serial, hash) = side.arrived.remove(nth);
        let refuse = |code| Err(Rejection { code: Some(code), message: String::new() });
        let outcome = match answer {
            Answer::Yes => Ok(true.into()),
            Answer::No => refuse(23),
            Answer::Late => refuse(21),
            Answer::Duplicate => refuse(22),
        };
        let accepted = self.columns_accepted();
        assert!(self.book.answered(pool, serial, &outcome, Instant::now()));
        let sent_again = self.sendings[&hash] > 1;
        let good = matches!(answer, Answer::Yes) || matches!(answer, Answer::Duplicate) && sent_again;
        assert_eq!(self.columns_accepted() - accepted, u64::from(good));
    }

    fn columns_accepted(&self) -> u64 {
        self.book.ledger().columns().accepted.shares
    }

    fn disconnect(&mut self, pool: usize) {
        self.book.disconnected(pool);
        let side = &mut self.sides[pool];
        side.last_extranonce = side.extranonce.take().or(side.last_extranonce);
        side.arrived.clear();
        side.on_this_connection.clear();
    }

    fn subscribe(&mut self, pool: usize, extranonce: u8) {
        self.disconnect(pool);
        let side = &mut self.sides[pool];
        if side.last_extranonce == Some(extranonce) {
            let terms = terms(&[extranonce]);
            self.book.resumed(pool, (terms.extranonce1, terms.extranonce2_size));
        } else {
            self.book.forget(pool, NOT_RESUMED);
            (side.given, side.ended) = Default::default();
        }
        side.extranonce = Some(extranonce);
    }

    /// I1, seen from both sides.
    fn audit(&mut self) {
        for event in self.book.take_events() {
            if let ClientEvent::Judged { fate, share, .. } = event {
                assert!(!matches!(fate, Fate::Stale(reason) if reason == "new block" && share.is_block()));
                self.ended += 1;
            }
        }
        let columns = self.book.ledger().columns();
        assert!(columns.balance(), "{columns:?}");
        assert_eq!(columns.found.shares, self.found);
        assert_eq!(columns.found.shares, self.ended + columns.queued.shares + columns.in_flight.shares);
        let open = columns.queued.shares + columns.in_flight.shares;
        assert_eq!(self.book.is_empty(), open == 0);
    }
}

proptest! {
    #[test]
    fn the_ledger_always_adds_up(happenings in prop::collection::vec(happening(), 1..200)) {
        let mut world = World::default();
        for happening in &happenings {
            world.happen(happening);
            world.audit();
        }
        world.book.close("shutdown");
        world.audit();
        prop_assert!(world.book.is_empty());
    }
}
