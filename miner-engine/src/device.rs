//! What is known of a backend while its thread works: counts, rates, and why it ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::meter::Meter;

/// A device is disabled when it computed wrongly this often, and more often than rightly.
const HARDWARE_ERRORS_TOLERATED: u64 = 16;

/// What is known of a backend while its thread works.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: Arc<str>,
    started: Instant,
    meter: Mutex<Meter>,
    pub(crate) hardware_errors: AtomicU64,
    pub(crate) verified: AtomicU64,
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

    pub(crate) fn fail(&self, reason: String) {
        *lock(&self.failure) = Some(reason);
    }

    /// Whether the device's results are not to be trusted any more.
    pub(crate) fn is_faulty(&self) -> bool {
        let errors = self.hardware_errors();
        errors >= HARDWARE_ERRORS_TOLERATED && errors > self.verified.load(Ordering::Relaxed)
    }
}

/// Takes a lock, whatever happened to its last holder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
