//! The block journal: a folder that keeps each block we found, a file a block, until its fate is
//! sealed. Nothing here talks to a node or decides a fate: that is the keeper's.
//!
//! ```text
//! FOLDER/lock                       held while a miner uses the folder
//! FOLDER/00000144-HASH.block        found, and not yet buried in the chain
//! FOLDER/archive/…block             buried or lost
//! FOLDER/archive/proofs             a line for each of them: how that is known
//! FOLDER/corrupt/                   files that do not hold a whole block, kept for a human
//! ```
//! The lines of a `.block` file are text. A block can be submitted by hand with
//! `sed -n 's/^block //p' FILE | bitcoin-cli -chain=CHAIN -stdin submitblock`.

mod entry;

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bitcoin::BlockHash;

pub use entry::Damage;

use crate::{Chain, SolvedBlock};

/// The largest file that can be an entry: a block of 4 MB in hex, and room for the other lines.
const MAX_FILE_SIZE: u64 = 9_000_000;

/// Why the journal cannot do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process holds the lock.
    #[error("the block journal {} is in use by another miner: stop that one, or give this one a folder of its own", folder.display())]
    InUse {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// The disk, its file system or its permissions are in the way.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

/// How the story of a block ended, in the words of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the active chain, this deep: 1 is the tip.
    Buried {
        /// Blocks from it to the tip, both counted.
        confirmations: u32,
    },
    /// Another block is in the active chain at its height.
    Lost {
        /// The block that is there in its place.
        winner: BlockHash,
        /// Blocks from the winner to the tip, both counted.
        confirmations: u32,
    },
}

impl Outcome {
    /// Whether the block itself is in the chain.
    pub fn is_buried(&self) -> bool {
        matches!(self, Self::Buried { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buried { confirmations } => write!(f, "buried with {confirmations} confirmations"),
            Self::Lost { winner, confirmations } => {
                write!(f, "lost to {winner}, which has {confirmations} confirmations")
            }
        }
    }
}

/// What a journal holds when it is opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The blocks whose fate is open, parents before children.
    pub blocks: Vec<SolvedBlock>,
    /// The files that give no block.
    pub corrupt: Vec<CorruptFile>,
}

/// A file of the journal that gives no block.
#[derive(Debug)]
pub struct CorruptFile {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub damage: Damage,
}

/// A block that is written, but may not survive a power failure yet.
#[derive(Debug)]
#[must_use = "a block is safe only after `sync`"]
pub struct Unsynced {
    file: File,
    path: PathBuf,
}

impl Unsynced {
    /// Returns when file and folder are on the disk itself. It takes as long as the disk does, so it
    /// runs beside the submission and never in front of it.
    ///
    /// # Errors
    /// [`JournalError::Io`]: what was written may be lost with the power.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_all().map_err(failed("sync", &self.path))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        if cfg!(unix) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))?;
        }
        Ok(())
    }
}

/// The block journal of one chain. It is this process's alone as long as the value lives.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    chain: Chain,
    _lock: File,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is missing, and locks it. A folder belongs to
    /// one chain: entries of another one are named by [`Journal::recover`], and stay.
    ///
    /// # Errors
    /// [`JournalError::InUse`] while another miner has it, [`JournalError::Io`] where the disk refuses.
    pub fn open(folder: impl Into<PathBuf>, chain: Chain) -> Result<Self, JournalError> {
        let folder = folder.into();
        for inner in ["archive", "corrupt"] {
            let path = folder.join(inner);
            fs::create_dir_all(&path).map_err(failed("make the journal folder", &path))?;
        }
        let lock = lock(&folder)?;
        Ok(Self { folder, chain, _lock: lock })
    }

    /// The chain whose blocks it keeps.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads back every block whose fate is open. No file stops the others: one that is torn or corrupt is
    /// set aside and named; one that another miner could read, or this one later, is named and stays.
    ///
    /// # Errors
    /// [`JournalError::Io`]: the folder itself cannot be read.
    pub fn recover(&self) -> Result<Recovered, JournalError> {
        let mut recovered = Recovered::default();
        for file in fs::read_dir(&self.folder).map_err(failed("read the journal", &self.folder))? {
            let path = file.map_err(failed("read the journal", &self.folder))?.path();
            if path.extension().is_none_or(|extension| extension != "block") {
                continue;
            }
            match self.read(&path) {
                Ok(block) => recovered.blocks.push(block),
                Err(damage) => {
                    let path = if damage.is_lasting() { self.set_aside(path) } else { path };
                    recovered.corrupt.push(CorruptFile { path, damage });
                }
            }
        }
        recovered.blocks.sort_by_key(|block| (block.height, block.hash));
        Ok(recovered)
    }

    /// Writes `block` down, once: a block that is there already is left as it is.
    ///
    /// # Errors
    /// [`JournalError::Io`]: nothing of the block remains here, it must be saved in another way.
    pub fn write(&self, block: &SolvedBlock) -> Result<Unsynced, JournalError> {
        let path = self.path(block);
        if path.exists() {
            if self.read(&path).is_ok() {
                let file = File::open(&path).map_err(failed("open", &path))?;
                return Ok(Unsynced { file, path });
            }
            self.set_aside(path.clone());
        }
        let text = entry::encode(self.chain, block, SystemTime::now());
        let mut file = File::create_new(&path).map_err(failed("write", &path))?;
        if let Err(error) = file.write_all(text.as_bytes()) {
            // Half an entry is of no use, and it would be in the way of the next try.
            let _ = fs::remove_file(&path);
            return Err(failed("write", &path)(error));
        }
        Ok(Unsynced { file, path })
    }

    /// Moves `block` to the archive, beside the proof of its `outcome` as the node called `witness` tells it.
    ///
    /// # Errors
    /// [`JournalError::Io`]: the block is still pending.
    pub fn archive(&self, block: &SolvedBlock, outcome: &Outcome, witness: &str) -> Result<(), JournalError> {
        let archive = self.folder.join("archive");
        // The proof first: a crash in between leaves the block pending, and this is done again.
        let (height, hash) = (block.height, block.hash);
        let line = format!("height {height}, hash {hash}, outcome: {outcome}, witness: {witness}\n");
        let proofs = archive.join("proofs");
        append(&proofs, &line).map_err(failed("write", &proofs))?;
        let path = self.path(block);
        fs::rename(&path, archive.join(entry::file_name(block))).map_err(failed("archive", &path))
    }

    fn path(&self, block: &SolvedBlock) -> PathBuf {
        self.folder.join(entry::file_name(block))
    }

    fn read(&self, path: &Path) -> Result<SolvedBlock, Damage> {
        let about = fs::symlink_metadata(path).map_err(Damage::Unreadable)?;
        if !about.is_file() || about.len() > MAX_FILE_SIZE {
            return Err(Damage::NoEntry);
        }
        let block = entry::decode(self.chain, &fs::read(path).map_err(Damage::Unreadable)?)?;
        if *path != self.path(&block) {
            return Err(Damage::Misnamed);
        }
        Ok(block)
    }

    /// Moves a file to `corrupt/`, without overwriting what is there; returns where it ends up. If it
    /// cannot be moved it stays: whoever starts next meets it again.
    fn set_aside(&self, path: PathBuf) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = (0_u32..)
            .map(|n| self.folder.join("corrupt").join(format!("{name}.{n}")))
            .find(|target| fs::symlink_metadata(target).is_err())
            .expect("a folder holds fewer than 2^32 files");
        match fs::rename(&path, &target) {
            Ok(()) => target,
            Err(_) => path,
        }
    }
}

fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}

/// Adds a line to a file; where the disk takes half of it, none of it stays.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    file.write_all(line.as_bytes()).inspect_err(|_| drop(file.set_len(length)))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |error| JournalError::Io { action, path, error }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Neither can be synced: what fails was tried.
    #[test]
    fn to_sync_a_block_is_to_sync_its_file_and_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (no_file, no_folder) = (File::open("/dev/null").unwrap(), PathBuf::from("/proc/self/x"));
        let (file, path) = (File::create(folder.path().join("x")).unwrap(), folder.path().join("x"));
        assert!(Unsynced { file: no_file, path: path.clone() }.sync().is_err());
        assert!(Unsynced { file: file.try_clone().unwrap(), path: no_folder }.sync().is_err());
        Unsynced { file, path }.sync().unwrap();
    }
}
