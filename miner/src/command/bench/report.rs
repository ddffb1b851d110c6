//! What was measured: as a table, as JSON (schema 1) and as CSV.

use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::stats::{self, Median};
use crate::status::text::hashrate;
use crate::system::System;

/// What the table's columns are.
pub(super) const COLUMNS: [&str; 6] =
    ["kernel", "threads", "rolling", "median", "95 % interval", "hits / expected"];
/// What hits are.
pub(super) const PROOF: &str =
    "A hit is a hash of 16 leading zero bits, verified with a reference SHA-256: the work was done.";
/// The version of the JSON's form.
pub(super) const SCHEMA: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(super) schema: u32,
    pub(super) system: System,
    pub(super) results: Vec<Row>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) kernel: String,
    pub(super) device: String,
    pub(super) threads: usize,
    pub(super) version_rolling: bool,
    /// Headers that may share a message schedule.
    pub(super) versions: u32,
    /// Hashes a second.
    pub(super) hs: Median,
    pub(super) hashes: u64,
    pub(super) seconds: f64,
    pub(super) hits: u64,
    pub(super) hits_expected: f64,
    /// Hashes a second of each round.
    pub(super) rounds: Vec<f64>,
}

impl Report {
    pub(crate) fn new(lanes: &[Lane]) -> Self {
        Self { schema: SCHEMA, system: System::here(), results: lanes.iter().map(Row::new).collect() }
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report holds nothing that JSON cannot") + "\n"
    }

    pub(crate) fn csv(&self) -> String {
        let header = "kernel,device,threads,version_rolling,versions,hs_median,hs_low,hs_high,hashes,seconds,hits,hits_expected\n";
        let rows = self.results.iter().map(|row| {
            let Row { kernel, device, threads, version_rolling, versions, hs, hashes, seconds, hits, hits_expected, .. } =
                row;
            let Median { median, low, high } = hs;
            let device = csv_field(device);
            format!(
                "{kernel},{device},{threads},{version_rolling},{versions},{median:.0},{low:.0},{high:.0},{hashes},{seconds:.3},{hits},{hits_expected:.1}\n"
            )
        });
        header.to_owned() + &rows.collect::<String>()
    }

    pub(crate) fn table(&self) -> String {
        let rows: Vec<_> = self.results.iter().map(Row::cells).collect();
        let width = rows.iter().map(|[name, ..]| name.chars().count()).chain([10]).max().unwrap_or(0);
        let line = |[name, threads, rolling, median, interval, hits]: &[String; 6]| {
            format!("{name:width$} {threads:>7} {rolling:>8} {median:>14} {interval:>26} {hits:>18}")
        };
        let mut lines = vec![self.system.line(), line(&COLUMNS.map(str::to_owned))];
        lines.extend(rows.iter().map(line));
        lines.push(PROOF.to_owned());
        lines.join("\n") + "\n"
    }
}

/// A text as a field: a driver may put commas into a name.
fn csv_field(text: &str) -> String {
    match text.contains([',', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

impl Row {
    fn new(lane: &Lane) -> Self {
        Self {
            kernel: lane.subject.kernel.clone(),
            device: lane.subject.device.clone(),
            threads: lane.subject.threads,
            version_rolling: lane.version_rolling,
            versions: lane.versions(),
            hs: stats::median(&lane.rounds),
            hashes: lane.hashes,
            seconds: lane.seconds,
            hits: lane.hits(),
            hits_expected: lane.hits_expected(),
            rounds: lane.rounds.clone(),
        }
    }

    /// What was measured, for people: a CPU kernel or a GPU.
    pub(super) fn name(&self) -> &str {
        if self.threads > 0 { &self.kernel } else { &self.device }
    }

    /// What the table's columns hold.
    pub(super) fn cells(&self) -> [String; 6] {
        let rolling = if self.version_rolling { "on" } else { "off" };
        // The count of n hits is certain to ±1.96/√n.
        let share = self.hits as f64 / self.hits_expected.max(1e-9);
        [
            self.name().to_owned(),
            if self.threads > 0 { self.threads.to_string() } else { "-".to_owned() },
            rolling.to_owned(),
            hashrate(self.hs.median),
            format!("{} – {}", hashrate(self.hs.low), hashrate(self.hs.high)),
            format!("{} / {:.0} ({share:.3})", self.hits, self.hits_expected),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_are_one_field() {
        assert_eq!(csv_field("cpu"), "cpu");
        assert_eq!(csv_field("llvmpipe (LLVM 15, 256 bits)"), "\"llvmpipe (LLVM 15, 256 bits)\"");
        assert_eq!(csv_field("9\" card"), "\"9\"\" card\"");
    }
}
