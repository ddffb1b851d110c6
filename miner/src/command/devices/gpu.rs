//! The GPUs of this machine, software ones included.

use miner_gpu::{Adapter, AdapterKind};
use serde::Serialize;

use super::{NO_ROLLING, Reached};
use crate::mining::devices::MIDSTATES;
use crate::mining::devices::gpu::{Gpu, in_words};

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// Whether it is a program that computes on the CPU.
    software: bool,
    /// The API it is used through.
    backend: &'static str,
    driver: String,
    /// Its place on the PCI bus, where that is known.
    pci: String,
    /// Invocations a workgroup at most.
    workgroup_size: u32,
    /// Workgroups at most, in each of two dimensions.
    workgroups: u32,
    /// How it is used best: addition, workgroup size, midstates.
    tuning: Option<String>,
    #[serde(flatten)]
    pub(super) reached: Reached,
    /// Why it cannot be used.
    error: Option<String>,
}

/// All GPUs, or why there is none.
pub(super) fn rows(measure: bool) -> Result<Vec<Row>, String> {
    let adapters = miner_gpu::adapters().map_err(|error| error.to_string())?;
    Ok(adapters.iter().map(|adapter| Row::new(adapter, measure)).collect())
}

impl Row {
    fn new(adapter: &Adapter, measure: bool) -> Self {
        let limits = adapter.limits();
        let mut row = Self {
            name: adapter.name().to_owned(),
            software: adapter.kind() == AdapterKind::Software,
            backend: adapter.api(),
            driver: adapter.driver().to_owned(),
            pci: adapter.pci_address().to_owned(),
            workgroup_size: limits.workgroup_size,
            workgroups: limits.workgroups,
            tuning: None,
            reached: Reached::default(),
            error: None,
        };
        if measure {
            match Gpu::tune(adapter) {
                Ok(gpu) => row.measure(gpu),
                Err(error) => row.error = Some(error.to_string()),
            }
        }
        row
    }

    fn measure(&mut self, mut gpu: Gpu) {
        self.tuning = Some(in_words(gpu.backend.tuning()));
        self.reached = Reached { hs_rolling: Some(gpu.rate(MIDSTATES)), hs: Some(gpu.rate(NO_ROLLING)) };
    }

    pub(super) fn note(&self) -> String {
        let mut notes = vec![self.backend.to_owned(), self.driver.clone()];
        notes.extend(self.software.then(|| "software".to_owned()));
        notes.push(format!("workgroups of {}, {} a side", self.workgroup_size, self.workgroups));
        notes.extend(self.tuning.clone());
        notes.extend(self.error.clone());
        notes.join(", ")
    }
}
