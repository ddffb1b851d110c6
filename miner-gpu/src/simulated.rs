//! A device that does on the CPU, slowly and plainly, what the shader does, and fails on demand: for tests.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use miner_core::bitcoin::Target;
use miner_core::bitcoin::hashes::{Hash as _, sha256};
use miner_core::prepared::{HEADER_BITS, PADDING, round};
use miner_core::sha256::{ROUND_CONSTANTS as K, small_sigma0, small_sigma1};
use miner_core::{Candidate, Reporter};

use crate::device::{Device, DeviceError, SLOTS};
use crate::layout::{Hit, Hits, Work};

/// How a device is broken.
#[derive(Debug)]
pub(crate) struct Faults {
    /// It is lost after so many more calls.
    pub(crate) fuse: AtomicI64,
    /// It finds nothing.
    pub(crate) blind: AtomicBool,
    /// It reports each hit twice.
    pub(crate) doubled: AtomicBool,
    /// It counts more hits than hashes.
    pub(crate) overcounts: AtomicBool,
}

impl Default for Faults {
    fn default() -> Self {
        let no = || AtomicBool::new(false);
        Self { fuse: AtomicI64::new(i64::MAX), blind: no(), doubled: no(), overcounts: no() }
    }
}

/// The device.
pub(crate) struct Simulated {
    faults: Arc<Faults>,
    capacity: usize,
    slots: [Option<Work>; SLOTS],
    /// The most dispatches that were under way at once.
    pub(crate) most_under_way: usize,
}

impl Simulated {
    /// A device with room for so many hits.
    pub(crate) fn new(capacity: usize, faults: Arc<Faults>) -> Self {
        Self { faults, capacity, slots: Default::default(), most_under_way: 0 }
    }

    fn call(&self) -> Result<(), DeviceError> {
        match self.faults.fuse.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(DeviceError::Lost("unplugged".to_owned())),
            _ => Ok(()),
        }
    }
}

impl Device for Simulated {
    fn submit(&mut self, slot: usize, work: &Work) -> Result<(), DeviceError> {
        self.call()?;
        let before = self.slots[slot].replace(work.clone());
        assert!(before.is_none(), "slot {slot} is taken");
        self.most_under_way = self.most_under_way.max(self.slots.iter().flatten().count());
        Ok(())
    }

    fn wait(&mut self, slot: usize) -> Result<Hits, DeviceError> {
        self.call()?;
        let is = |fault: &AtomicBool| fault.load(Ordering::Relaxed);
        let work = self.slots[slot].take().expect("something was submitted");
        let mut kept = if is(&self.faults.blind) { Vec::new() } else { run(&work) };
        if is(&self.faults.doubled) {
            kept.extend_from_within(..);
        }
        let count = if is(&self.faults.overcounts) { u32::MAX } else { kept.len() as u32 };
        kept.truncate(self.capacity);
        Ok(Hits { count, kept })
    }
}

/// Every hit of a dispatch.
fn run(work: &Work) -> Vec<Hit> {
    let words = work.words();
    let target_top = words[13];
    let nonces = work.nonces().first()..=work.nonces().last();
    let all = nonces.flat_map(|nonce| (0..words[2]).map(move |midstate| Hit { nonce, midstate }));
    all.filter(|hit| last_word(words, *hit) <= target_top).collect()
}

/// The most significant 32 bits of a hash, from the words of a dispatch.
fn last_word(words: &[u32], hit: Hit) -> u32 {
    let w3 = hit.nonce.swap_bytes();
    let mut w = [0; 64];
    (w[4], w[15]) = (PADDING, HEADER_BITS);
    w[16..20].copy_from_slice(&words[4..8]);
    w[18] = small_sigma0(w3).wrapping_add(w[18]);
    w[19] = w3.wrapping_add(w[19]);
    for t in 20..64usize {
        let sum = small_sigma1(w[t - 2]).wrapping_add(w[t - 7]).wrapping_add(small_sigma0(w[t - 15]));
        w[t] = sum.wrapping_add(w[t - 16]);
    }
    let midstate = &words[16 + 20 * hit.midstate as usize..][..20];
    let mut state: [u32; 8] = midstate[..8].try_into().expect("eight words");
    for word in [0, 4] {
        state[word] = state[word].wrapping_add(w3);
    }
    for hkw in [midstate[7], midstate[16], midstate[17]] {
        state[7] = hkw;
        state = round(state, 0);
    }
    for t in 7..64 {
        state = round(state, K[t].wrapping_add(w[t]));
    }
    let sums = state.iter().zip(&midstate[8..16]).map(|(word, start)| word.wrapping_add(*start));
    let digest: Vec<u8> = sums.flat_map(u32::to_be_bytes).collect();
    let [.., a, b, c, d] = sha256::Hash::hash(&digest).to_byte_array();
    u32::from_le_bytes([a, b, c, d])
}

/// A target that a hash meets with probability 2^−`bits`.
pub(crate) fn one_in(bits: u32) -> Target {
    let mut bytes = [0xff; 32];
    bytes[..4].copy_from_slice(&u32::MAX.checked_shr(bits).unwrap_or(0).to_be_bytes());
    Target::from_be_bytes(bytes)
}

/// Notes what is reported, and breaks when told to.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) found: Mutex<Vec<Candidate>>,
    pub(crate) hashes: AtomicU64,
    pub(crate) breaks: AtomicBool,
}

impl Log {
    fn answer(&self) -> ControlFlow<()> {
        if self.breaks.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What was found, in order, and how many hashes were done.
    pub(crate) fn into_parts(self) -> (Vec<Candidate>, u64) {
        let mut found = self.found.into_inner().expect("no holder panics");
        found.sort_unstable();
        (found, self.hashes.into_inner())
    }
}

impl Reporter for Log {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        self.found.lock().expect("no holder panics").push(candidate);
        self.answer()
    }

    fn progress(&self, hashes_done: u64) -> ControlFlow<()> {
        self.hashes.fetch_add(hashes_done, Ordering::Relaxed);
        self.answer()
    }
}
