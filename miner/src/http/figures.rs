//! The figures of a run at one moment, in the words of its events.

use miner_engine::{DeviceSnapshot, Rates, Snapshot};
use serde::Serialize;

use crate::status::pool::{PoolRate, PoolSummary};
use crate::status::summary::Summary;

/// How a run stands.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Figures {
    /// A miner's.
    Mining { hashrate: Speed, devices: Vec<DeviceFigures>, summary: Box<Summary> },
    /// A pool's.
    Pool { hashrate: PoolRate, summary: PoolSummary },
}

/// Hashes a second, and hashes so far.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Speed {
    pub(super) hs_10s: f64,
    pub(super) hs_60s: f64,
    pub(super) hs_15m: f64,
    pub(super) hashes: u64,
}

/// How a device does.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceFigures {
    pub(super) device: String,
    #[serde(flatten)]
    pub(super) speed: Speed,
    pub(super) hardware_errors: u64,
    /// The error that it has yet to recover from.
    pub(super) trouble: Option<String>,
    /// Why it is out of work for good.
    pub(super) failure: Option<String>,
}

impl DeviceFigures {
    /// Whether it hashes, as far as it is known.
    pub(super) fn is_up(&self) -> bool {
        self.trouble.is_none() && self.failure.is_none()
    }
}

impl Speed {
    fn new(rates: Rates, hashes: u64) -> Self {
        let Rates { hs_10s, hs_60s, hs_15m } = rates;
        Self { hs_10s, hs_60s, hs_15m, hashes }
    }
}

impl Figures {
    /// The figures of a miner.
    pub(crate) fn mining(engine: &Snapshot, summary: Summary) -> Self {
        let device = |device: &DeviceSnapshot| DeviceFigures {
            device: device.name.to_string(),
            speed: Speed::new(device.rates, device.hashes),
            hardware_errors: device.hardware_errors,
            trouble: device.trouble.clone(),
            failure: device.failure.clone(),
        };
        Self::Mining {
            hashrate: Speed::new(engine.rates(), engine.hashes()),
            devices: engine.devices.iter().map(device).collect(),
            summary: Box::new(summary),
        }
    }

    /// Hashes a second, over the shortest time that they are known for.
    pub(super) fn hashrate(&self) -> f64 {
        match self {
            Self::Mining { hashrate, .. } => hashrate.hs_10s,
            Self::Pool { hashrate, .. } => hashrate.hs_60s,
        }
    }

    /// Whether nothing is left that hashes.
    pub(super) fn all_failed(&self) -> bool {
        match self {
            Self::Mining { devices, .. } => devices.iter().all(|device| device.failure.is_some()),
            Self::Pool { .. } => false,
        }
    }
}
