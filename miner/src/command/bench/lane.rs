//! One thing that is measured: an engine with one kernel on some threads, or one GPU.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::{BlockHash, CompactTarget, Target};
use miner_core::{Backend, Job, JobParams, RootSource, Terms, TimeWindow, VersionMask};
use miner_engine::Engine;

/// Hashing before each round that is not counted.
pub(crate) const WARM_UP: Duration = Duration::from_millis(30);
/// Once nothing was counted for so long, nothing is under way any more: a GPU counts after each dispatch of some 20 ms.
const IDLE: Duration = Duration::from_millis(80);
/// A hit has this many leading zero bits: one in 65,536 hashes.
const HIT_BITS: u32 = 16;
/// Room for more headers than any run can hash.
const EXTRANONCE_SIZE: u8 = 8;
/// A network target that no hash meets: a round must not end with a block.
const NO_BLOCK: u32 = 0x0300_0001;

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// A CPU kernel's name, or how a GPU's shader adds.
    pub(crate) kernel: String,
    /// `cpu`, or a GPU's name.
    pub(crate) device: String,
    /// Of the CPU's; 0 for a GPU.
    pub(crate) threads: usize,
}

pub(crate) struct Lane {
    pub(crate) subject: Subject,
    pub(crate) version_rolling: bool,
    /// Hashes a second of each round.
    pub(crate) rounds: Vec<f64>,
    pub(crate) hashes: u64,
    pub(crate) seconds: f64,
    engine: Engine,
    hits: Arc<AtomicU64>,
}

impl Lane {
    pub(crate) fn new(subject: Subject, backend: Box<dyn Backend>, version_rolling: bool) -> Self {
        let hits = Arc::new(AtomicU64::new(0));
        let counter = hits.clone();
        let engine = Engine::start(vec![backend], move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        Self { subject, version_rolling, rounds: vec![], hashes: 0, seconds: 0.0, engine, hits }
    }

    /// Measures one round: hashes really done, over the time that really passed.
    pub(crate) fn run(&mut self, time: Duration) {
        let total_before = self.engine.snapshot().hashes();
        self.engine.set_job(endless_job(), terms(self.version_rolling));
        std::thread::sleep(WARM_UP);
        let (begin, before) = (Instant::now(), self.engine.snapshot().hashes());
        std::thread::sleep(time);
        let (took, after) = (begin.elapsed().as_secs_f64(), self.engine.snapshot().hashes());
        self.engine.clear();
        self.rounds.push((after - before) as f64 / took);
        self.seconds += took;
        // Hits cannot be told apart by time: they are held against all hashes, the warm-up's too.
        self.wait_until_idle();
        self.hashes += self.engine.snapshot().hashes() - total_before;
    }

    /// Candidates that were verified with the reference hash.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How many hits this many hashes should have.
    pub(crate) fn hits_expected(&self) -> f64 {
        self.hashes as f64 / f64::from(1 << HIT_BITS)
    }

    /// How many headers may share a message schedule.
    pub(crate) fn versions(&self) -> u32 {
        1 << terms(self.version_rolling).version_mask.bits().count_ones()
    }

    /// Waits until no more hashes are counted and all hits are delivered.
    fn wait_until_idle(&self) {
        let counts = || (self.engine.snapshot().hashes(), self.hits());
        let mut last = counts();
        loop {
            std::thread::sleep(IDLE);
            let now = counts();
            if now == last {
                return;
            }
            last = now;
        }
    }
}

/// The terms of a measurement: hits are rare enough to cost nothing.
pub(crate) fn terms(version_rolling: bool) -> Terms {
    let mask = if version_rolling { VersionMask::BIP320 } else { VersionMask::NONE };
    let mut target = [0xff; 32];
    target[..(HIT_BITS / 8) as usize].fill(0);
    Terms { share_target: Target::from_be_bytes(target), ..Terms::solo(EXTRANONCE_SIZE, mask) }
}

/// A job like no other, so that no hit is counted twice, here or in the next run; and no run comes to its end.
pub(crate) fn endless_job() -> Arc<Job> {
    static TIME: LazyLock<AtomicU32> = LazyLock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        AtomicU32::new(now.subsec_nanos().wrapping_mul(4).wrapping_add(now.as_secs() as u32))
    });
    let job = Job::new(JobParams {
        id: "bench".to_owned(),
        version: 0x2000_0000,
        reserved_version_bits: 0,
        prev_blockhash: BlockHash::all_zeros(),
        time: TimeWindow::fixed(TIME.fetch_add(1, Ordering::Relaxed)),
        bits: CompactTarget::from_consensus(NO_BLOCK),
        clean: true,
        root: RootSource::Coinbase { prefix: vec![], suffix: vec![], branch: vec![] },
    });
    Arc::new(job.expect("the bits are valid"))
}
