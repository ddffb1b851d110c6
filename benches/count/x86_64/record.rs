//! What was counted when it was last recorded, and what is wrong with a new count.

use std::process::Command;
use std::{fs, io};

use super::row::Row;

/// What `--csv` prints.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/record/instructions.csv");
/// So many times as much may be executed before it counts as a regression. A debug build checks for overflow.
const TOLERANCE: f64 = if cfg!(debug_assertions) { 1.03 } else { 1.02 };
/// The least share of the port limit.
const LEAST_SHARE: f64 = 0.95;

/// Counts by kernel and midstates, made with one compiler.
pub(crate) struct Record {
    text: String,
    /// Whether that compiler is another one: then what it executed is no measure.
    pub(crate) made_by_another: Option<String>,
}

impl Record {
    /// `rustc`: the compiler in use.
    pub(crate) fn read(rustc: &str) -> io::Result<Self> {
        let text = fs::read_to_string(PATH)?;
        let maker = text.lines().last().and_then(|line| line.rsplit(',').next()).unwrap_or_default();
        let made_by_another = (maker != rustc).then(|| maker.to_owned());
        Ok(Self { text, made_by_another })
    }

    /// What is wrong with a count.
    pub(crate) fn complaint(&self, row: &Row) -> Option<String> {
        let key = format!("{},{},", row.kernel, row.midstates);
        let share = row.share().unwrap_or(1.0);
        if share < LEAST_SHARE {
            return Some(format!("{key} its share of the port limit is {share:.3}, below {LEAST_SHARE}"));
        }
        if self.made_by_another.is_some() {
            return None;
        }
        let recorded = self.text.lines().find_map(|line| line.strip_prefix(&key));
        // Loads and scalar instructions are more without optimisation; a kernel without vectors has no others.
        let vector = row.counted.computed.vector;
        let (column, counted) = if row.share().is_some() { (1, vector) } else { (0, row.counted.all) };
        match recorded.and_then(|line| line.split(',').nth(column)?.parse::<f64>().ok()) {
            None => Some(format!("{key} is not in {PATH}: add it, by --csv")),
            Some(recorded) if counted > TOLERANCE * recorded => {
                Some(format!("{key} {counted:.1} instructions a hash, {recorded:.1} are recorded"))
            }
            Some(_) => None,
        }
    }
}

/// The compiler in use.
pub(crate) fn rustc() -> io::Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
