//! What may be typed: names, defaults and help. Values are read in `values`; what all of it means together is
//! checked where it is used.

mod device;
mod listen;
mod mining;
mod node;
mod pool;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

pub(crate) use device::{Device, DeviceList};
pub(crate) use listen::ListenArgs;
pub(crate) use mining::{DeviceArgs, LogFormat, MiningArgs, OutputArgs, Switch};
pub(crate) use node::{LoginArgs, NodeArgs, SoloArgs};
use pool::IgnoredArgs;
pub(crate) use pool::PoolArgs;
use values::{change, seconds};

const EXAMPLES: &str = "\
Examples:
  miner                                         mine on an embedded regtest chain, no node needed
  miner solo --chain regtest                    mine on your regtest node, one block a second
  miner solo --chain regtest --exit-after-blocks 101 --coinbase-addr bcrt1p…
  miner -o http://127.0.0.1:18443 -u USER -p PASS --coinbase-addr bcrt1q…
  miner -o stratum+tcp://pool.example:3333 -u ADDRESS.worker -p x
  miner -o stratum+ssl://pool.example:3334 -o stratum+tcp://backup.example:3333 -u ADDRESS.worker
  miner --benchmark -t 4 --time-limit 30        a hashrate, in the lines of minerd and cpuminer
  miner check share.json                        why was this share rejected?
  miner pool --listen 127.0.0.1:3333            a pool to try miners with, over a chain of its own
  miner bench                                   measure every kernel of this CPU, and GPUs
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
    /// Serve a Stratum V1 pool over an embedded regtest chain: for any miner to be tried with.
    Pool(ListenArgs),
    /// Measure hashrates that can be trusted: median and interval, with the work proved by counted hits.
    Bench(BenchArgs),
    /// Solve one header: a drop-in for `bitcoin-util grind`.
    Grind(GrindArgs),
    /// Judge a share: why was it rejected?
    Check(CheckArgs),
    /// List the kernels that this CPU can run and the GPUs, with what they reach.
    Devices(DevicesArgs),
}

/// `miner` and `miner -o URL`.
#[derive(Debug, Args)]
pub(crate) struct MineArgs {
    /// What to mine to: a pool, stratum+tcp://HOST:PORT (stratum+ssl:// with TLS), or a node, http://HOST:PORT.
    /// Without a scheme it is stratum+tcp. A login may stand before the host: USER:PASS@HOST. Several pools are tried in
    /// order; several nodes get each block. Without any: an embedded regtest chain.
    ///
    /// Behind a pool's address may stand how to trust its certificate, in place of --cert: #tls-pin=SHA256 (the
    /// fingerprint of the one certificate to take, in hex) or #tls-insecure (any certificate: whoever is in between can
    /// read and change everything).
    #[arg(short = 'o', long, value_name = "URL")]
    pub(crate) url: Vec<SecretString>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) mining: MiningArgs,
    /// Measure the hashrate and print it in the lines of minerd and cpuminer, until --time-limit or a signal.
    #[arg(long, conflicts_with_all = ["url", "http"])]
    pub(crate) benchmark: bool,
    #[command(flatten)]
    pub(crate) pool: PoolArgs,
    #[command(flatten)]
    pub(crate) ignored: IgnoredArgs,
}

const BENCH_EXAMPLES: &str = "\
Examples:
  miner bench                                   every kernel, all cores, hardware GPUs
  miner bench --device gpu
  miner bench -t 1 --kernel avx2 --time-limit 30
  miner bench --json result.json                the result for scripts
  miner bench --html result.html                the result for a browser
  miner bench --compare result.json --fail-below -2%
                                                has it become slower?";

/// `miner bench`.
#[derive(Debug, Args)]
#[command(after_help = BENCH_EXAMPLES)]
pub(crate) struct BenchArgs {
    /// Which CPU kernels: all, or one name (see `miner devices`).
    #[arg(long, value_name = "all|NAME", default_value = "all")]
    pub(crate) kernel: String,
    /// Which devices: the CPU, GPUs, both, or GPUs by a part of their names.
    /// [default: all, the CPU and hardware GPUs; with --kernel NAME: cpu]
    #[arg(long, value_name = "cpu|gpu|all|NAME,…")]
    pub(crate) device: Option<DeviceList>,
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
    /// Where to write the result as one file for a browser, with a picture; - is stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// An earlier result of --json: each row in both is told as a ratio with its interval.
    #[arg(long, value_name = "OLD.json")]
    pub(crate) compare: Option<PathBuf>,
    /// With --compare: fail where a row is slower by more than this, such as -2%, and not by noise alone.
    #[arg(long, value_name = "PERCENT", value_parser = change, allow_hyphen_values = true, requires = "compare")]
    pub(crate) fail_below: Option<f64>,
}

const CHECK_HELP: &str = "\
The file holds one object, an array of them, or an object with such an array as \"stratum\":
  {\"extranonce1\": HEX, \"extranonce2_size\": N, \"notify_params\": [the 9 of mining.notify],
   \"submit_params\": [the 5 or 6 of mining.submit], \"version_mask\": HEX or null, \"difficulty\": D}
Without \"difficulty\" the share is held against difficulty 1. The exit code is 0 if every share is good.";

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

/// `miner check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct CheckArgs {
    /// A file with the share, or with several; - is stdin.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
