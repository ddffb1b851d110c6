//! The pause before a pool is tried again: at most a second after it worked, then longer and longer, never more
//! than a minute. Jitter keeps a thousand miners from coming back at the same moment.

use std::time::Duration;

/// The longest pause before the first attempt after a session that worked.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause of all.
const LONGEST: Duration = Duration::from_secs(60);

/// How often in a row a pool failed, and what follows from it.
#[derive(Debug)]
pub(super) struct Backoff {
    step: Duration,
    failures: u32,
}

impl Backoff {
    /// `step`: the pause after the first failure; each further one doubles it.
    pub(super) fn new(step: Duration) -> Self {
        Self { step, failures: 0 }
    }

    /// A job arrived: the pool works.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// An attempt ended without a job.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&self, random: &mut fastrand::Rng) -> Duration {
        match self.failures.checked_sub(1) {
            None => FIRST.mul_f64(random.f64()),
            Some(doublings) => {
                let factor = 2u32.saturating_pow(doublings);
                self.step.saturating_mul(factor).min(LONGEST).mul_f64(0.5 + random.f64() / 2.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_start_within_a_second_double_and_end_at_a_minute() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for longest in [1, 1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let shortest = if backoff.failures == 0 { 0.0 } else { f64::from(longest) / 2.0 };
            for _ in 0..100 {
                let pause = backoff.pause(&mut random).as_secs_f64();
                assert!((shortest..=f64::from(longest)).contains(&pause), "{pause} of {longest}");
            }
            backoff.failed();
        }
        (0..1000).for_each(|_| backoff.failed());
        assert!(backoff.pause(&mut random) >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.pause(&mut random) <= FIRST);
    }

    #[test]
    fn pauses_differ() {
        let mut random = fastrand::Rng::with_seed(6);
        let backoff = Backoff { step: LONGEST, failures: 3 };
        let pauses: std::collections::HashSet<_> = (0..100).map(|_| backoff.pause(&mut random)).collect();
        assert!(pauses.len() > 90, "{}", pauses.len());
    }
}
