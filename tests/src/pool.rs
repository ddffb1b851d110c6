//! A Stratum pool in the test's own process: real sessions over TCP, on a chain in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miner_node::embedded::{EmbeddedNode, EmbeddedParams};
use miner_node::{BlockKeeper, CoinbaseOptions, Node, Payout, Verdict};
use miner_pool::{Difficulty, NodePool, PoolEvent, ServerLimits};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// How long the connections of a pool may take to end: it only ends a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pool that can be cut off and served again, and remembers what it took.
pub struct TestPool {
    difficulties: Difficulties,
    pool: Arc<NodePool>,
    log: Arc<Mutex<PoolLog>>,
    address: SocketAddr,
    /// Carries what outlives a restart: the node's jobs and the blocks on their way.
    inside: Runtime,
    /// Carries the connections.
    outside: Option<Runtime>,
    /// Keeps the port while nobody listens there.
    kept: Option<TcpSocket>,
}

#[derive(Clone, Copy)]
struct Difficulties {
    chain: f64,
    shares: f64,
}

/// What a pool saw: hashes and reasons, in order.
#[derive(Debug, Clone, Default)]
pub struct PoolLog {
    /// Shares it took.
    pub accepted: Vec<String>,
    /// Why it refused others.
    pub rejected: Vec<String>,
    /// Blocks that its chain took for its tip.
    pub blocks: Vec<String>,
    /// Sessions, and whether each goes on with an earlier one.
    pub sessions: Vec<bool>,
}

impl TestPool {
    /// The difficulty of a chain that no test finds a block of.
    pub const NO_BLOCKS: f64 = 1e9;

    /// A pool whose chain has one difficulty, and whose shares another.
    ///
    /// # Panics
    /// Where the loopback interface has no port left.
    pub fn start(chain_difficulty: f64, share_difficulty: f64) -> Self {
        let inside = runtime();
        let difficulties = Difficulties { chain: chain_difficulty, shares: share_difficulty };
        let log = Arc::default();
        let pool = new_pool(&inside, difficulties, &log);
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let mut pool = Self { difficulties, pool, log, address, inside, outside: None, kept: None };
        pool.serve();
        pool
    }

    /// `stratum+tcp://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("stratum+tcp://{}", self.address)
    }

    /// Where it listens, or did.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it saw so far.
    pub fn log(&self) -> PoolLog {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cuts all connections off and listens no more, as if the process were killed: whatever was on its way is gone.
    pub fn cut(&mut self) {
        if let Some(outside) = self.outside.take() {
            outside.shutdown_timeout(PATIENCE);
            self.kept = Some(bound(self.address));
        }
    }

    /// Listens again, at the same address, and knows its sessions.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn serve(&mut self) {
        let outside = runtime();
        let socket = self.kept.take().unwrap_or_else(|| bound(self.address));
        let listener = outside.block_on(async { socket.listen(64).expect("it listens") });
        self.address = listener.local_addr().expect("it is bound");
        outside.spawn(miner_pool::run(
            listener,
            self.pool.clone(),
            ServerLimits::default(),
            std::future::pending(),
        ));
        self.outside = Some(outside);
    }

    /// Forgets all that it did and begins a chain of its own, as a new process does.
    pub fn forget(&mut self) {
        self.pool = new_pool(&self.inside, self.difficulties, &self.log);
    }
}

/// A socket on which nobody listens yet, and whose port nobody else gets.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Connections that were cut off may hold the port for a while.
    socket.set_reuseaddr(true).expect("the option is there");
    socket.bind(address).expect("the port is free");
    socket
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A pool on a new chain.
fn new_pool(inside: &Runtime, difficulties: Difficulties, log: &Arc<Mutex<PoolLog>>) -> Arc<NodePool> {
    let _entered = inside.enter();
    let params = EmbeddedParams::at_difficulty(difficulties.chain, None).expect("a difficulty");
    let coinbase = CoinbaseOptions { payout: Payout::to_anyone(), signature: b"test".to_vec() };
    let node = Arc::new(Node::from(EmbeddedNode::new(params, coinbase).expect("a chain")));
    let keeper = BlockKeeper::new(vec![node.clone()], None, |_| {}).expect("a keeper");
    let usual = difficulties.shares;
    let log = log.clone();
    let on_event = move |event| log.lock().unwrap_or_else(PoisonError::into_inner).note(event);
    let pool = NodePool::new(node, keeper, Difficulty { usual, min: usual / 100.0, max: 1.0 }, on_event);
    let jobs = pool.clone();
    inside.spawn(async move { jobs.keep_jobs_flowing().await });
    pool
}

impl PoolLog {
    fn note(&mut self, event: PoolEvent) {
        match event {
            PoolEvent::Accepted { share, .. } => self.accepted.push(share.hash().to_string()),
            PoolEvent::Rejected { reason, .. } => self.rejected.push(format!("{reason:?}")),
            PoolEvent::Block { share, verdict: Ok(Verdict::Accepted), .. } => {
                self.blocks.push(share.hash().to_string());
            }
            PoolEvent::Opened { resumed, .. } => self.sessions.push(resumed),
            PoolEvent::Block { .. } | PoolEvent::Job(_) | PoolEvent::NoJob(_) | PoolEvent::Closed { .. } => {}
        }
    }
}
