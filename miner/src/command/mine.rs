//! `miner` and `miner -o URL`: the URL's scheme decides; without one, the embedded chain.

use std::process::ExitCode;

use miner_core::VersionMask;
use miner_node::Chain;
use tokio::runtime::Runtime;

use crate::args::{MineArgs, MiningArgs, NodeArgs, Switch};
use crate::exit;
use crate::mining::devices::{self, Devices};
use crate::mining::pace::Interval;
use crate::mining::{Plan, mine};
use crate::source::node::Wanted;
use crate::source::{embedded, node};
use crate::status::Output;
use crate::status::event::{Event, Started};

/// Midstates of a unit where versions roll: more gain little, fewer cost.
const MIDSTATES: usize = 16;

pub(crate) fn run(args: MineArgs) -> anyhow::Result<ExitCode> {
    let MineArgs { url, node, mining } = args;
    let Some(url) = url else { return on_the_embedded_chain(&node, &mining) };
    match url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
        Some("http") => on_nodes(&Wanted { chain: None, urls: vec![url], datadir: None }, &node, &mining),
        Some("https") => {
            Err(exit::usage("a node speaks plain http: use http://, through a tunnel if it is far away"))
        }
        None | Some("stratum+tcp" | "stratum+ssl" | "stratum+tls" | "stratum+tcps") => {
            Err(exit::usage(format_args!(
                "`{url}` is a Stratum pool, which this version does not speak to yet; a node's address begins with http://"
            )))
        }
        Some(scheme) => {
            Err(exit::usage(format_args!("`{scheme}://` is no scheme to mine by: use http://HOST:PORT")))
        }
    }
}

/// Mines to real nodes.
pub(crate) fn on_nodes(wanted: &Wanted, node: &NodeArgs, mining: &MiningArgs) -> anyhow::Result<ExitCode> {
    if mining.seed.is_some() || mining.difficulty.is_some() {
        return Err(exit::usage(
            "--seed and --difficulty are for the embedded chain: a node's chain has its own",
        ));
    }
    let (devices, mut output) = begin(mining)?;
    Runtime::new()?.block_on(async {
        let (source, chain) = node::open(wanted, node, &mut output).await?;
        let interval = interval(mining, chain, &mut output);
        mine(source, devices, plan(mining, interval), output).await
    })
}

fn on_the_embedded_chain(node: &NodeArgs, mining: &MiningArgs) -> anyhow::Result<ExitCode> {
    let (devices, mut output) = begin(mining)?;
    Runtime::new()?.block_on(async {
        let source = embedded::open(node, mining, &devices, &mut output)?;
        let interval = mining.block_interval.unwrap_or(Interval::NONE);
        mine(source, devices, plan(mining, interval), output).await
    })
}

/// Chooses what hashes and says so.
fn begin(mining: &MiningArgs) -> anyhow::Result<(Devices, Output)> {
    let mut output = Output::new(&mining.output);
    let midstates = if mining.version_rolling == Switch::On { MIDSTATES } else { 1 };
    let devices = devices::choose(&mining.device, midstates)?;
    output.tell(&Event::Started(Started {
        version: env!("CARGO_PKG_VERSION"),
        device: devices.name.clone(),
        threads: devices.threads,
        choice: devices.choice.clone(),
        version_rolling: mining.version_rolling == Switch::On,
    }));
    Ok((devices, output))
}

fn plan(mining: &MiningArgs, interval: Interval) -> Plan {
    let mask = if mining.version_rolling == Switch::On { VersionMask::BIP320 } else { VersionMask::NONE };
    Plan {
        terms: miner_node::template::terms(mask),
        interval,
        max_hashrate: mining.max_hashrate,
        // Solo, each share is a block: whichever goal comes first.
        goal: mining.exit_after_blocks.into_iter().chain(mining.exit_after_shares).min(),
        time_limit: mining.time_limit,
        in_order: mining.seed.is_some(),
    }
}

/// On regtest a miner at full speed would use up the subsidy, which halves every 150 blocks, in a minute.
fn interval(mining: &MiningArgs, chain: Chain, output: &mut Output) -> Interval {
    match mining.block_interval {
        Some(asked) => asked,
        None if chain == Chain::Regtest && mining.exit_after_blocks.is_none() => {
            output.tell(&Event::notice(
                "one block a second, so that regtest's subsidy lasts (--block-interval 0 for full speed)",
            ));
            Interval::SECOND
        }
        None => Interval::NONE,
    }
}
