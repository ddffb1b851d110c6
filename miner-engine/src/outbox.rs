//! What is found and not yet delivered: a queue that never blocks a worker and never drops a block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use miner_core::{Share, target};

/// How many shares may wait for a slow receiver.
const CAPACITY: usize = 1024;

/// A verified share and the device that found it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The share, with its own job and terms.
    pub share: Share,
    /// The name of the backend.
    pub device: Arc<str>,
}

/// Shares that were given up because the receiver was too slow. A block is never among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overflow {
    /// How many.
    pub shares: u64,
    /// Their expected work, in hashes.
    pub work: u128,
}

/// The queue between the workers and the delivery thread.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Found>,
    overflow: Overflow,
    closed: bool,
}

impl Outbox {
    /// Queues a share. Above the capacity the best shares and all blocks are kept.
    pub(crate) fn push(&self, found: Found) {
        let mut state = self.lock();
        state.waiting.push_back(found);
        if state.waiting.len() > CAPACITY {
            state.give_up_the_worst();
        }
        self.changed.notify_one();
    }

    /// The next share, waiting for one; `None` when closed and empty.
    pub(crate) fn pop(&self) -> Option<Found> {
        let mut state = self.lock();
        loop {
            if let Some(found) = state.waiting.pop_front() {
                return Some(found);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the receiver end once all is delivered.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn overflow(&self) -> Overflow {
        self.lock().overflow
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the share with the highest hash, if any is not a block.
    fn give_up_the_worst(&mut self) {
        let shares = self.waiting.iter().enumerate().filter(|(_, found)| !found.share.is_block());
        let worst = shares.max_by_key(|(_, found)| found.share.hash_value());
        let Some(found) = worst.map(|(index, _)| index).and_then(|index| self.waiting.remove(index)) else {
            return;
        };
        self.overflow.shares += 1;
        self.overflow.work = self.overflow.work.saturating_add(target::work(found.share.target()));
    }
}
