//! What the benchmarks, the files beside `src`, share: a backend that tells of its progress.
//!
//! `cargo bench -p miner-benches` runs them all in about a minute; `… --bench scan -- avx2` those of one
//! kernel. What is worth comparing later is recorded under `record/`.
#![forbid(unsafe_code)]

use std::ops::ControlFlow;
use std::sync::mpsc::Sender;
use std::time::Instant;

use miner_core::{Backend, BackendError, Candidate, Reporter, WorkUnit};

/// A backend that tells of its progress.
pub struct Told<B> {
    /// What hashes.
    pub backend: B,
    /// Who is told.
    pub progress: Sender<Progress>,
}

/// Some hashes were done.
pub struct Progress {
    /// The time in the unit's header, which tells jobs apart.
    pub time: u32,
    /// When they were done.
    pub at: Instant,
    /// How many.
    pub hashes: u64,
}

struct Telling<'a> {
    reporter: &'a dyn Reporter,
    time: u32,
    told: &'a Sender<Progress>,
}

impl<B: Backend> Backend for Told<B> {
    fn name(&self) -> &str {
        self.backend.name()
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let time = unit.tail()[1].swap_bytes();
        self.backend.scan(unit, &Telling { reporter, time, told: &self.progress })
    }
}

impl Reporter for Telling<'_> {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.reporter.found(candidate)
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        // Nobody listens once the measurement is over.
        let _ = self.told.send(Progress { time: self.time, at: Instant::now(), hashes: hashes_done });
        self.reporter.progress(hashes_done)
    }
}
