//! `--compare OLD.json`: how many times an earlier result the new one is, row by row, and whether that is enough.

use std::path::Path;

use serde::Deserialize;

use super::report::{Report, Row, SCHEMA};
use super::stats::{self, Median};
use crate::exit;

/// What two reports have in common, and what not.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(super) pairs: Vec<Pair>,
    /// Rows without a partner, named.
    pub(super) only_old: Vec<String>,
    pub(super) only_new: Vec<String>,
    /// The earlier machine, where it is another.
    pub(super) other_system: Option<String>,
}

/// One row in both reports.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) name: String,
    /// New to old.
    pub(super) ratio: Median,
}

/// What says of a file which form the rest has.
#[derive(Deserialize)]
struct Form {
    schema: u32,
}

/// Reads an earlier report.
pub(crate) fn read(path: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    let Form { schema } = serde_json::from_str(&text)
        .map_err(|error| unusable(path, &format_args!("it is no result of `miner bench --json`: {error}")))?;
    if schema != SCHEMA {
        return Err(unusable(path, &format_args!("it has schema {schema}, and this version reads {SCHEMA}")));
    }
    let report: Report = serde_json::from_str(&text).map_err(|error| unusable(path, &error))?;
    let has_rounds =
        |row: &Row| !row.rounds.is_empty() && row.rounds.iter().all(|hs| hs.is_finite() && *hs > 0.0);
    match report.results.iter().find(|row| !has_rounds(row)) {
        Some(row) => Err(unusable(path, &format_args!("{} has no rounds with a hashrate", name(row)))),
        None => Ok(report),
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> anyhow::Error {
    exit::usage(format_args!("--compare {}: {why}", path.display()))
}

/// What tells rows apart, in words.
fn name(row: &Row) -> String {
    let Row { kernel, device, threads, versions, .. } = row;
    let of = |number: usize, thing: &str| format!("{number} {thing}{}", if number == 1 { "" } else { "s" });
    let versions = usize::try_from(*versions).unwrap_or(usize::MAX);
    format!("{kernel} on {device}, {}, {}", of(*threads, "thread"), of(versions, "version"))
}

fn is_same(one: &Row, other: &Row) -> bool {
    let key = |row: &Row| (row.kernel.clone(), row.device.clone(), row.threads, row.versions);
    key(one) == key(other)
}

impl Comparison {
    pub(crate) fn new(old: &Report, new: &Report) -> Self {
        let without = |rows: &[Row], others: &[Row]| -> Vec<String> {
            let alone = rows.iter().filter(|row| !others.iter().any(|other| is_same(row, other)));
            alone.map(name).collect()
        };
        let pair = |row: &Row| {
            let earlier = old.results.iter().find(|earlier| is_same(row, earlier))?;
            Some(Pair { name: name(row), ratio: stats::ratio(&row.rounds, &earlier.rounds) })
        };
        Self {
            pairs: new.results.iter().filter_map(pair).collect(),
            only_old: without(&old.results, &new.results),
            only_new: without(&new.results, &old.results),
            other_system: (old.system.cpu != new.system.cpu).then(|| old.system.line()),
        }
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let interval = |Median { low, high, .. }: Median| format!("{low:.4} – {high:.4}");
        let pair = |pair: &Pair| {
            (pair.name.clone(), format!("{:>9.4} {:>20}", pair.ratio.median, interval(pair.ratio)))
        };
        let alone =
            |which: &'static str| move |name: &String| (name.clone(), format!(" only in the {which} result"));
        let head = ("new to old".to_owned(), format!("{:>9} {:>20}", "ratio", "95 % interval"));
        let rows = std::iter::once(head)
            .chain(self.pairs.iter().map(pair))
            .chain(self.only_old.iter().map(alone("old")))
            .chain(self.only_new.iter().map(alone("new")));
        let rows: Vec<_> = rows.collect();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        let mut lines: Vec<String> = rows.iter().map(|(name, rest)| format!("{name:width$}{rest}")).collect();
        lines.extend(
            self.other_system.iter().map(|system| format!("the old result is of another CPU: {system}")),
        );
        lines.join("\n") + "\n"
    }

    /// The rows that fell below a ratio: by the best estimate, and not by noise alone.
    pub(super) fn below(&self, ratio: f64) -> Vec<&Pair> {
        let fell = |pair: &&Pair| pair.ratio.median < ratio && pair.ratio.high < ratio.max(1.0);
        self.pairs.iter().filter(fell).collect()
    }

    /// Whether it is as it should be; an error that names what is not.
    pub(crate) fn judge(&self, fail_below: f64) -> anyhow::Result<()> {
        if self.pairs.is_empty() {
            return Err(exit::failure(
                exit::Code::Failed,
                "no row of the old result was measured: nothing is compared",
            ));
        }
        let below: Vec<String> = self
            .below(fail_below)
            .iter()
            .map(|pair| format!("{} ({:.4})", pair.name, pair.ratio.median))
            .collect();
        if below.is_empty() {
            return Ok(());
        }
        let message = format!("below {fail_below:.4} of the old result: {}", below.join("; "));
        Err(exit::failure(exit::Code::Failed, message))
    }
}

#[cfg(test)]
mod tests;
