//! One backend's thread: takes units of the right size and survives whatever the backend does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use miner_core::{Backend, BackendError};

use crate::device::Device;
use crate::outbox::Outbox;
use crate::queue::Queue;
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
pub(crate) fn run(mut backend: Box<dyn Backend>, device: &Device, queue: &Queue, outbox: &Outbox) {
    let mut wanted = FIRST_UNIT;
    let mut pause = FIRST_PAUSE;
    while let Some(task) = queue.next(wanted) {
        let scan = Scan::new(task, device, queue, outbox);
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| scan.run(backend.as_mut()))).unwrap_or_else(|panic| {
            Err(BackendError::Fatal(format!("it panicked: {}", panic_message(&*panic))))
        });
        let hashes = scan.hashes();
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
