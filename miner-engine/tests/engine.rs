//! The engine with backends that fail in every way that a device can.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use miner_core::bitcoin::CompactTarget;
use miner_core::bitcoin::Target;
use miner_core::{
    Backend, BackendError, Candidate, Job, JobParams, Reporter, Terms, VersionMask, WorkUnit, header, target,
};
use miner_engine::{Engine, Found};

const REGTEST: u32 = 0x207f_ffff;
const MAINNET: u32 = 0x1700_ffff;

/// A job that differs from others by its time; any bits.
fn job(bits: u32, time: u32) -> Arc<Job> {
    let mut header = header::from_hex(&"00".repeat(80)).unwrap();
    header.bits = CompactTarget::from_consensus(bits);
    header.time = time;
    let job = Job::from_header(&time.to_string(), &header).unwrap();
    Arc::new(job)
}

fn solo() -> Terms {
    Terms::solo(0, VersionMask::NONE)
}

/// Terms under which a share takes about `hashes` hashes.
fn shares_of(hashes: f64) -> Terms {
    Terms { share_target: target::from_difficulty(hashes / 4_294_967_296.0).unwrap(), ..solo() }
}

/// What happens at the `scan`-th scan, before anything is searched.
type Fault = fn(scan: u32, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError>;

/// Searches with the reference hash, after a fault of choice.
struct Faulty {
    name: &'static str,
    scans: u32,
    fault: Fault,
}

impl Backend for Faulty {
    fn name(&self) -> &str {
        self.name
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        self.scans += 1;
        (self.fault)(self.scans, unit, reporter)?;
        search(unit, reporter, u64::MAX);
        Ok(())
    }
}

/// Searches the first `nonces` nonces.
fn search(unit: &WorkUnit, reporter: &dyn Reporter, nonces: u64) {
    let top = target::top_word(unit.target());
    for (count, nonce) in (unit.nonces().first()..=unit.nonces().last()).enumerate() {
        for midstate in 0..unit.midstates().len() {
            let candidate = Candidate { midstate, nonce };
            let hash = unit.hash(candidate);
            let hash_top = u32::from_le_bytes([hash[28], hash[29], hash[30], hash[31]]);
            if hash_top <= top && reporter.found(candidate).is_break() {
                return;
            }
        }
        let stop = reporter.progress(unit.midstates().len() as u64).is_break();
        if stop || count as u64 + 1 == nonces {
            return;
        }
    }
}

fn backend(name: &'static str, fault: Fault) -> Box<dyn Backend> {
    Box::new(Faulty { name, scans: 0, fault })
}

fn sound(name: &'static str) -> Box<dyn Backend> {
    backend(name, |_, _, _| Ok(()))
}

fn start(backends: Vec<Box<dyn Backend>>) -> (Engine, Receiver<Found>) {
    let (sender, receiver): (Sender<Found>, _) = mpsc::channel();
    let engine = Engine::start(backends, move |found| drop(sender.send(found)));
    (engine, receiver)
}

fn next(found: &Receiver<Found>) -> Found {
    found.recv_timeout(Duration::from_secs(60)).expect("a share within a minute")
}

/// Waits until the engine's state is as wanted.
fn until(engine: &Engine, wanted: impl Fn(&miner_engine::Snapshot) -> bool) -> miner_engine::Snapshot {
    let begin = Instant::now();
    loop {
        let snapshot = engine.snapshot();
        if wanted(&snapshot) {
            return snapshot;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "waited in vain: {snapshot:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_solo_job_ends_with_its_first_block() {
    let (mut engine, found) = start(vec![sound("a"), sound("b"), sound("c")]);
    for time in 0..200 {
        engine.set_job(job(REGTEST, time), solo());
        let block = next(&found);
        assert!(block.share.is_block());
        assert_eq!(block.share.job().id(), time.to_string(), "one block a job, and none of an old job");
        assert!(engine.snapshot().is_idle);
    }
    engine.stop();
    assert!(found.try_recv().is_err(), "no second block of any job");
}

/// Reports hits from the last nonce to the first: the worst order there is.
struct Backwards;

impl Backend for Backwards {
    fn name(&self) -> &str {
        "backwards"
    }

    fn scan(&mut self, unit: &WorkUnit, reporter: &dyn Reporter) -> Result<(), BackendError> {
        for nonce in (unit.nonces().first()..=unit.nonces().last().min(5000)).rev() {
            let candidate = Candidate { midstate: 0, nonce };
            if unit.hash(candidate)[31] < 0x80 && reporter.found(candidate).is_break() {
                return Ok(());
            }
        }
        let _ = reporter.progress(unit.hashes());
        Ok(())
    }
}

#[test]
fn in_order_the_lowest_solution_wins() {
    let lowest = |backend: Box<dyn Backend>| {
        let (engine, found) = start(vec![backend]);
        engine.search_in_order();
        let nonces = |time| {
            engine.set_job(job(REGTEST, time), solo());
            next(&found).share.solution().nonce
        };
        (100..120).map(nonces).collect::<Vec<_>>()
    };
    assert_eq!(lowest(Box::new(Backwards)), lowest(sound("forwards")));
}

#[test]
fn every_share_of_the_space_is_found_once() {
    let (engine, found) = start(vec![sound("a"), sound("b")]);
    engine.set_job(job(MAINNET, 1), shares_of(256.0));
    let mut nonces = HashSet::new();
    for _ in 0..300 {
        let share = next(&found).share;
        assert!(!share.is_block());
        assert!(nonces.insert(share.solution().nonce), "found twice: {share:?}");
    }
    engine.clear();
    until(&engine, |s| s.is_idle);
}

#[test]
fn a_device_may_join_later() {
    let (engine, found) = start(vec![]);
    engine.set_job(job(MAINNET, 50), shares_of(256.0));
    engine.add(sound("first"));
    assert_eq!(&*next(&found).device, "first");
    engine.add(sound("second"));
    while &*next(&found).device != "second" {}
    let names: Vec<_> = engine.snapshot().devices.into_iter().map(|device| device.name).collect();
    assert_eq!(names, ["first".into(), "second".into()]);
}

#[test]
fn after_a_rest_the_same_job_is_not_searched_from_its_start() {
    let (engine, found) = start(vec![sound("one")]);
    let again = || not_clean(&job(MAINNET, 1));
    let mut seen = HashSet::new();
    for _ in 0..3 {
        engine.set_job(again(), shares_of(100.0));
        for _ in 0..20 {
            assert!(seen.insert(next(&found).share.hash()), "found once more");
        }
        engine.clear();
        assert!(engine.snapshot().is_idle);
        // What was found before the rest is none of the next round's.
        while let Ok(late) = found.recv_timeout(Duration::from_millis(200)) {
            seen.insert(late.share.hash());
        }
    }
}

/// The same job, which does not end what was before it.
fn not_clean(job: &Job) -> Arc<Job> {
    let params = JobParams {
        id: job.id().to_owned(),
        version: job.version(),
        reserved_version_bits: 0,
        prev_blockhash: job.prev_blockhash(),
        time: job.time(),
        bits: job.bits(),
        clean: false,
        root: job.root_source().clone(),
    };
    Arc::new(Job::new(params).unwrap())
}

#[test]
fn a_unit_that_failed_is_searched_again_without_repeating_a_hit() {
    let fails_halfway: Fault = |scan, unit, reporter| {
        if scan % 2 == 1 {
            search(unit, reporter, 500);
            return Err(BackendError::Transient("a cosmic ray".into()));
        }
        Ok(())
    };
    let (engine, found) = start(vec![backend("flaky", fails_halfway)]);
    engine.set_job(job(MAINNET, 2), shares_of(64.0));
    let mut nonces: Vec<u32> = (0..200).map(|_| next(&found).share.solution().nonce).collect();
    assert_eq!(engine.snapshot().devices[0].failure, None);
    let expected: Vec<u32> = {
        let job = job(MAINNET, 2);
        let unit =
            miner_core::SearchSpace::new(job, shares_of(64.0), 1).next(1 << 20, Duration::ZERO).unwrap();
        let meets = |nonce: &u32| unit.verify(Candidate { midstate: 0, nonce: *nonce }).is_ok();
        (0..1 << 20).filter(meets).take(200).collect()
    };
    nonces.sort_unstable();
    assert_eq!(nonces, expected, "nothing missed, nothing twice");
}

#[test]
fn the_others_go_on_when_a_device_is_lost_or_panics() {
    let lost: Fault = |_, _, _| Err(BackendError::Fatal("unplugged".into()));
    let panics: Fault = |_, _, _| panic!("a bug in a driver");
    let (engine, found) = start(vec![backend("lost", lost), backend("panics", panics), sound("sound")]);
    engine.set_job(job(MAINNET, 3), shares_of(256.0));
    for _ in 0..20 {
        assert_eq!(&*next(&found).device, "sound");
    }
    let snapshot = until(&engine, |s| s.devices[0].failure.is_some() && s.devices[1].failure.is_some());
    assert_eq!(snapshot.devices[0].failure.as_deref(), Some("unplugged"));
    assert_eq!(snapshot.devices[1].failure.as_deref(), Some("it panicked: a bug in a driver"));
    assert_eq!(snapshot.devices[2].failure, None);
    assert!(!snapshot.all_failed());
}

#[test]
fn wrong_results_never_leave_the_engine_and_disable_the_device() {
    let lies: Fault = |_, unit, reporter| {
        let _ = reporter.found(Candidate { midstate: 99, nonce: 0 });
        for nonce in unit.nonces().first()..unit.nonces().first() + 50 {
            let _ = reporter.found(Candidate { midstate: 0, nonce });
        }
        Ok(())
    };
    let (engine, found) = start(vec![backend("liar", lies)]);
    engine.set_job(job(MAINNET, 4), shares_of(1e12));
    engine.limit_hashrate(Some(100.0));
    let snapshot = until(&engine, |s| s.all_failed() || s.devices[0].hardware_errors >= 51);
    assert!(snapshot.devices[0].hardware_errors >= 51);
    engine.set_job(job(MAINNET, 5), shares_of(1e12));
    let snapshot = until(&engine, miner_engine::Snapshot::all_failed);
    assert!(snapshot.devices[0].failure.as_ref().is_some_and(|reason| reason.contains("wrong results")));
    assert!(found.try_recv().is_err(), "nothing unverified is delivered");
}

#[test]
fn a_device_that_babbles_is_disabled_amid_its_unit() {
    let babbles: Fault = |_, unit, reporter| {
        let nonces = unit.nonces();
        // Only a break ends it.
        let mut nonce = (nonces.first()..=nonces.last()).cycle();
        while reporter.found(Candidate { midstate: 0, nonce: nonce.next().unwrap() }).is_continue() {}
        Ok(())
    };
    for in_order in [false, true] {
        let (engine, found) = start(vec![backend("babbler", babbles)]);
        if in_order {
            engine.search_in_order();
        }
        engine.set_job(job(MAINNET, 40), solo());
        let snapshot = until(&engine, miner_engine::Snapshot::all_failed);
        assert!((16..=64).contains(&snapshot.devices[0].hardware_errors), "{snapshot:?}");
        assert!(found.try_recv().is_err(), "nothing unverified is delivered");
    }
}

#[test]
fn trouble_is_told_until_the_device_works_again() {
    static BROKEN: AtomicU32 = AtomicU32::new(1);
    let comes_back: Fault = |_, _, _| match BROKEN.load(Ordering::Relaxed) {
        0 => Ok(()),
        _ => Err(BackendError::Transient("the driver was reset".into())),
    };
    let (engine, found) = start(vec![backend("shaky", comes_back)]);
    engine.set_job(job(MAINNET, 42), shares_of(256.0));
    let snapshot = until(&engine, |s| s.devices[0].trouble.is_some());
    assert_eq!(snapshot.devices[0].trouble.as_deref(), Some("the driver was reset"));
    assert_eq!(snapshot.devices[0].failure, None);
    BROKEN.store(0, Ordering::Relaxed);
    next(&found);
    engine.set_job(job(MAINNET, 43), shares_of(256.0));
    until(&engine, |s| s.devices[0].trouble.is_none());
}

#[test]
fn a_hung_device_is_left_behind_and_named() {
    static HANGS: AtomicU32 = AtomicU32::new(0);
    let hangs: Fault = |_, _, _| {
        HANGS.store(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(3600));
        Ok(())
    };
    let (mut engine, found) = start(vec![backend("hung", hangs), sound("sound")]);
    engine.set_job(job(MAINNET, 6), shares_of(64.0));
    next(&found);
    until(&engine, |_| HANGS.load(Ordering::Relaxed) == 1);
    // On a busy machine another may be late, too.
    assert!(engine.stop().contains(&"hung".into()));
}

#[test]
fn a_slow_receiver_loses_the_worst_shares_and_no_block() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (sender, received) = mpsc::channel();
    let opened = gate.clone();
    let mut engine = Engine::start(vec![sound("a")], move |found: Found| {
        drop(opened.1.wait_while(opened.0.lock().unwrap(), |open| !*open).unwrap());
        sender.send(found).unwrap();
    });
    // About one share in 64 is a block; the share target is the easier one, so that blocks do not end the job.
    engine.set_job(job(0x2000_ffff, 7), shares_of(4.0));
    let snapshot = until(&engine, |s| s.overflow.shares > 2000);
    engine.clear();
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    engine.stop();
    let received: Vec<Found> = received.iter().collect();
    assert!(received.len() >= 1024);
    assert!(snapshot.overflow.work >= u128::from(snapshot.overflow.shares) * 3);
    let blocks: HashSet<u32> =
        received.iter().filter(|f| f.share.is_block()).map(|f| f.share.solution().nonce).collect();
    let searched = received.iter().map(|f| f.share.solution().nonce).max().unwrap();
    let unit = miner_core::SearchSpace::new(job(0x2000_ffff, 7), shares_of(4.0), 1)
        .next(u64::from(searched) + 1, Duration::ZERO)
        .unwrap();
    for nonce in 0..=searched {
        let is_block = unit.verify(Candidate { midstate: 0, nonce }).is_ok_and(|share| share.is_block());
        assert!(!is_block || blocks.contains(&nonce), "block at nonce {nonce} was dropped");
    }
}

#[test]
fn a_hashrate_limit_is_not_exceeded() {
    let (engine, _found) = start(vec![sound("a"), sound("b")]);
    let limit = 20_000.0;
    engine.limit_hashrate(Some(limit));
    let begin = Instant::now();
    engine.set_job(job(MAINNET, 8), shares_of(1e12));
    let snapshot = until(&engine, |s| s.hashes() > 8_000);
    // Each device may have one unit of 50 ms begun.
    let allowed = limit * (begin.elapsed().as_secs_f64() + 0.05 * 2.0) + 2.0;
    assert!(snapshot.hashes() as f64 <= allowed, "{} of {allowed} allowed", snapshot.hashes());
}

#[test]
fn a_clean_job_ends_what_is_under_way() {
    static SCANS: AtomicU32 = AtomicU32::new(0);
    // Searches for ever, until told to stop: only a break ends a scan.
    let endless: Fault = |_, unit, reporter| {
        SCANS.fetch_add(1, Ordering::Relaxed);
        while reporter.progress(0) == ControlFlow::Continue(()) {
            std::thread::yield_now();
        }
        assert!(unit.hashes() > 0);
        Ok(())
    };
    let (mut engine, _found) = start(vec![backend("endless", endless)]);
    for time in 10..20 {
        let before = SCANS.load(Ordering::Relaxed);
        engine.set_job(job(MAINNET, time), shares_of(1e12));
        let begin = Instant::now();
        while SCANS.load(Ordering::Relaxed) == before {
            assert!(begin.elapsed() < Duration::from_secs(60), "the old job is still searched");
            std::thread::yield_now();
        }
    }
    engine.clear();
    assert!(engine.stop().is_empty());
}

#[test]
fn the_target_of_a_share_is_the_one_asked_for() {
    let (engine, found) = start(vec![sound("a")]);
    engine.set_job(job(MAINNET, 30), shares_of(128.0));
    let share = next(&found).share;
    assert_eq!(share.target(), shares_of(128.0).share_target);
    assert!(share.target() < Target::from_be_bytes([0xff; 32]));
}
