//! Known blocks planted among the work, to see that the device finds what is there.

use std::time::{Duration, Instant};

use miner_core::bitcoin::Target;
use miner_core::{NonceRange, Prepared, WorkUnit, header};

use crate::layout::{Hit, Hits, Work};

/// The time between two. Each costs one dispatch.
const EVERY: Duration = Duration::from_secs(60);

/// Bitcoin's first block, solved by its nonce.
const SOLVED: &str = concat!(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e",
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
);

/// Plants a known block now and then.
#[derive(Debug)]
pub(crate) struct Probe {
    next: Instant,
    planted: u32,
}

/// A dispatch with a known answer.
pub(crate) struct Planted {
    pub(crate) work: Work,
    hits: Vec<Hit>,
}

impl Probe {
    /// For a device that has just proved itself.
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() + EVERY, planted: 0 }
    }

    /// It is time for one.
    #[cfg(test)]
    pub(crate) fn due() -> Self {
        Self { next: Instant::now(), planted: 0 }
    }

    /// A known block among so many nonces, under every one of so many midstates, if it is time for one.
    pub(crate) fn next(&mut self, midstates: usize, nonces: u64) -> Option<Planted> {
        let now = Instant::now();
        (now >= self.next).then(|| {
            self.next = now + EVERY;
            self.planted = self.planted.wrapping_add(1);
            plant(self.planted, midstates, nonces)
        })
    }
}

/// The `number`-th block, each at another place of its dispatch.
fn plant(number: u32, midstates: usize, nonces: u64) -> Planted {
    let solved = header::from_hex(SOLVED).expect("the constant is a header");
    // Multiples of the golden ratio of all places are far apart.
    let place = (u64::from(number.wrapping_mul(0x9e37_79b9)) * nonces) >> 32;
    let first = solved.nonce.saturating_sub(u32::try_from(place).unwrap_or(u32::MAX));
    let nonces = NonceRange::starting_at(first, nonces);
    let unit =
        WorkUnit::new(vec![header::midstate(&solved)].into(), header::tail(&solved), nonces, Target::ZERO);
    let prepared = Prepared::new(&unit);
    let hits = (0..midstates).map(|index| Hit { nonce: solved.nonce, midstate: index as u32 }).collect();
    let all = vec![prepared.midstates[0]; midstates];
    Planted { work: Work::new(&prepared, &all, nonces), hits }
}

impl Planted {
    /// The hashes of the dispatch.
    pub(crate) fn hashes(&self) -> u64 {
        self.work.nonces().count() * self.hits.len() as u64
    }

    /// Whether all that was planted is there.
    pub(crate) fn is_found(&self, found: &Hits) -> bool {
        self.hits.iter().all(|hit| found.kept.contains(hit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planted_block_is_in_every_dispatch_and_moves_about() {
        let solved = header::from_hex(SOLVED).expect("a header").nonce;
        let mut places = std::collections::BTreeSet::new();
        for number in 1..100 {
            for nonces in [1, 1000, (1 << 31) - 1] {
                let planted = plant(number, 16, nonces);
                assert_eq!((planted.work.nonces().count(), planted.hashes()), (nonces, 16 * nonces));
                assert!(planted.work.nonces().contains(solved));
                places.insert(planted.work.nonces().first());
            }
        }
        assert!(places.len() > 180, "{}", places.len());
    }
}
