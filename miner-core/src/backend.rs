//! The contract between an engine and whatever searches work units.

use std::ops::ControlFlow;

use crate::{Candidate, WorkUnit};

/// Receives what a scan finds and how far it is. Its answer says whether to go on.
pub trait Reporter: Sync {
    /// A candidate: inside the unit's rectangle, not yet verified.
    fn found(&self, candidate: Candidate) -> ControlFlow<()>;

    /// This many hashes were done since the last call; all calls for a finished unit sum to its size.
    fn progress(&self, hashes_done: u64) -> ControlFlow<()>;
}

/// Something that searches work units: CPU cores, a GPU.
pub trait Backend: Send {
    /// A short name for people: a kernel, an adapter.
    fn name(&self) -> &str;

    /// How many midstates a unit should hold at most, where the job can roll its version.
    fn preferred_midstates(&self) -> usize {
        16
    }

    /// Searches the whole unit and reports every solution in it, and nothing outside it.
    ///
    /// Blocks until the unit is done. Returns early only when the reporter breaks (with `Ok`, within a
    /// few milliseconds) or on an error. A candidate may fail the target's low 224 bits, never its top
    /// word.
    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError>;
}

/// Why a backend could not finish a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It may work again: the unit is tried once more.
    #[error("{0}")]
    Transient(String),
    /// It is gone for good: the others go on without it.
    #[error("{0}")]
    Fatal(String),
}

impl BackendError {
    /// Whether trying again is pointless.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fatal(_))
    }
}
