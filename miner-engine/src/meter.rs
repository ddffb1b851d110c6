//! Hashrates over sliding windows, counted from hashes really done.

use std::time::Duration;

/// The longest window, in seconds.
const LONGEST: u64 = 15 * 60;
/// One bucket a second of the longest window, and one for the second under way.
const BUCKETS: usize = LONGEST as usize + 1;

/// Counts hashes by the second. Times are since the meter's start; idle time counts as time.
#[derive(Debug)]
pub(crate) struct Meter {
    buckets: Box<[u64; BUCKETS]>,
    /// The second that the newest bucket stands for.
    second: u64,
    total: u64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), second: 0, total: 0 }
    }

    /// Hashes since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Counts hashes done up to `now`.
    pub(crate) fn add(&mut self, now: Duration, hashes: u64) {
        self.forget_old(now);
        self.buckets[self.second as usize % BUCKETS] += hashes;
        self.total += hashes;
    }

    /// Hashes a second over the last `window` seconds (at most 15 minutes), or since the start if that
    /// was later.
    pub(crate) fn rate(&mut self, now: Duration, window: u64) -> f64 {
        self.forget_old(now);
        let window = window.min(LONGEST);
        let (hashes, time) = if now.as_secs() <= window {
            (self.total, now.as_secs_f64())
        } else {
            let seconds = self.second - window..=self.second;
            let hashes = seconds.map(|second| self.buckets[second as usize % BUCKETS]).sum();
            (hashes, window as f64 + f64::from(now.subsec_nanos()) / 1e9)
        };
        if time > 0.0 { hashes as f64 / time } else { 0.0 }
    }

    /// Clears the buckets of the seconds that began since the last call.
    fn forget_old(&mut self, now: Duration) {
        let begun = now.as_secs().saturating_sub(self.second).min(BUCKETS as u64);
        self.second = self.second.max(now.as_secs());
        for second in self.second + 1 - begun..=self.second {
            self.buckets[second as usize % BUCKETS] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_steady_rate_is_the_rate_in_every_window() {
        let mut meter = Meter::new();
        for tenth in 1..=20_000u32 {
            meter.add(at(f64::from(tenth) / 10.0), 100);
            if tenth % 997 == 0 || tenth < 20 {
                for window in [10, 60, 900] {
                    let rate = meter.rate(at(f64::from(tenth) / 10.0), window);
                    assert!((rate - 1000.0).abs() <= 20.0, "{rate} over {window} s after {tenth} tenths");
                }
            }
        }
        assert_eq!(meter.total(), 2_000_000);
    }

    #[test]
    fn idle_time_counts_and_old_hashes_are_forgotten() {
        let mut meter = Meter::new();
        meter.add(at(0.5), 600);
        assert_eq!(meter.rate(at(6.0), 10), 100.0);
        assert_eq!(meter.rate(at(20.0), 10), 0.0);
        assert_eq!(meter.rate(at(60.0), 60), 10.0);
        assert_eq!(meter.rate(at(5_000.0), 900), 0.0);
        assert_eq!(meter.total(), 600);
        meter.add(at(5_000.5), 900);
        assert!((meter.rate(at(5_001.0), 10) - 90.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_done_in_no_time() {
        assert_eq!(Meter::new().rate(Duration::ZERO, 10), 0.0);
    }

    #[test]
    fn a_clock_that_lags_behind_another_thread_loses_nothing() {
        let mut meter = Meter::new();
        meter.add(at(7.1), 10);
        meter.add(at(6.9), 10);
        assert_eq!(meter.rate(at(10.0), 10), 2.0);
    }
}
