//! `miner devices`: what this machine can mine with, and what it reaches.

use std::process::ExitCode;

use miner_cpu::Kernel;
use serde::Serialize;

use crate::args::DevicesArgs;
use crate::status::text::hashrate;

/// Midstates of a unit with and without version rolling.
const ROLLING: usize = 16;
const NO_ROLLING: usize = 1;

#[derive(Serialize)]
struct Row {
    kernel: &'static str,
    /// Why this CPU cannot run it.
    missing: Option<&'static str>,
    /// Hashes a second on all cores.
    hs_rolling: Option<f64>,
    hs: Option<f64>,
    chosen: bool,
}

pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<ExitCode> {
    let rows = rows(!args.no_measure);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:12} {:>16} {:>16}", "cpu kernel", "version rolling", "no rolling");
    for row in rows {
        let rate = |hs: Option<f64>| hs.map_or("-".to_owned(), hashrate);
        let note = match (row.missing, row.chosen) {
            (Some(missing), _) => format!("needs {missing}"),
            (None, true) => "chosen".to_owned(),
            (None, false) => String::new(),
        };
        println!("{:12} {:>16} {:>16}  {note}", row.kernel, rate(row.hs_rolling), rate(row.hs));
    }
    println!("gpu: this version has no GPU backend");
    Ok(ExitCode::SUCCESS)
}

fn rows(measure: bool) -> Vec<Row> {
    let kernels: Vec<&Kernel> = miner_cpu::available().collect();
    let rates = |midstates| if measure { miner_cpu::measure(&kernels, midstates) } else { vec![] };
    let (rolling, plain) = (rates(ROLLING), rates(NO_ROLLING));
    let chosen = rolling.first().map_or(miner_cpu::preferred().name(), |(kernel, _)| kernel.name());
    let of = |rates: &[(&Kernel, f64)], name| {
        rates.iter().find(|(kernel, _)| kernel.name() == name).map(|(_, rate)| *rate)
    };
    let can = kernels.iter().map(|kernel| Row {
        kernel: kernel.name(),
        missing: None,
        hs_rolling: of(&rolling, kernel.name()),
        hs: of(&plain, kernel.name()),
        chosen: kernel.name() == chosen,
    });
    let cannot = miner_cpu::unavailable().map(|(kernel, requires)| Row {
        kernel,
        missing: Some(requires),
        hs_rolling: None,
        hs: None,
        chosen: false,
    });
    can.chain(cannot).collect()
}
