//! The median and its interval, without assuming any distribution.

/// A median with the interval that holds it with at least 95 % probability.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Median {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The median of the samples. The interval's ends are samples too, by the binomial distribution of how
/// many samples lie below the true median; fewer than six samples reach no 95 %, and all of them span it.
pub(crate) fn median(samples: &[f64]) -> Median {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let (Some(low), Some(high)) = (sorted.get(rank(count)), sorted.get(count.wrapping_sub(1 + rank(count))))
    else {
        return Median { median: 0.0, low: 0.0, high: 0.0 };
    };
    Median { median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]), low: *low, high: *high }
}

/// The highest index k at which the k lowest and k highest samples can be left out: the probability that
/// the median lies among those left out, 2·P(X ≤ k − 1) for X ~ B(n, ½), stays below 5 %.
fn rank(count: usize) -> usize {
    let (mut left_out, mut chance, mut term) = (0, 0.0, 0.5f64.powi(count as i32));
    while left_out < count / 2 {
        chance += 2.0 * term;
        if chance > 0.05 {
            break;
        }
        left_out += 1;
        term *= (count - left_out + 1) as f64 / left_out as f64;
    }
    // The sample next to those left out is the interval's end.
    left_out.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Published ranks (1-based) of the 95 % interval of a median: n = 6: 1, 9: 2, 20: 6, 50: 18.
        assert_eq!([5, 6, 8, 9, 20, 50].map(rank), [0, 0, 0, 1, 5, 17]);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Median { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(median(&[4.0, 1.0]).median, 2.5);
        assert_eq!(median(&[]).median, 0.0);
    }
}
