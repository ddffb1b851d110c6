//! The GPUs that this machine has, and how one of them becomes a backend.

use std::hash::{DefaultHasher, Hash, Hasher};

use miner_shaders::Addition;
use wgpu::{AdapterInfo, Backend as Api, Backends, DeviceType};

use crate::backend::GpuBackend;
use crate::device::Device;
use crate::error::GpuError;
use crate::tune::{Choices, GpuOptions, Tuning};
use crate::wgpu_device::{Context, WgpuDevice};

/// Whether an adapter is a chip of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdapterKind {
    /// A GPU.
    Hardware,
    /// A program that computes on the CPU, such as lavapipe or WARP.
    Software,
}

/// What an adapter can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Invocations a workgroup.
    pub workgroup_size: u32,
    /// Workgroups in each dimension of a dispatch.
    pub workgroups: u32,
}

/// A GPU through one API.
#[derive(Debug, Clone)]
pub struct Adapter {
    adapter: wgpu::Adapter,
    info: AdapterInfo,
    driver: String,
}

/// All adapters, hardware first. A device that several APIs offer is listed once. An error says why there
/// is none.
pub fn adapters() -> Result<Vec<Adapter>, GpuError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: Backends::VULKAN | Backends::METAL | Backends::DX12,
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = pollster::block_on(instance.enumerate_adapters(Backends::all()));
    let mut adapters: Vec<Adapter> = found.into_iter().map(Adapter::new).collect();
    adapters
        .sort_by_key(|adapter| (adapter.kind() == AdapterKind::Software, preference(adapter.info.backend)));
    let all = adapters.clone();
    adapters.retain(|adapter| {
        let first = all.iter().find(|other| other.is_same_device(adapter));
        first.is_none_or(|first| first.info.backend == adapter.info.backend)
    });
    if adapters.is_empty() {
        return Err(GpuError::NoAdapter(reason_for_none(&instance)));
    }
    Ok(adapters)
}

/// Why there is no adapter: what wgpu says of the APIs that this program could use.
fn reason_for_none(instance: &wgpu::Instance) -> String {
    let requested = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
    let text = pollster::block_on(requested).err().map_or_else(String::new, |error| error.to_string());
    let is_news =
        |part: &&str| !["No suitable", "requested", "not compiled"].iter().any(|old| part.contains(old));
    let reasons: Vec<&str> = text.split([';', ',']).map(str::trim).filter(is_news).collect();
    if reasons.is_empty() { text } else { reasons.join(", ") }
}

/// Which API to use where a device has several: lower is better.
fn preference(api: Api) -> u8 {
    match api {
        Api::Vulkan => 0,
        Api::Metal => 1,
        _ => 2,
    }
}

impl Adapter {
    fn new(adapter: wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let driver = [&info.driver, &info.driver_info].map(|part| part.trim()).join(" ").trim().to_owned();
        Self { adapter, info, driver }
    }

    /// Its name, as the driver gives it.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// A chip, or a program.
    pub fn kind(&self) -> AdapterKind {
        match self.info.device_type {
            DeviceType::Cpu => AdapterKind::Software,
            _ => AdapterKind::Hardware,
        }
    }

    /// The API it is used through: `vulkan`, `metal`, `dx12`.
    pub fn api(&self) -> &'static str {
        self.info.backend.to_str()
    }

    /// The driver's name and version, as far as it tells.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// Its place on the PCI bus, which tells equal cards apart; empty where it is unknown.
    pub fn pci_address(&self) -> &str {
        &self.info.device_pci_bus_id
    }

    /// What it can do.
    pub fn limits(&self) -> Limits {
        let wgpu::Limits { max_compute_workgroup_size_x, max_compute_invocations_per_workgroup, .. } =
            self.adapter.limits();
        Limits {
            // The most that is asked for when it is opened.
            workgroup_size: max_compute_workgroup_size_x.min(max_compute_invocations_per_workgroup).min(256),
            workgroups: self.adapter.limits().max_compute_workgroups_per_dimension,
        }
    }

    /// Opens it for mining: finds out how to use it as far as the options leave that open, which takes up to
    /// two seconds, and lets it find known blocks.
    pub fn open(&self, options: &GpuOptions) -> Result<GpuBackend, GpuError> {
        let tuning = self.tuning(options)?;
        let adapter = self.clone();
        let opener = move || adapter.again()?.device(tuning);
        GpuBackend::open(self.name().to_owned(), tuning, Box::new(opener))
    }

    fn tuning(&self, options: &GpuOptions) -> Result<Tuning, GpuError> {
        let choices = Choices::new(options, self.limits())?;
        match choices.only() {
            Some(only) => Ok(only),
            None => choices.fastest(&self.context()?).map_err(|error| self.unopened(&error)),
        }
    }

    /// The same adapter, looked up anew: a driver that was reset may not know the old one any more.
    fn again(&self) -> Result<Self, GpuError> {
        let found = adapters()?.into_iter().find(|other| {
            other.is_same_device(self)
                && other.key() == self.key()
                && other.pci_address() == self.pci_address()
        });
        found.ok_or_else(|| self.unopened(&"it is gone"))
    }

    fn device(&self, tuning: Tuning) -> Result<Box<dyn Device>, GpuError> {
        let device = self
            .context()
            .and_then(|context| WgpuDevice::new(&context, tuning).map_err(|e| self.unopened(&e)))?;
        Ok(Box::new(device))
    }

    pub(crate) fn context(&self) -> Result<Context, GpuError> {
        Context::open(&self.adapter).map_err(|error| self.unopened(&error))
    }

    fn unopened(&self, reason: &impl ToString) -> GpuError {
        GpuError::Open { adapter: self.name().to_owned(), reason: reason.to_string() }
    }

    fn is_same_device(&self, other: &Self) -> bool {
        (self.info.vendor, self.info.device) == (other.info.vendor, other.info.device)
    }

    /// What a tuning depends on, on one line: the adapter, its driver, and the shader. Whoever remembers a
    /// tuning, to open the adapter without trials the next time, remembers it for this.
    pub fn key(&self) -> String {
        let mut shader = DefaultHasher::new();
        Addition::ALL.map(miner_shaders::scan).hash(&mut shader);
        format!("{} | {} | {} | {:016x}", self.name(), self.api(), self.driver, shader.finish())
    }
}
