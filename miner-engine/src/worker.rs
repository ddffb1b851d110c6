//! One backend's thread: takes units, scans them, verifies what is found.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use miner_core::{Backend, BackendError, Candidate, Miss, Reporter};

use crate::meter::Meter;
use crate::outbox::{Found, Outbox};
use crate::queue::{Queue, Task};

/// How long a unit should take.
const UNIT_TIME: Duration = Duration::from_millis(250);
/// The first unit, before any rate is known.
const FIRST_UNIT: u64 = 1 << 20;
/// A scan shorter than this says nothing about the rate.
const MEASURABLE: Duration = Duration::from_millis(5);
/// The pause after a backend failed for the first time in a row; it doubles up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A device is disabled when it computed wrongly this often, and more often than rightly.
const HARDWARE_ERRORS_TOLERATED: u64 = 16;

/// What is known of a backend while its thread works.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: Arc<str>,
    started: Instant,
    meter: Mutex<Meter>,
    hardware_errors: AtomicU64,
    verified: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Device {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            started: Instant::now(),
            meter: Mutex::new(Meter::new()),
            hardware_errors: AtomicU64::new(0),
            verified: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Looks at the meter, with the time on its clock.
    pub(crate) fn metered<T>(&self, look: impl FnOnce(&mut Meter, Duration) -> T) -> T {
        look(&mut lock(&self.meter), self.started.elapsed())
    }

    pub(crate) fn hardware_errors(&self) -> u64 {
        self.hardware_errors.load(Ordering::Relaxed)
    }

    /// Why the device is out of work for good.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    fn fail(&self, reason: String) {
        *lock(&self.failure) = Some(reason);
    }

    /// Whether the device's results are not to be trusted any more.
    fn is_faulty(&self) -> bool {
        let errors = self.hardware_errors();
        errors >= HARDWARE_ERRORS_TOLERATED && errors > self.verified.load(Ordering::Relaxed)
    }
}

/// Works until the queue stops or the backend is lost.
pub(crate) fn run(mut backend: Box<dyn Backend>, device: &Device, queue: &Queue, outbox: &Outbox) {
    let mut wanted = FIRST_UNIT;
    let mut pause = FIRST_PAUSE;
    while let Some(task) = queue.next(wanted) {
        let scan =
            Scan { device, queue, outbox, task, hashes: AtomicU64::new(0), reported: Mutex::default() };
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| backend.scan(scan.task.assignment.unit(), &scan)))
            .unwrap_or_else(|panic| {
                Err(BackendError::Fatal(format!("it panicked: {}", panic_message(&*panic))))
            });
        let hashes = scan.hashes.load(Ordering::Relaxed);
        queue.charge(started, hashes);
        match result {
            Ok(()) => {
                wanted = next_size(wanted, hashes, started.elapsed());
                pause = FIRST_PAUSE;
            }
            Err(error) => {
                queue.retry(scan.into_retry());
                if error.is_fatal() {
                    return device.fail(error.to_string());
                }
                queue.pause(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        if device.is_faulty() {
            return device.fail(format!(
                "{} wrong results: the device is not to be trusted",
                device.hardware_errors()
            ));
        }
    }
}

/// The size of the next unit, from what the last one took: at most four times larger.
fn next_size(size: u64, hashes: u64, took: Duration) -> u64 {
    if took < MEASURABLE && hashes < size {
        return size;
    }
    let rate = hashes as f64 / took.as_secs_f64().max(1e-6);
    ((rate * UNIT_TIME.as_secs_f64()) as u64).clamp(1 << 12, size.saturating_mul(4))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// The reporter of one scan.
struct Scan<'a> {
    device: &'a Device,
    queue: &'a Queue,
    outbox: &'a Outbox,
    task: Task,
    hashes: AtomicU64,
    reported: Mutex<HashSet<Candidate>>,
}

impl Scan<'_> {
    /// The unit once more, knowing what was already reported.
    fn into_retry(mut self) -> Task {
        let reported = self.reported.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.task.reported.extend(reported);
        self.task
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.queue.is_outdated(self.task.generation) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Verifies a candidate and passes it on. Every block is passed on, but where the first block ends
    /// the job, what its siblings would be is not looked at.
    fn deliver(&self, candidate: Candidate) {
        let assignment = &self.task.assignment;
        let ends_the_job = assignment.terms().every_hit_is_a_block(assignment.job());
        if ends_the_job && self.task.solved.load(Ordering::Acquire) {
            return;
        }
        match assignment.verify(candidate) {
            Ok(share) => {
                self.device.verified.fetch_add(1, Ordering::Relaxed);
                lock(&self.reported).insert(candidate);
                if !(ends_the_job && share.is_block()) || self.queue.solve(&self.task) {
                    self.outbox.push(Found { share, device: self.device.name.clone() });
                }
            }
            Err(Miss::AboveTarget) => {}
            Err(Miss::HardwareError) => {
                self.device.hardware_errors.fetch_add(1, Ordering::Relaxed);
            }
        }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
