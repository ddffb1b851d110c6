//! Signals to processes of ours.

use std::process::Command;

/// Sends a signal by its name.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    assert!(status.expect("kill is a standard program").success(), "process {process} does not take {name}");
}
