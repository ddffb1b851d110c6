//! What the engine leaves of a kernel's rate: a real job with shares to find, progress, cancellation and verification,
//! against nothing but the kernel in a loop, in turn, on as many threads; on a GPU, against its backend alone, a minute
//! each, with what the engine's own threads use of a core. And what two threads are to one.
//!
//! ```text
//! cargo bench -p miner-benches --bench engine              # every kernel, every GPU
//! cargo bench -p miner-benches --bench engine -- sha-ni    # those with a name like this
//! ```
//!
//! The work is proved as well: for each line, the shares that were found are as many as the engine's count of hashes
//! makes likely, within four standard deviations.

mod mined;

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use mined::Mined;
use miner_core::bitcoin::Target;
use miner_core::{Backend, NonceRange, Prepared, WorkUnit};
use miner_cpu::{CpuBackend, CpuOptions, Kernel, available};
use miner_gpu::{Adapter, GpuOptions, adapters, measure};

/// Hashes of the bare kernel between two looks at the clock.
const SLICE: u64 = 1 << 14;

/// How much is measured.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    /// Turns in a round, so that what else the machine does touches both alike.
    turns: u32,
    phase: Duration,
    /// How far off the count of shares may be. Where little is measured, chance goes further.
    deviations: f64,
}

impl Plan {
    const MEASURE: Self = Self { rounds: 9, turns: 5, phase: Duration::from_millis(100), deviations: 4.0 };
    /// Whether it runs at all.
    const TRY: Self = Self { rounds: 1, turns: 1, phase: Duration::from_millis(50), deviations: 8.0 };

    /// A GPU has more in flight, and finds its pace more slowly: a minute each.
    fn of_gpu(self) -> Self {
        Self { phase: 14 * self.phase, ..self }
    }

    /// Until the engine's units have the right size.
    fn warm_up(self) -> Duration {
        self.phase / 2
    }
}

/// What was measured of one backend.
struct Line {
    engine: f64,
    bare: f64,
    ratio: f64,
    deviation: f64,
    own_cpu: f64,
}

fn main() {
    let (options, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let is_wanted =
        |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str()));
    let plan = if options.iter().any(|option| option == "--bench") { Plan::MEASURE } else { Plan::TRY };
    println!("engine MH/s   kernel MH/s   ratio   shares off by");
    for kernel in available().filter(|kernel| is_wanted(kernel.name())) {
        of_kernel(kernel, plan);
    }
    match adapters() {
        Ok(adapters) => {
            adapters
                .iter()
                .filter(|adapter| is_wanted(adapter.name()))
                .for_each(|gpu| of_gpu(gpu, plan.of_gpu()));
        }
        Err(error) => println!("skipped: GPUs: {error}"),
    }
}

/// A line for one thread, and one for all, with what they are to one.
fn of_kernel(kernel: &'static Kernel, plan: Plan) {
    let one = on_threads(kernel, 1, plan);
    one.print(&format!("{}, 1 thread", kernel.name()));
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    if cpus > 1 {
        let all = on_threads(kernel, cpus, plan);
        let times = all.engine / one.engine;
        all.print(&format!("{}, {cpus} threads: {times:.3} times one", kernel.name()));
    }
}

fn on_threads(kernel: &'static Kernel, threads: usize, plan: Plan) -> Line {
    let options = CpuOptions { threads: threads.try_into().ok(), nice: None, ..CpuOptions::default() };
    let backend = CpuBackend::new(kernel, &options).expect("threads can be started");
    let midstates = backend.preferred_midstates();
    compare(Box::new(backend), |phase| bare_rate(kernel, threads, midstates, phase), plan)
}

fn of_gpu(adapter: &Adapter, plan: Plan) {
    let open = || adapter.open(&GpuOptions::default()).expect("an adapter that is listed can be opened");
    let mut alone = open();
    let midstates = alone.preferred_midstates();
    let bare = |phase| measure(&mut alone, midstates, phase).expect("it scans");
    let line = compare(Box::new(open()), bare, plan);
    let own_cpu = 100.0 * line.own_cpu;
    line.print(&format!("{}; the engine's own threads: {own_cpu:.1} % of a core", adapter.name()));
}

impl Line {
    fn print(&self, name: &str) {
        let [engine, bare] = [self.engine, self.bare].map(|rate| rate / 1e6);
        println!("{engine:>11.3} {bare:>13.3} {:>7.4} {:>13.1} σ   {name}", self.ratio, self.deviation);
    }
}

/// The engine with a backend and the bare kernel in turn: medians of the rates, and of their ratio in each round.
fn compare(backend: Box<dyn Backend>, mut bare_rate: impl FnMut(Duration) -> f64, plan: Plan) -> Line {
    let mut mined = Mined::new(backend, bare_rate(plan.warm_up()));
    let rounds: Vec<[f64; 3]> = (0..plan.rounds)
        .map(|_| {
            let [mut engine, mut bare] = [0.0; 2];
            for _ in 0..plan.turns {
                engine += mined.rate(plan.warm_up(), plan.phase) / f64::from(plan.turns);
                bare_rate(plan.warm_up());
                bare += bare_rate(plan.phase) / f64::from(plan.turns);
            }
            [engine, bare, engine / bare]
        })
        .collect();
    let deviation = mined.deviation();
    assert!(deviation.abs() <= plan.deviations, "the shares are off what was hashed by {deviation:.1} σ");
    let [engine, bare, ratio] = [0, 1, 2].map(|column| {
        let mut values: Vec<f64> = rounds.iter().map(|round| round[column]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    });
    Line { engine, bare, ratio, deviation, own_cpu: mined.own_cpu() }
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
