//! The text of one journal file and how to read it back. Files and folders are not its business.

use std::fmt::Write;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::{Hash, sha256};

use crate::{Chain, SolvedBlock};

/// The first line; the number changes with the format.
const MAGIC: &str = "miner block journal 1";

/// Why a file is not an entry of this journal.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// A folder, a link, or larger than any block.
    #[error("it is no file that a block was written to")]
    NoEntry,
    /// It was cut short or changed after it was written.
    #[error("its checksum does not match: it is torn or was changed")]
    Checksum,
    /// Written as the checksum says, but not by this version of the journal.
    #[error("it has another format: another version of the miner wrote it")]
    Format,
    /// A block of another chain.
    #[error("its block belongs to another chain")]
    OtherChain,
    /// The hash is not that of the block.
    #[error("its hash is not the hash of its block")]
    WrongHash,
    /// A whole entry under a name that is not its own.
    #[error("its name is not that of the block in it")]
    Misnamed,
}

impl Damage {
    /// Whether the file will never be an entry again, for anybody.
    pub(super) fn is_lasting(&self) -> bool {
        !matches!(self, Self::Unreadable(_) | Self::Format | Self::OtherChain)
    }
}

/// The name of the file of `block`: in the order of heights when sorted.
pub(super) fn file_name(block: &SolvedBlock) -> String {
    format!("{:08}-{}.block", block.height, block.hash)
}

/// The text to write for `block`, found at the time `found`.
pub(super) fn encode(chain: Chain, block: &SolvedBlock, found: SystemTime) -> String {
    let SolvedBlock { hash, height, hex } = block;
    let found = found.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut text =
        format!("{MAGIC}\nchain {chain}\nheight {height}\nhash {hash}\nfound {found}\nblock {hex}\n");
    let sum = checksum(&text);
    writeln!(text, "{sum}").expect("a string takes all that is written to it");
    text
}

/// Reads an entry back: exactly what [`encode`] wrote, or the reason why it is not.
pub(super) fn decode(chain: Chain, bytes: &[u8]) -> Result<SolvedBlock, Damage> {
    let text = std::str::from_utf8(bytes).map_err(|_| Damage::Checksum)?;
    let end = text.strip_suffix('\n').and_then(|text| text.rfind('\n')).ok_or(Damage::Checksum)?;
    let (body, sum) = text.split_at(end + 1);
    if sum.strip_suffix('\n') != Some(&checksum(body)) {
        return Err(Damage::Checksum);
    }
    let entry = parse(body).ok_or(Damage::Format)?;
    if entry.chain != chain.name() {
        return Err(Damage::OtherChain);
    }
    let header = entry.block.hex.get(..2 * Header::SIZE).ok_or(Damage::Format)?;
    let header: Header = encode::deserialize_hex(header).map_err(|_| Damage::Format)?;
    if header.block_hash() != entry.block.hash {
        return Err(Damage::WrongHash);
    }
    Ok(entry.block)
}

struct Entry<'a> {
    chain: &'a str,
    block: SolvedBlock,
}

fn parse(body: &str) -> Option<Entry<'_>> {
    let mut lines = body.lines();
    if lines.next()? != MAGIC {
        return None;
    }
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let chain = field("chain")?;
    let height = field("height")?.parse().ok()?;
    let hash = field("hash")?.parse().ok()?;
    field("found")?;
    let hex = field("block")?.to_owned();
    lines.next().is_none().then_some(Entry { chain, block: SolvedBlock { hash, height, hex } })
}

/// The last line of an entry, over all lines before it.
fn checksum(body: &str) -> String {
    format!("sha256 {}", sha256::Hash::hash(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use bitcoin::BlockHash;
    use proptest::prelude::*;

    use super::*;

    const CHAIN: Chain = Chain::Regtest;

    /// A block with the given bytes; only its hash has to be right here.
    fn block(height: u32, bytes: &[u8]) -> SolvedBlock {
        let header: Header = encode::deserialize(&bytes[..Header::SIZE]).unwrap();
        SolvedBlock {
            hash: header.block_hash(),
            height,
            hex: bitcoin::hex::DisplayHex::to_lower_hex_string(bytes),
        }
    }

    fn entry(block: &SolvedBlock) -> Vec<u8> {
        encode(CHAIN, block, SystemTime::now()).into_bytes()
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_detected() {
        let good = entry(&block(144, &[0xab; Header::SIZE + 20]));
        assert!(decode(CHAIN, &good).is_ok());
        for (byte, bit) in (0..good.len()).flat_map(|byte| (0..8).map(move |bit| (byte, bit))) {
            let mut bad = good.clone();
            bad[byte] ^= 1 << bit;
            assert!(decode(CHAIN, &bad).is_err(), "bit {bit} of byte {byte}");
        }
        for length in 0..good.len() {
            assert!(decode(CHAIN, &good[..length]).is_err(), "cut to {length} bytes");
            let mut torn = good.clone();
            torn[length..].fill(0);
            assert!(decode(CHAIN, &torn).is_err(), "zeros from byte {length}: never written to the disk");
        }
    }

    #[test]
    fn what_is_whole_but_wrong_is_told_apart() {
        let block = block(7, &[1; 200]);
        assert!(matches!(decode(Chain::Signet, &entry(&block)), Err(Damage::OtherChain)));
        let swapped = SolvedBlock { hash: "00".repeat(32).parse::<BlockHash>().unwrap(), ..block.clone() };
        assert!(matches!(decode(CHAIN, &entry(&swapped)), Err(Damage::WrongHash)));
        let headless = SolvedBlock { hex: "00".repeat(79), ..block.clone() };
        assert!(matches!(decode(CHAIN, &entry(&headless)), Err(Damage::Format)));
        let body = format!("{MAGIC}9\nchain regtest\n");
        let newer = format!("{body}{}\n", checksum(&body));
        assert!(matches!(decode(CHAIN, newer.as_bytes()), Err(Damage::Format)));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            height: u32,
            bytes in proptest::collection::vec(any::<u8>(), Header::SIZE..3000),
        ) {
            let block = block(height, &bytes);
            prop_assert_eq!(decode(CHAIN, &entry(&block)).unwrap(), block);
        }

        #[test]
        fn a_changed_entry_is_never_another_block(
            bytes in proptest::collection::vec(any::<u8>(), Header::SIZE..3000),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut: prop::sample::Index,
        ) {
            let block = block(1, &bytes);
            let good = entry(&block);
            let mut bad = good.clone();
            for (at, value) in changes {
                bad[at.index(good.len())] = value;
            }
            bad.truncate(cut.index(good.len()) + 1);
            match decode(CHAIN, &bad) {
                Ok(found) => prop_assert!(bad == good && found == block),
                Err(_) => prop_assert!(bad != good),
            }
        }
    }
}
