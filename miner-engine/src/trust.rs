//! Whether what a device computes can be trusted, judged by its latest results.

/// A device is out when this many of its latest results were wrong, and more than were right.
const TOLERATED: u64 = 16;
/// How many results count: older ones fade, so that a long good past does not hide a broken present.
const LATEST: u64 = 64;

/// The latest results, right and wrong.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    right: u64,
    wrong: u64,
}

impl Trust {
    /// Counts results; whether the device can still be trusted.
    pub(crate) fn count(&mut self, right: u64, wrong: u64) -> bool {
        self.right += right;
        self.wrong += wrong;
        let is_lost = self.wrong >= TOLERATED && self.wrong > self.right;
        while self.right + self.wrong > LATEST {
            self.right /= 2;
            self.wrong /= 2;
        }
        !is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many wrong results in a row it takes.
    fn wrong_until_lost(trust: &mut Trust) -> u64 {
        (1..).find(|_| !trust.count(0, 1)).expect("trust ends")
    }

    #[test]
    fn a_few_wrong_results_are_tolerated() {
        assert_eq!(wrong_until_lost(&mut Trust::default()), TOLERATED);
        let mut trust = Trust::default();
        assert!((0..10_000).all(|_| trust.count(1, 1)), "half of them right");
        let mut trust = Trust::default();
        assert!(trust.count(15, 15) && !trust.count(0, 1), "more wrong than right");
    }

    #[test]
    fn a_good_past_does_not_hide_a_broken_present() {
        let mut trust = Trust::default();
        assert!(trust.count(1_000_000, 0));
        assert!(wrong_until_lost(&mut trust) <= LATEST);
    }
}
