//! The loop of a run: it owns the engine, the ledger and the output, and decides what is searched when.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_core::bitcoin::{BlockHash, Target};
use miner_core::{Job, Terms};
use miner_engine::{Engine, Found};
use miner_node::keeper::{BURIED_DEPTH, LOOK_INTERVAL};
use miner_node::{BlockKeeper, Node, NodeError, Verdict};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::devices::Devices;
use super::ledger::{Fate, Ledger};
use super::pace::{Interval, Pace};
use super::signals::Signals;
use crate::exit::{self, Code};
use crate::source::Source;
use crate::status::Output;
use crate::status::event::{Block, Event, Proof, asked_difficulty};

/// How often the hashrate is told.
const HASHRATE_EVERY: Duration = Duration::from_secs(10);
/// How long a stop waits for verdicts on blocks.
const DRAIN: Duration = Duration::from_secs(5);
/// The pause after a block was refused: the next one would fare no better at once.
const AFTER_REJECTION: Duration = Duration::from_secs(1);

/// What a run is to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) terms: Terms,
    pub(crate) interval: Interval,
    pub(crate) max_hashrate: Option<f64>,
    /// Accepted blocks after which the run is done.
    pub(crate) goal: Option<u64>,
    pub(crate) time_limit: Option<Duration>,
    /// Whether the lowest solution is wanted, so that the run can be repeated.
    pub(crate) in_order: bool,
}

/// What reaches the loop.
enum Message {
    Job(Result<Arc<Job>, NodeError>),
    Found(Found),
    Judged(Box<Judged>),
    Keeper(Event),
}

/// A block and what became of it.
struct Judged {
    block: Block,
    hash_difficulty: f64,
    prev_blockhash: BlockHash,
    asked: Target,
    verdict: Result<Verdict, NodeError>,
}

/// How a run ends.
enum End {
    Goal,
    TimeLimit,
    Signal,
    Failed(anyhow::Error),
}

/// Mines until something ends it. The exit code says what.
pub(crate) async fn mine(
    source: Source,
    devices: Devices,
    plan: Plan,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (sender, messages) = unbounded_channel();
    let keeper_events = sender.clone();
    let keeper = BlockKeeper::new(source.nodes.clone(), source.journal, move |event| {
        if let Some(event) = crate::source::told(&event) {
            // The loop may be gone already: then nobody is left to tell.
            let _ = keeper_events.send(Message::Keeper(event));
        }
    })?;
    let found = sender.clone();
    let engine = Engine::start(devices.backends, move |event| drop(found.send(Message::Found(event))));
    engine.limit_hashrate(plan.max_hashrate);
    if plan.in_order {
        engine.search_in_order();
    }
    let node = source.nodes.first().ok_or_else(|| exit::usage("no node to mine to"))?.clone();
    let mut run = Run {
        engine,
        keeper: keeper.clone(),
        node: node.clone(),
        output,
        ledger: Ledger::default(),
        pace: Pace::new(plan.interval),
        plan,
        sender: sender.clone(),
        job: None,
        waits: false,
        solved_on: None,
        last_found: None,
        next_commands: source.next_commands,
    };
    let tasks = [
        tokio::spawn(async move { keeper.watch(BURIED_DEPTH, LOOK_INTERVAL).await }),
        tokio::spawn(fetch_jobs(node, sender)),
    ];
    let mut signals = Signals::new()?;
    let end = run.until_the_end(messages, &mut signals).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    run.finish(end)
}

/// Sends each job, and each kind of trouble once in a row.
async fn fetch_jobs(node: Arc<Node>, jobs: UnboundedSender<Message>) {
    let mut told = String::new();
    loop {
        let job = node.next_job().await;
        let trouble = job.as_ref().err().map(ToString::to_string).unwrap_or_default();
        if let Err(error) = &job
            && error.is_fatal()
        {
            // The node does not pause on what somebody must mend first.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let news = job.is_ok() || trouble != told;
        told = trouble;
        if news && jobs.send(Message::Job(job)).is_err() {
            return;
        }
    }
}

/// Whether a first template will not come without somebody's help.
fn is_hopeless(error: &NodeError) -> bool {
    error.is_fatal() || matches!(error, NodeError::BadTemplate(_))
}

struct Run {
    engine: Engine,
    keeper: BlockKeeper,
    node: Arc<Node>,
    output: Output,
    ledger: Ledger,
    pace: Pace,
    plan: Plan,
    sender: UnboundedSender<Message>,
    /// The newest job.
    job: Option<Arc<Job>>,
    /// Whether the engine does not have it yet.
    waits: bool,
    /// The block that our last find builds on: another one there would only compete with it.
    solved_on: Option<BlockHash>,
    /// Our last find.
    last_found: Option<BlockHash>,
    next_commands: Vec<String>,
}

impl Run {
    async fn until_the_end(
        &mut self,
        mut messages: UnboundedReceiver<Message>,
        signals: &mut Signals,
    ) -> End {
        let end = self.work(&mut messages, signals).await;
        self.engine.clear();
        let drained = async {
            while self.ledger.counts().in_flight > 0 {
                match messages.recv().await {
                    Some(Message::Judged(judged)) => self.judged(*judged),
                    Some(Message::Found(found)) => self.found(found),
                    Some(Message::Keeper(event)) => self.output.tell(&event),
                    Some(Message::Job(_)) => {}
                    None => return,
                }
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(DRAIN, drained) => {}
            () = async { loop { signals.asked_to_stop().await } } => {}
        }
        end
    }

    async fn work(&mut self, messages: &mut UnboundedReceiver<Message>, signals: &mut Signals) -> End {
        let mut tick = tokio::time::interval_at((Instant::now() + HASHRATE_EVERY).into(), HASHRATE_EVERY);
        let limit = self.plan.time_limit.unwrap_or(Duration::MAX);
        let mut time_is_up =
            std::pin::pin!(tokio::time::sleep(limit.min(Duration::from_secs(u32::MAX.into()))));
        loop {
            if self.goal_is_met() {
                return End::Goal;
            }
            if self.output.is_closed() {
                return End::Signal;
            }
            let due = self.pace.not_before();
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => if let Err(error) = self.take(message) { return End::Failed(error) },
                    None => return End::Signal,
                },
                () = tokio::time::sleep_until(due.into()), if self.waits => self.start_job(),
                _ = tick.tick() => if let Err(error) = self.tell_hashrate() { return End::Failed(error) },
                () = &mut time_is_up => return End::TimeLimit,
                () = signals.asked_to_stop() => return End::Signal,
            }
        }
    }

    fn take(&mut self, message: Message) -> anyhow::Result<()> {
        match message {
            Message::Job(Ok(job)) => self.new_job(job),
            // At the start somebody must mend it; later the node may come back as it was.
            Message::Job(Err(error)) if self.job.is_none() && is_hopeless(&error) => return Err(error.into()),
            Message::Job(Err(error)) => self.output.tell(&Event::error(error.to_string())),
            Message::Found(found) => self.found(found),
            Message::Judged(judged) => self.judged(*judged),
            Message::Keeper(event) => self.output.tell(&event),
        }
        Ok(())
    }

    fn new_job(&mut self, job: Arc<Job>) {
        let is_news = self.job.as_ref().is_none_or(|last| last.prev_blockhash() != job.prev_blockhash());
        if let (true, Ok(template)) = (is_news, self.node.template(&job)) {
            self.output.tell(&Event::Job {
                job: job.id().to_owned(),
                height: template.height(),
                transactions: template.transactions(),
                difficulty: miner_core::target::difficulty(job.network_target()),
                reward: template.reward().to_btc(),
                on_own_block: self.last_found == Some(job.prev_blockhash()),
            });
        }
        // Whatever the chain comes back to later is to be built on again.
        self.solved_on = self.solved_on.filter(|solved| *solved == job.prev_blockhash());
        self.job = Some(job);
        self.waits = true;
        if self.pace.not_before() <= Instant::now() {
            self.start_job();
        }
    }

    /// Gives the newest job to the engine, unless a block is on its way that makes it worthless.
    fn start_job(&mut self) {
        self.waits = false;
        let enough_found = self.plan.goal.is_some_and(|goal| {
            let counts = self.ledger.counts();
            counts.accepted + counts.in_flight >= goal
        });
        if let Some(job) = self.job.as_ref().filter(|job| self.solved_on != Some(job.prev_blockhash()))
            && !enough_found
        {
            self.engine.set_job(job.clone(), self.plan.terms);
        }
    }

    /// Registers a block and sends it on its way.
    fn found(&mut self, found: Found) {
        let Found { share, device } = found;
        self.ledger.found(&share);
        self.pace.block_found();
        self.solved_on = Some(share.job().prev_blockhash());
        self.last_found = Some(share.hash());
        let template = self.node.template(share.job()).ok();
        let (keeper, sender) = (self.keeper.clone(), self.sender.clone());
        tokio::spawn(async move {
            let verdict = keeper.submit(&share).await;
            let block = Block {
                height: template.as_ref().map_or(0, |template| template.height()),
                hash: share.hash().to_string(),
                result: "accepted",
                reason: None,
                transactions: template.as_ref().map_or(0, |template| template.transactions()),
                reward: template.as_ref().map_or(0.0, |template| template.reward().to_btc()),
                difficulty: asked_difficulty(&share),
                proof: Proof::new(&share, &device),
            };
            let judged = Judged {
                block,
                hash_difficulty: share.difficulty(),
                prev_blockhash: share.job().prev_blockhash(),
                asked: share.target(),
                verdict,
            };
            // The loop may be gone: the keeper has the block all the same.
            let _ = sender.send(Message::Judged(Box::new(judged)));
        });
    }

    fn judged(&mut self, judged: Judged) {
        let Judged { mut block, hash_difficulty, prev_blockhash, asked, verdict } = judged;
        let (fate, result) = match &verdict {
            Ok(Verdict::Accepted) => (Fate::Accepted, "accepted"),
            // The very same block was found before, and counted: a node that forgot its tip asks for it again.
            Ok(Verdict::Duplicate) => (Fate::Rejected("duplicate".to_owned()), "duplicate"),
            Ok(Verdict::Inconclusive) => (Fate::Accepted, "inconclusive"),
            Ok(Verdict::Rejected { reason }) => (Fate::Rejected(reason.clone()), "rejected"),
            Err(error) => (Fate::Lost(error.to_string()), "undelivered"),
        };
        self.ledger.end(asked, &fate);
        block.result = result;
        block.reason = match &verdict {
            Ok(Verdict::Accepted) => None,
            Ok(verdict) => Some(verdict.explain()),
            Err(error) => Some(error.to_string()),
        };
        if fate != Fate::Accepted {
            self.mine_on_after_rejection(prev_blockhash);
        }
        self.output.tell(&Event::Share {
            status: fate.word(),
            reason: block.reason.clone(),
            difficulty: hash_difficulty,
            hash: block.hash.clone(),
            proof: block.proof.clone(),
        });
        self.output.tell(&Event::Block(block));
    }

    /// The tip is still to be built on, but not in a tight loop of blocks that are refused.
    fn mine_on_after_rejection(&mut self, prev_blockhash: BlockHash) {
        if self.solved_on == Some(prev_blockhash) {
            self.solved_on = None;
            self.pace.wait_at_least(AFTER_REJECTION);
            self.waits = self.job.is_some();
        }
    }

    fn tell_hashrate(&mut self) -> anyhow::Result<()> {
        let snapshot = self.engine.snapshot();
        self.output.tell(&Event::hashrate(snapshot.rates(), snapshot.hashes()));
        if snapshot.all_failed() {
            let reasons = snapshot.devices.iter().filter_map(|device| device.failure.clone());
            return Err(exit::failure(Code::NoDevice, reasons.collect::<Vec<_>>().join("; ")));
        }
        Ok(())
    }

    fn goal_is_met(&self) -> bool {
        self.plan.goal.is_some_and(|goal| self.ledger.counts().accepted >= goal)
    }

    /// Tells the summary; the exit code.
    fn finish(mut self, end: End) -> anyhow::Result<ExitCode> {
        let hashes = self.engine.snapshot().hashes();
        for device in self.engine.stop() {
            eprintln!("warning: {device} did not stop in time and was left behind");
        }
        let summary = self.ledger.summary(hashes, self.output.seconds(), self.next_commands);
        self.output.tell(&Event::Summary(summary));
        match end {
            End::Goal | End::Signal => Ok(ExitCode::SUCCESS),
            End::TimeLimit if self.plan.goal.is_none() => Ok(ExitCode::SUCCESS),
            End::TimeLimit => Ok(Code::Failed.into()),
            End::Failed(error) => Err(exit::failure(exit::code(&error), format_args!("{error:#}"))),
        }
    }
}
