//! Nodes as the upstream: templates become jobs at the pace of the blocks, and a found block goes to the keeper.

use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_core::{Job, Share, Terms};
use miner_engine::Found;
use miner_node::keeper::{BURIED_DEPTH, LOOK_INTERVAL};
use miner_node::{BlockKeeper, Chain, Node, NodeError, Template};
use miner_stratum::ledger::{Fate, Ledger, Stage};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::blocks;
use super::pace::Interval;
use super::schedule::Schedule;
use super::subsidy;
use super::upstream::{Judged, News, Upstream};
use crate::exit;
use crate::source::{NodeSource, told};
use crate::status::event::{Event, JobEvent};

/// How nodes are mined to.
#[derive(Debug, Clone)]
pub(crate) struct Pacing {
    pub(crate) terms: Terms,
    pub(crate) interval: Interval,
    /// Blocks after which no further one is looked for.
    pub(crate) enough: Option<u64>,
}

/// Jobs from the first of the nodes, blocks to all.
pub(crate) struct Nodes {
    keeper: BlockKeeper,
    node: Arc<Node>,
    ledger: Ledger,
    schedule: Schedule,
    pacing: Pacing,
    messages: UnboundedReceiver<Message>,
    sender: UnboundedSender<Message>,
    /// Whether the end of the subsidy was told of.
    told_of_subsidy: bool,
    /// Whether verdicts are waited for no more.
    gave_up: bool,
    /// Ended with the value that holds them.
    _tasks: JoinSet<()>,
}

enum Message {
    Job(Result<Arc<Job>, NodeError>),
    /// It is on its way already.
    Found(Share),
    Judged(Box<Judged>),
    Tell(Event),
}

impl Nodes {
    pub(crate) fn start(source: NodeSource, pacing: Pacing) -> anyhow::Result<Self> {
        let (sender, messages) = unbounded_channel();
        let node = source.nodes.first().ok_or_else(|| exit::usage("no node to mine to"))?.clone();
        let events = sender.clone();
        let keeper = BlockKeeper::new(source.nodes, source.journal, move |event| {
            if let Some(event) = told(&event) {
                // The run may be over already: then nobody is left to tell.
                let _ = events.send(Message::Tell(event));
            }
        })?;
        let mut tasks = JoinSet::new();
        let watcher = keeper.clone();
        tasks.spawn(async move { watcher.watch(BURIED_DEPTH, LOOK_INTERVAL).await });
        tasks.spawn(fetch_jobs(node.clone(), sender.clone()));
        let schedule = Schedule::new(pacing.interval);
        let ledger = Ledger::default();
        Ok(Self {
            keeper,
            node,
            ledger,
            schedule,
            pacing,
            messages,
            sender,
            told_of_subsidy: false,
            gave_up: false,
            _tasks: tasks,
        })
    }

    fn take(&mut self, message: Message) -> Option<News> {
        match message {
            Message::Job(Ok(job)) => self.new_job(&job),
            // At the start somebody must mend it; later the node may come back as it was.
            Message::Job(Err(error)) if !self.schedule.has_job() && is_hopeless(&error) => {
                Some(News::End(error.into()))
            }
            Message::Job(Err(error)) => Some(News::Tell(Event::error(error.to_string()))),
            Message::Found(share) => {
                self.found(&share);
                None
            }
            Message::Judged(judged) => Some(self.judged(judged)),
            Message::Tell(event) => Some(News::Tell(event)),
        }
    }

    fn new_job(&mut self, job: &Arc<Job>) -> Option<News> {
        let is_news = self.schedule.new_job(job.clone());
        let template = self.node.template(job).ok().filter(|_| is_news)?;
        self.tell_of_subsidy(&template);
        let on_own_block = self.schedule.is_own(job.prev_blockhash());
        Some(News::Tell(Event::Job(JobEvent {
            on_own_block: Some(on_own_block),
            // The line of that block says as much.
            goes_without_saying: on_own_block,
            ..JobEvent::of(&template)
        })))
    }

    /// Once a run, and on a node's regtest alone: the embedded one ends with the process.
    fn tell_of_subsidy(&mut self, template: &Template) {
        let is_regtest = matches!(&*self.node, Node::Rpc(node) if node.chain() == Chain::Regtest);
        let warning = subsidy::warning(template.height()).filter(|_| is_regtest && !self.told_of_subsidy);
        if let Some(warning) = warning {
            self.told_of_subsidy = true;
            let _ = self.sender.send(Message::Tell(Event::notice(warning)));
        }
    }

    /// The newest job, where it is of any use and not enough is found.
    fn start_job(&mut self) -> Option<News> {
        let columns = self.ledger.columns();
        let coming = columns.accepted.shares + columns.in_flight.shares;
        let enough = self.pacing.enough.is_some_and(|enough| coming >= enough);
        let job = self.schedule.start().filter(|_| !enough)?;
        Some(News::Job { job, terms: self.pacing.terms, event: None })
    }

    fn found(&mut self, share: &Share) {
        self.ledger.found(share);
        self.ledger.moved(share, Stage::Queued, Stage::InFlight);
        self.schedule.block_found(share);
    }

    fn judged(&mut self, judged: Box<Judged>) -> News {
        self.ledger.end(&judged.share, Stage::InFlight, &judged.fate);
        match judged.fate {
            Fate::Accepted => self.schedule.block_taken(),
            _ => self.schedule.block_refused(judged.share.job().prev_blockhash()),
        }
        News::Judged(judged)
    }
}

impl Upstream for Nodes {
    /// Straight to the keeper: between find and node there is no loop, and no output that may be stuck. Only then is
    /// it counted, and its verdict is behind that in the same queue.
    fn taker(&self) -> Box<dyn FnMut(Found) + Send> {
        let (keeper, node, sender) = (self.keeper.clone(), self.node.clone(), self.sender.clone());
        let runtime = Handle::current();
        Box::new(move |found| {
            let _ = sender.send(Message::Found(found.share.clone()));
            let (keeper, node, sender) = (keeper.clone(), node.clone(), sender.clone());
            runtime.spawn(async move {
                let judged = blocks::deliver(found, keeper, node).await;
                // The run may be over: the keeper has the block all the same.
                let _ = sender.send(Message::Judged(Box::new(judged)));
            });
        })
    }

    async fn next(&mut self) -> News {
        loop {
            let due = self.schedule.due();
            let news = tokio::select! {
                biased;
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    self.start_job()
                }
                message = self.messages.recv() => {
                    self.take(message.expect("this value holds a sender"))
                }
            };
            if let Some(news) = news {
                return news;
            }
        }
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    fn is_settled(&self) -> bool {
        (self.gave_up || self.ledger.columns().in_flight.shares == 0) && self.messages.is_empty()
    }

    /// A block without a verdict stays in flight: the journal has it.
    async fn give_up(&mut self) {
        self.gave_up = true;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::VersionMask;
    use miner_node::CoinbaseOptions;
    use miner_node::embedded::{EmbeddedNode, EmbeddedParams, solve};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_find_reaches_the_node_though_nobody_listens_to_what_happens() {
        let node = EmbeddedNode::new(EmbeddedParams::default(), CoinbaseOptions::default()).unwrap();
        let node = Arc::new(Node::from(node));
        let source = NodeSource { nodes: vec![node.clone()], journal: None };
        let terms = miner_node::template::terms(VersionMask::NONE);
        let mut nodes =
            Nodes::start(source, Pacing { terms, interval: Interval::NONE, enough: None }).unwrap();
        let News::Job { job, .. } = next(&mut nodes, |news| matches!(news, News::Job { .. })).await else {
            panic!("that is what was waited for")
        };
        let share = solve(&job).unwrap();
        nodes.taker()(Found { share: share.clone(), device: "a test".into() });
        while node.tip().await.unwrap() != share.hash() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(nodes.ledger().columns().found.shares, 0, "nobody has listened yet");
        next(&mut nodes, |news| matches!(news, News::Judged(_))).await;
        assert_eq!(nodes.ledger().columns().accepted.shares, 1);
    }

    async fn next(nodes: &mut Nodes, wanted: impl Fn(&News) -> bool) -> News {
        loop {
            let news = nodes.next().await;
            if wanted(&news) {
                return news;
            }
        }
    }
}
