//! What was found out about this machine's devices, remembered for the next start: a file each in the user's cache
//! folder. Its first line says what the rest depends on. Whatever is wrong with a file, it is as if there were none.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// What is remembered of one device.
pub(super) struct Memory {
    /// `None` where there is no home to keep it in.
    file: Option<PathBuf>,
    key: String,
}

impl Memory {
    /// Of a device by this name. `key`: whatever must not change, on one line.
    pub(super) fn of(device: &str, key: String) -> Self {
        Self { file: cache_folder().map(|folder| file(&folder, device)), key }
    }

    /// What was kept under the same key.
    pub(super) fn recall(&self) -> Option<String> {
        let text = fs::read_to_string(self.file.as_ref()?).ok()?;
        let (key, rest) = text.split_once('\n')?;
        (key == self.key).then(|| rest.to_owned())
    }

    /// Keeps this in place of whatever was kept. An error says where that is impossible, and why.
    pub(super) fn keep(&self, text: &str) -> Result<(), String> {
        let file = self.file.as_ref().ok_or("there is no HOME")?;
        replace(file, &format!("{}\n{text}", self.key))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}

/// Where programs keep what they can find out again, by the XDG base directory specification: the folder `miner` there.
fn cache_folder() -> Option<PathBuf> {
    let of = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    Some(cache?.join("miner"))
}

fn file(folder: &Path, device: &str) -> PathBuf {
    let name: String = device.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    folder.join(name)
}

/// Writes a file at once: whoever reads it meanwhile reads the old one.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    let draft = file.with_extension(process::id().to_string());
    fs::write(&draft, text)?;
    fs::rename(draft, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_recalled_under_its_key_alone_and_garbage_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder.path().join("not/there/yet"), "gpu a card / 1");
        let memory = |key: &str| Memory { file: Some(file.clone()), key: key.to_owned() };
        assert_eq!(memory("driver 1").recall(), None);
        memory("driver 1").keep("fast\n").unwrap();
        assert_eq!(memory("driver 1").recall().as_deref(), Some("fast\n"));
        assert_eq!(memory("driver 2").recall(), None);
        memory("driver 2").keep("").unwrap();
        assert_eq!((memory("driver 1").recall(), memory("driver 2").recall().as_deref()), (None, Some("")));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        for garbage in [&b""[..], b"driver 2", b"\0\n\n", b"\xff\xfe\n", b"driver 2 \n"] {
            fs::write(&file, garbage).unwrap();
            assert_eq!(memory("driver 2").recall(), None, "{garbage:?}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::write(&taken, "a file").unwrap();
        let memory = Memory { file: Some(taken.join("cpu")), key: String::new() };
        assert!(memory.keep("").unwrap_err().contains("taken/cpu"));
        assert_eq!(memory.recall(), None);
        let homeless = Memory { file: None, key: String::new() };
        assert_eq!((homeless.recall(), homeless.keep("")), (None, Err("there is no HOME".to_owned())));
    }
}
