//! `miner bench`: hashrates through the whole engine, in interleaved rounds, with the work proved by hits.

mod compare;
mod html;
pub(super) mod lane;
mod report;
mod stats;
mod system;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use miner_cpu::{CpuOptions, Kernel};

use crate::args::BenchArgs;
use crate::exit::{self, Code};
use crate::mining::devices;
use compare::Comparison;
use lane::Lane;
use report::Report;

/// Rounds of each lane: enough for an interval of 95 %.
const ROUNDS: u32 = 7;
/// A round shorter than this measures the clock.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    if !matches!(args.device.as_str(), "cpu" | "all") {
        let message = format!("no device `{}` to measure: this version has no GPU backend", args.device);
        return Err(exit::failure(Code::NoDevice, message));
    }
    let old = args.compare.as_deref().map(compare::read).transpose()?;
    let mut lanes = lanes(args)?;
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

/// Every kernel × number of threads × with and without version rolling.
fn lanes(args: &BenchArgs) -> anyhow::Result<Vec<Lane>> {
    let kernels: Vec<&'static Kernel> = match args.kernel.as_str() {
        "all" => miner_cpu::available().collect(),
        name => vec![devices::kernel_named(name)?],
    };
    let cores = std::thread::available_parallelism()
        .map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    let threads = match args.threads.as_slice() {
        [] if cores > 1 => vec![1, cores],
        [] => vec![1],
        asked => asked.to_vec(),
    };
    let mut lanes = Vec::new();
    for kernel in kernels {
        for threads in &threads {
            // At the priority of any other program: what it competes with is not to be hidden.
            let options =
                CpuOptions { threads: devices::threads(Some(*threads)), nice: None, ..CpuOptions::default() };
            for version_rolling in [true, false] {
                lanes.push(Lane::new(kernel, devices::tested(kernel, &options)?, version_rolling));
            }
        }
    }
    Ok(lanes)
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
