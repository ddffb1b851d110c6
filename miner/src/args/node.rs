//! What mining to a node takes: which, how to log in, and who is paid.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use miner_node::Chain;
use secrecy::SecretString;

use super::mining::MiningArgs;
use super::values::{coinbase_sig, seconds};

const SOLO_EXAMPLES: &str = "\
Examples:
  miner solo --chain regtest                                 pays to the node's wallet, or to anyone (OP_TRUE)
  miner solo --chain regtest --exit-after-blocks 101         as many blocks as make the first one spendable
  miner solo --chain regtest --on-transaction                a block for each transaction, at once
  miner solo --chain testnet4 --coinbase-addr tb1q…
  miner solo --chain regtest --node http://10.0.0.2:18443 -u USER -p PASS --coinbase-addr bcrt1q…";

/// `miner solo`.
#[derive(Debug, Args)]
#[command(after_help = SOLO_EXAMPLES)]
pub(crate) struct SoloArgs {
    /// The chain that the node must be on: regtest, testnet4, testnet3, signet or main.
    #[arg(long)]
    pub(crate) chain: Chain,
    /// The node's RPC address, if it is not found by itself. May be repeated: a block goes to each.
    #[arg(long = "node", value_name = "URL")]
    pub(crate) nodes: Vec<String>,
    /// The node's data folder, if it is not ~/.bitcoin.
    #[arg(long, value_name = "DIR")]
    pub(crate) datadir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) mining: MiningArgs,
}

/// A login for all pools or nodes, or one for each in their order.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The user: a node's, or a worker of a pool (often ADDRESS.worker). Given several times: one for each -o.
    #[arg(short = 'u', long, value_name = "USER")]
    pub(crate) user: Vec<String>,
    /// Its password. Given several times: one for each -o.
    #[arg(short = 'p', long, value_name = "PASS", env = "MINER_PASS", hide_env_values = true)]
    pub(crate) pass: Vec<SecretString>,
    /// Both at once. A login in a URL wins for that URL.
    #[arg(short = 'O', long, value_name = "USER:PASS", conflicts_with = "user")]
    pub(crate) userpass: Vec<SecretString>,
}

/// How to log in to a node, and who is paid.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    #[command(flatten)]
    pub(crate) login: LoginArgs,
    /// The file with the node's login, if not the one in its data folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "userpass"])]
    pub(crate) cookie: Option<PathBuf>,
    /// Who is paid for blocks: an address of any type.
    #[arg(long, value_name = "ADDR")]
    pub(crate) coinbase_addr: Option<String>,
    /// Who is paid for blocks: an output script in hex.
    #[arg(long, value_name = "HEX", conflicts_with = "coinbase_addr")]
    pub(crate) coinbase_script: Option<String>,
    /// A text for the coinbase of each block.
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = coinbase_sig)]
    pub(crate) coinbase_sig: String,
    /// On regtest: mine one block whenever the node has transactions, and none otherwise.
    #[arg(long)]
    pub(crate) on_transaction: bool,
    /// With --on-transaction: seconds from the first transaction to the block.
    #[arg(long, value_name = "S", value_parser = seconds, requires = "on_transaction")]
    pub(crate) block_delay: Option<Duration>,
    /// Leave the mempool alone: blocks hold their coinbase and nothing else.
    #[arg(long, conflicts_with = "on_transaction")]
    pub(crate) empty: bool,
    /// Ask for new templates every few seconds instead of waiting on a connection for them.
    #[arg(long)]
    pub(crate) no_longpoll: bool,
    /// Where found blocks are kept until they are buried.
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: Option<PathBuf>,
}
