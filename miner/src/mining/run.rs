//! The loop of a run: it owns the engine and the output, and says when it is over. What it mines to is the
//! [`Upstream`]'s affair.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use miner_engine::Engine;
use miner_stratum::ledger::Fate;

use super::devices::gpu::{Arrival, Arrivals};
use super::devices::{Devices, arrived};
use super::goal::{Accepted, Goal};
use super::signals::Signals;
use super::upstream::{Judged, News, Upstream};
use super::watch::Watch;
use crate::exit::{self, Code};
use crate::http::Figures;
use crate::status::Output;
use crate::status::event::{Event, ShareEvent, Standing};
use crate::status::summary::Summary;

/// How often the hashrate is told.
pub(crate) const HASHRATE_EVERY: Duration = Duration::from_secs(10);
/// How often the status page hears how a run stands, and how soon it is told that a device has failed.
pub(crate) const PAGE_EVERY: Duration = Duration::from_secs(1);
/// How long a stop waits for verdicts.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);
/// How long it takes at most to tell what is known already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a run is to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) max_hashrate: Option<f64>,
    pub(crate) goal: Goal,
    pub(crate) time_limit: Option<Duration>,
    /// Whether the lowest solution is wanted, so that the run can be repeated.
    pub(crate) in_order: bool,
    /// Commands to try next.
    pub(crate) next_commands: Vec<String>,
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
    upstream: impl Upstream,
    devices: Devices,
    plan: Plan,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let (backends, arrivals) = devices.into_backends();
    let engine = Engine::start(backends, upstream.taker());
    engine.limit_hashrate(plan.max_hashrate);
    if plan.in_order {
        engine.search_in_order();
    }
    let (accepted, watch) = (Accepted::default(), Watch::default());
    let mut run = Run { engine, arrivals, watch, upstream, output, plan, accepted, judged: 0 };
    let mut signals = Signals::new()?;
    let end = run.until_the_end(&mut signals).await;
    run.finish(end)
}

struct Run<U> {
    engine: Engine,
    arrivals: Arrivals,
    watch: Watch,
    upstream: U,
    output: Output,
    plan: Plan,
    accepted: Accepted,
    /// Shares that have their verdict.
    judged: u64,
}

impl<U: Upstream> Run<U> {
    /// Works, then stops the engine and waits a while for the verdicts on all that was found.
    async fn until_the_end(&mut self, signals: &mut Signals) -> End {
        let end = self.work(signals).await;
        for device in self.engine.stop() {
            self.output.tell(&Event::error(format!("{device} did not stop in time and was left behind")));
        }
        tokio::select! {
            _ = tokio::time::timeout(DRAIN, self.drain()) => {}
            () = async { loop { signals.asked_to_stop().await } } => {}
        }
        self.upstream.give_up().await;
        let _ = tokio::time::timeout(LAST_WORDS, self.drain()).await;
        end
    }

    async fn work(&mut self, signals: &mut Signals) -> End {
        let mut tick = tokio::time::interval_at((Instant::now() + HASHRATE_EVERY).into(), HASHRATE_EVERY);
        let mut look = tokio::time::interval(PAGE_EVERY);
        let limit = self.plan.time_limit;
        let mut time_is_up = std::pin::pin!(tokio::time::sleep(limit.unwrap_or_default()));
        while !self.goal_is_met() && !self.output.is_closed() {
            let failure = tokio::select! {
                news = self.upstream.next() => self.take(news),
                arrival = self.arrivals.next() => self.arrived(arrival),
                _ = tick.tick() => self.tell_hashrate(),
                _ = look.tick() => self.look(),
                () = &mut time_is_up, if limit.is_some() => return End::TimeLimit,
                () = signals.asked_to_stop() => return End::Signal,
            };
            if let Err(error) = failure {
                return End::Failed(error);
            }
        }
        if self.goal_is_met() { End::Goal } else { End::Signal }
    }

    fn take(&mut self, news: News) -> anyhow::Result<()> {
        match news {
            News::Job { job, terms, event } => {
                self.engine.set_job(job, terms);
                event.iter().for_each(|event| self.output.tell(event));
            }
            News::Idle => self.engine.clear(),
            News::Judged(judged) => self.judged(&judged),
            News::Tell(event) => self.output.tell(&event),
            News::End(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes what is left: everything that was found is on its way already, its verdict may not be.
    async fn drain(&mut self) {
        while !self.upstream.is_settled() {
            match self.upstream.next().await {
                News::Judged(judged) => self.judged(&judged),
                News::Tell(event) => self.output.tell(&event),
                News::Job { .. } | News::Idle => {}
                News::End(_) => return,
            }
        }
    }

    fn judged(&mut self, judged: &Judged) {
        self.judged += 1;
        if judged.fate == Fate::Accepted {
            self.accepted.count(&judged.share);
        }
        let standing = Standing {
            accepted: self.accepted.shares,
            judged: self.judged,
            hs_10s: self.engine.snapshot().rates().hs_10s,
        };
        self.output.tell(&Event::Share(ShareEvent::new(judged, standing)));
        if let Some(block) = &judged.block {
            self.output.tell(&Event::Block(block.clone()));
        }
    }

    fn arrived(&mut self, arrival: Arrival) -> anyhow::Result<()> {
        if let Some(gpu) = arrived(arrival, &mut self.output) {
            self.engine.add(Box::new(gpu.backend));
        }
        Ok(())
    }

    fn tell_hashrate(&mut self) -> anyhow::Result<()> {
        let snapshot = self.engine.snapshot();
        self.output.tell(&Event::hashrate(snapshot.rates(), snapshot.hashes()));
        Ok(())
    }

    /// Tells what goes wrong with devices, and the page how the run stands.
    fn look(&mut self) -> anyhow::Result<()> {
        let engine = self.engine.snapshot();
        self.watch.look(&engine).iter().for_each(|event| self.output.tell(event));
        if self.output.has_page() {
            let summary = Summary::new(self.upstream.ledger(), &engine, self.output.seconds(), vec![]);
            self.output.show(Figures::mining(&engine, summary));
        }
        if engine.all_failed() {
            let reasons: Vec<_> = engine.devices.iter().filter_map(|device| device.failure.clone()).collect();
            return Err(exit::failure(Code::NoDevice, reasons.join("; ")));
        }
        Ok(())
    }

    fn goal_is_met(&self) -> bool {
        self.plan.goal.is_met_by(self.accepted)
    }

    /// Tells the summary; the exit code.
    fn finish(mut self, end: End) -> anyhow::Result<ExitCode> {
        let (ledger, engine) = (self.upstream.ledger(), self.engine.snapshot());
        let summary = Summary::new(ledger, &engine, self.output.seconds(), self.plan.next_commands);
        self.output.tell(&Event::Summary(summary));
        match end {
            End::Goal | End::Signal => Ok(ExitCode::SUCCESS),
            End::TimeLimit if !self.plan.goal.is_set() => Ok(ExitCode::SUCCESS),
            End::TimeLimit => Ok(Code::Failed.into()),
            End::Failed(error) => Err(exit::failure(exit::code(&error), format_args!("{error:#}"))),
        }
    }
}
