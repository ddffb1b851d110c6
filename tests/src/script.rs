//! The scripts that find what the tests run beside the miner.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The path that `scripts/NAME` prints, or why there is none.
pub(crate) fn script(name: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name);
    let output = Command::new(script).output().map_err(|e| format!("scripts/{name} does not run: {e}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout).into()) } else { Err(said(&output.stderr)) }
}
