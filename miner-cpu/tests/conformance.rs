//! Each kernel that this CPU can run passes the conformance suite. Which ones those are is printed, and
//! `MINER_EXPECT_KERNELS` (names, in any order) makes anything else a failure.
//!
//! Where CPUs are emulated and slow, arguments choose kernels: `conformance each_kernel_conforms avx512`.

use std::collections::BTreeSet;
use std::env;
use std::num::NonZero;

use miner_core::conformance::{self, Depth};
use miner_cpu::{CpuBackend, CpuOptions, Kernel, available, by_name, unavailable};

#[test]
fn each_kernel_conforms() {
    let options = CpuOptions { threads: NonZero::new(2), nice: None, ..CpuOptions::default() };
    for kernel in chosen() {
        let mut backend = CpuBackend::new(kernel, &options).unwrap();
        let cases = conformance::run(&mut backend, Depth::Full).unwrap();
        println!("passed: {}: {}", kernel.name(), cases.join(", "));
    }
    for (name, requires) in unavailable() {
        println!("skipped: {name}: this CPU lacks {requires}");
    }
}

/// The kernels named by arguments (to the test runner, they name no test), or all.
fn chosen() -> Vec<&'static Kernel> {
    let names: Vec<String> = env::args().collect();
    let table = available().map(Kernel::name).chain(unavailable().map(|(name, _)| name));
    let named: Vec<_> = table.filter(|name| names.iter().any(|arg| arg == name)).collect();
    if named.is_empty() {
        available().collect()
    } else {
        named.into_iter().map(|name| by_name(name).unwrap()).collect()
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
