//! `miner pool`: a Stratum V1 pool over the embedded chain. What happens in it is counted where it happens (`tally`)
//! and told here.

mod tally;

use std::collections::VecDeque;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use miner_node::embedded::EmbeddedNode;
use miner_node::keeper::{BURIED_DEPTH, LOOK_INTERVAL};
use miner_node::{BlockKeeper, Chain, CoinbaseOptions, EmbeddedParams, Node, Payout};
use miner_pool::{Difficulty, NodePool, ServerLimits, run as serve};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::tally::Tally;
use crate::args::ListenArgs;
use crate::exit::{self, Code};
use crate::http::Figures;
use crate::mining::signals::Signals;
use crate::mining::{DRAIN, HASHRATE_EVERY, PAGE_EVERY};
use crate::runtime;
use crate::source::{embedded, told};
use crate::status::Output;
use crate::status::event::Event;
use crate::status::pool::{Listening, PoolRate};

/// Of how many times between two tellings the hashrate is the mean.
const RATE_OVER: usize = 6;
/// Events that wait to be told. Whoever reads them more slowly than they come misses some; all are counted.
const WAITING: usize = 10_000;
/// How far from the usual difficulty a miner may wish.
const WISHES: f64 = 1e6;

pub(crate) fn run(args: &ListenArgs) -> anyhow::Result<ExitCode> {
    let output = Output::new(&args.output)?;
    runtime::block_on(async { Desk::open(args, output).await?.work().await })
}

/// Where everything of a pool comes together.
struct Desk {
    listener: TcpListener,
    pool: Arc<NodePool>,
    tally: Arc<Mutex<Tally>>,
    events: mpsc::Receiver<Event>,
    output: Output,
    /// Work accepted so far at each of the last ticks.
    ticks: VecDeque<(Instant, u128)>,
    /// Ended with the value that holds them.
    tasks: JoinSet<()>,
}

impl Desk {
    async fn open(args: &ListenArgs, mut output: Output) -> anyhow::Result<Self> {
        let params = EmbeddedParams::at_difficulty(args.block_difficulty, None).map_err(exit::usage)?;
        let (node, payout) = chain(args, params)?;
        let listener = TcpListener::bind(args.listen).await.map_err(|error| {
            exit::failure(Code::Failed, format_args!("cannot listen on {}: {error}", args.listen))
        })?;
        let address = listener.local_addr()?;
        output.tell(&Event::Listening(Listening {
            url: format!("stratum+tcp://{address}"),
            chain: node.chain().to_string(),
            height: params.premined,
            difficulty: args.difficulty,
            block_difficulty: args.block_difficulty,
            payout,
        }));
        if !address.ip().is_loopback() {
            output.tell(&Event::notice(format!(
                "{address} is open to the network: whoever reaches it may mine here, and nothing is encrypted"
            )));
        }
        Self::start(node, listener, args.difficulty, output)
    }

    fn start(node: Arc<Node>, listener: TcpListener, usual: f64, output: Output) -> anyhow::Result<Self> {
        let (sender, events) = mpsc::channel(WAITING);
        let of_keeper = sender.clone();
        let keeper = BlockKeeper::new(vec![node.clone()], None, move |event| {
            told(&event).into_iter().for_each(|event| drop(of_keeper.try_send(event)));
        })?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (counted, of_pool) = (tally.clone(), node.clone());
        let difficulty = Difficulty { usual, min: usual / WISHES, max: usual * WISHES };
        let pool = NodePool::new(node, keeper.clone(), difficulty, move |event| {
            let told = lock(&counted).take(event, &of_pool);
            told.into_iter().for_each(|event| drop(sender.try_send(event)));
        });
        let mut tasks = JoinSet::new();
        let jobs = pool.clone();
        tasks.spawn(async move { jobs.keep_jobs_flowing().await });
        tasks.spawn(async move { keeper.watch(BURIED_DEPTH, LOOK_INTERVAL).await });
        Ok(Self {
            listener,
            pool,
            tally,
            events,
            output,
            ticks: VecDeque::from([(Instant::now(), 0)]),
            tasks,
        })
    }

    /// Serves until a signal, or until nobody reads any more what is told.
    async fn work(self) -> anyhow::Result<ExitCode> {
        let Self { listener, pool, tally, mut events, mut output, mut ticks, mut tasks } = self;
        let (stop, stopped) = oneshot::channel::<()>();
        let mut stop = Some(stop);
        let mut server = pin!(async {
            serve(listener, pool.clone(), ServerLimits::default(), async { drop(stopped.await) }).await;
            pool.drain(DRAIN).await;
        });
        let mut signals = Signals::new()?;
        let mut tick = tokio::time::interval_at(Instant::now() + HASHRATE_EVERY, HASHRATE_EVERY);
        let mut page = tokio::time::interval(PAGE_EVERY);
        loop {
            tokio::select! {
                Some(event) = events.recv() => output.tell(&event),
                _ = tick.tick() => {
                    let tally = lock(&tally);
                    output.tell(&Event::PoolRate(rate(&tally, &ticks)));
                    remember(&mut ticks, tally.accepted.work);
                }
                _ = page.tick(), if output.has_page() => {
                    let tally = lock(&tally);
                    let summary = tally.summary(output.seconds());
                    output.show(Figures::Pool { hashrate: rate(&tally, &ticks), summary });
                }
                () = signals.asked_to_stop() => drop(stop.take()),
                () = &mut server => break,
            }
            if output.is_closed() {
                drop(stop.take());
            }
        }
        tasks.shutdown().await;
        while let Ok(event) = events.try_recv() {
            output.tell(&event);
        }
        output.tell(&Event::PoolSummary(lock(&tally).summary(output.seconds())));
        Ok(ExitCode::SUCCESS)
    }
}

/// The chain, and who is paid in words.
fn chain(args: &ListenArgs, params: EmbeddedParams) -> anyhow::Result<(Arc<Node>, String)> {
    let asked = args.coinbase_addr.as_deref().map(|address| Payout::to_address(address, Chain::Regtest));
    let (payout, named) = embedded::payout(asked.transpose().map_err(exit::usage)?)?;
    let node = EmbeddedNode::new(params, CoinbaseOptions { payout, signature: vec![] })?;
    Ok((Arc::new(node.into()), format!("blocks pay {named}")))
}

fn remember(ticks: &mut VecDeque<(Instant, u128)>, work: u128) {
    ticks.push_back((Instant::now(), work));
    if ticks.len() > RATE_OVER {
        ticks.pop_front();
    }
}

fn rate(tally: &Tally, ticks: &VecDeque<(Instant, u128)>) -> PoolRate {
    let work = tally.accepted.work;
    let hs_60s = ticks.front().map_or(0.0, |(since, before)| {
        // At the very start there is no rate worth the name.
        work.saturating_sub(*before) as f64 / since.elapsed().as_secs_f64().max(1.0)
    });
    PoolRate {
        hs_60s,
        hashes: work,
        miners: tally.miners,
        accepted: tally.accepted.shares,
        rejected: tally.rejected.values().sum(),
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    // No code panics half-way through a change, so what a poisoned lock guards is whole.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
