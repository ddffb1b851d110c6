//! Devices of any speed are kept busy: fast ones do not wait for work, slow ones do not hold it back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use miner_core::bitcoin::hashes::Hash as _;
use miner_core::bitcoin::{BlockHash, CompactTarget};
use miner_core::{
    Backend, BackendError, Job, JobParams, NonceRange, Reporter, RootSource, Terms, TimeWindow, VersionMask,
    WorkUnit, header,
};
use miner_engine::Engine;

/// A unit as a device saw it.
struct Seen {
    midstates: Vec<[u32; 8]>,
    tail: [u32; 3],
    nonces: NonceRange,
    begin: Instant,
    end: Instant,
}

impl Seen {
    fn hashes(&self) -> u64 {
        self.midstates.len() as u64 * self.nonces.count()
    }

    /// How long it takes at this rate.
    fn seconds(&self, rate: f64) -> f64 {
        self.hashes() as f64 / rate
    }
}

/// Hashes by arithmetic: what it would take to search a unit is slept, or skipped at once.
struct Mock {
    name: &'static str,
    /// Hashes a second; infinitely many where it is `None`.
    rate: Option<f64>,
    seen: Sender<Seen>,
    /// From here on it fails.
    units_left: usize,
}

impl Mock {
    fn new(name: &'static str, rate: Option<f64>) -> (Box<Self>, Receiver<Seen>) {
        let (seen, units) = mpsc::channel();
        (Box::new(Self { name, rate, seen, units_left: usize::MAX }), units)
    }
}

impl Backend for Mock {
    fn name(&self) -> &str {
        self.name
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        let begin = Instant::now();
        if self.units_left == 0 {
            return Err(BackendError::Fatal("unplugged".into()));
        }
        self.units_left -= 1;
        if let Some(rate) = self.rate {
            std::thread::sleep(Duration::from_secs_f64(unit.hashes() as f64 / rate));
        }
        let _ = reporter.progress(unit.hashes());
        let (midstates, tail, nonces) = (unit.midstates().to_vec(), unit.tail(), unit.nonces());
        // A test that has seen enough listens no more.
        let _ = self.seen.send(Seen { midstates, tail, nonces, begin, end: Instant::now() });
        Ok(())
    }
}

/// A job of a node or pool: it rolls the extranonce.
fn job() -> Arc<Job> {
    let job = Job::new(JobParams {
        id: "pace".to_owned(),
        version: 0x2000_0000,
        reserved_version_bits: 0,
        prev_blockhash: BlockHash::all_zeros(),
        time: TimeWindow::fixed(1_700_000_000),
        bits: CompactTarget::from_consensus(0x0300_0001),
        clean: true,
        root: RootSource::Coinbase { prefix: vec![], suffix: vec![], branch: vec![] },
    });
    Arc::new(job.unwrap())
}

fn take(units: &Receiver<Seen>, count: usize) -> Vec<Seen> {
    let next = |_| units.recv_timeout(Duration::from_secs(60)).expect("a unit within a minute");
    (0..count).map(next).collect()
}

/// Units of one run never overlap, and leave out nothing before the last.
fn assert_seamless(units: &[Seen]) {
    let mut rectangles: HashMap<_, Vec<NonceRange>> = HashMap::new();
    for unit in units {
        rectangles.entry((unit.midstates.clone(), unit.tail)).or_default().push(unit.nonces);
    }
    let mut unfinished = 0;
    for nonces in rectangles.values_mut() {
        nonces.sort_by_key(NonceRange::first);
        assert_eq!(nonces[0].first(), 0);
        for pair in nonces.windows(2) {
            assert_eq!(u64::from(pair[0].last()) + 1, u64::from(pair[1].first()), "a gap or an overlap");
        }
        unfinished += usize::from(nonces.last().map(NonceRange::last) != Some(u32::MAX));
    }
    assert!(unfinished <= 1, "{unfinished} rectangles were left before their end");
    let midstates: Vec<_> =
        rectangles.keys().flat_map(|(midstates, tail)| midstates.iter().map(move |m| (m, tail))).collect();
    let distinct: std::collections::HashSet<_> = midstates.iter().collect();
    assert_eq!(distinct.len(), midstates.len(), "a header is searched twice");
}

/// The time that the device usually waited for a unit of work, over the time that 100 GH/s need for that: the median,
/// since a busy machine may hold the engine up for once.
fn waited_share(units: &[Seen]) -> f64 {
    let share = |pair: &[Seen]| (pair[1].begin - pair[0].end).as_secs_f64() / pair[1].seconds(100e9);
    let mut shares: Vec<f64> = units.windows(2).map(share).collect();
    shares.sort_by(f64::total_cmp);
    shares[shares.len() / 2]
}

#[test]
fn a_device_of_100_ghs_never_waits_for_work() {
    for (mask, count) in [(VersionMask::BIP320, 5000), (VersionMask::NONE, 5000)] {
        let (mock, units) = Mock::new("fast", None);
        let engine = Engine::start(vec![mock], drop);
        engine.set_job(job(), Terms::solo(8, mask));
        let units = take(&units, count);
        assert_seamless(&units);
        // Past the first few, which grow from a size that suits a CPU.
        let share = waited_share(&units[16..]);
        assert!(share < 0.01, "it waited {share} of the time");
        assert_eq!(engine.snapshot().exhausted, 0);
        assert_eq!(engine.snapshot().devices[0].failure, None);
    }
}

/// Units until one is large enough for a device of this rate.
fn grown(units: &Receiver<Seen>, rate: f64) -> Vec<Seen> {
    let mut seen = take(units, 1);
    while seen.last().is_some_and(|unit| unit.seconds(rate) < 0.03) {
        seen.extend(take(units, 1));
    }
    seen
}

#[test]
fn each_device_gets_units_of_its_own_size() {
    let (gpu, of_gpu) = Mock::new("gpu", Some(100e9));
    let (cpu, of_cpu) = Mock::new("cpu", Some(50e6));
    let engine = Engine::start(vec![cpu, gpu], drop);
    engine.set_job(job(), Terms::solo(8, VersionMask::BIP320));
    // They grow to a quarter of a second each, but for what a busy machine adds to a sleep, and to no more.
    let mut slow = grown(&of_cpu, 50e6);
    let mut fast = grown(&of_gpu, 100e9);
    drop(engine);
    assert!(slow.iter().all(|unit| unit.seconds(50e6) < 0.3), "the device of 50 MH/s gets too much");
    assert!(fast.iter().all(|unit| unit.seconds(100e9) < 0.7), "the device of 100 GH/s gets too much");
    slow.extend(of_cpu.try_iter());
    fast.extend(of_gpu.try_iter());
    slow.append(&mut fast);
    assert_seamless(&slow);
}

#[test]
fn what_a_lost_device_leaves_is_searched_in_pieces() {
    let (mut lost, before) = Mock::new("lost", None);
    lost.units_left = 40;
    let engine = Engine::start(vec![lost], drop);
    engine.set_job(job(), Terms::solo(8, VersionMask::BIP320));
    assert!(
        take(&before, 40).iter().any(|unit| unit.nonces.count() == 1 << 32),
        "it takes all nonces at once"
    );
    drop(engine);

    let (mut lost, before) = Mock::new("lost", None);
    lost.units_left = 40;
    let (slow, after) = Mock::new("slow", Some(50e6));
    let engine = Engine::start(vec![lost, slow], drop);
    engine.set_job(job(), Terms::solo(8, VersionMask::BIP320));
    let slow_units = take(&after, 6);
    let begin = Instant::now();
    while engine.snapshot().devices[0].failure.is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", engine.snapshot());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(engine.snapshot().devices[0].failure.as_deref(), Some("unplugged"));
    for unit in &slow_units {
        assert!(unit.hashes() <= 50_000_000, "{} hashes at once", unit.hashes());
    }
    drop(engine);
    let mut units: Vec<Seen> = before.try_iter().collect();
    units.extend(slow_units);
    units.extend(after.try_iter());
    assert_seamless(&units);
}

#[test]
fn a_job_that_rolls_nothing_says_when_it_is_used_up() {
    let mut header = header::from_hex(&"00".repeat(80)).unwrap();
    header.bits = CompactTarget::from_consensus(0x0300_0001);
    let (mock, _units) = Mock::new("fast", None);
    let engine = Engine::start(vec![mock], drop);
    engine.set_job(Arc::new(Job::from_header("fixed", &header).unwrap()), Terms::solo(0, VersionMask::NONE));
    let begin = Instant::now();
    while engine.snapshot().exhausted == 0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", engine.snapshot());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(engine.snapshot().hashes(), 1 << 32, "all of it, once");
}
