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

/// Each trial is made this often, in turn with the others, so that a clock that rises or falls and a
/// neighbour who comes or goes favour none.
const ROUNDS: u32 = 5;

/// More time in one round tells nothing more.
const LONGEST_TRIAL: Duration = Duration::from_millis(8);

/// Hashes between two looks at the clock: 30 µs to 1 ms, so that few steps are interrupted.
const STEP: usize = 1024;

/// Kernels with their rates in hashes a second, the fastest first.
pub type Rates = Vec<(&'static Kernel, f64)>;

/// The kernel that is most often the fastest on a CPU like this, without trying.
pub fn preferred() -> &'static Kernel {
    available().next().expect("the portable kernel runs everywhere")
}

/// What kernels reach for units of each of these numbers of midstates. They are tried on all CPUs at once:
/// what clocks do under load and what two threads of a core share decide it too. Takes 200 ms at most.
///
/// # Panics
/// If a number of midstates is no power of two.
pub fn measure<const N: usize>(kernels: &[&'static Kernel], midstates: [usize; N]) -> [Rates; N] {
    let units = midstates.map(|midstates| {
        let unit = WorkUnit::new(vec![[0; 8]; midstates].into(), [0; 3], NonceRange::ALL, Target::ZERO);
        Prepared::new(&unit)
    });
    let trials = units.iter().flat_map(|unit| kernels.iter().map(move |&kernel| Trial { kernel, unit }));
    let mut rates = rates_on_all_cpus(&trials.collect::<Vec<_>>()).into_iter();
    midstates.map(|_| {
        let mut rates: Rates = kernels.iter().copied().zip(rates.by_ref()).collect();
        rates.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        rates
    })
}

/// What is tried: a kernel on a unit.
struct Trial<'a> {
    kernel: &'static Kernel,
    unit: &'a Prepared,
}

impl Trial<'_> {
    fn nonces(&self) -> usize {
        STEP.div_ceil(self.unit.midstates.len())
    }

    /// How long one step takes.
    fn step(&self) -> Duration {
        let started = Instant::now();
        let nonces = NonceRange::starting_at(0, self.nonces() as u64);
        let _ = self.kernel.scan(self.unit, nonces, &mut |_| ControlFlow::Continue(()));
        started.elapsed()
    }

    /// The rate that the median step stands for: an interrupted one counts for no more than any other.
    fn rate(&self, mut steps: Vec<Duration>) -> f64 {
        let middle = steps.len() / 2;
        let (_, median, _) = steps.select_nth_unstable(middle);
        (self.nonces() * self.unit.midstates.len()) as f64 / median.as_secs_f64().max(1e-9)
    }
}

/// The rate of each trial, over all CPUs.
fn rates_on_all_cpus(trials: &[Trial]) -> Vec<f64> {
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..usable_cpus()).map(|_| scope.spawn(|| rates(trials, started))).collect();
        let rates = threads.into_iter().map(|thread| thread.join().expect("a kernel does not panic"));
        rates
            .fold(vec![0.0; trials.len()], |sums, rates| sums.iter().zip(rates).map(|(a, b)| a + b).collect())
    })
}

/// The rate of each trial on this thread. All threads go by the same timetable, so that each trial has all
/// CPUs busy with it, and no thread waits for another.
fn rates(trials: &[Trial], started: Instant) -> Vec<f64> {
    let time = (PATIENCE / ROUNDS / trials.len().max(1) as u32).min(LONGEST_TRIAL);
    let mut steps = vec![Vec::new(); trials.len()];
    let mut end = started;
    for _ in 0..ROUNDS {
        for (trial, steps) in trials.iter().zip(&mut steps) {
            end += time;
            while steps.is_empty() || Instant::now() < end {
                steps.push(trial.step());
            }
        }
    }
    trials.iter().zip(steps).map(|(trial, steps)| trial.rate(steps)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_measured_for_every_unit_and_the_fastest_comes_first() {
        let kernels: Vec<_> = available().collect();
        for rates in measure(&kernels, [1, 16]) {
            assert_eq!(rates.len(), kernels.len());
            assert!(rates.iter().all(|(_, rate)| *rate > 0.0) && rates.is_sorted_by(|(_, a), (_, b)| a >= b));
        }
        assert_eq!(measure(&[], [1]).map(|rates| rates.len()), [0]);
    }

    #[test]
    fn interrupted_steps_change_no_rate() {
        let [unit] = [1].map(|midstates| {
            Prepared::new(&WorkUnit::new(
                vec![[0; 8]; midstates].into(),
                [0; 3],
                NonceRange::ALL,
                Target::ZERO,
            ))
        });
        let trial = Trial { kernel: preferred(), unit: &unit };
        let (usual, interrupted) = (Duration::from_micros(256), Duration::from_millis(40));
        let steps = [interrupted, usual, usual, interrupted, usual];
        assert!((trial.rate(steps.to_vec()) / 4e6 - 1.0).abs() < 1e-9);
    }
}
