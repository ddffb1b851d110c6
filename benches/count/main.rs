//! The instructions that each kernel executes a hash, set against what a core's ports take for them and for the least
//! that the double hash can be done with: a regression shows without a stopwatch, and on a noisy machine.
//!
//! ```text
//! cargo bench -p miner-benches --bench count                     the table; fails where a kernel became worse
//! cargo bench -p miner-benches --bench count -- --csv            for record/instructions.csv
//! cargo bench -p miner-benches --bench count -- --asm avx512 16  what is executed, for llvm-mca
//! ```

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod x86_64;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::io::Result<std::process::ExitCode> {
    x86_64::main()
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("skipped: instructions are counted on x86-64 Linux alone");
}
