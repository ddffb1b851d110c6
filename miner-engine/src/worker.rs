//! One backend's thread: takes units of the right size and survives whatever the backend does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use miner_core::{Backend, BackendError};

use crate::device::Device;
use crate::outbox::Outbox;
use crate::queue::{Queue, Task};
use crate::scan::Scan;

/// How long a unit should take.
const UNIT_TIME: Duration = Duration::from_millis(250);
/// The first unit, before any rate is known.
const FIRST_UNIT: u64 = 1 << 20;
/// A scan shorter than this says nothing about the rate.
const MEASURABLE: Duration = Duration::from_millis(5);
/// The pause after a backend failed for the first time in a row; it doubles up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Works until the queue stops or the backend is lost.
pub(crate) fn run(backend: Box<dyn Backend>, device: &Device, queue: &Queue, outbox: &Outbox) {
    let mut worker = Worker { backend, device, queue, outbox, wanted: FIRST_UNIT, pause: FIRST_PAUSE };
    while let Some(task) = queue.next(worker.wanted) {
        match worker.work_on(task) {
            Ok(()) => worker.recovered(),
            Err(BackendError::Fatal(reason)) => return device.fail(reason),
            Err(BackendError::Transient(reason)) => worker.pause(reason),
        }
    }
}

struct Worker<'a> {
    backend: Box<dyn Backend>,
    device: &'a Device,
    queue: &'a Queue,
    outbox: &'a Outbox,
    /// Hashes of the next unit.
    wanted: u64,
    /// The next pause.
    pause: Duration,
}

impl Worker<'_> {
    /// Searches a unit; what is left of it in the end is for whoever is next.
    fn work_on(&mut self, task: Task) -> Result<(), BackendError> {
        let scan = Scan::new(task, self.device, self.queue, self.outbox);
        let started = Instant::now();
        let result =
            catch_unwind(AssertUnwindSafe(|| scan.run(self.backend.as_mut()))).unwrap_or_else(|panic| {
                Err(BackendError::Fatal(format!("it panicked: {}", panic_message(&*panic))))
            });
        let (hashes, took) = (scan.hashes(), started.elapsed());
        self.queue.charge(started, hashes);
        let result = result.and_then(|()| self.check_trust());
        match &result {
            Ok(()) => self.wanted = next_size(self.wanted, hashes, took),
            Err(_) => self.queue.retry(scan.into_retry()),
        }
        result
    }

    fn check_trust(&self) -> Result<(), BackendError> {
        match self.device.is_distrusted() {
            true => Err(BackendError::Fatal(format!(
                "{} wrong results: the device is not to be trusted",
                self.device.hardware_errors()
            ))),
            false => Ok(()),
        }
    }

    fn recovered(&mut self) {
        self.pause = FIRST_PAUSE;
        self.device.set_trouble(None);
    }

    fn pause(&mut self, reason: String) {
        self.device.set_trouble(Some(reason));
        self.queue.pause(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of units after a while on a device with this rate and this many microseconds of overhead a unit.
    fn settled(rate: f64, overhead: f64) -> f64 {
        let took = |size: u64| Duration::from_secs_f64(size as f64 / rate + overhead * 1e-6);
        (0..30).fold(FIRST_UNIT, |size, _| next_size(size, size, took(size))) as f64
    }

    #[test]
    fn a_unit_takes_a_quarter_of_a_second_on_any_device() {
        for rate in [1e5, 1e6, 20e6, 1e9, 10e9, 100e9, 1e12] {
            for overhead in [0.0, 10.0, 500.0] {
                let time = settled(rate, overhead) / rate;
                assert!((0.24..0.26).contains(&time), "{time} s at {rate} H/s with {overhead} µs a unit");
            }
        }
    }

    #[test]
    fn a_unit_cut_short_says_nothing_unless_it_took_its_time() {
        assert_eq!(next_size(1_000_000, 10, Duration::from_micros(100)), 1_000_000);
        assert_eq!(next_size(1_000_000, 500_000, Duration::from_millis(50)), 2_500_000);
        assert_eq!(next_size(1 << 20, 1 << 20, Duration::ZERO), 1 << 22, "four times at most");
    }
}
