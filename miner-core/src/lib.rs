//! What mining means: the header and its hash, targets, the merkle root, jobs, work units, shares,
//! and the contract between an engine and whatever searches for it.
//!
//! Work flows one way and results flow back one way:
//!
//! ```text
//! Job + Terms ─▶ SearchSpace ─ Assignment { WorkUnit } ─▶ Backend ─ Candidate ─▶ Assignment::judge ─▶ Share
//! ```
//!
//! Nothing here does I/O, starts threads, reads a clock or needs `unsafe`. Types of the [`bitcoin`]
//! crate are used wherever it has them; [`sha2`] is the reference hash.
#![forbid(unsafe_code)]

pub mod backend;
pub mod coinbase;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod extranonce;
pub mod header;
pub mod job;
pub mod judge;
pub mod merkle;
pub mod prepared;
pub mod search;
pub mod sha256;
pub mod share;
pub mod target;
pub mod terms;
pub mod work;

pub use backend::{Backend, BackendError, Reporter};
pub use bitcoin;
pub use extranonce::Extranonce;
pub use job::{Job, JobError, JobParams, RootSource, TimeWindow};
pub use judge::{Evaluated, Solution};
pub use prepared::Prepared;
pub use search::{Assignment, Miss, SearchSpace};
pub use share::{Share, ShareError};
pub use terms::{Terms, VersionMask};
pub use work::{Candidate, NonceRange, WorkUnit};
