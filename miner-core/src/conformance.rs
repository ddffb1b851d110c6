//! The suite that every backend must pass: CPU kernels, GPUs, and whatever comes next.
//!
//! Each case searches a unit and compares what was reported with an exhaustive search by the reference
//! hash, starting from whole 80-byte headers. [`Depth::Quick`] is a self-test of a few milliseconds.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin::Target;

use crate::{
    Assignment, Backend, Candidate, Job, Miss, NonceRange, Reporter, SearchSpace, Terms, VersionMask, header,
};

/// How much to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// A self-test at start-up.
    Quick,
    /// Everything.
    Full,
}

/// The first case that a backend failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{backend} failed the case '{case}': {message}")]
pub struct Failure {
    /// The backend's name.
    pub backend: String,
    /// The case's name.
    pub case: &'static str,
    /// What went wrong.
    pub message: String,
}

/// One case of the suite.
struct Case {
    name: &'static str,
    depth: Depth,
    run: fn(&mut dyn Backend) -> Result<(), String>,
}

/// The suite.
const CASES: &[Case] = &[
    Case { name: "known blocks are found", depth: Depth::Quick, run: known_blocks },
    Case { name: "rolled versions", depth: Depth::Quick, run: rolled_versions },
    Case { name: "range edges", depth: Depth::Full, run: range_edges },
    Case { name: "any number of midstates", depth: Depth::Full, run: midstate_counts },
    Case { name: "targets around one hash", depth: Depth::Full, run: target_edges },
    Case { name: "easy targets lose no hit", depth: Depth::Full, run: easy_targets },
    Case { name: "a break ends the scan", depth: Depth::Full, run: prompt_break },
];

/// Runs the suite; the names of the cases passed, or the first failure.
pub fn run(backend: &mut dyn Backend, depth: Depth) -> Result<Vec<&'static str>, Failure> {
    let chosen = CASES.iter().filter(|case| case.depth <= depth);
    let run = |case: &Case| match (case.run)(backend) {
        Ok(()) => Ok(case.name),
        Err(message) => Err(Failure { backend: backend.name().to_owned(), case: case.name, message }),
    };
    chosen.map(run).collect()
}

/// Solved headers of mainnet, testnet and regtest (`tests/vectors`): nonces low, high and in between.
const SOLVED: &[&str] = &[
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff001d1aa4ae18",
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000",
];

/// Mask bits far apart, low and high: 64 versions.
const SPARSE_MASK: VersionMask = VersionMask::new(0x4100_8106);

/// The `index`-th known header as a job; terms that search it for `target`.
fn assignment(index: usize, mask: VersionMask, midstates: usize, target: Target) -> Assignment {
    let header = header::from_hex(SOLVED[index % SOLVED.len()]).expect("the constants are headers");
    let job = Arc::new(Job::from_header("conformance", &header).expect("the constants are valid"));
    let terms = Terms { share_target: target, ..Terms::solo(0, mask) };
    let unit = SearchSpace::new(job, terms, midstates).next(u64::MAX, Duration::ZERO);
    unit.expect("a new space is not exhausted")
}

/// What a scan reported.
#[derive(Default)]
struct Log {
    found: Mutex<Vec<Candidate>>,
    hashes: AtomicU64,
    break_on_found: bool,
    break_on_progress: bool,
    broken: AtomicBool,
}

impl Log {
    fn answer(&self, stop: bool) -> ControlFlow<()> {
        if stop || self.broken.load(Ordering::Relaxed) {
            self.broken.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Reporter for Log {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.found.lock().expect("no holder panics").push(candidate);
        self.answer(self.break_on_found)
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        self.hashes.fetch_add(hashes_done, Ordering::Relaxed);
        self.answer(self.break_on_progress)
    }
}

/// Scans part of an assignment's unit and compares everything reported with the reference.
fn scan_and_compare(
    backend: &mut dyn Backend,
    whole: &Assignment,
    nonces: NonceRange,
) -> Result<BTreeSet<Candidate>, String> {
    let part = whole.with_nonces(nonces);
    let log = Log::default();
    backend.scan(part.unit(), &log).map_err(|e| format!("scan failed: {e}"))?;
    let hashes = log.hashes.load(Ordering::Relaxed);
    if hashes != part.unit().hashes() {
        return Err(format!("progress sums to {hashes}, the unit has {} hashes", part.unit().hashes()));
    }
    let reported = log.found.into_inner().expect("no holder panics");
    let mut shares = BTreeSet::new();
    for candidate in &reported {
        match part.verify(*candidate) {
            Ok(_) if shares.insert(*candidate) => {}
            Ok(_) => return Err(format!("{candidate:?} was reported twice")),
            Err(Miss::AboveTarget) => {}
            Err(Miss::HardwareError) => return Err(format!("{candidate:?} is wrong in its top word")),
        }
    }
    Ok(shares)
}

/// Like [`scan_and_compare`], and nothing is missing: the reference searches the whole range.
fn exhaustive(backend: &mut dyn Backend, whole: &Assignment, nonces: NonceRange) -> Result<(), String> {
    let shares = scan_and_compare(backend, whole, nonces)?;
    for nonce in nonces.first()..=nonces.last() {
        for midstate in 0..whole.unit().midstates().len() {
            let candidate = Candidate { midstate, nonce };
            if whole.verify(candidate).is_ok() && !shares.contains(&candidate) {
                return Err(format!("{candidate:?} was missed in nonces {nonces:?}"));
            }
        }
    }
    Ok(())
}

fn range(first: u32, count: u64) -> NonceRange {
    NonceRange::starting_at(first, count)
}

/// A target that a hash meets with probability 2^−`bits`.
fn one_in(bits: u32) -> Target {
    let mut bytes = [0xff; 32];
    bytes[..4].copy_from_slice(&(u32::MAX.checked_shr(bits).unwrap_or(0)).to_be_bytes());
    Target::from_be_bytes(bytes)
}

fn known_blocks(backend: &mut dyn Backend) -> Result<(), String> {
    for (index, hex) in SOLVED.iter().enumerate() {
        let nonce = header::from_hex(hex).expect("the constants are headers").nonce;
        for (mask, midstates) in [(VersionMask::NONE, 1), (SPARSE_MASK, 4)] {
            let whole = assignment(index, mask, midstates, Target::ZERO);
            let shares = scan_and_compare(backend, &whole, range(nonce.saturating_sub(50), 130))?;
            // The unrolled version comes first.
            if !shares.contains(&Candidate { midstate: 0, nonce }) {
                return Err(format!("block {hex} was not found at its nonce {nonce}"));
            }
        }
    }
    Ok(())
}

fn rolled_versions(backend: &mut dyn Backend) -> Result<(), String> {
    let whole = assignment(0, SPARSE_MASK, 16, one_in(5));
    exhaustive(backend, &whole, range(0x00ff_fff3, 61))
}

fn range_edges(backend: &mut dyn Backend) -> Result<(), String> {
    for (mask, midstates) in [(VersionMask::NONE, 1), (SPARSE_MASK, 8)] {
        let whole = assignment(1, mask, midstates, one_in(2));
        // Below, at and above one and two vectors of any width up to 32 lanes; ends that are no multiple.
        for count in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257] {
            for first in [0, 1, 13, 0x7fff_fff9, 0xffff_ff00] {
                exhaustive(backend, &whole, range(first, count))?;
            }
            let last = u32::MAX - (count as u32 - 1);
            exhaustive(backend, &whole, range(last, count))?;
        }
    }
    Ok(())
}

fn midstate_counts(backend: &mut dyn Backend) -> Result<(), String> {
    for midstates in [1, 2, 4, 8, 16, 32, 64] {
        for bits in [1, 6, 11] {
            let whole = assignment(2, SPARSE_MASK, midstates, one_in(bits));
            exhaustive(backend, &whole, range(0xfffe_fff1, 200))?;
        }
    }
    Ok(())
}

/// A target equal to a hash is met; one below it is not.
fn target_edges(backend: &mut dyn Backend) -> Result<(), String> {
    let candidate = Candidate { midstate: 1, nonce: 77 };
    // Not the last header: on regtest the network target is the easier one.
    for hash_of in 0..SOLVED.len() - 1 {
        let hash = assignment(hash_of, SPARSE_MASK, 4, Target::ZERO).unit().hash(candidate);
        let mut below = hash;
        let lowest = below.iter().position(|byte| *byte != 0).expect("no hash is zero");
        below[..lowest].fill(0xff);
        below[lowest] -= 1;
        for (target, met) in [(hash, true), (below, false)] {
            let whole = assignment(hash_of, SPARSE_MASK, 4, Target::from_le_bytes(target));
            let shares = scan_and_compare(backend, &whole, range(70, 20))?;
            if shares.contains(&candidate) != met {
                return Err(format!("a target {} the hash", if met { "equal to" } else { "one below" }));
            }
            exhaustive(backend, &whole, range(0, 400))?;
        }
    }
    Ok(())
}

fn easy_targets(backend: &mut dyn Backend) -> Result<(), String> {
    for (mask, midstates) in [(VersionMask::NONE, 1), (SPARSE_MASK, 16)] {
        for bits in [0, 1, 8, 13] {
            let whole = assignment(3, mask, midstates, one_in(bits));
            exhaustive(backend, &whole, range(0x1234_5601, 1 << 11))?;
        }
    }
    Ok(())
}

fn prompt_break(backend: &mut dyn Backend) -> Result<(), String> {
    for break_on_found in [true, false] {
        let whole = assignment(0, SPARSE_MASK, 16, one_in(10));
        let log = Log { break_on_found, break_on_progress: !break_on_found, ..Log::default() };
        backend.scan(whole.unit(), &log).map_err(|e| format!("scan failed: {e}"))?;
        let hashes = log.hashes.load(Ordering::Relaxed);
        // The unit is of minutes to hours; a few slices may be under way.
        if hashes > whole.unit().hashes() / 16 {
            return Err(format!("{hashes} hashes were done after the break"));
        }
        for candidate in log.found.into_inner().expect("no holder panics") {
            if matches!(whole.verify(candidate), Err(Miss::HardwareError)) {
                return Err(format!("{candidate:?} is wrong in its top word"));
            }
        }
    }
    Ok(())
}
