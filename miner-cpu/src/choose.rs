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

/// The fastest kernel for units of this many midstates, tried on all CPUs at once: what their clocks do
/// under load and what two threads of a core share decide it too. Takes up to 200 ms.
///
/// # Panics
/// If the number of midstates is no power of two.
pub fn fastest(midstates: usize) -> &'static Kernel {
    let unit = WorkUnit::new(vec![[0; 8]; midstates].into(), [0; 3], NonceRange::ALL, Target::ZERO);
    let prepared = Prepared::new(&unit);
    let mut trials: Vec<(u64, &Kernel)> = available().map(|kernel| (0, kernel)).collect();
    let time = PATIENCE / ROUNDS / trials.len() as u32;
    for _ in 0..ROUNDS {
        for (nonces, kernel) in &mut trials {
            *nonces += on_all_cpus(|| nonces_within(time, kernel, &prepared));
        }
    }
    let (_, fastest) = trials.into_iter().max_by_key(|(nonces, _)| *nonces).expect("one is always available");
    fastest
}

fn on_all_cpus(count: impl Fn() -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..usable_cpus()).map(|_| scope.spawn(&count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a kernel does not panic")).sum()
    })
}

fn nonces_within(time: Duration, kernel: &Kernel, prepared: &Prepared) -> u64 {
    let started = Instant::now();
    let mut first = 0;
    while started.elapsed() < time {
        let step = NonceRange::starting_at(first, STEP.into());
        let _ = kernel.scan(prepared, step, &mut |_| ControlFlow::Continue(()));
        first += STEP;
    }
    first.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_can_run() {
        for chosen in [preferred(), fastest(1), fastest(16)] {
            assert!(available().any(|kernel| kernel.name() == chosen.name()), "{chosen:?}");
        }
    }
}
