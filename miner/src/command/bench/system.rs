//! What a result was measured on.

use std::fs;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct System {
    pub(super) cpu: String,
    pub(super) microcode: String,
    pub(super) governor: String,
    pub(super) cores: usize,
    pub(super) os: String,
    pub(super) rustc: String,
    pub(super) commit: String,
}

impl System {
    pub(crate) fn here() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let lines = info.lines().filter_map(|line| line.split_once(':'));
            let value = lines
                .into_iter()
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned());
            value.unwrap_or_else(|| "unknown".to_owned())
        };
        let read =
            |path| fs::read_to_string(path).map_or("unknown".to_owned(), |text| text.trim().to_owned());
        Self {
            cpu: field("model name"),
            microcode: field("microcode"),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease")),
            rustc: env!("MINER_RUSTC").to_owned(),
            commit: env!("MINER_COMMIT").to_owned(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        format!("{}, {} cores, {}, {}, commit {}", self.cpu, self.cores, self.os, self.rustc, self.commit)
    }
}
