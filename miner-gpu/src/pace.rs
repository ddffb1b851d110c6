//! How much to dispatch at once, from how long the last dispatches took.

use std::time::{Duration, Instant};

use crate::layout::CAPACITY;

/// What a dispatch should take: two are under way, and a clean job must be hashed within 60 ms.
const DISPATCH_TIME: Duration = Duration::from_millis(20);

/// The first dispatch, in hashes: little, for a device that computes on a CPU.
const FIRST: u64 = 1 << 16;

/// The longest dispatch: enough for 10¹² hashes a second.
const MOST: u64 = 1 << 35;

/// The size of the next dispatch.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    hashes: u64,
    landed: Option<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { hashes: FIRST, landed: None }
    }

    /// The nonces of the next dispatch with so many midstates, at least one: fewer than 2³², and so few
    /// that the hits expected for a target fill a quarter of the space for them.
    pub(crate) fn nonces(&self, midstates: usize, target_top: u32) -> u64 {
        let within_capacity = ((CAPACITY as u64 / 4) << 32) / (u64::from(target_top) + 1);
        (self.hashes.min(within_capacity) / midstates as u64).clamp(1, (1 << 31) - 1)
    }

    /// Takes note of a dispatch that has just ended. It ran since the one before had ended, or since it was
    /// submitted if that was later.
    pub(crate) fn ended(&mut self, hashes: u64, submitted: Instant, now: Instant) {
        let began = self.landed.map_or(submitted, |landed| landed.max(submitted));
        self.landed = Some(now);
        let took = now.saturating_duration_since(began);
        let fitting = hashes as f64 * DISPATCH_TIME.as_secs_f64() / took.as_secs_f64().max(1e-6);
        // A dispatch cut short says nothing about longer ones unless it took too long.
        if hashes >= self.hashes || took > DISPATCH_TIME {
            self.hashes = (fitting as u64).clamp(self.hashes / 2, self.hashes * 2).clamp(1, MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of a dispatch once the pace has settled on a device of so many hashes a second.
    fn settled(rate: f64) -> Duration {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let mut took = Duration::ZERO;
        for _ in 0..64 {
            let hashes = pace.nonces(16, 0) * 16;
            // Two are under way: submitted when the one before began.
            let submitted = now.checked_sub(took).unwrap_or(now);
            took = Duration::from_secs_f64(hashes as f64 / rate);
            now += took;
            pace.ended(hashes, submitted, now);
        }
        took
    }

    #[test]
    fn dispatches_of_any_device_settle_at_15_to_25_ms() {
        for rate in [1e5, 21e6, 8.5e9, 100e9] {
            let took = settled(rate).as_secs_f64();
            assert!((0.015..0.025).contains(&took), "{took} s at {rate} hashes a second");
        }
    }

    #[test]
    fn the_hits_expected_fill_a_quarter_of_the_buffer_at_most() {
        let mut pace = Pace::new();
        pace.hashes = MOST;
        for (target_top, most) in [(u32::MAX, 256), (u32::MAX >> 1, 512), (u32::MAX >> 20, 256 << 20)] {
            let hashes = pace.nonces(16, target_top) * 16;
            assert!((most / 2..=most).contains(&hashes), "{hashes} hashes below {target_top}");
        }
        assert_eq!(pace.nonces(1, 0), (1 << 31) - 1);
    }
}
