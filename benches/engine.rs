//! What the engine leaves of a kernel's rate: a real job with shares to find, progress, cancellation and verification,
//! against nothing but the kernel in a loop, in turn, on as many threads; on a GPU, against its backend alone, a minute
//! in all. And what two threads are to one.
//!
//! The work is proved as well: in each run the shares that were found are as many as the engine's count of hashes
//! makes likely, within four standard deviations.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use miner_core::bitcoin::{CompactTarget, Target};
use miner_core::{
    Backend, Extranonce, Job, NonceRange, Prepared, Terms, VersionMask, WorkUnit, header, target,
};
use miner_cpu::{CpuBackend, CpuOptions, Kernel, available};
use miner_engine::Engine;
use miner_gpu::{Adapter, GpuOptions, adapters, measure};

/// Enough shares to count, few enough to cost nothing.
const SHARES_A_SECOND: f64 = 500.0;
/// Hashes of the bare kernel between two looks at the clock.
const SLICE: u64 = 1 << 14;

/// How much is measured.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    /// Turns in a round, so that what else the machine does touches both alike.
    turns: u32,
    phase: Duration,
}

impl Plan {
    /// A GPU has more in flight, and finds its pace more slowly.
    fn of_gpu(self) -> Self {
        Self { phase: 6 * self.phase, ..self }
    }

    /// Until the engine's units have the right size.
    fn warm_up(self) -> Duration {
        self.phase / 2
    }
}

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let plan = match is_bench {
        true => Plan { rounds: 9, turns: 5, phase: Duration::from_millis(100) },
        false => Plan { rounds: 1, turns: 1, phase: Duration::from_millis(50) },
    };
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    println!("engine MH/s   kernel MH/s   ratio   times one thread");
    for kernel in available() {
        let one = of_kernel(kernel, 1, plan, None);
        if cpus > 1 {
            of_kernel(kernel, cpus, plan, Some(one));
        }
    }
    match adapters() {
        Ok(adapters) => adapters.iter().for_each(|adapter| of_gpu(adapter, plan.of_gpu())),
        Err(error) => println!("skipped: GPUs: {error}"),
    }
}

/// Compares and prints. The engine's rate.
fn of_kernel(kernel: &'static Kernel, threads: usize, plan: Plan, one_thread: Option<f64>) -> f64 {
    let options = CpuOptions { threads: threads.try_into().ok(), nice: None, ..CpuOptions::default() };
    let backend = CpuBackend::new(kernel, &options).expect("threads can be started");
    let midstates = backend.preferred_midstates();
    let bare = |phase| bare_rate(kernel, threads, midstates, phase);
    let rates = compare(Box::new(backend), bare, plan);
    let times = one_thread.map_or(String::new(), |one| format!("{:.3}", rates[0] / one));
    print(rates, &times, &format!("{}, threads: {threads}", kernel.name()));
    rates[0]
}

fn of_gpu(adapter: &Adapter, plan: Plan) {
    let open = || adapter.open(&GpuOptions::default()).expect("an adapter that is listed can be opened");
    let mut alone = open();
    let midstates = alone.preferred_midstates();
    let bare = |phase| measure(&mut alone, midstates, phase).expect("it scans");
    print(compare(Box::new(open()), bare, plan), "", adapter.name());
}

fn print([engine, bare, ratio]: [f64; 3], times: &str, name: &str) {
    println!("{:>11.3} {:>13.3} {ratio:>7.4} {times:>18}   {name}", engine / 1e6, bare / 1e6);
}

/// The medians of the engine's rate, of the bare kernel's, and of their ratio in each round.
fn compare(backend: Box<dyn Backend>, mut bare_rate: impl FnMut(Duration) -> f64, plan: Plan) -> [f64; 3] {
    let mined = Mined::new(backend, bare_rate(plan.warm_up()) / SHARES_A_SECOND);
    let rounds: Vec<[f64; 3]> = (0..plan.rounds)
        .map(|_| {
            let [mut engine, mut bare] = [0.0; 2];
            for _ in 0..plan.turns {
                engine += mined.rate(plan) / f64::from(plan.turns);
                bare_rate(plan.warm_up());
                bare += bare_rate(plan.phase) / f64::from(plan.turns);
            }
            [engine, bare, engine / bare]
        })
        .collect();
    [0, 1, 2].map(|column| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[column]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

/// An engine with one backend, and how many shares it has found.
struct Mined {
    engine: Engine,
    shares: Arc<AtomicU64>,
    share_target: Target,
}

impl Mined {
    fn new(backend: Box<dyn Backend>, hashes_a_share: f64) -> Self {
        let share_target =
            target::from_difficulty(hashes_a_share / 2f64.powi(32)).expect("it is a difficulty");
        let shares = Arc::new(AtomicU64::new(0));
        let found = shares.clone();
        let engine = Engine::start(vec![backend], move |_| {
            found.fetch_add(1, Ordering::Relaxed);
        });
        Self { engine, shares, share_target }
    }

    /// Hashes a second on a job that is new.
    fn rate(&self, plan: Plan) -> f64 {
        let before = self.settled();
        self.engine.set_job(job(), terms(self.share_target));
        thread::sleep(plan.warm_up());
        let (begin, first) = (Instant::now(), self.engine.snapshot().hashes());
        thread::sleep(plan.phase);
        let (end, last) = (Instant::now(), self.engine.snapshot().hashes());
        self.engine.clear();
        let after = self.settled();
        self.assert_likely((after.0 - before.0) as f64, (after.1 - before.1) as f64);
        (last - first) as f64 / (end - begin).as_secs_f64()
    }

    /// Hashes and shares once nothing more comes.
    fn settled(&self) -> (u64, u64) {
        let count = || (self.engine.snapshot().hashes(), self.shares.load(Ordering::Relaxed));
        let mut last = count();
        loop {
            thread::sleep(Duration::from_millis(60));
            match count() {
                same if same == last => return last,
                other => last = other,
            }
        }
    }

    fn assert_likely(&self, hashes: f64, shares: f64) {
        let expected = hashes / target::work(self.share_target) as f64;
        let deviations = (shares - expected).abs() / expected.sqrt();
        assert!(
            deviations <= 4.0,
            "{shares} shares in {hashes} hashes, where {expected:.1} are to be expected"
        );
    }
}

/// A job whose blocks no hash meets.
fn job() -> Arc<Job> {
    let mut header = header::from_hex(&"00".repeat(80)).expect("80 bytes are a header");
    header.bits = CompactTarget::from_consensus(0x0300_0001);
    Arc::new(Job::from_header("engine", &header).expect("the bits are valid"))
}

fn terms(share_target: Target) -> Terms {
    Terms {
        extranonce1: Extranonce::EMPTY,
        extranonce2_size: 0,
        version_mask: VersionMask::BIP320,
        share_target,
    }
}

/// Hashes a second of the kernel alone.
fn bare_rate(kernel: &Kernel, threads: usize, midstates: usize, phase: Duration) -> f64 {
    let midstates = (0..midstates).map(|index| [index as u32; 8]).collect();
    let unit = WorkUnit::new(midstates, [0; 3], NonceRange::ALL, Target::ZERO);
    let prepared = Prepared::new(&unit);
    let rate = || {
        let nonces = SLICE / prepared.midstates.len() as u64;
        let (begin, mut done) = (Instant::now(), 0);
        while begin.elapsed() < phase {
            let slice = NonceRange::starting_at((done % (1 << 31)) as u32, nonces);
            let _ = kernel.scan(&prepared, slice, &mut |_| ControlFlow::Continue(()));
            done += nonces;
        }
        (done * prepared.midstates.len() as u64) as f64 / begin.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(rate)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a kernel does not panic")).sum()
    })
}
