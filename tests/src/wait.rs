//! Waiting for what must come: the patience only ends a test that fails.

use std::time::{Duration, Instant};

/// Waits until it has happened.
///
/// # Panics
/// When it does not within this time.
#[track_caller]
pub fn wait_for(what: &str, patience: Duration, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < patience, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
