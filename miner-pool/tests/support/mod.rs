//! A pool over an embedded chain, and a miner that solves its jobs with the reference hash.
#![allow(dead_code, reason = "each test uses its part")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use miner_core::{Extranonce, Job, Solution, Terms, VersionMask, target};
use miner_node::{BlockKeeper, CoinbaseOptions, EmbeddedNode, EmbeddedParams, Node};
use miner_pool::{Difficulty, NodePool, PoolEvent};
use miner_stratum::Notify;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::task::JoinHandle;

/// The difficulty of shares: one hash in 43.
pub(crate) const SHARE: f64 = 1e-8;
/// What a test waits at most for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) node: Arc<Node>,
    pub(crate) pool: Arc<NodePool>,
    events: Arc<Mutex<Vec<PoolEvent>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    /// A chain whose blocks are not found by chance.
    pub(crate) fn new() -> Self {
        Self::with_blocks_of(1.0)
    }

    pub(crate) fn with_blocks_of(difficulty: f64) -> Self {
        let params = EmbeddedParams::at_difficulty(difficulty, None).unwrap();
        let node = Arc::new(Node::from(EmbeddedNode::new(params, CoinbaseOptions::default()).unwrap()));
        let keeper = BlockKeeper::new(vec![node.clone()], None, |_| ()).unwrap();
        let events = Arc::new(Mutex::new(vec![]));
        let log = events.clone();
        let difficulty = Difficulty { usual: SHARE, min: SHARE / 4.0, max: SHARE * 16.0 };
        let pool =
            NodePool::new(node.clone(), keeper, difficulty, move |event| log.lock().unwrap().push(event));
        let jobs = pool.clone();
        let tasks = vec![tokio::spawn(async move { jobs.keep_jobs_flowing().await })];
        Self { node, pool, events, tasks }
    }

    /// What the events are made into by `pick`.
    pub(crate) fn events<T>(&self, pick: impl Fn(&PoolEvent) -> Option<T>) -> Vec<T> {
        self.events.lock().unwrap().iter().filter_map(pick).collect()
    }

    /// The worker of each share that was taken.
    pub(crate) fn accepted(&self) -> Vec<String> {
        self.events(|event| match event {
            PoolEvent::Accepted { worker, .. } => Some(worker.to_string()),
            _ => None,
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(crate) struct Miner<S> {
    stream: BufReader<S>,
    extranonce1: Extranonce,
    job: Option<Arc<Job>>,
    pub(crate) session: String,
    pub(crate) difficulty: f64,
    pub(crate) worker: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Miner<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream: BufReader::with_capacity(64, stream),
            extranonce1: Extranonce::EMPTY,
            job: None,
            session: String::new(),
            difficulty: 0.0,
            worker: String::new(),
        }
    }

    /// Subscribes, logs in and reads the first job.
    pub(crate) async fn log_in(&mut self, worker: &str) {
        self.resume(worker, "").await;
    }

    pub(crate) async fn resume(&mut self, worker: &str, session: &str) {
        let subscribed = self.call("mining.subscribe", &json!(["tester/1.0", session])).await.unwrap();
        self.session = subscribed[0][1][1].as_str().unwrap().to_owned();
        self.extranonce1 = extranonce(subscribed[1].as_str().unwrap());
        assert_eq!(subscribed[2], 4);
        self.worker = worker.to_owned();
        self.call("mining.authorize", &json!([worker, "x"])).await.unwrap();
        self.next_job().await;
    }

    pub(crate) fn extranonce1(&self) -> Extranonce {
        self.extranonce1
    }

    pub(crate) fn job(&self) -> &Arc<Job> {
        self.job.as_ref().unwrap()
    }

    /// Waits for another job than the one there is.
    pub(crate) async fn next_job(&mut self) {
        let known = self.job.take();
        while self.job.is_none() {
            let line = self.line().await.expect("the session goes on");
            self.note(&line);
        }
        assert_ne!(known.map(|job| job.id().to_owned()).as_deref(), Some(self.job().id()));
    }

    /// The parameters of the share with the lowest good nonce from `from` on, which is no block.
    pub(crate) fn solve(&self, from: u32) -> Value {
        self.solve_where(from, |is_block| !is_block)
    }

    /// The same for a block.
    pub(crate) fn solve_block(&self, from: u32) -> Value {
        self.solve_where(from, |is_block| is_block)
    }

    fn solve_where(&self, from: u32, is_wanted: impl Fn(bool) -> bool) -> Value {
        let (job, extranonce2) = (self.job(), Extranonce::nth(0, 4));
        let share_target = target::from_difficulty(self.difficulty).unwrap();
        let terms = Terms {
            extranonce1: self.extranonce1,
            extranonce2_size: 4,
            version_mask: VersionMask::NONE,
            share_target,
        };
        let root = job.merkle_root(&terms, &extranonce2);
        let time = job.time().start;
        let solves = |nonce: &u32| {
            let solution = Solution { extranonce2, time, version: job.version(), nonce: *nonce };
            let evaluated = job.evaluate(&root, &solution);
            share_target.is_met_by(evaluated.hash) && is_wanted(evaluated.is_block(job))
        };
        let nonce = (from..=u32::MAX).find(solves).unwrap();
        json!([self.worker, job.id(), "00000000", format!("{time:08x}"), format!("{nonce:08x}")])
    }

    /// Submits: the code of the error, if one comes.
    pub(crate) async fn submit(&mut self, share: &Value) -> Result<(), i64> {
        match self.call("mining.submit", share).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error[0].as_i64().unwrap()),
        }
    }

    pub(crate) async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let line = json!({"id": 4, "method": method, "params": params}).to_string() + "\n";
        self.stream.write_all(line.as_bytes()).await.unwrap();
        loop {
            let line = self.line().await.expect("the session goes on");
            if !line["method"].is_null() {
                self.note(&line);
            } else if line["error"].is_null() {
                return Ok(line["result"].clone());
            } else {
                return Err(line["error"].clone());
            }
        }
    }

    /// Whether the connection is open and answers.
    pub(crate) async fn call_if_open(&mut self, method: &str) -> bool {
        let line = json!({"id": 4, "method": method}).to_string() + "\n";
        self.stream.write_all(line.as_bytes()).await.is_ok() && self.line().await.is_some()
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read =
            tokio::time::timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("a line in time");
        match read {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    fn note(&mut self, line: &Value) {
        match line["method"].as_str() {
            Some("mining.notify") => {
                let job = Notify::parse(&line["params"]).unwrap().to_job().unwrap();
                self.job = Some(Arc::new(job));
            }
            Some("mining.set_difficulty") => self.difficulty = line["params"][0].as_f64().unwrap(),
            _ => {}
        }
    }
}

fn extranonce(hex: &str) -> Extranonce {
    let bytes: Vec<u8> = miner_core::bitcoin::hex::FromHex::from_hex(hex).unwrap();
    Extranonce::try_from(&bytes[..]).unwrap()
}
