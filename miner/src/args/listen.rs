//! What serving a pool takes.

use std::net::SocketAddr;

use clap::Args;

use super::OutputArgs;
use super::values::difficulty;

const POOL_EXAMPLES: &str = "\
Examples:
  miner pool                                                 for miners on this machine
  miner pool --listen 0.0.0.0:3333 --difficulty 1            for those of the whole network
  miner -o stratum+tcp://127.0.0.1:3333 -u me -p x           one of them";

/// `miner pool`.
#[derive(Debug, Args)]
#[command(after_help = POOL_EXAMPLES)]
pub(crate) struct ListenArgs {
    /// Where miners connect to.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:3333")]
    pub(crate) listen: SocketAddr,
    /// The difficulty of shares: 0.001 is one in 4 million hashes. A miner may ask for another.
    #[arg(long, value_name = "D", default_value = "0.001", value_parser = difficulty, allow_negative_numbers = true)]
    pub(crate) difficulty: f64,
    /// The difficulty of the chain's blocks.
    #[arg(long, value_name = "D", default_value = "0.1", value_parser = difficulty, allow_negative_numbers = true)]
    pub(crate) block_difficulty: f64,
    /// Who is paid for blocks: an address of any type. [default: the chain itself]
    #[arg(long, value_name = "ADDR")]
    pub(crate) coinbase_addr: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
