//! The CPU as a device: from `--kernel` and `--threads` to a backend, with the reason for the choice.

use std::num::NonZero;
use std::thread::available_parallelism;

use miner_core::Backend;
use miner_cpu::{CpuBackend, CpuOptions, Kernel};

use super::Needs;
use super::ranking::{Origin, Ranking};
use crate::args::DeviceArgs;
use crate::exit::{self, Code};

/// A kernel, and why this one.
pub(super) struct Cpu {
    pub(super) kernel: &'static Kernel,
    midstates: usize,
    /// Hashes a second on all cores, where kernels were compared.
    measured: Option<f64>,
    pub(super) choice: String,
}

impl Cpu {
    /// The kernel to use.
    pub(super) fn choose(args: &DeviceArgs, needs: Needs) -> anyhow::Result<Self> {
        let (kernel, measured, choice) = match args.kernel.as_deref() {
            Some(name) => (kernel_named(name)?, None, "as asked".to_owned()),
            None if needs.is_short => {
                (miner_cpu::preferred(), None, "usually the fastest, not measured".to_owned())
            }
            None => fastest(needs.midstates)?,
        };
        Ok(Self { kernel, midstates: needs.midstates, measured, choice })
    }

    /// A backend that passed the self-test.
    pub(super) fn backend(&self, args: &DeviceArgs) -> anyhow::Result<CpuBackend> {
        tested(self.kernel, &options(args))
    }

    /// The same kernel on as many backends as there would be threads, each with one: so that each has a meter.
    pub(super) fn one_for_each_thread(&self, args: &DeviceArgs) -> anyhow::Result<Vec<Box<dyn Backend>>> {
        let all = options(args);
        let threads = tested(self.kernel, &all)?.threads();
        let mut cpus = all.affinity.iter().cycle();
        let backend = |_| {
            let affinity = cpus.next().into_iter().copied().collect();
            let one = CpuOptions { threads: NonZero::new(1), affinity, ..all };
            let backend = CpuBackend::new(self.kernel, &one);
            Ok(Box::new(backend.map_err(|error| exit::failure(Code::NoDevice, error))?) as _)
        };
        (0..threads).map(backend).collect()
    }

    /// Hashes a second of so many threads, by a short measurement on all cores.
    pub(super) fn rate(&self, threads: usize) -> f64 {
        let on_all = self.measured.unwrap_or_else(|| {
            let [rates] = miner_cpu::measure(&[self.kernel], [self.midstates]);
            rates.first().map_or(0.0, |(_, rate)| *rate)
        });
        let cores = available_parallelism().map_or(1, usize::from);
        on_all * threads.min(cores) as f64 / cores as f64
    }
}

/// The kernel that is the fastest on this machine by a measurement, its rate, and the reason in words.
fn fastest(midstates: usize) -> anyhow::Result<(&'static Kernel, Option<f64>, String)> {
    let ranking = Ranking::recall().unwrap_or_else(Ranking::measure);
    let Some(((kernel, rate), slower)) = ranking.of(midstates).split_first() else {
        return Err(exit::failure(Code::NoDevice, "this CPU can run no kernel"));
    };
    let slower: Vec<&str> = slower.iter().map(|(kernel, _)| kernel.name()).collect();
    let mut choice = match slower.as_slice() {
        [] => "the only kernel that this CPU can run".to_owned(),
        names => format!("measured faster here than {}", names.join(", ")),
    };
    if ranking.origin == Origin::Remembered {
        choice += ", remembered";
    }
    Ok((kernel, Some(*rate), choice))
}

/// A CPU backend that passed the self-test.
pub(crate) fn tested(kernel: &'static Kernel, options: &CpuOptions) -> anyhow::Result<CpuBackend> {
    let mut backend =
        CpuBackend::new(kernel, options).map_err(|error| exit::failure(Code::NoDevice, error))?;
    backend.self_test().map_err(|error| exit::failure(Code::NoDevice, format_args!("self-test: {error}")))?;
    Ok(backend)
}

pub(crate) fn kernel_named(name: &str) -> anyhow::Result<&'static Kernel> {
    miner_cpu::by_name(name).map_err(exit::usage)
}

/// Threads as they are typed.
pub(crate) fn threads(count: Option<u16>) -> Option<NonZero<usize>> {
    count.and_then(|count| NonZero::new(count.into()))
}

fn options(args: &DeviceArgs) -> CpuOptions {
    CpuOptions {
        threads: threads(args.threads),
        affinity: args.cpu_affinity.as_ref().map(|list| list.0.clone()).unwrap_or_default(),
        nice: Some(args.cpu_priority),
    }
}
