//! Real nodes: found, logged in to, asked for their chain, and paid to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use miner_node::{
    Auth, Chain, CoinbaseOptions, Discovered, Journal, JournalError, Node, NodeError, Payout, RpcClient,
    RpcNode, Search, Secret, Transactions, discover,
};
use secrecy::ExposeSecret as _;

use super::login::{Login, login};
use super::{NodeSource, asked_payout};
use crate::args::NodeArgs;
use crate::exit::{self, Code};
use crate::status::Output;
use crate::status::event::Event;

/// The pause between two looks at a node that is not ready yet.
const NOT_READY: Duration = Duration::from_secs(1);

/// Which nodes to use.
pub(crate) struct Wanted {
    /// The chain they must be on; any, where none was asked for.
    pub(crate) chain: Option<Chain>,
    /// Their addresses; one that is found by itself where there is none.
    pub(crate) urls: Vec<String>,
    pub(crate) datadir: Option<PathBuf>,
}

/// Connects to every node, settles who is paid, and opens the journal.
pub(crate) async fn open(
    wanted: &Wanted,
    args: &NodeArgs,
    seed: Option<u64>,
    transactions: impl FnOnce(Chain) -> anyhow::Result<Transactions>,
    output: &mut Output,
) -> anyhow::Result<(NodeSource, Chain)> {
    let mut nodes = Vec::new();
    for discovered in found(wanted, args)? {
        let rpc = || RpcClient::new(&discovered.url, discovered.auth.clone());
        let connect = async || RpcNode::connect(rpc()?, wanted.chain).await;
        nodes.push((when_ready(output, connect).await?, discovered.how.clone()));
    }
    let Some((first, how)) = nodes.first() else { return Err(exit::usage("no node to mine to")) };
    let chain = first.chain();
    let transactions = transactions(chain)?;
    let payout = payout(args, chain, first, output).await?;
    let height = when_ready(output, async || first.rpc().chain_info().await).await?.blocks;
    output.tell(&Event::Connected {
        url: how.clone(),
        chain: chain.to_string(),
        height,
        payout: format!("blocks pay {payout}"),
    });
    let journal = journal(args, first, output)?;
    let coinbase = CoinbaseOptions { payout, signature: args.coinbase_sig.clone().into_bytes() };
    let with_options = |(node, _): (RpcNode, String)| {
        let node = node.with_coinbase(coinbase.clone()).with_transactions(transactions);
        let node = if let Some(seed) = seed { node.with_seed(seed) } else { node };
        Arc::new(Node::from(if args.no_longpoll { node.without_longpoll() } else { node }))
    };
    let nodes = nodes.into_iter().map(with_options).collect();
    Ok((NodeSource { nodes, journal }, chain))
}

/// The address and login of each node.
fn found(wanted: &Wanted, args: &NodeArgs) -> anyhow::Result<Vec<Discovered>> {
    let count = wanted.urls.len().max(1);
    let search = |(index, node): (usize, Option<&String>)| -> anyhow::Result<Discovered> {
        let auth = auth(args, index, count)?;
        let (node, datadir) = (node.cloned(), wanted.datadir.clone());
        Ok(discover(&Search { chain: wanted.chain, node, datadir, auth })?)
    };
    let urls = wanted.urls.iter().map(Some).chain(wanted.urls.is_empty().then_some(None));
    urls.enumerate().map(search).collect()
}

/// The login that was typed for a node, if any.
fn auth(args: &NodeArgs, index: usize, count: usize) -> anyhow::Result<Option<Auth>> {
    let login = login(&args.login, index, count)?.map(|Login { user, password }| Auth::UserPass {
        user,
        password: Secret::new(password.as_ref().map_or("", |password| password.expose_secret())),
    });
    Ok(login.or_else(|| args.cookie.clone().map(Auth::Cookie)))
}

/// Calls a node until it is ready: one that is still loading, or has too many calls at once, is waited for.
async fn when_ready<T>(
    output: &mut Output,
    call: impl AsyncFn() -> Result<T, NodeError>,
) -> Result<T, NodeError> {
    let mut told = None;
    loop {
        match call().await {
            Err(error @ (NodeError::Loading(_) | NodeError::Busy { .. })) => {
                let message = format!("{error}; waiting for it");
                if told.as_ref() != Some(&message) {
                    output.tell(&Event::error(message.clone()));
                    told = Some(message);
                }
                tokio::time::sleep(NOT_READY).await;
            }
            result => return result,
        }
    }
}

/// Who is paid: as asked, else the node's wallet, else (where coins are worth nothing) anyone.
async fn payout(
    args: &NodeArgs,
    chain: Chain,
    node: &RpcNode,
    output: &mut Output,
) -> anyhow::Result<Payout> {
    if let Some(payout) = asked_payout(args, chain)? {
        return Ok(payout);
    }
    match when_ready(output, async || node.rpc().new_address().await).await {
        Ok(address) => Payout::to_address(&address.assume_checked().to_string(), chain).map_err(exit::usage),
        Err(_) if chain == Chain::Regtest => Ok(Payout::to_anyone()),
        Err(error) => Err(exit::usage(format_args!(
            "who is to be paid? Give --coinbase-addr ADDR (the node's wallet gives none: {error})"
        ))),
    }
}

/// The block journal. Without one mining goes on, and says so: a full disk must not stop it.
fn journal(args: &NodeArgs, node: &RpcNode, output: &mut Output) -> anyhow::Result<Option<Journal>> {
    let folder = match &args.journal {
        Some(folder) => folder.clone(),
        None => state_folder()?.join(journal_name(node)),
    };
    match Journal::open(folder, node.chain()) {
        Ok(journal) => Ok(Some(journal)),
        Err(error @ JournalError::InUse { .. }) => Err(exit::failure(Code::Failed, error)),
        Err(error) => {
            output.tell(&Event::error(format!("found blocks are kept in memory alone: {error}")));
            Ok(None)
        }
    }
}

/// A public chain is one and the same on every node. On regtest each node has a chain of its own.
fn journal_name(node: &RpcNode) -> String {
    match node.chain() {
        Chain::Regtest => {
            format!("regtest-{}", node.rpc().url().replace(|c: char| !c.is_alphanumeric(), "-"))
        }
        chain => chain.to_string(),
    }
}

/// Where programs keep their state, by the XDG base directory specification.
fn state_folder() -> anyhow::Result<PathBuf> {
    let of = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = of("XDG_STATE_HOME").or_else(|| Some(of("HOME")?.join(".local/state")));
    let state =
        state.ok_or_else(|| exit::usage("there is no HOME to keep found blocks in: give --journal DIR"))?;
    Ok(state.join("miner/blocks"))
}
