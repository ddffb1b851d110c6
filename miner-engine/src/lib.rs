//! Keeps backends busy, verifies what they find, and meters them.
//!
//! ```text
//! set_job ─▶ SearchSpace ─ Assignment ─▶ worker thread ─ WorkUnit ─▶ Backend
//!                                            │ Candidate, verified on the CPU
//! on_event ◀─ delivery thread ◀─ outbox ◀────┘ Found
//! ```
//!
//! One OS thread a backend; no async runtime. Events carry shares alone; rates and states are pulled
//! with [`Engine::snapshot`].
#![forbid(unsafe_code)]

mod device;
mod engine;
mod meter;
mod outbox;
mod queue;
mod scan;
mod trust;
mod worker;

pub use engine::{DeviceSnapshot, Engine, Rates, Snapshot};
pub use outbox::{Found, Overflow};
