//! How a test says that it could not run.

use std::io::Write;

/// Says `skipped: <name>: <reason>` on stderr, past the test harness, which swallows what `println!` prints.
///
/// # Panics
/// With `CI=true` in the environment: there, what was not run has failed.
pub fn skipped(name: &str, reason: &str) {
    let line = format!("skipped: {name}: {reason}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{line}");
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}
