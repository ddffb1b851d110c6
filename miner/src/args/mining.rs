//! What everything that mines takes: devices, limits, output.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use super::DeviceList;
use super::values::{CpuList, cpu_list, difficulty, hashrate, listen_address, seconds, token};
use crate::mining::pace::Interval;

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
    /// Stop after this many accepted blocks.
    #[arg(long, value_name = "N")]
    pub(crate) exit_after_blocks: Option<u64>,
    /// Stop after this many accepted shares (solo, each share is a block).
    #[arg(long, value_name = "N")]
    pub(crate) exit_after_shares: Option<u64>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) time_limit: Option<Duration>,
    /// On a node's regtest: seconds between blocks, or poisson:S for a random wait of S on average.
    /// [default: 1, or 0 with --exit-after-blocks]
    #[arg(long, value_name = "S|poisson:S")]
    pub(crate) block_interval: Option<Interval>,
    /// Make the run repeatable: on the embedded chain all of it; on a node, its templates and its clock (setmocktime)
    /// being the same, and with a --journal of its own, the blocks.
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
    /// What to mine with: the CPU, GPUs (hardware, or else software ones), both, or GPUs by a part of their names.
    /// [default: all, the CPU and hardware GPUs; with --seed and --benchmark: cpu]
    #[arg(long, value_name = "cpu|gpu|all|NAME,…")]
    pub(crate) device: Option<DeviceList>,
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
    /// Only blocks, warnings and the summary.
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
    /// More about each job and share.
    #[arg(short = 'D', long)]
    pub(crate) debug: bool,
    /// Show each line of Stratum and of RPC on stderr, passwords left out.
    #[arg(short = 'P', long)]
    pub(crate) protocol_dump: bool,
    /// No colours, whatever the terminal can do.
    #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_color: bool,
    /// Show the status on a page, as JSON (/api/status) and for Prometheus (/metrics): at PORT for this machine alone,
    /// or at ADDR:PORT, with a token.
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen_address)]
    pub(crate) http: Option<SocketAddr>,
    /// What whoever asks for the status must have: as anybody's password, or as a bearer token.
    #[arg(long, value_name = "TOKEN", env = "MINER_HTTP_TOKEN", hide_env_values = true, value_parser = token)]
    pub(crate) http_token: Option<SecretString>,
    /// A TOML file with any of these options, by their long names.
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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
