//! Each kernel that this CPU can run passes the conformance suite. Which ones those are is printed, and
//! `MINER_EXPECT_KERNELS` (names, in any order) makes anything else a failure.

use std::collections::BTreeSet;
use std::env;
use std::num::NonZero;

use miner_core::conformance::{self, Depth};
use miner_cpu::{CpuBackend, CpuOptions, Kernel, available, unavailable};

#[test]
fn each_kernel_conforms() {
    let options = CpuOptions { threads: NonZero::new(2), nice: None, ..CpuOptions::default() };
    for kernel in available() {
        let mut backend = CpuBackend::new(kernel, &options).unwrap();
        let cases = conformance::run(&mut backend, Depth::Full).unwrap();
        println!("passed: {}: {}", kernel.name(), cases.join(", "));
    }
    for (name, requires) in unavailable() {
        println!("skipped: {name}: this CPU lacks {requires}");
    }
}

#[test]
fn the_expected_kernels_were_there() {
    let Ok(expected) = env::var("MINER_EXPECT_KERNELS") else {
        return println!("skipped: MINER_EXPECT_KERNELS names none to expect");
    };
    let expected: BTreeSet<&str> = expected.split_whitespace().collect();
    let there: BTreeSet<&str> = available().map(Kernel::name).collect();
    assert_eq!(there, expected);
}
