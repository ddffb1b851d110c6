//! The shader on a wgpu device: pipeline, buffers, and every way in which wgpu reports that something
//! failed. The only file that dispatches through wgpu.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miner_core::NonceRange;
use wgpu::{BufferAsyncError, BufferUsages, PollError, PollType, SubmissionIndex};

use crate::device::{Device, DeviceError, SLOTS};
use crate::layout::{HITS_SIZE, Hits, WORK_SIZE, Work};
use crate::tune::Tuning;

/// A dispatch of some 20 ms without an answer for this long never has one.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open device, before it is decided how to use it.
#[derive(Clone)]
pub(crate) struct Context {
    device: wgpu::Device,
    queue: wgpu::Queue,
    max_workgroups: u32,
    fault: Fault,
}

/// The first thing that went wrong. wgpu tells a handler, not the caller.
#[derive(Debug, Clone, Default)]
struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    fn note(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }

    fn check(&self) -> Result<(), DeviceError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(what) => Err(DeviceError::Lost(what.clone())),
            None => Ok(()),
        }
    }
}

impl Context {
    /// Opens an adapter's device.
    pub(crate) fn open(adapter: &wgpu::Adapter) -> Result<Self, DeviceError> {
        let required_limits = wgpu::Limits::downlevel_defaults();
        let max_workgroups = required_limits.max_compute_workgroups_per_dimension;
        let wanted = wgpu::DeviceDescriptor { label: Some("miner"), required_limits, ..Default::default() };
        let opened = pollster::block_on(adapter.request_device(&wanted));
        let (device, queue) = opened.map_err(|error| DeviceError::Lost(error.to_string()))?;
        let fault = Fault::default();
        let (errors, losses) = (fault.clone(), fault.clone());
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| errors.note(error.to_string())));
        device.set_device_lost_callback(move |reason, text| losses.note(format!("{reason:?}: {text}")));
        Ok(Self { device, queue, max_workgroups, fault })
    }

    fn buffer(&self, label: &str, size: u64, usage: BufferUsages) -> wgpu::Buffer {
        let wanted = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        self.device.create_buffer(&wanted)
    }
}

/// A device that runs the shader in one way.
pub(crate) struct WgpuDevice {
    context: Context,
    pipeline: wgpu::ComputePipeline,
    workgroup_size: u32,
    slots: [Slot; SLOTS],
}

/// The buffers of one dispatch.
struct Slot {
    work: wgpu::Buffer,
    hits: wgpu::Buffer,
    answer: wgpu::Buffer,
    bindings: wgpu::BindGroup,
    under_way: Option<UnderWay>,
}

/// What a dispatch is waited for by.
struct UnderWay {
    submission: SubmissionIndex,
    mapped: Receiver<Result<(), BufferAsyncError>>,
}

impl WgpuDevice {
    /// Compiles the shader.
    pub(crate) fn new(context: &Context, tuning: Tuning) -> Result<Self, DeviceError> {
        let device = &context.device;
        let source = wgpu::ShaderSource::Wgsl(miner_shaders::scan(tuning.addition).into());
        let module =
            device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some("scan"), source });
        let constants = [("workgroup_size", f64::from(tuning.workgroup_size))];
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("scan"),
            layout: None,
            module: &module,
            entry_point: Some("scan"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..Default::default()
            },
            cache: None,
        });
        let slots = std::array::from_fn(|_| Slot::new(context, &pipeline));
        context.fault.check()?;
        Ok(Self { context: context.clone(), pipeline, workgroup_size: tuning.workgroup_size, slots })
    }

    /// The workgroups for so many nonces, in two dimensions: none may be longer than the device allows.
    fn grid(&self, nonces: NonceRange) -> (u32, u32) {
        let groups = nonces.count().div_ceil(u64::from(self.workgroup_size));
        let rows = groups.div_ceil(u64::from(self.context.max_workgroups));
        let columns = groups.div_ceil(rows);
        let fit = "fewer than 2³² nonces make fewer groups";
        (u32::try_from(columns).expect(fit), u32::try_from(rows).expect(fit))
    }
}

impl Slot {
    fn new(context: &Context, pipeline: &wgpu::ComputePipeline) -> Self {
        let work = context.buffer("work", WORK_SIZE, BufferUsages::UNIFORM | BufferUsages::COPY_DST);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let hits = context.buffer("hits", HITS_SIZE, usage);
        let answer = context.buffer("answer", HITS_SIZE, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let bindings = context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("scan"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[entry(0, work.as_entire_binding()), entry(1, hits.as_entire_binding())],
        });
        Self { work, hits, answer, bindings, under_way: None }
    }
}

impl Device for WgpuDevice {
    fn submit(&mut self, slot: usize, work: &Work) -> Result<(), DeviceError> {
        let (columns, rows) = self.grid(work.nonces());
        let Context { device, queue, fault, .. } = &self.context;
        let slot = &mut self.slots[slot];
        queue.write_buffer(&slot.work, 0, &work.bytes());
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        encoder.clear_buffer(&slot.hits, 0, Some(4));
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &slot.bindings, &[]);
            pass.dispatch_workgroups(columns, rows, 1);
        }
        encoder.copy_buffer_to_buffer(&slot.hits, 0, &slot.answer, 0, HITS_SIZE);
        let submission = queue.submit([encoder.finish()]);
        let (sender, mapped) = mpsc::channel();
        slot.answer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody waits any more if the device was given up.
            let _ = sender.send(result);
        });
        slot.under_way = Some(UnderWay { submission, mapped });
        fault.check()
    }

    fn wait(&mut self, slot: usize) -> Result<Hits, DeviceError> {
        let Context { device, fault, .. } = &self.context;
        let slot = &mut self.slots[slot];
        let Some(UnderWay { submission, mapped }) = slot.under_way.take() else { return Ok(Hits::default()) };
        let until = PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) };
        // wgpu panics where the driver says that the device is gone.
        match catch_unwind(AssertUnwindSafe(|| device.poll(until))) {
            Ok(Err(PollError::Timeout)) => return Err(DeviceError::Hung(PATIENCE.as_secs())),
            Ok(Err(error)) => fault.note(error.to_string()),
            Ok(Ok(_)) => {}
            Err(_) => fault.note("the driver gave up on it".to_owned()),
        }
        fault.check()?;
        let lost = |error: &dyn ToString| DeviceError::Lost(error.to_string());
        mapped.try_recv().map_err(|error| lost(&error))?.map_err(|error| lost(&error))?;
        let hits = Hits::read(&slot.answer.get_mapped_range(..).map_err(|error| lost(&error))?);
        slot.answer.unmap();
        Ok(hits)
    }
}

#[cfg(test)]
mod tests;
