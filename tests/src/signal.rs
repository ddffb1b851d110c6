//! Signals to processes of ours.

use std::process::Command;

/// Sends a signal by its name, with the shell's own `kill`: not every system has it as a program.
pub(crate) fn signal(process: u32, name: &str) {
    let status =
        Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()]).status();
    assert!(status.expect("every system has a shell").success(), "process {process} does not take {name}");
}
