//! What can go wrong before a GPU mines.

use miner_core::conformance::Failure;

/// Why a GPU cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GpuError {
    /// No loader, no driver or no device.
    #[error("no GPU was found ({0}): install a driver for it; on Linux also the Vulkan loader, libvulkan1")]
    NoAdapter(String),
    /// The driver refused a device, or lost it.
    #[error("the GPU {adapter} could not be opened: {reason}")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// What the driver says.
        reason: String,
    },
    /// An option asks for what the adapter cannot do.
    #[error("{0}")]
    Option(String),
    /// The device computes wrongly.
    #[error("the GPU computes wrongly: {0}")]
    Wrong(#[from] Failure),
    /// The device failed while it was measured.
    #[error("the GPU failed while it was measured: {0}")]
    Measure(#[from] miner_core::BackendError),
}
