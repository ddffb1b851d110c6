//! What the end-to-end tests share: a real node to judge the miner by, a pool to mine to, and the miner as a user runs it.
//!
//! Nothing here asserts anything about the miner; that is for the files in `tests/`.
#![forbid(unsafe_code)]

mod audit;
mod gpu;
mod miner;
mod node;
mod pool;
pub mod purse;
mod relay;
mod script;
mod signal;
mod skip;
mod strace;
mod wait;

pub use audit::{Fate, JournalFolder};
pub use gpu::{lavapipe, no_gpu};
pub use miner::{Miner, Run, Running, miner_program};
pub use node::{RpcError, TestNode, bitcoind};
pub use pool::{PoolLog, TestPool};
pub use relay::{Call, Relay, Submitted, http};
pub(crate) use script::script;
pub(crate) use signal::signal;
pub use skip::skipped;
pub use strace::{Traced, strace};
pub use wait::wait_for;
