//! Scans SHA-256d work units on GPUs through wgpu: Vulkan, Metal, Direct3D 12.
//!
//! ```text
//! adapters ─▶ Adapter ─ open, tune ─▶ GpuBackend ─ WorkUnit ─▶ search ─ Work ─▶ Device (wgpu)
//!                                                     ▲                           │
//!                                                     └────────── Hits ───────────┘
//! ```
//!
//! The shader is in `miner-shaders`. No async runtime and no thread of its own: [`GpuBackend`] waits for
//! the device on the thread that scans.
#![forbid(unsafe_code)]

mod adapter;
mod backend;
mod device;
mod error;
mod layout;
mod pace;
mod probe;
mod search;
#[cfg(test)]
mod simulated;
mod tune;
mod wgpu_device;

pub use adapter::{Adapter, AdapterKind, Limits, adapters};
pub use backend::{GpuBackend, measure};
pub use error::GpuError;
pub use miner_shaders::Addition;
pub use tune::{GpuOptions, Tuning};
