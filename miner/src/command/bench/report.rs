//! What was measured: as a table, as JSON (schema 1) and as CSV.

use serde::Serialize;

use super::lane::Lane;
use super::stats::{self, Median};
use super::system::System;
use crate::status::text::hashrate;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    system: System,
    results: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    kernel: &'static str,
    device: &'static str,
    threads: usize,
    version_rolling: bool,
    versions: u32,
    /// Hashes a second.
    hs: Median,
    hashes: u64,
    seconds: f64,
    hits: u64,
    hits_expected: f64,
    rounds: Vec<f64>,
}

impl Report {
    pub(crate) fn new(lanes: &[Lane]) -> Self {
        Self { schema: 1, system: System::here(), results: lanes.iter().map(Row::new).collect() }
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
            format!(
                "{kernel},{device},{threads},{version_rolling},{versions},{median:.0},{low:.0},{high:.0},{hashes},{seconds:.3},{hits},{hits_expected:.1}\n"
            )
        });
        header.to_owned() + &rows.collect::<String>()
    }

    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            self.system.line(),
            format!(
                "{:10} {:>7} {:>8} {:>14} {:>26} {:>18}",
                "kernel", "threads", "rolling", "median", "95 % interval", "hits / expected"
            ),
        ];
        lines.extend(self.results.iter().map(Row::line));
        lines.push(
            "A hit is a hash of 16 leading zero bits, verified with a reference SHA-256: the work was done."
                .into(),
        );
        lines.join("\n") + "\n"
    }
}

impl Row {
    fn new(lane: &Lane) -> Self {
        Self {
            kernel: lane.kernel.name(),
            device: "cpu",
            threads: lane.threads,
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

    fn line(&self) -> String {
        let rolling = if self.version_rolling { "on" } else { "off" };
        let interval = format!("{} – {}", hashrate(self.hs.low), hashrate(self.hs.high));
        // The count of n hits is certain to ±1.96/√n.
        let share = self.hits as f64 / self.hits_expected.max(1e-9);
        let hits = format!("{} / {:.0} ({share:.3})", self.hits, self.hits_expected);
        let Self { kernel, threads, .. } = self;
        format!(
            "{kernel:10} {threads:>7} {rolling:>8} {:>14} {interval:>26} {hits:>18}",
            hashrate(self.hs.median)
        )
    }
}
