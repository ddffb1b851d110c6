//! A pace: so many of something a second, with a burst.

use std::time::Duration;

use tokio::time::Instant;

/// Lets through one thing an interval, and a burst of them after a pause.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How far ahead of its interval a thing may go.
    ahead: Duration,
    /// When the next one would be due if all kept to their intervals.
    due: Option<Instant>,
}

impl Pace {
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, ahead: interval.saturating_mul(burst.saturating_sub(1)), due: None }
    }

    /// Whether one may go now; if so, it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = self.due.map_or(now, |due| due.max(now));
        let ready = due <= now + self.ahead;
        if ready {
            self.due = Some(due + self.interval);
        }
        ready
    }

    /// From when on the next one may go.
    pub(super) fn ready_at(&self, now: Instant) -> Instant {
        self.due.and_then(|due| due.checked_sub(self.ahead)).map_or(now, |ready| ready.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let (start, interval) = (Instant::now(), Duration::from_millis(10));
        let mut pace = Pace::new(interval, 3);
        let taken = (0..100).filter(|_| pace.take(start)).count();
        assert_eq!(taken, 3);
        assert_eq!(pace.ready_at(start), start + interval);
        assert!(!pace.take(start + interval - Duration::from_nanos(1)));
        assert!(pace.take(start + interval));
        // A pause refills the burst, and no more than it.
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| pace.take(later)).count(), 3);
    }
}
