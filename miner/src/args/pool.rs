//! What mining to pools takes, by the names that minerd and cpuminer gave it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use super::values::{difficulty, seconds};

/// How pools are reached, and how patiently.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pools")]
pub(crate) struct PoolArgs {
    /// Give up after this many rounds over all pools without a job; -1 is never.
    #[arg(short = 'r', long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i64).range(-1..=i64::from(u32::MAX)))]
    pub(crate) retries: i64,
    /// Seconds to wait after the first failed round; it grows to a minute.
    #[arg(short = 'R', long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub(crate) retry_pause: Duration,
    /// Seconds of silence after which a pool counts as dead.
    #[arg(short = 'T', long, value_name = "S", default_value = "90", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// A proxy to reach pools by: socks5://HOST:PORT or http://HOST:PORT, with USER:PASS@ before the host if need be.
    #[arg(short = 'x', long, value_name = "URL")]
    pub(crate) proxy: Option<SecretString>,
    /// Trust the certificates that those in this PEM file signed, instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Stay, even if a pool asks to reconnect elsewhere.
    #[arg(long)]
    pub(crate) no_redirect: bool,
    /// Ask pools for shares of this difficulty.
    #[arg(long, value_name = "D", value_parser = difficulty, allow_negative_numbers = true)]
    pub(crate) suggest_difficulty: Option<f64>,
    /// Let pools change the extranonce without a reconnect.
    #[arg(long)]
    pub(crate) extranonce_subscribe: bool,
}

/// Flags of minerd and cpuminer that ask for nothing: what they change is not there, or happens anyway.
#[derive(Debug, Args)]
pub(crate) struct IgnoredArgs {
    #[arg(short = 's', long, value_name = "S", hide = true)]
    scantime: Option<u32>,
    #[arg(short = 'S', long, hide = true)]
    syslog: bool,
    #[arg(long, hide = true)]
    no_getwork: bool,
    #[arg(long, hide = true)]
    no_gbt: bool,
    #[arg(long, hide = true)]
    no_stratum: bool,
    #[arg(long, hide = true)]
    hash_meter: bool,
}
