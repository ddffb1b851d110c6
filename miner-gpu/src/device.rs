//! What the search asks of a device: dispatches into slots, answered in order. Knows no API.

use crate::layout::{Hits, Work};

/// Dispatches under way at once: one runs while the answer of the other is read.
pub(crate) const SLOTS: usize = 2;

/// Something that runs the shader.
pub(crate) trait Device: Send {
    /// Starts a dispatch in a slot whose last answer was taken.
    fn submit(&mut self, slot: usize, work: &Work) -> Result<(), DeviceError>;

    /// Waits for the dispatch of a slot and takes its answer.
    fn wait(&mut self, slot: usize) -> Result<Hits, DeviceError>;
}

/// Why a device is of no use any more. Another one can be opened in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    /// The driver says so.
    #[error("the device was lost: {0}")]
    Lost(String),
    /// It hangs.
    #[error("the device gave no answer for {0} s")]
    Hung(u64),
    /// It answered what cannot be.
    #[error("the device counted {count} hits among {hashes} hashes")]
    Overcounted { count: u32, hashes: u64 },
    /// A known block was not found.
    #[error("the device missed a block that was planted to test it")]
    Missed,
}
