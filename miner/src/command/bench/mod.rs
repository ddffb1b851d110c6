//! `miner bench`: hashrates through the whole engine, in interleaved rounds, with the work proved by hits.

mod compare;
mod html;
pub(super) mod lane;
mod lanes;
mod report;
mod stats;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::args::BenchArgs;
use compare::Comparison;
use lane::Lane;
use report::Report;

/// Rounds of each lane: enough for an interval of 95 %.
const ROUNDS: u32 = 7;
/// A round shorter than this measures the clock.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let old = args.compare.as_deref().map(compare::read).transpose()?;
    let mut lanes = lanes::lanes(args)?;
    let round =
        (args.time_limit / (ROUNDS * lanes.len() as u32)).saturating_sub(lane::WARM_UP).max(SHORTEST_ROUND);
    measure(&mut lanes, round);
    let report = Report::new(&lanes);
    let comparison = old.map(|old| Comparison::new(&old, &report));
    tell(args, &report, comparison.as_ref())?;
    if let (Some(comparison), Some(fail_below)) = (comparison, args.fail_below) {
        comparison.judge(fail_below)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells people what came out, where stdout is not for a file, and writes the files.
fn tell(args: &BenchArgs, report: &Report, comparison: Option<&Comparison>) -> anyhow::Result<()> {
    let files = [&args.json, &args.csv, &args.html];
    if !files.iter().any(|path| path.as_deref() == Some(Path::new("-"))) {
        print!("{}", report.table());
        comparison.iter().for_each(|comparison| print!("\n{}", comparison.table()));
    }
    write_to(args.json.as_deref(), || report.json())?;
    write_to(args.csv.as_deref(), || report.csv())?;
    write_to(args.html.as_deref(), || html::page(report, comparison))
}

/// Runs the lanes in turn, round by round, so that a drifting clock speed touches all alike.
fn measure(lanes: &mut [Lane], round: Duration) {
    let total = ROUNDS as usize * lanes.len();
    for count in 0..total {
        progress(&format!("round {} of {total}", count + 1));
        let at = count % lanes.len();
        if let Some(lane) = lanes.get_mut(at) {
            lane.run(round);
        }
    }
    progress("");
}

/// Overwrites one line on a terminal; says nothing elsewhere.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{text:30}\r");
        // A terminal that cannot be written to shows no progress: nothing is lost.
        let _ = std::io::stderr().flush();
    }
}

fn write_to(path: Option<&Path>, content: impl FnOnce() -> String) -> anyhow::Result<()> {
    match path {
        None => Ok(()),
        Some(path) if path == Path::new("-") => {
            print!("{}", content());
            Ok(())
        }
        Some(path) => std::fs::write(path, content())
            .map_err(|error| anyhow::anyhow!("{} cannot be written: {error}", path.display())),
    }
}
