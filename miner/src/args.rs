//! What may be typed: names, defaults and help. Values are read in `values`; what all of it means together is
//! checked where it is used.

mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use miner_node::Chain;

pub(crate) use values::CpuList;
use values::{coinbase_sig, cpu_list, difficulty, hashrate, seconds};

const EXAMPLES: &str = "\
Examples:
  miner                                         mine on an embedded regtest chain, no node needed
  miner solo --chain regtest                    mine on your regtest node, one block a second
  miner solo --chain regtest --exit-after-blocks 101 --coinbase-addr bcrt1p…
  miner -o http://127.0.0.1:18443 -u USER -p PASS --coinbase-addr bcrt1q…
  miner bench                                   measure every kernel of this CPU
  miner grind HEADER_HEX                        solve one header, like `bitcoin-util grind`";

/// A SHA-256d mining engine. Without a command it mines on an embedded regtest chain.
#[derive(Debug, Parser)]
#[command(name = "miner", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(args_override_self = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) mine: MineArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Mine to a Bitcoin node that is found by itself.
    Solo(Box<SoloArgs>),
    /// Measure hashrates that can be trusted: median and interval, with the work proved by counted hits.
    Bench(BenchArgs),
    /// Solve one header: a drop-in for `bitcoin-util grind`.
    Grind(GrindArgs),
    /// List the kernels that this CPU can run, which one is chosen, and what they reach.
    Devices(DevicesArgs),
}

/// `miner` and `miner -o URL`.
#[derive(Debug, Args)]
pub(crate) struct MineArgs {
    /// The node to mine to, as http://HOST:PORT or http://USER:PASS@HOST:PORT. Without it: an embedded regtest chain.
    #[arg(short = 'o', long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) mining: MiningArgs,
}

const SOLO_EXAMPLES: &str = "\
Examples:
  miner solo --chain regtest                                 pays to the node's wallet, or to anyone (OP_TRUE)
  miner solo --chain regtest --exit-after-blocks 101         as many blocks as make the first one spendable
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

/// How to log in to a node, and who is paid.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node's RPC user.
    #[arg(short = 'u', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The node's RPC password.
    #[arg(short = 'p', long, value_name = "PASS", env = "MINER_PASS", hide_env_values = true)]
    pub(crate) pass: Option<String>,
    /// Both at once.
    #[arg(short = 'O', long, value_name = "USER:PASS", conflicts_with_all = ["user", "pass"])]
    pub(crate) userpass: Option<String>,
    /// The file with the node's login, if not the one in its data folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "pass", "userpass"])]
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
    /// Ask for new templates every few seconds instead of waiting on a connection for them.
    #[arg(long)]
    pub(crate) no_longpoll: bool,
    /// Where found blocks are kept until they are buried.
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: Option<PathBuf>,
}

/// Common to everything that mines.
#[derive(Debug, Args)]
pub(crate) struct MiningArgs {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// The algorithm: sha256d is all there is.
    #[arg(short = 'a', long, value_name = "ALGO", default_value = "sha256d", value_parser = ["sha256d"], hide = true)]
    pub(crate) algo: String,
    /// Roll version bits, which lets a kernel share work between headers.
    #[arg(long, value_enum, default_value_t = Switch::On, value_name = "on|off")]
    pub(crate) version_rolling: Switch,
    /// Hash no faster than this: 500k, 10M, …
    #[arg(long, value_name = "H", value_parser = hashrate)]
    pub(crate) max_hashrate: Option<f64>,
    /// Stop after this many blocks.
    #[arg(long, value_name = "N")]
    pub(crate) exit_after_blocks: Option<u64>,
    /// Stop after this many shares (solo, each share is a block).
    #[arg(long, value_name = "N")]
    pub(crate) exit_after_shares: Option<u64>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) time_limit: Option<Duration>,
    /// On a node's regtest: seconds between blocks, or poisson:S for a random wait of S on average.
    /// [default: 1, or 0 with --exit-after-blocks]
    #[arg(long, value_name = "S|poisson:S")]
    pub(crate) block_interval: Option<crate::mining::pace::Interval>,
    /// On the embedded chain: make the whole run repeatable.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// On the embedded chain: the difficulty of blocks. [default: about a second a block here]
    #[arg(long, value_name = "D", value_parser = difficulty, allow_negative_numbers = true)]
    pub(crate) difficulty: Option<f64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What hashes.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// Hashing threads. [default: one a core]
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// The CPU kernel (see `miner devices`). [default: the fastest that this CPU can run]
    #[arg(long, value_name = "NAME")]
    pub(crate) kernel: Option<String>,
    /// What to mine with: cpu, gpu, all, or part of a device's name.
    #[arg(long, value_name = "cpu|gpu|all|NAME", default_value = "all")]
    pub(crate) device: String,
    /// The niceness of hashing threads: 0 competes with everything else, 19 yields to it.
    #[arg(long, value_name = "N", default_value_t = 19, value_parser = clap::value_parser!(i32).range(0..=19))]
    pub(crate) cpu_priority: i32,
    /// The CPUs to hash on: a list such as 0-3,8 or a mask such as 0x3.
    #[arg(long, value_name = "LIST|MASK", value_parser = cpu_list)]
    pub(crate) cpu_affinity: Option<CpuList>,
}

/// How it is told.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Lines for people, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "text|json")]
    pub(crate) log_format: LogFormat,
    /// Only blocks, errors and the summary.
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
    /// No colours, whatever the terminal can do.
    #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_color: bool,
    /// A TOML file with any of these options, by their long names.
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  miner bench                                   every kernel, all cores
  miner bench -t 1 --kernel avx2 --time-limit 30
  miner bench --json result.json                the result for scripts";

/// `miner bench`.
#[derive(Debug, Args)]
#[command(after_help = BENCH_EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Which kernels: all, or one name (see `miner devices`).
    #[arg(long, value_name = "all|NAME", default_value = "all")]
    pub(crate) kernel: String,
    /// Which devices: cpu (a GPU backend is not part of this version).
    #[arg(long, value_name = "cpu|gpu|all", default_value = "all")]
    pub(crate) device: String,
    /// Hashing threads; repeat for several. [default: 1 and one a core]
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Vec<u16>,
    /// Seconds for everything together.
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "30")]
    pub(crate) time_limit: Duration,
    /// Where to write the result as JSON; - is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where to write the result as CSV; - is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
}

/// `miner grind`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  miner grind 0100…ffff7f2000000000      prints the header with a nonce that meets its bits"
)]
pub(crate) struct GrindArgs {
    /// The header: 80 bytes in hex. Only its nonce is changed.
    #[arg(value_name = "HEADER_HEX")]
    pub(crate) header: Vec<String>,
    /// Hashing threads. [default: one a core]
    #[arg(short = 't', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// The CPU kernel.
    #[arg(long, value_name = "NAME")]
    pub(crate) kernel: Option<String>,
}

/// `miner devices`.
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Do not measure: say only what there is.
    #[arg(long)]
    pub(crate) no_measure: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
