//! What is known of a backend while its thread works: counts, rates, its troubles, and why it ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::meter::Meter;
use crate::trust::Trust;

/// What is known of a backend while its thread works.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: Arc<str>,
    started: Instant,
    meter: Mutex<Meter>,
    hardware_errors: AtomicU64,
    trust: Mutex<Trust>,
    is_distrusted: AtomicBool,
    trouble: Mutex<Option<String>>,
    failure: Mutex<Option<String>>,
}

impl Device {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            started: Instant::now(),
            meter: Mutex::new(Meter::new()),
            hardware_errors: AtomicU64::new(0),
            trust: Mutex::default(),
            is_distrusted: AtomicBool::new(false),
            trouble: Mutex::new(None),
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

    /// The error that the device has yet to recover from.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *lock(&self.trouble) = trouble;
    }

    /// Counts results that were checked.
    pub(crate) fn count_results(&self, right: u64, wrong: u64) {
        self.hardware_errors.fetch_add(wrong, Ordering::Relaxed);
        if !lock(&self.trust).count(right, wrong) {
            self.is_distrusted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether too many of the device's results were wrong.
    pub(crate) fn is_distrusted(&self) -> bool {
        self.is_distrusted.load(Ordering::Relaxed)
    }
}

/// Takes a lock, whatever happened to its last holder.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
