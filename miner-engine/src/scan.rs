//! One scan of a unit: verifies what the backend reports, passes it on, and says when to stop.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use miner_core::{Backend, BackendError, Candidate, Miss, NonceRange, Reporter, Share};

use crate::device::{Device, lock};
use crate::outbox::{Found, Outbox};
use crate::queue::{Queue, Task};

/// The reporter of one scan.
pub(crate) struct Scan<'a> {
    device: &'a Device,
    queue: &'a Queue,
    outbox: &'a Outbox,
    task: Task,
    hashes: AtomicU64,
    reported: Mutex<HashSet<Candidate>>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(task: Task, device: &'a Device, queue: &'a Queue, outbox: &'a Outbox) -> Self {
        Self { device, queue, outbox, task, hashes: AtomicU64::new(0), reported: Mutex::default() }
    }

    /// Hashes done so far.
    pub(crate) fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    pub(crate) fn run(&self, backend: &mut dyn Backend) -> Result<(), BackendError> {
        if self.task.in_order && self.ends_the_job() {
            self.find_the_lowest(backend)
        } else {
            backend.scan(self.task.assignment.unit(), self)
        }
    }

    /// Searches again below what was found, until nothing lower is there.
    fn find_the_lowest(&self, backend: &mut dyn Backend) -> Result<(), BackendError> {
        let unit = self.task.assignment.unit();
        let mut best = None;
        let mut nonces = Some(unit.nonces());
        while let Some(range) = nonces {
            let lowest = Lowest { scan: self, best: Mutex::new(best) };
            backend.scan(&unit.with_nonces(range), &lowest)?;
            let found = *lock(&lowest.best);
            let is_lower = found != best && self.go_on().is_continue();
            nonces = found.filter(|_| is_lower).and_then(|lower| NonceRange::new(range.first(), lower.nonce));
            best = found;
        }
        best.into_iter().for_each(|candidate| self.deliver(candidate));
        Ok(())
    }

    /// Whether every hit is a block, and the first one all that is wanted.
    fn ends_the_job(&self) -> bool {
        self.task.assignment.terms().every_hit_is_a_block(self.task.assignment.job())
    }

    /// The unit once more, knowing what was already reported.
    pub(crate) fn into_retry(mut self) -> Task {
        let reported = self.reported.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.task.reported.extend(reported);
        self.task
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.queue.is_outdated(self.task.generation) || self.device.is_distrusted() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Verifies a candidate and passes it on. Every block is passed on, but where the first block ends
    /// the job, what its siblings would be is not looked at.
    fn deliver(&self, candidate: Candidate) {
        let ends_the_job = self.ends_the_job();
        if ends_the_job && self.task.solved.load(Ordering::Acquire) {
            return;
        }
        let Some(share) = self.verify(candidate) else { return };
        lock(&self.reported).insert(candidate);
        if !(ends_the_job && share.is_block()) || self.queue.solve(&self.task) {
            self.outbox.push(Found { share, device: self.device.name.clone() });
        }
    }

    /// Verifies a candidate, and counts what that says of the device.
    fn verify(&self, candidate: Candidate) -> Option<Share> {
        let result = self.task.assignment.verify(candidate);
        match &result {
            Ok(_) => self.device.count_results(1, 0),
            Err(Miss::AboveTarget) => {}
            Err(Miss::HardwareError) => self.device.count_results(0, 1),
        }
        result.ok()
    }
}

impl Reporter for Scan<'_> {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        if !self.task.reported.contains(&candidate) {
            self.deliver(candidate);
        }
        self.go_on()
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        self.hashes.fetch_add(hashes_done, Ordering::Relaxed);
        self.device.metered(|meter, now| meter.add(now, hashes_done));
        self.go_on()
    }
}

/// Keeps the lowest solution of a scan, and ends it to look below.
struct Lowest<'a> {
    scan: &'a Scan<'a>,
    best: Mutex<Option<Candidate>>,
}

impl Reporter for Lowest<'_> {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        let order = |candidate: Candidate| (candidate.nonce, candidate.midstate);
        let mut best = lock(&self.best);
        if best.is_none_or(|best| order(candidate) < order(best)) && self.scan.verify(candidate).is_some() {
            *best = Some(candidate);
            return ControlFlow::Break(());
        }
        self.scan.go_on()
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        self.scan.progress(hashes_done)
    }
}
