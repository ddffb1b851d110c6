//! From `--device` to backends: what mines from the start, and what joins later.

mod cpu;
pub(crate) mod gpu;
mod memory;
mod pick;
pub(crate) mod ranking;

use std::time::Duration;

use miner_core::Backend;
use miner_cpu::CpuBackend;
use miner_node::Chain;

use cpu::Cpu;
pub(crate) use cpu::{kernel_named, tested, threads};
use gpu::{Arrival, Arrivals, Gpu};

use crate::args::{Device, DeviceArgs, MiningArgs, Switch};
use crate::exit::{self, Code};
use crate::status::Output;
use crate::status::event::{Event, Started};

/// Midstates of a unit where versions roll: more gain little, fewer cost.
pub(crate) const MIDSTATES: usize = 16;

/// From here on a run is worth the time that it takes to compare kernels.
const LONG: Duration = Duration::from_secs(10);

/// The devices of a run.
pub(crate) struct Devices {
    cpu: Option<(Cpu, CpuBackend)>,
    gpus: Vec<Gpu>,
    /// Those that join later.
    arrivals: Arrivals,
    warnings: Vec<String>,
    midstates: usize,
}

/// What a run needs of its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Headers that may share work: 1 without version rolling.
    pub(crate) midstates: usize,
    /// Whether all units must be searched in turn, so that a run can be repeated.
    pub(crate) one_device: bool,
    /// Whether to compare kernels would take longer than it can save.
    pub(crate) is_short: bool,
}

impl Needs {
    /// What a run as typed needs, on a chain if that is known before it begins.
    pub(crate) fn of(mining: &MiningArgs, chain: Option<Chain>) -> Self {
        let ends_soon = mining.time_limit.is_some_and(|limit| limit < LONG);
        Self {
            midstates: if mining.version_rolling == Switch::On { MIDSTATES } else { 1 },
            one_device: mining.seed.is_some(),
            // A block of regtest takes two hashes.
            is_short: ends_soon || chain == Some(Chain::Regtest),
        }
    }
}

impl Devices {
    /// Chooses and tests what hashes. What was asked for by name is there when this returns; GPUs that are welcome but
    /// not asked for are looked for meanwhile, and join.
    pub(crate) fn choose(args: &DeviceArgs, needs: Needs) -> anyhow::Result<Self> {
        let Needs { midstates, one_device, .. } = needs;
        let wanted = wanted(args, one_device);
        let arrivals = match wanted.as_slice() {
            [Device::Cpu] => Arrivals::default(),
            _ => Arrivals::look_for(wanted.clone(), args.device.is_some()),
        };
        let with_cpu = wanted.iter().any(|device| matches!(device, Device::Cpu | Device::All));
        let cpu = with_cpu.then(|| Cpu::choose(args, needs)).transpose()?;
        let cpu = cpu.map(|cpu| cpu.backend(args).map(|backend| (cpu, backend))).transpose()?;
        let mut devices = Self { cpu, gpus: vec![], arrivals, warnings: vec![], midstates };
        if wanted.iter().any(|device| matches!(device, Device::Gpu | Device::Named(_))) {
            devices.wait_for_all()?;
        }
        if one_device && devices.count() > 1 {
            return Err(exit::usage("--seed makes a run repeatable on one device: name one with --device"));
        }
        Ok(devices)
    }

    fn count(&self) -> usize {
        usize::from(self.cpu.is_some()) + self.gpus.len()
    }

    /// Waits for all that were asked for.
    fn wait_for_all(&mut self) -> anyhow::Result<()> {
        while let Some(arrival) = self.arrivals.wait() {
            match arrival {
                Arrival::Ready(gpu) => self.gpus.push(*gpu),
                Arrival::Missing(warning) => self.warnings.push(warning),
                Arrival::Failed(message) => return Err(exit::failure(Code::NoDevice, message)),
            }
        }
        match self.count() {
            0 => Err(exit::failure(Code::NoDevice, self.warnings.join("; "))),
            _ => Ok(()),
        }
    }

    /// Tells what hashes.
    pub(crate) fn introduce(&self, version_rolling: bool, output: &mut Output) {
        let mut started = |device: &str, threads, choice: &str| {
            output.tell(&Event::Started(Started {
                version: env!("CARGO_PKG_VERSION"),
                device: device.to_owned(),
                threads,
                choice: choice.to_owned(),
                version_rolling,
            }));
        };
        match (&self.cpu, self.gpus.first()) {
            (Some((cpu, backend)), _) => started(cpu.kernel.name(), backend.threads(), &cpu.choice),
            (None, Some(gpu)) => started(gpu.name(), 0, &gpu.details),
            (None, None) => {}
        }
        self.warnings.iter().for_each(|warning| output.tell(&Event::error(warning)));
        self.gpus.iter().skip(usize::from(self.cpu.is_none())).for_each(|gpu| output.tell(&gpu.joins()));
    }

    /// Hashes a second of all devices, those still to come included, by short measurements. Not for use amid async
    /// code.
    pub(crate) fn rate(&mut self, output: &mut Output) -> f64 {
        while let Some(arrival) = self.arrivals.wait() {
            self.gpus.extend(arrived(arrival, output));
        }
        let cpu = self.cpu.as_ref().map_or(0.0, |(cpu, backend)| cpu.rate(backend.threads()));
        cpu + self.gpus.iter_mut().map(|gpu| gpu.rate(self.midstates)).sum::<f64>()
    }

    /// The backends, and those that join later.
    pub(crate) fn into_backends(self) -> (Vec<Box<dyn Backend>>, Arrivals) {
        let cpu = self.cpu.into_iter().map(|(_, backend)| Box::new(backend) as _);
        (cpu.chain(self.gpus.into_iter().map(|gpu| Box::new(gpu.backend) as _)).collect(), self.arrivals)
    }
}

/// Tells who came, or did not.
pub(crate) fn arrived(arrival: Arrival, output: &mut Output) -> Option<Gpu> {
    match arrival {
        Arrival::Ready(gpu) => {
            output.tell(&gpu.joins());
            Some(*gpu)
        }
        Arrival::Missing(warning) | Arrival::Failed(warning) => {
            output.tell(&Event::error(warning));
            None
        }
    }
}

/// The same kernel on as many backends as there would be threads, each with one; and the GPUs that were asked for.
pub(crate) fn one_for_each_thread(args: &DeviceArgs, needs: Needs) -> anyhow::Result<Vec<Box<dyn Backend>>> {
    let mut devices = Devices::choose(args, needs)?;
    devices.wait_for_all()?;
    devices.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let threads = devices.cpu.iter().map(|(cpu, _)| cpu.one_for_each_thread(args));
    let threads = threads.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten();
    Ok(threads.chain(devices.gpus.into_iter().map(|gpu| Box::new(gpu.backend) as _)).collect())
}

/// What is wanted. A run on one device is the CPU's, unless one is named.
fn wanted(args: &DeviceArgs, one_device: bool) -> Vec<Device> {
    let wanted = args.device.as_ref().map_or_else(|| vec![Device::All], |list| list.0.clone());
    let alone = |device| if one_device && device == Device::All { Device::Cpu } else { device };
    wanted.into_iter().map(alone).collect()
}
