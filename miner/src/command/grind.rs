//! `miner grind`: solves one header, with the input, output and words of `bitcoin-util grind`.
//!
//! Bitcoin Core's signet miner calls it for each block, so it starts at once: the kernel is chosen by
//! rule, nothing is measured, and no self-test runs, since the one result is verified anyway.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miner_core::bitcoin::block::Header;
use miner_core::{
    Assignment, Backend as _, Candidate, Job, Reporter, SearchSpace, Terms, VersionMask, header,
};
use miner_cpu::{CpuBackend, CpuOptions};

use crate::args::GrindArgs;
use crate::mining::devices;

// The model's words, and its exit code for every failure is 1.
const UNSOLVABLE: &str = "Could not satisfy difficulty target";
const UNREADABLE: &str = "Could not decode block header";

pub(crate) fn run(args: &GrindArgs) -> ExitCode {
    match solve(args) {
        Ok(header) => {
            println!("{}", header::to_hex(&header));
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn solve(args: &GrindArgs) -> Result<Header, String> {
    let [hex] = args.header.as_slice() else {
        return Err("Must specify block header to grind".to_owned());
    };
    let header = header::from_hex(hex).map_err(|_| UNREADABLE)?;
    // Bits that are no target can be met by no hash.
    let job = Job::from_header("grind", &header).map_err(|_| UNSOLVABLE)?;
    let mut backend = backend(args).map_err(|error| format!("{error:#}"))?;
    let mut space = SearchSpace::new(Arc::new(job), Terms::solo(0, VersionMask::NONE), 1);
    while let Some(assignment) = space.next(u64::MAX, Duration::ZERO) {
        let search = Search { assignment: &assignment, solved: Mutex::default() };
        backend.scan(assignment.unit(), &search).map_err(|error| error.to_string())?;
        if let Some(solved) = search.solved.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Ok(solved);
        }
    }
    Err(UNSOLVABLE.to_owned())
}

fn backend(args: &GrindArgs) -> anyhow::Result<CpuBackend> {
    let kernel = match args.kernel.as_deref() {
        Some(name) => devices::kernel_named(name)?,
        None => miner_cpu::preferred(),
    };
    let options = CpuOptions { threads: devices::threads(args.threads), nice: None, ..CpuOptions::default() };
    Ok(CpuBackend::new(kernel, &options)?)
}

/// Takes the first solution.
struct Search<'a> {
    assignment: &'a Assignment,
    solved: Mutex<Option<Header>>,
}

impl Reporter for Search<'_> {
    fn found(&self, candidate: Candidate) -> ControlFlow<()> {
        match self.assignment.verify(candidate) {
            Ok(share) => {
                *self.solved.lock().unwrap_or_else(PoisonError::into_inner) = Some(*share.header());
                ControlFlow::Break(())
            }
            Err(_) => ControlFlow::Continue(()),
        }
    }

    fn progress(&self, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
