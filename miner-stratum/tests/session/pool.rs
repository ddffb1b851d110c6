//! A pool that keeps all it hears, and jobs that are solved in no time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, CompactTarget};
use miner_core::{
    Extranonce, Job, JobParams, RootSource, Share, Solution, Terms, TimeWindow, VersionMask, target,
};
use miner_stratum::session::{Board, Ended, Opened, Pool, RejectReason, Visitor};
use tokio::sync::watch;

/// One hash in 16 is a share: 0xFFFF · 2²⁰⁸ / 2²⁵² and a little more.
pub(crate) const DIFFICULTY: f64 = 3.7e-9;
/// Bits that no hash here meets, and bits that every second hash meets.
pub(crate) const HARD: u32 = 0x1d00_ffff;
pub(crate) const EASY: u32 = 0x207f_ffff;
pub(crate) const TIME: u32 = 1_700_000_000;

/// What a pool heard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    Opened(Opened, Visitor),
    Closed(Opened, Ended),
    Accepted { worker: String, hash: BlockHash, difficulty: f64 },
    Rejected { worker: String, reason: RejectReason },
    Block { worker: String, hash: BlockHash },
}

pub(crate) struct TestPool {
    board: watch::Sender<Arc<Board>>,
    pub(crate) difficulty: Mutex<f64>,
    /// The extranonce1 of the next session, or as many as there are.
    pub(crate) extranonce1: Mutex<Option<Extranonce>>,
    full: bool,
    opened: AtomicU32,
    taken: Mutex<HashSet<BlockHash>>,
    log: Mutex<Vec<Heard>>,
}

impl TestPool {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A pool without an extranonce for anyone.
    pub(crate) fn full() -> Arc<Self> {
        Arc::new(Self { full: true, ..Self::default() })
    }

    /// A pool with one job.
    pub(crate) fn with(job: &Arc<Job>) -> Arc<Self> {
        let pool = Self::new();
        pool.post(job);
        pool
    }

    pub(crate) fn post(&self, job: &Arc<Job>) {
        let board = self.board.borrow().post(job.clone()).expect("a job with a coinbase");
        self.board.send_replace(Arc::new(board));
    }

    pub(crate) fn log(&self) -> Vec<Heard> {
        self.log.lock().unwrap().clone()
    }

    /// The shares taken, by worker.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let worker = |heard| match heard {
            Heard::Accepted { worker, .. } => Some(worker),
            _ => None,
        };
        self.log().into_iter().filter_map(worker).collect()
    }

    pub(crate) fn blocks(&self) -> Vec<BlockHash> {
        let hash = |heard| match heard {
            Heard::Block { hash, .. } => Some(hash),
            _ => None,
        };
        self.log().into_iter().filter_map(hash).collect()
    }

    pub(crate) fn endings(&self) -> Vec<Ended> {
        let why = |heard| match heard {
            Heard::Closed(_, why) => Some(why),
            _ => None,
        };
        self.log().into_iter().filter_map(why).collect()
    }

    fn note(&self, heard: Heard) {
        self.log.lock().unwrap().push(heard);
    }
}

impl Default for TestPool {
    fn default() -> Self {
        Self {
            board: watch::Sender::default(),
            difficulty: Mutex::new(DIFFICULTY),
            extranonce1: Mutex::default(),
            full: false,
            opened: AtomicU32::default(),
            taken: Mutex::default(),
            log: Mutex::default(),
        }
    }
}

impl Pool for TestPool {
    fn jobs(&self) -> watch::Receiver<Arc<Board>> {
        self.board.subscribe()
    }

    fn open(&self, resume: Option<&str>, visitor: &Visitor) -> Option<Opened> {
        let number = match resume.and_then(|id| id.strip_prefix("session-")?.parse().ok()) {
            Some(number) => number,
            None => self.opened.fetch_add(1, Ordering::Relaxed),
        };
        let extranonce1 = self.extranonce1.lock().unwrap().unwrap_or(Extranonce::nth(number.into(), 4));
        let opened = Opened { id: format!("session-{number}"), extranonce1, extranonce2_size: 4 };
        self.note(Heard::Opened(opened.clone(), visitor.clone()));
        (!self.full).then_some(opened)
    }

    fn close(&self, session: &Opened, why: &Ended) {
        self.note(Heard::Closed(session.clone(), why.clone()));
    }

    fn authorize(&self, worker: &str, password: &str) -> bool {
        !worker.is_empty() && password != "wrong"
    }

    fn difficulty(&self, _: &Opened, suggested: Option<f64>) -> f64 {
        suggested.unwrap_or(*self.difficulty.lock().unwrap())
    }

    fn accept(&self, _: &Opened, worker: &str, share: &Share) -> bool {
        let is_new = self.taken.lock().unwrap().insert(share.hash());
        if is_new {
            let difficulty = target::difficulty(share.target());
            self.note(Heard::Accepted { worker: worker.to_owned(), hash: share.hash(), difficulty });
        }
        is_new
    }

    fn rejected(&self, _: &Opened, worker: &str, reason: &RejectReason) {
        self.note(Heard::Rejected { worker: worker.to_owned(), reason: reason.clone() });
    }

    fn block(self: &Arc<Self>, _: &Opened, worker: &str, block: Share) {
        assert!(block.is_block());
        self.note(Heard::Block { worker: worker.to_owned(), hash: block.hash() });
    }
}

/// A job on the tip of this number, with its id in the coinbase.
pub(crate) fn job(id: &str, tip: u8, bits: u32) -> Arc<Job> {
    let JobParams { mut root, .. } = params(tip, bits);
    if let RootSource::Coinbase { prefix, .. } = &mut root {
        prefix.extend(id.as_bytes());
    }
    job_of(JobParams { id: id.to_owned(), root, ..params(tip, bits) })
}

pub(crate) fn job_of(params: JobParams) -> Arc<Job> {
    Arc::new(Job::new(params).unwrap())
}

pub(crate) fn params(tip: u8, bits: u32) -> JobParams {
    JobParams {
        id: "job".to_owned(),
        version: 0x2000_0000,
        reserved_version_bits: 0,
        prev_blockhash: BlockHash::from_byte_array([tip; 32]),
        time: TimeWindow::starting_at(TIME),
        bits: CompactTarget::from_consensus(bits),
        clean: false,
        root: RootSource::Coinbase {
            prefix: vec![1; 50],
            suffix: vec![2; 60],
            branch: vec![[3; 32], [4; 32]],
        },
    }
}

/// Which solution a test wants, besides its job and session.
pub(crate) struct Wish {
    pub(crate) extranonce1: Extranonce,
    pub(crate) extranonce2: Extranonce,
    pub(crate) time: u32,
    pub(crate) version: u32,
    pub(crate) difficulty: f64,
    /// Whether its hash meets the target.
    pub(crate) good: bool,
    /// Nonces below are passed over.
    pub(crate) from: u32,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            extranonce1: Extranonce::nth(0, 4),
            extranonce2: Extranonce::nth(0, 4),
            time: TIME,
            version: 0x2000_0000,
            difficulty: DIFFICULTY,
            good: true,
            from: 0,
        }
    }
}

/// The first nonce that does as wished, and its hash.
pub(crate) fn solve(job: &Arc<Job>, wish: &Wish) -> (u32, BlockHash) {
    let &Wish { extranonce1, extranonce2, time, version, difficulty, good, from } = wish;
    let share_target = target::from_difficulty(difficulty).unwrap();
    let terms = Terms { extranonce1, extranonce2_size: 4, version_mask: VersionMask::NONE, share_target };
    let root = job.merkle_root(&terms, &extranonce2);
    let target = terms.search_target(job);
    let solves = |nonce| {
        let evaluated = job.evaluate(&root, &Solution { extranonce2, time, version, nonce });
        (target.is_met_by(evaluated.hash) == good).then_some((nonce, evaluated.hash))
    };
    (from..=u32::MAX).find_map(solves).unwrap()
}
