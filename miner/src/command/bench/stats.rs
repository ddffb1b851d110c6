//! The median of samples and the ratio of two sets of them, each with its interval, without assuming any distribution.

use serde::{Deserialize, Serialize};

/// A median with the interval that holds it with at least 95 % probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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

/// How many times the old samples the new ones are: the median of all their ratios (Hodges and Lehmann), with the
/// interval that holds the true factor with at least 95 % probability (Mann and Whitney); sets too small for that give
/// an interval that spans all ratios.
pub(crate) fn ratio(new: &[f64], old: &[f64]) -> Median {
    let mut ratios: Vec<f64> = new.iter().flat_map(|new| old.iter().map(move |old| new / old)).collect();
    ratios.sort_by(f64::total_cmp);
    // The ratio next to those left out is the interval's end.
    let left_out = critical(new.len(), old.len()).saturating_sub(1);
    let (Some(low), Some(high)) = (ratios.get(left_out), ratios.get(ratios.len().wrapping_sub(1 + left_out)))
    else {
        return Median { median: 0.0, low: 0.0, high: 0.0 };
    };
    Median { low: *low, high: *high, ..median(&ratios) }
}

/// How many values of U, from 0 on, are together too unlikely at 5 % for two samples of these sizes.
fn critical(new: usize, old: usize) -> usize {
    // ways[u]: in how many orders of the new and the old samples exactly u pairs have the new one below.
    let pairs = new * old;
    let mut ways = vec![0.0; pairs + 1];
    if let Some(none) = ways.first_mut() {
        *none = 1.0;
    }
    // The counts are the coefficients of the Gaussian binomial: ∏ (1 − q^(old + i)) / (1 − q^i).
    for i in 1..=new {
        for u in (old + i..=pairs).rev() {
            ways[u] -= ways[u - old - i];
        }
        for u in i..=pairs {
            ways[u] += ways[u - i];
        }
    }
    let all: f64 = ways.iter().sum();
    let mut below = 0.0;
    let unlikely = ways.iter().take_while(|count| {
        below += **count;
        2.0 * below / all <= 0.05
    });
    unlikely.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_are_those_of_the_tables() {
        // Published critical values of U at 5 %, two-sided; 0 is a value too.
        for (new, old, value) in
            [(4, 4, 0), (5, 5, 2), (7, 5, 5), (7, 7, 8), (8, 8, 13), (10, 10, 23), (20, 20, 127)]
        {
            assert_eq!(critical(new, old), value + 1, "{new}, {old}");
        }
        assert_eq!(
            [critical(3, 3), critical(1, 1), critical(0, 7)],
            [0, 0, 0],
            "no value is unlikely enough"
        );
    }

    #[test]
    fn a_ratio_lies_in_its_interval_and_noise_widens_it() {
        let old = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8];
        let slower: Vec<f64> = old.iter().map(|hs| hs * 0.9).collect();
        let exact = ratio(&slower, &old);
        assert!((exact.median - 0.9).abs() < 1e-9 && exact.low < 0.9 && exact.high > 0.9, "{exact:?}");
        assert!(exact.high < 0.92 && exact.low > 0.88, "{exact:?}");
        let noisy: Vec<f64> =
            old.iter().zip([0.8, 1.2, 0.9, 1.1, 1.0, 1.15, 0.85]).map(|(hs, by)| hs * by).collect();
        let noisy = ratio(&noisy, &old);
        assert!(noisy.low < 0.95 && noisy.high > 1.05, "{noisy:?}");
        assert_eq!(ratio(&[2.0], &[4.0]), Median { median: 0.5, low: 0.5, high: 0.5 });
        assert_eq!(ratio(&[], &[4.0]).median, 0.0);
    }

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
