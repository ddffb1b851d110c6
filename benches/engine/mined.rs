//! An engine at work: how fast it is, whether it found what its count of hashes makes likely, and what of the CPU its
//! own threads used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use miner_core::bitcoin::{CompactTarget, Target};
use miner_core::{Backend, Job, Terms, VersionMask, header, target};
use miner_engine::Engine;

/// Enough shares to count. A pool asks for one in some seconds: what more cost is not what is measured.
const SHARES_A_SECOND: f64 = 50.0;
/// What Linux keeps of a thread's name.
const NAME_LENGTH: usize = 15;

/// An engine with one backend, and how many shares it has found.
pub(crate) struct Mined {
    engine: Engine,
    name: String,
    shares: Arc<AtomicU64>,
    share_target: Target,
    jobs: u32,
    measured: Duration,
    cpu_time: Duration,
}

impl Mined {
    /// An engine over a backend of about so many hashes a second.
    pub(crate) fn new(backend: Box<dyn Backend>, rate: f64) -> Self {
        let share_target =
            target::from_difficulty(rate / SHARES_A_SECOND / 2f64.powi(32)).expect("it is a difficulty");
        let shares = Arc::new(AtomicU64::new(0));
        let (name, found) = (backend.name().to_owned(), shares.clone());
        let engine = Engine::start(vec![backend], move |_| {
            found.fetch_add(1, Ordering::Relaxed);
        });
        Self {
            engine,
            name,
            shares,
            share_target,
            jobs: 0,
            measured: Duration::ZERO,
            cpu_time: Duration::ZERO,
        }
    }

    /// Hashes a second on a job that is new, for some time after a warm-up.
    pub(crate) fn rate(&mut self, warm_up: Duration, time: Duration) -> f64 {
        self.jobs += 1;
        self.engine.set_job(job(self.jobs), terms(self.share_target));
        thread::sleep(warm_up);
        // First, since it takes a while.
        let used = self.own_cpu_time();
        let (begin, first) = (Instant::now(), self.engine.snapshot().hashes());
        thread::sleep(time);
        let (end, last) = (Instant::now(), self.engine.snapshot().hashes());
        self.measured += end - begin;
        self.cpu_time += self.own_cpu_time() - used;
        self.engine.clear();
        self.settle();
        (last - first) as f64 / (end - begin).as_secs_f64()
    }

    /// Waits until nothing more comes.
    fn settle(&self) {
        let count = || (self.engine.snapshot().hashes(), self.shares.load(Ordering::Relaxed));
        let mut last = count();
        loop {
            thread::sleep(Duration::from_millis(60));
            match count() {
                same if same == last => return,
                other => last = other,
            }
        }
    }

    /// By how many standard deviations the shares found are off what the hashes counted make likely.
    pub(crate) fn deviation(&self) -> f64 {
        let expected = self.engine.snapshot().hashes() as f64 / target::work(self.share_target) as f64;
        (self.shares.load(Ordering::Relaxed) as f64 - expected) / expected.sqrt()
    }

    /// The share of a core that the engine's own threads used, those left out in which the backend hashes.
    pub(crate) fn own_cpu(&self) -> f64 {
        self.cpu_time.as_secs_f64() / self.measured.as_secs_f64()
    }

    /// CPU time of the thread that waits for the backend and of the one that delivers; zero where it cannot be read.
    fn own_cpu_time(&self) -> Duration {
        let names = [self.name.as_str(), "delivery"].map(|name| name.get(..NAME_LENGTH).unwrap_or(name));
        let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let read = |thread: &std::fs::DirEntry, file| std::fs::read_to_string(thread.path().join(file)).ok();
        let is_own = |thread: &std::fs::DirEntry| {
            read(thread, "comm").is_some_and(|name| names.contains(&name.trim_end_matches('\n')))
        };
        let time = |thread| {
            let text: String = read(&thread, "schedstat")?;
            text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        threads.filter(is_own).filter_map(time).sum()
    }
}

/// A job whose blocks no hash meets, another one for each time: the same hashes once more would prove nothing.
fn job(time: u32) -> Arc<Job> {
    let mut header = header::from_hex(&"00".repeat(80)).expect("80 bytes are a header");
    header.time = time;
    header.bits = CompactTarget::from_consensus(0x0300_0001);
    Arc::new(Job::from_header("engine", &header).expect("the bits are valid"))
}

fn terms(share_target: Target) -> Terms {
    Terms { share_target, ..Terms::solo(0, VersionMask::BIP320) }
}
