//! The command line of the mining engine: what is typed, and which room it leads to.
#![forbid(unsafe_code)]

mod args;
mod command;
mod config;
mod exit;
mod http;
mod mining;
mod runtime;
mod source;
mod status;
mod system;

use std::process::ExitCode;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match config::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return exit::from_usage(&error),
    };
    exit::from_result(run(cli))
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => command::mine::run(cli.mine),
        Some(Command::Solo(args)) => command::solo::run(*args),
        Some(Command::Pool(args)) => command::pool::run(&args),
        Some(Command::Bench(args)) => command::bench::run(&args),
        Some(Command::Check(args)) => command::check::run(&args),
        Some(Command::Grind(args)) => Ok(command::grind::run(&args)),
        Some(Command::Devices(args)) => command::devices::run(&args),
    }
}
