//! `miner grind` beside the program that it stands in for.

use std::path::PathBuf;
use std::process::Command;

use bitcoin::block::Header;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use miner_tests::{Miner, Run, skipped};

/// The path of a real bitcoin-util.
fn bitcoin_util(test: &str) -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/bitcoind");
    let output = Command::new(script).arg("--util").output().expect("the script is there");
    if !output.status.success() {
        skipped(test, String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    Some(String::from_utf8(output.stdout).expect("paths here are UTF-8").trim().into())
}

fn model(program: &PathBuf, arguments: &[&str]) -> Run {
    let output = Command::new(program).arg("grind").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn ours(arguments: &[&str]) -> Run {
    Miner::new(&[&["grind"], arguments].concat()).run()
}

/// A header that takes about 2^16 hashes.
fn header(time: u32) -> String {
    let regtest = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000";
    let mut header: Header = deserialize_hex(regtest).unwrap();
    header.time = time;
    header.bits = bitcoin::CompactTarget::from_consensus(0x1f00_ffff);
    serialize_hex(&header)
}

#[track_caller]
fn is_solved(run: &Run, unsolved: &str) {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    let hex = run.stdout.strip_suffix('\n').expect("a line");
    assert_eq!(hex.len(), 160);
    let (solved, unsolved): (Header, Header) =
        (deserialize_hex(hex).unwrap(), deserialize_hex(unsolved).unwrap());
    assert_eq!(Header { nonce: unsolved.nonce, ..solved }, unsolved, "nothing but the nonce is changed");
    assert!(solved.validate_pow(solved.target()).is_ok());
}

#[test]
fn headers_are_solved_as_by_bitcoin_util() {
    let Some(util) = bitcoin_util("headers_are_solved_as_by_bitcoin_util") else { return };
    for time in 1_700_000_000..1_700_000_005 {
        let header = header(time);
        is_solved(&model(&util, &[&header]), &header);
        is_solved(&ours(&[&header]), &header);
    }
    // Trailing bytes are tolerated by both.
    let header = header(1);
    let longer = format!("{header}abcd");
    is_solved(&model(&util, &[&longer]), &header);
    is_solved(&ours(&[&longer]), &header);
}

#[test]
fn failures_have_the_words_of_bitcoin_util() {
    let Some(util) = bitcoin_util("failures_have_the_words_of_bitcoin_util") else { return };
    let with_bits = |bits: &str| format!("{}{bits}00000000", &header(1)[..144]);
    let unsolvable = ["00000000", "00000001", "ffffffff", "010080ff"].map(with_bits);
    let mut cases: Vec<Vec<&str>> = unsolvable.iter().map(|header| vec![header.as_str()]).collect();
    cases.extend([vec!["00"], vec!["nonsense"], vec![""], vec![], vec!["00", "00"]]);
    assert_eq!(ours(&["--no-such-flag"]).code, Some(1), "every failure of the model is 1");
    for arguments in cases {
        let (model, ours) = (model(&util, &arguments), ours(&arguments));
        assert_eq!(
            (ours.code, ours.stdout, ours.stderr),
            (model.code, model.stdout, model.stderr),
            "{arguments:?}"
        );
    }
}
