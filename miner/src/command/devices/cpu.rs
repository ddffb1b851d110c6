//! The kernels of this CPU.

use miner_cpu::Kernel;
use serde::Serialize;

use super::{NO_ROLLING, Rates};
use crate::mining::devices::MIDSTATES;

#[derive(Serialize)]
pub(super) struct Row {
    pub(super) kernel: &'static str,
    /// Why this CPU cannot run it.
    missing: Option<&'static str>,
    /// On all cores.
    #[serde(flatten)]
    pub(super) rates: Rates,
    chosen: bool,
}

impl Row {
    pub(super) fn note(&self) -> String {
        match (self.missing, self.chosen) {
            (Some(missing), _) => format!("needs {missing}"),
            (None, true) => "chosen".to_owned(),
            (None, false) => String::new(),
        }
    }
}

pub(super) fn rows(measure: bool) -> Vec<Row> {
    let kernels: Vec<&Kernel> = miner_cpu::available().collect();
    let rates = |midstates| if measure { miner_cpu::measure(&kernels, midstates) } else { vec![] };
    let (rolling, plain) = (rates(MIDSTATES), rates(NO_ROLLING));
    let chosen = rolling.first().map_or(miner_cpu::preferred().name(), |(kernel, _)| kernel.name());
    let of = |rates: &[(&Kernel, f64)], name| {
        rates.iter().find(|(kernel, _)| kernel.name() == name).map(|(_, rate)| *rate)
    };
    let can = kernels.iter().map(|kernel| Row {
        kernel: kernel.name(),
        missing: None,
        rates: Rates { hs_rolling: of(&rolling, kernel.name()), hs: of(&plain, kernel.name()) },
        chosen: kernel.name() == chosen,
    });
    let cannot = miner_cpu::unavailable().map(|(kernel, requires)| Row {
        kernel,
        missing: Some(requires),
        rates: Rates::default(),
        chosen: false,
    });
    can.chain(cannot).collect()
}
