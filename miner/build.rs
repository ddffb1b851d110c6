//! Records what a benchmark result must name: the compiler and the commit.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    println!("cargo::rustc-env=MINER_RUSTC={}", output(&rustc, &["--version"]));
    println!("cargo::rustc-env=MINER_COMMIT={}", output("git", &["rev-parse", "--short=12", "HEAD"]));
    // Grows with each commit. A path that is not there would rebuild the program every time.
    let log = output("git", &["rev-parse", "--git-path", "logs/HEAD"]);
    if std::path::Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}

/// The first line that a program prints; "unknown" where it cannot run (no git, no repository).
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().filter(|line| !line.is_empty()).unwrap_or("unknown").to_owned()
}
