//! What the end-to-end tests share: a real node to judge the miner by.
//!
//! Nothing here asserts anything about the miner; that is for the files in `tests/`.
#![forbid(unsafe_code)]

mod node;
mod skip;

pub use node::{RpcError, TestNode, bitcoind};
pub use skip::skipped;
