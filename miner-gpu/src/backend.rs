//! A GPU as a [`Backend`]: searches units, and opens the device anew when it was lost.

use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use miner_core::bitcoin::Target;
use miner_core::conformance::{self, Depth};
use miner_core::{Backend, BackendError, Candidate, NonceRange, Reporter, WorkUnit};

use crate::device::{Device, DeviceError};
use crate::error::GpuError;
use crate::pace::Pace;
use crate::probe::Probe;
use crate::search::Search;
use crate::tune::Tuning;

/// Attempts in a row to open a lost device: with the engine's growing pauses, half a minute.
const ATTEMPTS: u32 = 8;

/// A device that missed this many planted blocks is not to be trusted any more.
const MISSES_TOLERATED: u32 = 2;

/// Opens the device, again and again.
pub(crate) type Opener = Box<dyn FnMut() -> Result<Box<dyn Device>, GpuError> + Send>;

/// Searches work units on one GPU.
pub struct GpuBackend {
    name: String,
    tuning: Tuning,
    opener: Opener,
    device: Option<Box<dyn Device>>,
    pace: Pace,
    probe: Probe,
    failed_attempts: u32,
    misses: u32,
}

impl std::fmt::Debug for GpuBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuBackend")
            .field("name", &self.name)
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}

impl GpuBackend {
    /// Opens the device, which must find known blocks.
    pub(crate) fn open(name: String, tuning: Tuning, opener: Opener) -> Result<Self, GpuError> {
        let mut backend = Self {
            name,
            tuning,
            opener,
            device: None,
            pace: Pace::new(),
            probe: Probe::new(),
            failed_attempts: 0,
            misses: 0,
        };
        backend.reopen()?;
        Ok(backend)
    }

    /// How the device is used.
    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    /// A new device in place of the lost one, which proves that it finds known blocks.
    fn reopen(&mut self) -> Result<(), GpuError> {
        self.device = Some((self.opener)()?);
        self.pace = Pace::new();
        conformance::run(self, Depth::Quick).inspect_err(|_| self.close()).map(drop)?;
        Ok(())
    }

    /// Gives the device up. wgpu panics where the driver refuses to let go of it.
    fn close(&mut self) {
        let device = self.device.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(device)));
    }

    /// What the engine is to do about a device that could not be opened.
    fn unopened(&mut self, error: &GpuError) -> BackendError {
        self.failed_attempts += 1;
        if self.failed_attempts < ATTEMPTS {
            return BackendError::Transient(error.to_string());
        }
        BackendError::Fatal(format!("{error} (tried {ATTEMPTS} times)"))
    }

    /// What the engine is to do about a device that failed.
    fn failed(&mut self, error: &DeviceError) -> BackendError {
        match error {
            DeviceError::Missed if self.misses == MISSES_TOLERATED => {
                return BackendError::Fatal(format!("{error}, for the {}th time", self.misses + 1));
            }
            DeviceError::Missed => self.misses += 1,
            _ => {}
        }
        BackendError::Transient(error.to_string())
    }
}

impl Backend for GpuBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn preferred_midstates(&self) -> usize {
        self.tuning.midstates
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        if self.device.is_none() {
            self.reopen().map_err(|error| self.unopened(&error))?;
            self.failed_attempts = 0;
        }
        let Some(device) = self.device.as_deref_mut() else { return Ok(()) };
        let search = Search::new(unit, self.tuning.midstates, device, &mut self.pace, reporter);
        let Err(error) = search.with_probe(&mut self.probe).run() else { return Ok(()) };
        if matches!(error, DeviceError::Hung(_)) {
            // To close it would be to wait for it.
            mem::forget(self.device.take());
        }
        self.close();
        Err(self.failed(&error))
    }
}

/// The rate of a backend over some time, in hashes a second, with units of so many midstates.
///
/// # Panics
/// If the number of midstates is no power of two.
pub fn measure(backend: &mut GpuBackend, midstates: usize, time: Duration) -> Result<f64, GpuError> {
    // The first scan finds the pace.
    rate_of(time / 4, midstates, |unit, reporter| backend.scan(unit, reporter))?;
    Ok(rate_of(time, midstates, |unit, reporter| backend.scan(unit, reporter))?)
}

/// The hashes a second of a scan that is stopped after some time.
pub(crate) fn rate_of<E>(
    time: Duration,
    midstates: usize,
    scan: impl FnOnce(&WorkUnit, &dyn Reporter) -> Result<(), E>,
) -> Result<f64, E> {
    let unit = WorkUnit::new(vec![[0; 8]; midstates].into(), [0; 3], NonceRange::ALL, Target::ZERO);
    let started = Instant::now();
    let stopwatch = Stopwatch { end: started + time, hashes: AtomicU64::new(0) };
    scan(&unit, &stopwatch)?;
    Ok(stopwatch.hashes.into_inner() as f64 / started.elapsed().as_secs_f64())
}

/// Counts hashes until its time is over.
struct Stopwatch {
    end: Instant,
    hashes: AtomicU64,
}

impl Reporter for Stopwatch {
    fn found(&self, _: Candidate) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        self.hashes.fetch_add(hashes_done, Ordering::Relaxed);
        if Instant::now() < self.end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[cfg(test)]
mod tests;
