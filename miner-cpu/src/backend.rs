//! A kernel on a pool of threads as a [`Backend`]: shares a unit out in slices, passes on what is found,
//! stops when told to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use miner_core::conformance::{self, Depth, Failure};
use miner_core::{Backend, BackendError, NonceRange, Prepared, Reporter, WorkUnit};
use rayon::ThreadPool;

use crate::kernel::Kernel;
use crate::threads::{self, CpuError, CpuOptions};

/// What a slice should take: progress is reported and a stop heeded between two. At most twice as long is
/// asked for.
const SLICE_TIME: Duration = Duration::from_millis(1);

/// The nonces of the first slices and the unit of all: a multiple of every kernel's lanes.
const SMALLEST_SLICE: u64 = 64;

/// Searches work units with one kernel on a pool of threads.
#[derive(Debug)]
pub struct CpuBackend {
    kernel: &'static Kernel,
    pool: ThreadPool,
}

impl CpuBackend {
    /// Starts the threads. They sleep until there is a unit to scan.
    pub fn new(kernel: &'static Kernel, options: &CpuOptions) -> Result<Self, CpuError> {
        let pool = threads::pool(options)?;
        Ok(Self { kernel, pool })
    }

    /// The kernel in use.
    pub fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    /// The number of hashing threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Lets the kernel prove on known blocks that it computes rightly here. Takes a few milliseconds.
    pub fn self_test(&mut self) -> Result<(), Failure> {
        conformance::run(self, Depth::Quick).map(drop)
    }
}

impl Backend for CpuBackend {
    fn name(&self) -> &str {
        self.kernel.name()
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let scan = Scan {
            kernel: self.kernel,
            prepared: &Prepared::new(unit),
            nonces: unit.nonces(),
            next: AtomicU64::new(u64::from(unit.nonces().first()) / SMALLEST_SLICE * SMALLEST_SLICE),
            threads: self.threads() as u64,
            stopped: AtomicBool::new(false),
            reporter,
        };
        // Where the target is easy (regtest), this much is enough, and waking the others takes longer.
        if scan.slice(SMALLEST_SLICE).is_some() {
            self.pool.broadcast(|_| scan.work());
        }
        Ok(())
    }
}

/// A unit under way, shared by all threads.
struct Scan<'a> {
    kernel: &'a Kernel,
    prepared: &'a Prepared,
    nonces: NonceRange,
    /// The nonce that the next slice begins with.
    next: AtomicU64,
    threads: u64,
    stopped: AtomicBool,
    reporter: &'a dyn Reporter,
}

impl Scan<'_> {
    /// Takes slices until none is left or somebody says stop.
    fn work(&self) {
        let mut nonces = SMALLEST_SLICE;
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(fitting) = self.slice(nonces) else { return };
            nonces = fitting;
        }
    }

    /// Searches the next slice. How many nonces suit this thread; `None` when nothing is left to do.
    fn slice(&self, nonces: u64) -> Option<u64> {
        let started = Instant::now();
        let slice = self.take(nonces)?;
        let mut last = slice.last();
        let found = self.kernel.scan(self.prepared, slice, &mut |candidate| {
            let answer = self.reporter.found(candidate);
            if answer.is_break() {
                last = candidate.nonce;
            }
            answer
        });
        let nonces = u64::from(last - slice.first()) + 1;
        let answer = self.reporter.progress(nonces * self.prepared.midstates.len() as u64);
        if found.is_break() || answer.is_break() {
            self.stopped.store(true, Ordering::Relaxed);
            return None;
        }
        Some(fitting(nonces, started.elapsed()))
    }

    /// The next nonces, up to a multiple of the smallest slice; `None` when all are taken. So many, but
    /// towards the end no more than half a share of what is left: all threads are done at about the same
    /// time, however fast each is.
    fn take(&self, nonces: u64) -> Option<NonceRange> {
        let left = (u64::from(self.nonces.last()) + 1).saturating_sub(self.next.load(Ordering::Relaxed));
        let nonces = whole_slices(nonces.min(left / self.threads / 2));
        let first = self.next.fetch_add(nonces, Ordering::Relaxed);
        let within = |nonce: u64| u32::try_from(nonce).unwrap_or(u32::MAX).max(self.nonces.first());
        (first <= self.nonces.last().into())
            .then(|| NonceRange::new(within(first), within(first + nonces - 1).min(self.nonces.last())))
            .flatten()
    }
}

/// How many nonces to take next, after so many took so long: at most twice as many.
fn fitting(nonces: u64, took: Duration) -> u64 {
    let fitting = nonces * SLICE_TIME.as_nanos() as u64 / (took.as_nanos() as u64).max(1);
    whole_slices(fitting.min(2 * nonces))
}

/// So many nonces, as a multiple of the smallest slice; at least one.
fn whole_slices(nonces: u64) -> u64 {
    (nonces / SMALLEST_SLICE * SMALLEST_SLICE).max(SMALLEST_SLICE)
}

#[cfg(test)]
mod tests;
