//! The command: what is counted is what a search executes ([`trace`]), AVX-512 on any CPU.

mod counted;
mod floor;
mod listing;
mod record;
mod row;
mod trace;

use std::io;
use std::process::ExitCode;

use miner_cpu::{Kernel, available, unavailable};
use record::{Record, rustc};
use row::Row;

pub(crate) fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [trace::CHILD, kernel, midstates, nonces] => trace::child(kernel, number(midstates), number(nonces)),
        ["--asm", kernel, midstates] => match listing::print(kernel, number(midstates))? {
            true => Ok(ExitCode::SUCCESS),
            false => Err(io::Error::other(format!("this CPU cannot run {kernel}"))),
        },
        ["--csv"] => csv(),
        _ => table(),
    }
}

fn number(argument: &str) -> u32 {
    argument.parse().unwrap_or_else(|error| panic!("{argument}: {error}"))
}

/// A row for each kernel that can be counted, with and without version rolling, as soon as it is there.
fn rows() -> impl Iterator<Item = io::Result<Row>> {
    // In the order of the table, where those that most CPUs lack come first.
    let kernels = unavailable().map(|(name, _)| name).chain(available().map(Kernel::name));
    kernels.flat_map(|kernel| {
        [16, 1].into_iter().filter_map(move |midstates| {
            let row = Row::of(kernel, midstates).transpose();
            if row.is_none() {
                eprintln!("skipped: {kernel}: this CPU cannot run it");
            }
            row
        })
    })
}

fn csv() -> io::Result<ExitCode> {
    let rustc = rustc()?;
    println!("{}", Row::CSV);
    for row in rows() {
        println!("{}", row?.csv(&rustc));
    }
    Ok(ExitCode::SUCCESS)
}

fn table() -> io::Result<ExitCode> {
    let record = Record::read(&rustc()?)?;
    let mut complaints = Vec::new();
    println!("{}", Row::TABLE);
    for row in rows() {
        let row = row?;
        println!("{}", row.line());
        complaints.extend(record.complaint(&row));
    }
    if let Some(maker) = &record.made_by_another {
        println!("skipped: a comparison with the record, which is of {maker}");
    }
    complaints.iter().for_each(|complaint| println!("worse: {complaint}"));
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
