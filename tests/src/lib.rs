//! What the end-to-end tests share: a real node to judge the miner by, and the miner as a user runs it.
//!
//! Nothing here asserts anything about the miner; that is for the files in `tests/`.
#![forbid(unsafe_code)]

mod miner;
mod node;
pub mod purse;
mod signal;
mod skip;

pub use miner::{Miner, Run, Running, miner_program};
pub use node::{RpcError, TestNode, bitcoind};
pub(crate) use signal::signal;
pub use skip::skipped;
