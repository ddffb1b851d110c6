//! Scans SHA-256d work units on CPU cores: a table of SIMD kernels with run-time dispatch, and a thread
//! pool that makes a [`miner_core::Backend`] of one of them.
//!
//! ```text
//! arch/<isa>   one vector type each ─┐
//! lanes, pair  what a vector can do  ┼▶ scan  by double_hash ─┬▶ kernel  the table ─▶ backend  the pool
//! arch/<isa>   SHA instructions ─────┴▶ sha   by itself ──────┘
//! ```
//!
//! This is the only crate with `unsafe` code: CPU instructions, and calls into functions compiled for them.

mod arch;
mod backend;
mod choose;
mod double_hash;
mod kernel;
mod lanes;
mod pair;
mod scan;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod sha;
mod threads;

pub use backend::CpuBackend;
pub use choose::{Rates, measure, preferred};
pub use kernel::{Hit, Kernel, KernelError, available, by_name, unavailable};
pub use threads::{CpuError, CpuOptions};
