//! What is measured: every kernel × number of threads and every GPU × with and without version rolling.

use miner_cpu::{CpuOptions, Kernel};

use super::lane::{Lane, Subject};
use crate::args::{BenchArgs, Device};
use crate::exit::{self, Code};
use crate::mining::devices::gpu::{self, Gpu};
use crate::mining::devices::{kernel_named, tested, threads};

const ROLLING: [bool; 2] = [true, false];

/// The lanes that were asked for: at least one.
pub(super) fn lanes(args: &BenchArgs) -> anyhow::Result<Vec<Lane>> {
    let wanted = match &args.device {
        Some(list) => list.0.clone(),
        // Who names a kernel means the CPU.
        None if args.kernel != "all" => vec![Device::Cpu],
        None => vec![Device::All],
    };
    let mut lanes = Vec::new();
    if wanted.iter().any(|device| matches!(device, Device::Cpu | Device::All)) {
        lanes.extend(cpu_lanes(args)?);
    }
    if wanted.iter().any(|device| *device != Device::Cpu) {
        lanes.extend(gpu_lanes(&wanted, args.device.is_some())?);
    }
    match lanes.is_empty() {
        true => Err(exit::failure(Code::NoDevice, "no device could be opened")),
        false => Ok(lanes),
    }
}

fn cpu_lanes(args: &BenchArgs) -> anyhow::Result<Vec<Lane>> {
    let kernels: Vec<&'static Kernel> = match args.kernel.as_str() {
        "all" => miner_cpu::available().collect(),
        name => vec![kernel_named(name)?],
    };
    let mut lanes = Vec::new();
    for kernel in kernels {
        for count in thread_counts(args) {
            // At the priority of any other program: what it competes with is not to be hidden.
            let options = CpuOptions { threads: threads(Some(count)), nice: None, ..CpuOptions::default() };
            for version_rolling in ROLLING {
                let backend = tested(kernel, &options)?;
                let (kernel, threads) = (kernel.name().to_owned(), backend.threads());
                let subject = Subject { kernel, device: "cpu".to_owned(), threads };
                lanes.push(Lane::new(subject, Box::new(backend), version_rolling));
            }
        }
    }
    Ok(lanes)
}

fn thread_counts(args: &BenchArgs) -> Vec<u16> {
    let cores = std::thread::available_parallelism()
        .map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    match args.threads.as_slice() {
        [] if cores > 1 => vec![1, cores],
        [] => vec![1],
        asked => asked.to_vec(),
    }
}

/// Two lanes a GPU. What was not asked for is not missed.
fn gpu_lanes(wanted: &[Device], is_asked_for: bool) -> anyhow::Result<Vec<Lane>> {
    let (adapters, warnings) =
        gpu::choose(wanted).map_err(|message| exit::failure(Code::NoDevice, message))?;
    warnings.iter().filter(|_| is_asked_for).for_each(|warning| eprintln!("warning: {warning}"));
    let mut lanes = Vec::new();
    for adapter in &adapters {
        for version_rolling in ROLLING {
            match Gpu::open(adapter) {
                Ok(gpu) => lanes.push(gpu_lane(gpu, version_rolling)),
                Err(error) => eprintln!("warning: {error}"),
            }
        }
    }
    Ok(lanes)
}

fn gpu_lane(gpu: Gpu, version_rolling: bool) -> Lane {
    let kernel = format!("wgsl-{}", gpu.backend.tuning().addition.name());
    let subject = Subject { kernel, device: gpu.name().to_owned(), threads: 0 };
    Lane::new(subject, Box::new(gpu.backend), version_rolling)
}
