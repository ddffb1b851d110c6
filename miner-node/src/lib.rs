//! A Bitcoin node as a source of work: block templates, submission, a block journal and an embedded regtest chain
#![forbid(unsafe_code)]

pub mod chain;
pub mod discover;
pub mod embedded;
pub mod error;
pub mod journal;
pub mod keeper;
pub mod node;
pub mod payout;
pub mod rpc;
pub mod solved;
pub mod template;

pub use chain::Chain;
pub use discover::{Discovered, Search, discover};
pub use embedded::{EmbeddedNode, EmbeddedParams};
pub use error::NodeError;
pub use journal::{Journal, JournalError, Outcome};
pub use keeper::{BlockKeeper, KeeperEvent};
pub use node::{Node, RpcNode, Transactions};
pub use payout::{Payout, PayoutError};
pub use rpc::{Auth, RpcClient, Secret};
pub use solved::{SolvedBlock, Verdict};
pub use template::{CoinbaseOptions, Template};
