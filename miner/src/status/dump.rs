//! The protocol dump on stderr: what the libraries tell of each line sent and received.

use std::io;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{layer, time};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

/// Who tells it. Other libraries use `tracing`, too.
const TELLERS: [&str; 2] = ["miner_stratum::dump", "miner_node::dump"];

/// Shows it from now on, with seconds since now.
pub(super) fn start() {
    let tellers: Targets = TELLERS.into_iter().map(|target| (target, LevelFilter::TRACE)).collect();
    let lines =
        layer().with_writer(io::stderr).with_timer(time::uptime()).with_level(false).with_target(false);
    // Only a second start fails: then it is shown already.
    let _ = registry().with(lines.with_filter(tellers)).try_init();
}
