//! What the benchmarks, the files beside `src`, share: a backend that tells when it gets to new work.
//!
//! `cargo bench -p miner-benches` runs them all in about a minute; `… --bench scan -- avx2` those of one
//! kernel. What is worth comparing later is recorded under `record/`.
#![forbid(unsafe_code)]

use std::ops::ControlFlow;
use std::sync::mpsc::Sender;
use std::time::Instant;

use miner_core::{Backend, BackendError, Candidate, Reporter, WorkUnit};

/// A backend that tells when the first hashes of each unit are done, with the time in the unit's header,
/// which tells jobs apart.
pub struct Told<B> {
    /// What hashes.
    pub backend: B,
    /// Who is told.
    pub first_hashes: Sender<(u32, Instant)>,
}

struct First<'a> {
    reporter: &'a dyn Reporter,
    time: u32,
    told: &'a Sender<(u32, Instant)>,
}

impl<B: Backend> Backend for Told<B> {
    fn name(&self) -> &str {
        self.backend.name()
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let time = unit.tail()[1].swap_bytes();
        self.backend.scan(unit, &First { reporter, time, told: &self.first_hashes })
    }
}

impl Reporter for First<'_> {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.reporter.found(candidate)
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        // Nobody listens once the measurement is over.
        let _ = self.told.send((self.time, Instant::now()));
        self.reporter.progress(hashes_done)
    }
}
