//! `miner devices`: what this machine can mine with, and what it reaches.

mod cpu;
mod gpu;

use std::process::ExitCode;

use serde::Serialize;

use crate::args::DevicesArgs;
use crate::status::text::hashrate;

/// Midstates of a unit without version rolling.
const NO_ROLLING: usize = 1;

#[derive(Serialize)]
struct Devices {
    kernels: Vec<cpu::Row>,
    choice: cpu::Choice,
    gpus: Vec<gpu::Row>,
    /// Why there is no GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_gpu: Option<String>,
}

/// Hashes a second; nothing where they were not measured.
#[derive(Serialize, Clone, Copy, Default)]
struct Reached {
    hs_rolling: Option<f64>,
    hs: Option<f64>,
}

pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<ExitCode> {
    let measure = !args.no_measure;
    let (gpus, no_gpu) = match gpu::rows(measure) {
        Ok(gpus) => (gpus, None),
        Err(reason) => (vec![], Some(reason)),
    };
    let (kernels, choice) = cpu::rows(measure);
    let devices = Devices { kernels, choice, gpus, no_gpu };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&devices)?);
    } else {
        print!("{}", devices.table());
    }
    Ok(ExitCode::SUCCESS)
}

impl Devices {
    fn table(&self) -> String {
        let width = self.gpus.iter().map(|gpu| gpu.name.chars().count()).chain([12]).max().unwrap_or(0);
        let line = |name: &str, reached: Reached, note: &str| {
            let Reached { hs_rolling, hs } = reached;
            let [rolling, plain] = [hs_rolling, hs].map(|hs| hs.map_or("-".to_owned(), hashrate));
            format!("{name:width$} {rolling:>16} {plain:>16}  {note}").trim_end().to_owned() + "\n"
        };
        let head = |what: &str| format!("{what:width$} {:>16} {:>16}\n", "version rolling", "no rolling");
        let mut table = head("cpu kernel");
        table.extend(self.kernels.iter().map(|row| line(row.kernel, row.reached, &row.note())));
        table += &format!("kernel choice: {}\n", self.choice.note);
        match &self.no_gpu {
            Some(reason) => table += &format!("gpu: {reason}\n"),
            None => table += &head("gpu"),
        }
        table.extend(self.gpus.iter().map(|row| line(&row.name, row.reached, &row.note())));
        table
    }
}
