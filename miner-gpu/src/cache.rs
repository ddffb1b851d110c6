//! What was fastest, remembered in a folder: a file for each adapter, of two lines. Whatever is wrong with
//! a file, it is as if there were none.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::tune::Tuning;

/// Where programs keep what they can compute again, by the XDG base directory specification: the folder
/// `miner` there. `None` without a home.
pub fn cache_folder() -> Option<PathBuf> {
    let of = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    Some(cache?.join("miner"))
}

/// What is remembered of an adapter. `key`: whatever must not change, driver and shader too.
pub(crate) fn read(folder: &Path, adapter: &str, key: &str) -> Option<Tuning> {
    let text = fs::read_to_string(file(folder, adapter)).ok()?;
    let (found, tuning) = text.split_once('\n')?;
    (found == key).then(|| tuning.trim().parse().ok())?
}

/// Remembers a tuning. Where that is impossible, the next run tries again.
pub(crate) fn write(folder: &Path, adapter: &str, key: &str, tuning: Tuning) {
    let _ = fs::create_dir_all(folder);
    let _ = fs::write(file(folder, adapter), format!("{key}\n{tuning}\n"));
}

fn file(folder: &Path, adapter: &str) -> PathBuf {
    let name: String = adapter.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    folder.join(format!("gpu-{name}"))
}
