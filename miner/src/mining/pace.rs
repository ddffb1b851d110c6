//! The time between blocks on a node's regtest, where finding one takes none.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long to wait between blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Interval {
    /// Always the same time.
    Every(Duration),
    /// A random time with this mean, as between real blocks.
    Poisson(Duration),
}

impl Interval {
    pub(crate) const NONE: Self = Self::Every(Duration::ZERO);
    pub(crate) const SECOND: Self = Self::Every(Duration::from_secs(1));

    fn sample(self) -> Duration {
        match self {
            Self::Every(time) => time,
            // The inverse of the exponential distribution; 1 − u is never 0.
            Self::Poisson(mean) => mean.mul_f64(-(1.0 - fastrand::f64()).ln()),
        }
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (poisson, number) = text.strip_prefix("poisson:").map_or((false, text), |mean| (true, mean));
        let seconds =
            number.parse::<f64>().map_err(|_| format!("`{text}` is neither seconds nor poisson:SECONDS"))?;
        let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        Ok(if poisson { Self::Poisson(time) } else { Self::Every(time) })
    }
}

/// Says when the next block may be looked for.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Interval,
    not_before: Instant,
}

impl Pace {
    pub(crate) fn new(interval: Interval) -> Self {
        Self { interval, not_before: Instant::now() }
    }

    /// A block was found: the next one comes an interval after the last was due, so that a slow node
    /// does not slow the average, unless that is long past.
    pub(crate) fn block_found(&mut self) {
        let wait = self.interval.sample();
        let now = Instant::now();
        self.not_before = (self.not_before + wait).max(now.checked_sub(wait).unwrap_or(now));
    }

    /// Nothing may begin for this long, whatever the interval.
    pub(crate) fn wait_at_least(&mut self, time: Duration) {
        self.not_before = self.not_before.max(Instant::now() + time);
    }

    /// When hashing may begin.
    pub(crate) fn not_before(&self) -> Instant {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_parse() {
        assert_eq!("0.5".parse(), Ok(Interval::Every(Duration::from_millis(500))));
        assert_eq!("poisson:2".parse(), Ok(Interval::Poisson(Duration::from_secs(2))));
        for bad in ["", "poisson", "poisson:", "-1", "x", "poisson:-1", "NaN"] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }

    #[test]
    fn random_waits_have_their_mean() {
        fastrand::seed(7);
        let mean = Duration::from_secs(10);
        let total: f64 = (0..10_000).map(|_| Interval::Poisson(mean).sample().as_secs_f64()).sum();
        assert!((total / 10_000.0 - 10.0).abs() < 0.5, "{total}");
        // An exponential distribution has a quarter below 0.288 of its mean, and a quarter above 1.386.
        let quarters: [fn(f64) -> bool; 2] = [|wait| wait < 2.88, |wait| wait > 13.86];
        for in_quarter in quarters {
            let waits = (0..10_000).filter(|_| in_quarter(Interval::Poisson(mean).sample().as_secs_f64()));
            assert!((2_200..2_800).contains(&waits.count()));
        }
    }
}
