//! `miner` and `miner -o URL`: the URLs' scheme decides; without one, the embedded chain.

use std::process::ExitCode;

use miner_core::VersionMask;
use miner_node::{Chain, Transactions};
use secrecy::{ExposeSecret as _, SecretString};

use crate::args::{LoginArgs, MineArgs, MiningArgs, NodeArgs, PoolArgs, Switch};
use crate::command::benchmark;
use crate::exit;
use crate::mining::devices::{Devices, Needs};
use crate::mining::goal::Goal;
use crate::mining::nodes::{Nodes, Pacing};
use crate::mining::pace::Interval;
use crate::mining::pools::Pools;
use crate::mining::{Plan, mine};
use crate::runtime;
use crate::source::node::Wanted;
use crate::source::{embedded, node, stratum};
use crate::status::Output;
use crate::status::event::Event;

/// What a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Node,
    Pool,
}

pub(crate) fn run(args: MineArgs) -> anyhow::Result<ExitCode> {
    let MineArgs { url: urls, node, mining, benchmark: wanted, pool, .. } = args;
    if wanted {
        return benchmark::run(&mining);
    }
    match kind(&urls)? {
        None => on_the_embedded_chain(&node, &mining),
        Some(Kind::Pool) => on_pools(&urls, &node.login, &pool, &mining),
        Some(Kind::Node) => {
            let urls = urls.iter().map(|url| url.expose_secret().to_owned()).collect();
            on_nodes(&Wanted { chain: None, urls, datadir: None }, &node, &mining)
        }
    }
}

/// What all the URLs name: a run mines to one kind.
fn kind(urls: &[SecretString]) -> anyhow::Result<Option<Kind>> {
    let kinds = urls.iter().map(kind_of).collect::<anyhow::Result<Vec<_>>>()?;
    let first = kinds.first().copied();
    match kinds.iter().all(|kind| Some(*kind) == first) {
        true => Ok(first),
        false => Err(exit::usage(
            "-o names nodes (http://) and pools (stratum+tcp://) together: a run mines to one kind",
        )),
    }
}

fn kind_of(url: &SecretString) -> anyhow::Result<Kind> {
    let scheme = url.expose_secret().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http") => Ok(Kind::Node),
        Some("https") => {
            Err(exit::usage("a node speaks plain http: use http://, through a tunnel if it is far away"))
        }
        // What is none is told by who reads it.
        _ => Ok(Kind::Pool),
    }
}

/// Mines to pools.
fn on_pools(
    urls: &[SecretString],
    login: &LoginArgs,
    pool: &PoolArgs,
    mining: &MiningArgs,
) -> anyhow::Result<ExitCode> {
    not_on_the_embedded_chain(mining, "a pool")?;
    if mining.seed.is_some() {
        return Err(exit::usage(
            "--seed is for nodes and the embedded chain: no two jobs of a pool are alike",
        ));
    }
    let options = stratum::options(urls, login, pool, mask(mining))?;
    let (devices, output) = begin(mining, None)?;
    runtime::block_on(async { mine(Pools::start(options), devices, plan(mining), output).await })
}

/// Mines to real nodes.
pub(crate) fn on_nodes(wanted: &Wanted, node: &NodeArgs, mining: &MiningArgs) -> anyhow::Result<ExitCode> {
    not_on_the_embedded_chain(mining, "a node")?;
    let (devices, mut output) = begin(mining, wanted.chain)?;
    runtime::block_on(async {
        let transactions = |chain| transactions(node, mining, chain);
        let (source, chain) = node::open(wanted, node, mining.seed, transactions, &mut output).await?;
        let interval = interval(node, mining, chain, &mut output);
        mine(Nodes::start(source, pacing(mining, interval))?, devices, plan(mining), output).await
    })
}

fn on_the_embedded_chain(node: &NodeArgs, mining: &MiningArgs) -> anyhow::Result<ExitCode> {
    if node.on_transaction || node.empty {
        return Err(exit::usage("--on-transaction and --empty are for nodes, which have a mempool"));
    }
    let (mut devices, mut output) = begin(mining, None)?;
    let difficulty = embedded::difficulty(mining, || devices.rate(&mut output));
    runtime::block_on(async {
        let source = embedded::open(node, mining, difficulty, &mut output)?;
        let interval = mining.block_interval.unwrap_or(Interval::NONE);
        let plan = Plan { next_commands: embedded::next_commands(), ..plan(mining) };
        mine(Nodes::start(source, pacing(mining, interval))?, devices, plan, output).await
    })
}

/// Chooses what hashes and says so.
fn begin(mining: &MiningArgs, chain: Option<Chain>) -> anyhow::Result<(Devices, Output)> {
    let mut output = Output::new(&mining.output)?;
    let devices = Devices::choose(&mining.device, Needs::of(mining, chain))?;
    devices.introduce(mining.version_rolling == Switch::On, &mut output);
    Ok((devices, output))
}

fn mask(mining: &MiningArgs) -> VersionMask {
    if mining.version_rolling == Switch::On { VersionMask::BIP320 } else { VersionMask::NONE }
}

fn plan(mining: &MiningArgs) -> Plan {
    Plan {
        max_hashrate: mining.max_hashrate,
        goal: goal(mining),
        time_limit: mining.time_limit,
        in_order: mining.seed.is_some(),
        next_commands: vec![],
    }
}

fn goal(mining: &MiningArgs) -> Goal {
    Goal { shares: mining.exit_after_shares, blocks: mining.exit_after_blocks }
}

fn pacing(mining: &MiningArgs, interval: Interval) -> Pacing {
    Pacing { terms: miner_node::template::terms(mask(mining)), interval, enough: goal(mining).solo() }
}

fn not_on_the_embedded_chain(mining: &MiningArgs, what: &str) -> anyhow::Result<()> {
    match mining.difficulty {
        Some(_) => {
            Err(exit::usage(format_args!("--difficulty is for the embedded chain: {what} has its own")))
        }
        None => Ok(()),
    }
}

/// On regtest a block holds what the node has when it is looked for, and not what it had seconds before. Other
/// nodes are not bothered, nor is a miner at full speed.
fn transactions(node: &NodeArgs, mining: &MiningArgs, chain: Chain) -> anyhow::Result<Transactions> {
    let at_full_speed = match mining.block_interval {
        Some(interval) => interval == Interval::NONE,
        None => mining.exit_after_blocks.is_some(),
    };
    match chain {
        _ if node.empty => Ok(Transactions::None),
        Chain::Regtest if node.on_transaction => {
            Ok(Transactions::Awaited { delay: node.block_delay.unwrap_or_default() })
        }
        _ if node.on_transaction => {
            Err(exit::usage(format_args!("--on-transaction is for regtest: this node is on {chain}")))
        }
        Chain::Regtest if !at_full_speed && !node.no_longpoll => Ok(Transactions::OfMempool),
        _ => Ok(Transactions::OfTemplate),
    }
}

/// On regtest a miner at full speed would use up the subsidy, which halves every 150 blocks, in a minute.
fn interval(node: &NodeArgs, mining: &MiningArgs, chain: Chain, output: &mut Output) -> Interval {
    match mining.block_interval {
        Some(asked) => asked,
        None if node.on_transaction => {
            output.tell(&Event::notice("a block is mined whenever the node has transactions"));
            Interval::NONE
        }
        None if chain == Chain::Regtest && mining.exit_after_blocks.is_none() => {
            output.tell(&Event::notice(
                "one block a second, so that regtest's subsidy lasts (--block-interval 0 for full speed)",
            ));
            Interval::SECOND
        }
        None => Interval::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of_all(urls: &[&str]) -> Result<Option<Kind>, String> {
        let urls: Vec<SecretString> = urls.iter().map(|&url| url.into()).collect();
        kind(&urls).map_err(|error| error.to_string())
    }

    #[test]
    fn the_scheme_decides_and_kinds_are_not_mixed() {
        assert_eq!(kind_of_all(&[]), Ok(None));
        assert_eq!(kind_of_all(&["pool.example:3333", "stratum+ssl://b.example:1"]), Ok(Some(Kind::Pool)));
        assert_eq!(kind_of_all(&["HTTP://127.0.0.1:18443"]), Ok(Some(Kind::Node)));
        assert!(
            kind_of_all(&["http://127.0.0.1:18443", "pool.example:3333"]).unwrap_err().contains("together")
        );
        assert!(kind_of_all(&["https://127.0.0.1"]).unwrap_err().contains("http://"));
    }
}
