//! The figures in the text form that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use miner_stratum::ledger::Columns;

use super::Figures;
use super::board::View;
use super::figures::{DeviceFigures, Speed};
use crate::status::pool::{PoolRate, PoolSummary};
use crate::status::summary::Summary;

/// The names of a ledger's families: all that was found, what became of it, and what has no verdict yet.
const SHARES: [&str; 3] = ["miner_shares_found_total", "miner_shares_total", "miner_shares_pending"];
const WORK: [&str; 3] =
    ["miner_share_difficulty_found_total", "miner_share_difficulty_total", "miner_share_difficulty_pending"];

/// All metrics of a run.
pub(super) fn text(view: &View) -> String {
    let mut metrics = Metrics::default();
    metrics
        .family("miner_info", "gauge", "The version that runs.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    metrics.gauge("miner_healthy", "Whether it does what it is for.", u8::from(view.health() == "ok"));
    metrics.gauge("miner_connected", "Whether there is a pool or a node.", u8::from(view.connected));
    let mut blocks = metrics.family("miner_blocks_total", "counter", "Blocks by what became of them.");
    for (result, count) in &view.blocks_by_result {
        blocks.sample(&[("result", result)], count);
    }
    if let Some((height, difficulty)) = view.job_figures {
        metrics.gauge("miner_job_difficulty", "The network's difficulty.", difficulty);
        if let Some(height) = height {
            metrics.gauge("miner_job_height", "The height of the block that is looked for.", height);
        }
    }
    match view.figures.as_deref() {
        Some(Figures::Mining { hashrate, devices, summary }) => metrics.mining(*hashrate, devices, summary),
        Some(Figures::Pool { hashrate, summary }) => metrics.pool(hashrate, summary),
        None => {}
    }
    metrics.0
}

#[derive(Default)]
struct Metrics(String);

/// Where the samples of one name go.
struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.text, "{}{labels} {value}", self.name).expect("a text takes all that is written");
    }
}

impl Metrics {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
            .expect("a text takes all that is written");
        Family { text: &mut self.0, name }
    }

    fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, "gauge", help).sample(&[], value);
    }

    fn counter(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, "counter", help).sample(&[], value);
    }

    fn mining(&mut self, hashrate: Speed, devices: &[DeviceFigures], summary: &Summary) {
        self.totals(summary.seconds, hashrate.hashes, summary.best);
        self.hashrate(&windows(hashrate));
        self.devices(devices);
        self.ledger(SHARES, "shares", &summary.counts.0);
        self.ledger(WORK, "the difficulty of shares", &summary.difficulty.0);
    }

    fn pool(&mut self, hashrate: &PoolRate, summary: &PoolSummary) {
        self.totals(summary.seconds, hashrate.hashes, summary.best_difficulty);
        self.hashrate(&[("60s", hashrate.hs_60s)]);
        self.gauge("miner_pool_miners", "Miners that are connected.", hashrate.miners);
        self.counter("miner_pool_sessions_total", "Sessions that there were.", summary.sessions);
        let mut shares = self.family("miner_shares_total", "counter", "What became of shares.");
        shares.sample(&[("status", "accepted"), ("reason", "")], summary.accepted);
        for (reason, count) in &summary.rejected {
            shares.sample(&[("status", "rejected"), ("reason", reason)], count);
        }
    }

    fn totals(&mut self, seconds: f64, hashes: impl Display, best: Option<f64>) {
        self.counter("miner_uptime_seconds", "Seconds since the start.", seconds);
        self.counter("miner_hashes_total", "Hashes so far.", hashes);
        self.gauge("miner_best_difficulty", "The highest that a share reached.", best.unwrap_or_default());
    }

    fn hashrate(&mut self, rates: &[(&str, f64)]) {
        let mut family = self.family("miner_hashrate", "gauge", "Hashes a second, over a window.");
        for (window, rate) in rates {
            family.sample(&[("window", window)], rate);
        }
    }

    fn devices(&mut self, devices: &[DeviceFigures]) {
        self.of_each("miner_device_hashes_total", "counter", "Hashes of a device.", devices, |it| {
            it.speed.hashes
        });
        let help = "Results that only broken hardware explains.";
        self.of_each("miner_device_hardware_errors_total", "counter", help, devices, |it| it.hardware_errors);
        let help = "Whether a device is at work.";
        self.of_each("miner_device_up", "gauge", help, devices, |it| u64::from(it.is_up()));
        let mut rates =
            self.family("miner_device_hashrate", "gauge", "Hashes a second of a device, over a window.");
        for (index, device) in devices.iter().enumerate() {
            for (window, rate) in windows(device.speed) {
                rates.sample(&[named(device), ("index", &index.to_string()), ("window", window)], rate);
            }
        }
    }

    /// A family of one sample for each device. Two may have one name, and are told apart by their index.
    fn of_each(
        &mut self,
        name: &'static str,
        kind: &str,
        help: &str,
        devices: &[DeviceFigures],
        value: impl Fn(&DeviceFigures) -> u64,
    ) {
        let mut family = self.family(name, kind, help);
        for (index, device) in devices.iter().enumerate() {
            family.sample(&[named(device), ("index", &index.to_string())], value(device));
        }
    }

    fn ledger<T: Display>(
        &mut self,
        [found, ended, pending]: [&'static str; 3],
        what: &str,
        columns: &Columns<T>,
    ) {
        self.counter(found, &format!("All that was found: {what}."), &columns.found);
        let mut family = self.family(ended, "counter", &format!("What became of it: {what}."));
        family.sample(&[("status", "accepted"), ("reason", "")], &columns.accepted);
        let reasons: [(&str, &BTreeMap<String, T>); 3] =
            [("rejected", &columns.rejected), ("stale", &columns.stale), ("lost", &columns.lost)];
        for (status, reasons) in reasons {
            for (reason, amount) in reasons {
                family.sample(&[("status", status), ("reason", reason)], amount);
            }
        }
        let mut family = self.family(pending, "gauge", &format!("Without a verdict yet: {what}."));
        family.sample(&[("stage", "in_flight")], &columns.in_flight);
        family.sample(&[("stage", "queued")], &columns.queued);
    }
}

fn named(device: &DeviceFigures) -> (&'static str, &str) {
    ("device", &device.device)
}

fn windows(speed: Speed) -> [(&'static str, f64); 3] {
    [("10s", speed.hs_10s), ("60s", speed.hs_60s), ("15m", speed.hs_15m)]
}

/// A label's value: what would end it is escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
