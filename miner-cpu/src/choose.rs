//! Which kernel to use when nobody says: at once by rule of thumb, or by trying them all.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use miner_core::bitcoin::Target;
use miner_core::{NonceRange, Prepared, WorkUnit};

use crate::kernel::{Kernel, available};
use crate::threads::usable_cpus;

/// What all trials together may take.
const PATIENCE: Duration = Duration::from_millis(160);

/// Each kernel is tried this often, in turn, so that a clock that rises or falls favours none.
const ROUNDS: u32 = 2;

/// Nonces between two looks at the clock.
const STEP: u32 = 64;

/// The kernel that is most often the fastest on a CPU like this, without trying.
pub fn preferred() -> &'static Kernel {
    available().next().expect("the portable kernel runs everywhere")
}

/// The rates of `kernels` for units of this many midstates, in hashes a second, the fastest first. They are
/// tried on all CPUs at once: what clocks do under load and what two threads of a core share decide it
/// too. Takes up to 200 ms.
///
/// # Panics
/// If the number of midstates is no power of two.
pub fn measure(kernels: &[&'static Kernel], midstates: usize) -> Vec<(&'static Kernel, f64)> {
    let unit = WorkUnit::new(vec![[0; 8]; midstates].into(), [0; 3], NonceRange::ALL, Target::ZERO);
    let prepared = Prepared::new(&unit);
    let time = PATIENCE / ROUNDS / kernels.len().max(1) as u32;
    let mut rates: Vec<(&Kernel, f64)> = kernels.iter().map(|kernel| (*kernel, 0.0)).collect();
    for _ in 0..ROUNDS {
        for (kernel, rate) in &mut rates {
            let nonces = on_all_cpus(|| nonces_a_second(time, kernel, &prepared));
            *rate += nonces * midstates as f64 / f64::from(ROUNDS);
        }
    }
    rates.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    rates
}

fn on_all_cpus(count: impl Fn() -> f64 + Sync) -> f64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..usable_cpus()).map(|_| scope.spawn(&count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a kernel does not panic")).sum()
    })
}

fn nonces_a_second(time: Duration, kernel: &Kernel, prepared: &Prepared) -> f64 {
    let started = Instant::now();
    let mut first = 0;
    while started.elapsed() < time {
        let step = NonceRange::starting_at(first, STEP.into());
        let _ = kernel.scan(prepared, step, &mut |_| ControlFlow::Continue(()));
        first += STEP;
    }
    f64::from(first) / started.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_measured_and_the_fastest_comes_first() {
        let kernels: Vec<_> = available().collect();
        for midstates in [1, 16] {
            let rates = measure(&kernels, midstates);
            assert_eq!(rates.len(), kernels.len());
            assert!(rates.iter().all(|(_, rate)| *rate > 0.0) && rates.is_sorted_by(|(_, a), (_, b)| a >= b));
        }
        assert!(measure(&[], 1).is_empty());
    }
}
