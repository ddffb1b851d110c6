//! A pool over a node: its jobs to all sessions, their blocks to its chain. Who is paid is in the jobs' coinbase.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use miner_core::bitcoin::BlockHash;
use miner_core::{Job, Share};
use miner_node::template::EXTRANONCE_SIZE;
use miner_node::{BlockKeeper, Node};
use miner_stratum::session::{Board, Ended, Opened, Pool, RejectReason, Visitor};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::extranonce::{EXTRANONCE1_SIZE, Extranonces};
use crate::registry::Registry;
use crate::{PoolEvent, WorkerName};

/// How long a miner may be away and still get its session back: longer than it takes to notice a dead connection
/// and to try again a few times.
const GRACE: Duration = Duration::from_secs(600);
/// The pause after a failure that somebody must mend.
const PAUSE: Duration = Duration::from_secs(1);

/// The difficulty of shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difficulty {
    /// For miners that ask for nothing.
    pub usual: f64,
    /// The least that a miner may ask for.
    pub min: f64,
    /// And the most.
    pub max: f64,
}

/// A pool over one node. Every worker may mine.
pub struct NodePool {
    node: Arc<Node>,
    keeper: BlockKeeper,
    difficulty: Difficulty,
    board: watch::Sender<Arc<Board>>,
    extranonces: Mutex<Extranonces>,
    taken: Mutex<Registry>,
    /// A block may come many times, good or not as a share, and is submitted once.
    found: Mutex<Registry>,
    /// Blocks on their way.
    submissions: Mutex<JoinSet<()>>,
    on_event: Box<dyn Fn(PoolEvent) + Send + Sync>,
}

impl NodePool {
    /// A pool on the jobs of `node`. Its blocks go to `keeper`, which should be a keeper of that node. `on_event` is
    /// called from all sessions and must not block.
    pub fn new(
        node: Arc<Node>,
        keeper: BlockKeeper,
        difficulty: Difficulty,
        on_event: impl Fn(PoolEvent) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            node,
            keeper,
            difficulty,
            board: watch::Sender::default(),
            extranonces: Mutex::new(Extranonces::new(GRACE)),
            taken: Mutex::default(),
            found: Mutex::default(),
            submissions: Mutex::default(),
            on_event: Box::new(on_event),
        })
    }

    /// Takes each job of the node to the sessions. Never returns; to be dropped when the pool ends.
    pub async fn keep_jobs_flowing(&self) {
        let mut told = String::new();
        loop {
            match self.node.next_job().await {
                Ok(job) => {
                    told.clear();
                    self.post(job);
                }
                Err(error) => {
                    let pause = if error.is_fatal() { PAUSE } else { Duration::ZERO };
                    if told != error.to_string() {
                        told = error.to_string();
                        self.tell(PoolEvent::NoJob(error));
                    }
                    // The node itself pauses on what passes by itself.
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Waits until every block that was found has its verdict, at most so long.
    pub async fn drain(&self, patience: Duration) {
        let mut submissions = std::mem::take(&mut *lock(&self.submissions));
        let all = async { while submissions.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            // The keeper has them all the same.
            submissions.detach_all();
        }
    }

    /// Miners that are connected.
    pub fn open_sessions(&self) -> usize {
        lock(&self.extranonces).open_sessions()
    }

    fn post(&self, job: Arc<Job>) {
        let Some(board) = self.board.borrow().post(job.clone()) else { return };
        let tips: Vec<BlockHash> = board.jobs().map(|posted| posted.job().prev_blockhash()).collect();
        [&self.taken, &self.found].into_iter().for_each(|registry| lock(registry).retain(&tips));
        self.board.send_replace(Arc::new(board));
        self.tell(PoolEvent::Job(job));
    }

    fn tell(&self, event: PoolEvent) {
        (self.on_event)(event);
    }
}

impl Pool for NodePool {
    fn jobs(&self) -> watch::Receiver<Arc<Board>> {
        self.board.subscribe()
    }

    fn open(&self, resume: Option<&str>, visitor: &Visitor) -> Option<Opened> {
        let (id, extranonce1) = lock(&self.extranonces).open(resume, Instant::now())?;
        self.tell(PoolEvent::Opened {
            session: id.clone(),
            peer: visitor.peer,
            agent: visitor.agent.as_str().into(),
            resumed: resume == Some(&id),
        });
        Some(Opened { id, extranonce1, extranonce2_size: EXTRANONCE_SIZE - EXTRANONCE1_SIZE })
    }

    fn close(&self, session: &Opened, why: &Ended) {
        lock(&self.extranonces).close(&session.id, Instant::now());
        self.tell(PoolEvent::Closed { session: session.id.clone(), why: why.clone() });
    }

    fn authorize(&self, _worker: &str, _password: &str) -> bool {
        true
    }

    fn difficulty(&self, _session: &Opened, suggested: Option<f64>) -> f64 {
        let Difficulty { usual, min, max } = self.difficulty;
        suggested.map_or(usual, |suggested| suggested.max(min).min(max))
    }

    fn accept(&self, session: &Opened, worker: &str, share: &Share) -> bool {
        let is_new = lock(&self.taken).take(share);
        if is_new {
            let (session, share) = (session.id.clone(), Box::new(share.clone()));
            self.tell(PoolEvent::Accepted { session, worker: worker.into(), share });
        }
        is_new
    }

    fn rejected(&self, session: &Opened, worker: &str, reason: &RejectReason) {
        let (session, reason) = (session.id.clone(), reason.clone());
        self.tell(PoolEvent::Rejected { session, worker: worker.into(), reason });
    }

    fn block(self: &Arc<Self>, _session: &Opened, worker: &str, block: Share) {
        if !lock(&self.found).take(&block) {
            return;
        }
        let (pool, worker) = (self.clone(), WorkerName::from(worker));
        let mut submissions = lock(&self.submissions);
        // Those that are done need no more memory.
        while submissions.try_join_next().is_some() {}
        submissions.spawn(async move {
            let template = pool.node.template(block.job()).ok();
            let verdict = pool.keeper.submit(&block).await;
            pool.tell(PoolEvent::Block { worker, share: Box::new(block), template, verdict });
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics half-way through a change, so what a poisoned lock guards is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
