//! From `--device`, `--kernel` and `--threads` to backends, with the reason for the choice.

use std::num::NonZero;

use miner_core::Backend;
use miner_cpu::{CpuBackend, CpuOptions, Kernel};

use crate::args::DeviceArgs;
use crate::exit::{self, Code};

/// Midstates of a unit where versions roll: more gain little, fewer cost.
pub(crate) const MIDSTATES: usize = 16;

/// The backends of a run.
pub(crate) struct Devices {
    pub(crate) backends: Vec<Box<dyn Backend>>,
    /// The device's name, for people.
    pub(crate) name: String,
    pub(crate) threads: usize,
    kernel: &'static Kernel,
    midstates: usize,
    /// Hashes a second on all cores, where kernels were compared.
    measured: Option<f64>,
    /// Why this kernel.
    pub(crate) choice: String,
}

/// Chooses and tests what hashes. `midstates`: headers that may share work, 1 without version rolling.
pub(crate) fn choose(args: &DeviceArgs, midstates: usize) -> anyhow::Result<Devices> {
    let (kernel, measured, choice) = kernel(args, midstates)?;
    let backend = tested(kernel, &options(args))?;
    let (name, threads) = (kernel.name().to_owned(), backend.threads());
    Ok(Devices { backends: vec![Box::new(backend)], name, threads, kernel, midstates, measured, choice })
}

/// The same kernel on as many backends as there would be threads, each with one: so that each has a meter.
pub(crate) fn one_for_each_thread(
    args: &DeviceArgs,
    midstates: usize,
) -> anyhow::Result<Vec<Box<dyn Backend>>> {
    let (kernel, ..) = kernel(args, midstates)?;
    let all = options(args);
    let threads = tested(kernel, &all)?.threads();
    let mut cpus = all.affinity.iter().cycle();
    let backend = |_| {
        let affinity = cpus.next().into_iter().copied().collect();
        let one = CpuOptions { threads: NonZero::new(1), affinity, ..all };
        Ok(Box::new(CpuBackend::new(kernel, &one).map_err(|error| exit::failure(Code::NoDevice, error))?)
            as _)
    };
    (0..threads).map(backend).collect()
}

/// The kernel to use, its rate where kernels were compared, and why it is this one.
fn kernel(args: &DeviceArgs, midstates: usize) -> anyhow::Result<(&'static Kernel, Option<f64>, String)> {
    check_device(&args.device)?;
    match args.kernel.as_deref() {
        Some(name) => Ok((kernel_named(name)?, None, "as asked".to_owned())),
        None => fastest(midstates),
    }
}

impl Devices {
    /// Hashes a second, by a short measurement on all cores.
    pub(crate) fn rate(&self) -> f64 {
        let measure =
            || miner_cpu::measure(&[self.kernel], self.midstates).first().map_or(0.0, |(_, rate)| *rate);
        self.measured.unwrap_or_else(measure)
    }
}

/// The kernel that a short measurement finds the fastest, its rate, and the reason in words.
fn fastest(midstates: usize) -> anyhow::Result<(&'static Kernel, Option<f64>, String)> {
    let kernels: Vec<_> = miner_cpu::available().collect();
    let rates = miner_cpu::measure(&kernels, midstates);
    let Some(((kernel, rate), slower)) = rates.split_first() else {
        return Err(exit::failure(Code::NoDevice, "this CPU can run no kernel"));
    };
    let slower: Vec<&str> = slower.iter().map(|(kernel, _)| kernel.name()).collect();
    let choice = match slower.as_slice() {
        [] => "the only kernel that this CPU can run".to_owned(),
        names => format!("measured faster here than {}", names.join(", ")),
    };
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

fn check_device(device: &str) -> anyhow::Result<()> {
    match device {
        "cpu" | "all" => Ok(()),
        "gpu" => Err(exit::failure(Code::NoDevice, "this version has no GPU backend: use --device cpu")),
        name => Err(exit::failure(
            Code::NoDevice,
            format_args!(
                "no device is called `{name}`: this version has the CPU alone (--device cpu, see `miner devices`)"
            ),
        )),
    }
}
