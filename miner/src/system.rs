//! What this machine is: what a measurement was made on.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct System {
    pub(crate) cpu: String,
    pub(crate) microcode: String,
    pub(crate) governor: String,
    pub(crate) cores: usize,
    pub(crate) os: String,
    pub(crate) rustc: String,
    pub(crate) commit: String,
}

impl System {
    pub(crate) fn here() -> Self {
        let cpu = first_cpu();
        let field = |names: [&str; 2]| {
            names.iter().find_map(|name| cpu.get(*name)).map_or("unknown".to_owned(), Clone::clone)
        };
        let read =
            |path| fs::read_to_string(path).map_or("unknown".to_owned(), |text| text.trim().to_owned());
        Self {
            cpu: field(["model name", "CPU part"]),
            microcode: field(["microcode", "CPU revision"]),
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

/// What the kernel tells of the first CPU. Where there are hundreds, all of them take a while to tell.
fn first_cpu() -> HashMap<String, String> {
    let Ok(file) = File::open("/proc/cpuinfo") else { return HashMap::new() };
    let lines = BufReader::new(file).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let field =
        |line: String| line.split_once(':').map(|(name, value)| (name.trim().into(), value.trim().into()));
    lines.filter_map(field).collect()
}
