//! How a unit is shared out: all of it, each nonce once, whatever each thread's speed and however many there are.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicU8;
use std::sync::{Condvar, Mutex};

use miner_core::Candidate;
use miner_core::bitcoin::Target;

use super::*;
use crate::choose::preferred;

const NONCES: u64 = 1 << 18;
/// Only a test that fails waits for this long.
const FOREVER: Duration = Duration::from_secs(60);

/// Holds each thread's first slice back until all threads hold one, and the slow thread's until all is done.
struct Watch {
    threads: usize,
    slow: Option<usize>,
    seen: Vec<AtomicU8>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    hashes: u64,
    /// The thread and the hashes of each slice.
    slices: Vec<(usize, u64)>,
}

impl State {
    fn threads(&self) -> usize {
        self.slices.iter().map(|(thread, _)| thread).collect::<BTreeSet<_>>().len()
    }
}

impl Watch {
    /// What a unit of [`NONCES`] is shared out as among so many threads, one of which may be slow.
    fn scan(threads: usize, slow: Option<usize>) -> State {
        let options = CpuOptions { threads: threads.try_into().ok(), ..CpuOptions::default() };
        let seen = (0..NONCES).map(|_| AtomicU8::new(0)).collect();
        let watch = Self { threads, slow, seen, state: Mutex::default(), changed: Condvar::new() };
        let nonces = NonceRange::starting_at(0, NONCES);
        // Every hash meets the target, so that each is told.
        let unit = WorkUnit::new(vec![[0; 8]].into(), [0; 3], nonces, Target::from_be_bytes([0xff; 32]));
        CpuBackend::new(preferred(), &options).unwrap().scan(&unit, &watch).unwrap();
        assert!(watch.seen.iter().all(|count| count.load(Ordering::Relaxed) == 1), "each nonce once");
        let state = watch.state.into_inner().unwrap();
        assert_eq!(state.hashes, NONCES);
        state
    }
}

impl Reporter for Watch {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.seen[candidate.nonce as usize].fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        let mut state = self.state.lock().unwrap();
        state.hashes += hashes_done;
        // The very first slice is the caller's, who is none of them.
        let Some(thread) = rayon::current_thread_index() else { return ControlFlow::Continue(()) };
        state.slices.push((thread, hashes_done));
        self.changed.notify_all();
        let is_slow = self.slow == Some(thread);
        let waits = |state: &mut State| state.threads() < self.threads || is_slow && state.hashes < NONCES;
        let (_state, late) = self.changed.wait_timeout_while(state, FOREVER, waits).unwrap();
        assert!(!late.timed_out(), "thread {thread} waits in vain");
        ControlFlow::Continue(())
    }
}

#[test]
fn whatever_a_slow_thread_does_not_take_the_others_do() {
    let slices = Watch::scan(3, Some(1)).slices;
    let slow: Vec<_> = slices.iter().filter(|(thread, _)| *thread == 1).collect();
    assert_eq!(slow, [&(1, SMALLEST_SLICE)], "{slices:?}");
}

#[test]
fn more_threads_than_a_word_has_bits_all_take_part() {
    assert_eq!(Watch::scan(130, None).threads(), 130);
}

#[test]
fn slices_become_small_towards_the_end_and_leave_nothing_out() {
    struct Nobody;
    impl Reporter for Nobody {
        fn found(&self, _: Candidate) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
        fn progress(&self, _: u64) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    for (first, last) in [(0, u32::MAX), (100, 1 << 20), (7, 7), (64, 127), (u32::MAX - 1, u32::MAX)] {
        for threads in [1, 2, 130] {
            let nonces = NonceRange::new(first, last).unwrap();
            let unit = WorkUnit::new(vec![[0; 8]].into(), [0; 3], nonces, Target::ZERO);
            let scan = Scan {
                kernel: preferred(),
                prepared: &Prepared::new(&unit),
                nonces,
                next: AtomicU64::new(u64::from(first) / SMALLEST_SLICE * SMALLEST_SLICE),
                threads,
                stopped: AtomicBool::new(false),
                reporter: &Nobody,
            };
            let mut next = u64::from(first);
            while let Some(slice) = scan.take(1 << 16) {
                let (left, count) = (u64::from(last) + 1 - next, slice.count());
                assert_eq!(u64::from(slice.first()), next);
                assert!(count <= (left / threads / 2).max(SMALLEST_SLICE), "{count} of {left} left");
                next += count;
            }
            assert_eq!(next, u64::from(last) + 1, "{first} to {last} by {threads}");
        }
    }
}
