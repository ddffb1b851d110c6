//! The loop of a run: it owns the engine, the ledger and the output, and says when it is over.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_core::{Job, Terms, target};
use miner_engine::{Engine, Found};
use miner_node::keeper::{BURIED_DEPTH, LOOK_INTERVAL};
use miner_node::{BlockKeeper, Node, NodeError};
use miner_stratum::ledger::{Fate, Ledger, Stage};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::blocks::{self, Judged};
use super::devices::Devices;
use super::pace::Interval;
use super::schedule::Schedule;
use super::signals::Signals;
use crate::exit::{self, Code};
use crate::source::{Source, told};
use crate::status::Output;
use crate::status::event::Event;
use crate::status::summary::Summary;

/// How often the hashrate is told.
const HASHRATE_EVERY: Duration = Duration::from_secs(10);
/// How long a stop waits for verdicts on blocks.
const DRAIN: Duration = Duration::from_secs(5);

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
        if let Some(event) = told(&event) {
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
        schedule: Schedule::new(plan.interval),
        plan,
        sender: sender.clone(),
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
    schedule: Schedule,
    plan: Plan,
    sender: UnboundedSender<Message>,
    next_commands: Vec<String>,
}

impl Run {
    /// Works, then stops the engine and waits a while for the verdicts on all that was found.
    async fn until_the_end(
        &mut self,
        mut messages: UnboundedReceiver<Message>,
        signals: &mut Signals,
    ) -> End {
        let end = self.work(&mut messages, signals).await;
        for device in self.engine.stop() {
            self.output.tell(&Event::error(format!("{device} did not stop in time and was left behind")));
        }
        tokio::select! {
            _ = tokio::time::timeout(DRAIN, self.drain(&mut messages)) => {}
            () = async { loop { signals.asked_to_stop().await } } => {}
        }
        end
    }

    /// Takes what is left: everything that was found is in the queue already, its verdict may not be.
    async fn drain(&mut self, messages: &mut UnboundedReceiver<Message>) {
        while self.ledger.columns().in_flight.shares > 0 || !messages.is_empty() {
            match messages.recv().await {
                Some(Message::Judged(judged)) => self.judged(&judged),
                Some(Message::Found(found)) => self.found(found),
                Some(Message::Keeper(event)) => self.output.tell(&event),
                Some(Message::Job(_)) => {}
                None => return,
            }
        }
    }

    async fn work(&mut self, messages: &mut UnboundedReceiver<Message>, signals: &mut Signals) -> End {
        let mut tick = tokio::time::interval_at((Instant::now() + HASHRATE_EVERY).into(), HASHRATE_EVERY);
        let limit = self.plan.time_limit;
        let mut time_is_up = std::pin::pin!(tokio::time::sleep(limit.unwrap_or_default()));
        while !self.goal_is_met() && !self.output.is_closed() {
            let due = self.schedule.due();
            let failure = tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => return End::Signal,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    self.start_job();
                    Ok(())
                }
                _ = tick.tick() => self.tell_hashrate(),
                () = &mut time_is_up, if limit.is_some() => return End::TimeLimit,
                () = signals.asked_to_stop() => return End::Signal,
            };
            if let Err(error) = failure {
                return End::Failed(error);
            }
        }
        if self.goal_is_met() { End::Goal } else { End::Signal }
    }

    fn take(&mut self, message: Message) -> anyhow::Result<()> {
        match message {
            Message::Job(Ok(job)) => self.new_job(&job),
            // At the start somebody must mend it; later the node may come back as it was.
            Message::Job(Err(error)) if !self.schedule.has_job() && is_hopeless(&error) => {
                return Err(error.into());
            }
            Message::Job(Err(error)) => self.output.tell(&Event::error(error.to_string())),
            Message::Found(found) => self.found(found),
            Message::Judged(judged) => self.judged(&judged),
            Message::Keeper(event) => self.output.tell(&event),
        }
        Ok(())
    }

    fn new_job(&mut self, job: &Arc<Job>) {
        let is_news = self.schedule.new_job(job.clone());
        if let (true, Ok(template)) = (is_news, self.node.template(job)) {
            self.output.tell(&Event::Job {
                job: job.id().to_owned(),
                height: template.height(),
                transactions: template.transactions(),
                difficulty: target::difficulty(job.network_target()),
                reward: template.reward().to_btc(),
                on_own_block: self.schedule.is_own(job.prev_blockhash()),
            });
        }
        if self.schedule.due().is_some_and(|due| due <= Instant::now()) {
            self.start_job();
        }
    }

    /// Gives the newest job to the engine, unless the goal is as good as met.
    fn start_job(&mut self) {
        let columns = self.ledger.columns();
        let coming = columns.accepted.shares + columns.in_flight.shares;
        let enough_found = self.plan.goal.is_some_and(|goal| coming >= goal);
        if let Some(job) = self.schedule.start()
            && !enough_found
        {
            self.engine.set_job(job, self.plan.terms);
        }
    }

    /// Registers a block and sends it on its way.
    fn found(&mut self, found: Found) {
        self.ledger.found(&found.share);
        // The keeper takes it at once, whatever the node does.
        self.ledger.moved(&found.share, Stage::Queued, Stage::InFlight);
        self.schedule.block_found(&found.share);
        let (keeper, node, sender) = (self.keeper.clone(), self.node.clone(), self.sender.clone());
        tokio::spawn(async move {
            let judged = blocks::deliver(found, keeper, node).await;
            // The loop may be gone: the keeper has the block all the same.
            let _ = sender.send(Message::Judged(Box::new(judged)));
        });
    }

    fn judged(&mut self, judged: &Judged) {
        self.ledger.end(&judged.share, Stage::InFlight, &judged.fate);
        if judged.fate != Fate::Accepted {
            self.schedule.block_refused(judged.share.job().prev_blockhash());
        }
        judged.events.iter().for_each(|event| self.output.tell(event));
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
        self.plan.goal.is_some_and(|goal| self.ledger.columns().accepted.shares >= goal)
    }

    /// Tells the summary; the exit code.
    fn finish(mut self, end: End) -> anyhow::Result<ExitCode> {
        let summary =
            Summary::new(self.ledger, &self.engine.snapshot(), self.output.seconds(), self.next_commands);
        self.output.tell(&Event::Summary(summary));
        match end {
            End::Goal | End::Signal => Ok(ExitCode::SUCCESS),
            End::TimeLimit if self.plan.goal.is_none() => Ok(ExitCode::SUCCESS),
            End::TimeLimit => Ok(Code::Failed.into()),
            End::Failed(error) => Err(exit::failure(exit::code(&error), format_args!("{error:#}"))),
        }
    }
}
