//! What the end-to-end tests share: a real node to judge the miner by, a pool to mine to, and the miner as a user runs it.
//!
//! Nothing here asserts anything about the miner; that is for the files in `tests/`.
#![forbid(unsafe_code)]

mod miner;
mod node;
mod pool;
pub mod purse;
mod signal;
mod skip;

pub use miner::{Miner, Run, Running, miner_program};
pub use node::{RpcError, TestNode, bitcoind};
pub use pool::{PoolLog, TestPool};
pub(crate) use signal::signal;
pub use skip::skipped;
