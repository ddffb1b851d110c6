//! The block journal on a real disk: what it returns after a crash, damage and rivals. No test here starts a
//! process: a child holds the lock of every journal that is open, for the moment between fork and exec.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hex::DisplayHex;
use miner_node::journal::{CorruptFile, Damage, Journal, JournalError, Outcome};
use miner_node::{Chain, SolvedBlock};

fn block(height: u32, seed: u8) -> SolvedBlock {
    let bytes = [seed; 300];
    let header: Header = encode::deserialize(&bytes[..Header::SIZE]).unwrap();
    SolvedBlock { hash: header.block_hash(), height, hex: bytes.to_lower_hex_string() }
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, Chain::Regtest).unwrap()
}

fn blocks_in(folder: &Path) -> Vec<SolvedBlock> {
    open(folder).recover().unwrap().blocks
}

fn file_of(folder: &Path, block: &SolvedBlock) -> std::path::PathBuf {
    folder.join(format!("{:08}-{}.block", block.height, block.hash))
}

#[test]
fn blocks_come_back_parents_first_until_they_are_archived() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, rival] = [block(9, 2), block(10, 1), block(10, 3)];
    let journal = open(folder.path());
    for block in [&second, &rival, &first] {
        journal.write(block).unwrap().sync().unwrap();
    }
    drop(journal);
    let blocks = blocks_in(folder.path());
    assert_eq!(blocks.len(), 3);
    assert_eq!(blocks[0], first);
    assert!(blocks.contains(&second) && blocks.contains(&rival), "two blocks at one height are both kept");

    let journal = open(folder.path());
    let lost = Outcome::Lost { winner: rival.hash, confirmations: 6 };
    journal.archive(&second, &lost, "http://127.0.0.1:18443").unwrap();
    assert_eq!(journal.recover().unwrap().blocks, [first, rival.clone()]);
    let archived = file_of(&folder.path().join("archive"), &second);
    assert!(archived.exists());
    let proofs = fs::read_to_string(folder.path().join("archive/proofs")).unwrap();
    let proof = proofs.lines().find(|line| line.contains(&format!("hash {}", second.hash))).unwrap();
    assert!(proof.contains(&format!("lost to {}", rival.hash)) && proof.contains(":18443"), "{proof}");
}

#[test]
fn a_second_miner_is_refused_by_name_and_let_in_after_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let error = Journal::open(folder.path(), Chain::Regtest).unwrap_err();
    assert!(matches!(error, JournalError::InUse { .. }));
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    drop(journal);
    open(folder.path());
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let [torn, flipped, renamed, good] = [block(1, 1), block(2, 2), block(3, 3), block(4, 4)];
    let journal = open(folder.path());
    for block in [&torn, &flipped, &renamed, &good] {
        journal.write(block).unwrap().sync().unwrap();
    }
    let path = file_of(folder.path(), &torn);
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(400).unwrap();
    let path = file_of(folder.path(), &flipped);
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::rename(file_of(folder.path(), &renamed), file_of(folder.path(), &block(5, 3))).unwrap();
    fs::create_dir(folder.path().join("a folder.block")).unwrap();
    fs::write(folder.path().join("empty.block"), "").unwrap();
    fs::write(folder.path().join("notes.txt"), "not ours").unwrap();

    let recovered = journal.recover().unwrap();
    assert_eq!(recovered.blocks, std::slice::from_ref(&good));
    assert_eq!(recovered.corrupt.len(), 5);
    for file in &recovered.corrupt {
        assert!(file.path.starts_with(folder.path().join("corrupt")) && file.path.exists(), "{file:?}");
    }
    let damaged =
        |wanted: fn(&Damage) -> bool| recovered.corrupt.iter().filter(|file| wanted(&file.damage)).count();
    assert_eq!(damaged(|damage| matches!(damage, Damage::Checksum)), 3);
    assert_eq!(damaged(|damage| matches!(damage, Damage::Misnamed)), 1);
    assert_eq!(damaged(|damage| matches!(damage, Damage::NoEntry)), 1);

    let again = journal.recover().unwrap();
    assert_eq!((again.blocks, again.corrupt.len()), (vec![good], 0), "reported once");
}

/// As `every_flipped_bit_and_every_cut_is_detected` of the entry, but on the disk and beside another block: what is
/// damaged is named and kept, what is whole comes back.
#[test]
fn an_entry_cut_or_changed_at_any_byte_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [damaged, good] = [block(1, 1), block(2, 2)];
    let journal = open(folder.path());
    for block in [&damaged, &good] {
        journal.write(block).unwrap().sync().unwrap();
    }
    let path = file_of(folder.path(), &damaged);
    let whole = fs::read(&path).unwrap();
    let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
    let flips = (0..whole.len()).map(|byte| {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << (byte % 8);
        bytes
    });
    for bytes in cuts.chain(flips) {
        fs::write(&path, &bytes).unwrap();
        let recovered = journal.recover().unwrap();
        assert_eq!(recovered.blocks, std::slice::from_ref(&good));
        let [CorruptFile { path: set_aside, damage: Damage::Checksum }] = &recovered.corrupt[..] else {
            panic!("{:?} for {:?}", recovered.corrupt, String::from_utf8_lossy(&bytes))
        };
        assert_eq!(fs::read(set_aside).unwrap(), bytes, "nothing is thrown away");
        fs::remove_file(set_aside).unwrap();
    }
    journal.write(&damaged).unwrap().sync().unwrap();
    assert_eq!(journal.recover().unwrap().blocks, [damaged, good]);
}

#[test]
fn a_block_of_another_chain_is_named_and_stays_for_its_own_miner() {
    let folder = tempfile::tempdir().unwrap();
    let block = block(1, 1);
    open(folder.path()).write(&block).unwrap().sync().unwrap();
    let foreign = Journal::open(folder.path(), Chain::Signet).unwrap().recover().unwrap();
    assert!(foreign.blocks.is_empty());
    assert!(matches!(foreign.corrupt[..], [CorruptFile { damage: Damage::OtherChain, .. }]));
    assert_eq!(blocks_in(folder.path()), [block]);
}

#[test]
fn a_torn_entry_makes_way_for_the_whole_one_and_is_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    let block = block(1, 1);
    let journal = open(folder.path());
    for _ in 0..2 {
        fs::write(file_of(folder.path(), &block), "half an entr").unwrap();
        journal.write(&block).unwrap().sync().unwrap();
        assert_eq!(journal.recover().unwrap().blocks, std::slice::from_ref(&block));
    }
    assert_eq!(fs::read_dir(folder.path().join("corrupt")).unwrap().count(), 2);
}

#[test]
fn writing_a_block_twice_keeps_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let block = block(1, 1);
    let journal = open(folder.path());
    journal.write(&block).unwrap().sync().unwrap();
    let file = file_of(folder.path(), &block);
    fs::File::options().write(true).open(&file).unwrap().set_modified(UNIX_EPOCH).unwrap();
    journal.write(&block).unwrap().sync().unwrap();
    assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), UNIX_EPOCH, "not written again");
    assert_eq!(journal.recover().unwrap().blocks, [block]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named_in_the_error() {
    let error = Journal::open("/dev/null/journal", Chain::Regtest).unwrap_err().to_string();
    assert!(error.contains("/dev/null/journal") && error.contains("make the journal folder"), "{error}");
}
