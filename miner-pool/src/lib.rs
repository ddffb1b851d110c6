//! For pool software: jobs from a node, extranonces, a registry of shares, and a Stratum V1 server.
//!
//! ```text
//! Node ─ jobs ─▶ NodePool ─ Board ─▶ sessions ◀─▶ miners          run: accepts connections
//! BlockKeeper ◀─ blocks ─┘  └─ PoolEvent ─▶ whoever counts, prints or pays
//! ```
//! [`run`] serves any [`Pool`](miner_stratum::session::Pool); [`NodePool`] is one over a node. What a pool is worth
//! to its miners (accounts, payouts, pages) is not here.
#![forbid(unsafe_code)]

pub mod event;
pub mod extranonce;
pub mod name;
pub mod pool;
pub mod registry;
pub mod server;

pub use event::PoolEvent;
pub use name::{Agent, WorkerName};
pub use pool::{Difficulty, NodePool};
pub use server::{ServerLimits, run};
