//! Which GPUs a run sees: lavapipe, which computes on the CPU, or none, whatever this machine has.

use crate::{script, skipped};

/// The environment of a run that sees lavapipe alone; where it cannot be had, the test is skipped.
pub fn lavapipe(test: &str) -> Option<Vec<(String, String)>> {
    let variables = match script("lavapipe") {
        Ok(variables) => variables,
        Err(reason) => {
            skipped(test, &format!("no lavapipe: {reason}"));
            return None;
        }
    };
    let lines = variables.to_string_lossy().into_owned();
    let variables = lines.lines().filter_map(|line| line.split_once('='));
    let mut variables: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // What is found out about it need not be found out by each run.
    let cache = std::env::temp_dir().join("miner-tests-gpu");
    variables.push(("XDG_CACHE_HOME".to_owned(), cache.display().to_string()));
    Some(variables)
}

/// The environment of a run that sees no GPU.
pub fn no_gpu() -> Vec<(String, String)> {
    vec![("VK_DRIVER_FILES".to_owned(), "/dev/null".to_owned())]
}
