//! What became of blocks that a miner found, by what is on its disk and in the node's chain. The journal's files
//! are read here by their documented form, not by the miner's own code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Block, BlockHash};
use serde_json::json;

use crate::TestNode;

/// The journal of a miner: a folder with a file for each block whose fate is open, and an archive.
#[derive(Debug, Clone)]
pub struct JournalFolder(PathBuf);

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is in the node's active chain.
    InChain,
    /// Its file is whole and among those to be submitted again.
    Kept,
    /// It is in the archive, and the node's active chain has the block that its proof names in its place.
    Lost,
    /// None of these: the archive's proof, if there is one.
    Gone(Option<String>),
}

impl JournalFolder {
    /// The journal in this folder, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The blocks whose files are whole.
    pub fn kept(&self) -> BTreeSet<BlockHash> {
        files(&self.0, "block").iter().filter_map(|file| whole(file)).collect()
    }

    /// Whether the file of this block is there, and whole.
    pub fn holds(&self, hash: &BlockHash) -> bool {
        let is_its = |file: &PathBuf| file.to_string_lossy().ends_with(&format!("-{hash}.block"));
        files(&self.0, "block").iter().filter(|file| is_its(file)).any(|file| whole(file) == Some(*hash))
    }

    /// The names of the files that were set aside as damaged.
    pub fn set_aside(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join("corrupt")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// What became of a block that was found.
    pub fn fate(&self, hash: &BlockHash, node: &TestNode) -> Fate {
        let header = node.rpc("getblockheader", &[json!(hash)]);
        if header.is_ok_and(|header| header["confirmations"].as_i64() > Some(0)) {
            return Fate::InChain;
        } else if self.holds(hash) {
            return Fate::Kept;
        }
        let archive = files(&self.0.join("archive"), "block");
        let is_archived = archive.iter().any(|file| whole(file) == Some(*hash));
        let proof = self.proof(hash).filter(|_| is_archived);
        if proof.as_ref().is_some_and(|proof| proves_a_loss(proof, node)) {
            return Fate::Lost;
        }
        Fate::Gone(proof)
    }

    /// The archive's last line about a block.
    pub fn proof(&self, hash: &BlockHash) -> Option<String> {
        let proofs = std::fs::read_to_string(self.0.join("archive/proofs")).ok()?;
        proofs.lines().rfind(|line| line.contains(&format!("hash {hash},"))).map(str::to_owned)
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// The hash of the block in a file, if all of it is there and the file bears its name.
fn whole(file: &Path) -> Option<BlockHash> {
    let text = std::fs::read_to_string(file).ok()?;
    let hex = text.lines().find_map(|line| line.strip_prefix("block "))?;
    let block: Block = deserialize_hex(hex).ok()?;
    let hash = block.block_hash();
    let is_ended = text.ends_with('\n') && text.lines().last()?.starts_with("sha256 ");
    let is_named = file.file_name()?.to_string_lossy().ends_with(&format!("-{hash}.block"));
    (is_ended && is_named && block.check_merkle_root()).then_some(hash)
}

fn proves_a_loss(proof: &str, node: &TestNode) -> bool {
    let field = |name: &str| proof.split(", ").find_map(|field| field.strip_prefix(name));
    let height = field("height ").and_then(|height| height.parse::<u32>().ok());
    let winner = field("outcome: lost to ");
    let in_its_place = node.rpc("getblockhash", &[json!(height)]).ok();
    winner.is_some() && in_its_place == Some(json!(winner))
}
