//! A signet of one's own, which anybody may mine, and those whose blocks are signed.

use std::path::Path;
use std::process::Command;

use miner_tests::{Miner, TestNode, miner_program};
use serde_json::json;

/// The script that is satisfied by nothing: with this challenge hashing alone makes a block.
const OPEN: &str = "-signetchallenge=51";
const ANYONE: &str = "51";

#[test]
fn an_open_signet_is_mined() {
    let Some(node) = TestNode::start_on("signet", "an_open_signet_is_mined", &[OPEN]) else { return };
    let run = Miner::solo(&node, &["--exit-after-blocks", "10", "--coinbase-script", ANYONE]).run();
    let summary = run.summary();
    assert_eq!((run.code, &summary["accepted"]), (Some(0), &json!(10)), "{run:?}");
    assert_eq!(node.rpc("getblockcount", &[]).unwrap(), 10);
    let tip = node.rpc("getbestblockhash", &[]).unwrap();
    assert_eq!(node.rpc("getblockheader", &[tip]).unwrap()["bits"], "1e0377ae");
}

#[test]
fn a_custom_signet_is_found_by_its_data_folder_whatever_its_name() {
    let test = "a_custom_signet_is_found_by_its_data_folder_whatever_its_name";
    let Some(node) = TestNode::start_on("signet", test, &[OPEN]) else { return };
    let port = node.url().rsplit(':').next().unwrap().to_owned();
    std::fs::write(node.datadir().join("bitcoin.conf"), format!("[signet]\nrpcport={port}\n")).unwrap();
    let mine_one = || {
        let datadir = node.datadir().display().to_string();
        let arguments = ["solo", "--chain", "signet", "--datadir", &datadir, "--coinbase-script", ANYONE];
        let run = Miner::new(&[&arguments[..], &["--exit-after-blocks", "1"]].concat()).run();
        assert_eq!(run.code, Some(0), "{run:?}");
    };
    mine_one();
    // As newer nodes name it, beside what another signet's node left later.
    let custom = node.datadir().join("signet_0badcafe");
    std::fs::create_dir(&custom).unwrap();
    std::fs::copy(node.cookie_file(), custom.join(".cookie")).unwrap();
    std::fs::write(node.cookie_file(), "__cookie__:of-another-node").unwrap();
    mine_one();
}

#[test]
fn a_signed_signet_is_refused_and_the_way_to_mine_it_named() {
    let test = "a_signed_signet_is_refused_and_the_way_to_mine_it_named";
    // The public one, and one of a key of our own.
    let own = "-signetchallenge=51210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8179851ae";
    for arguments in [&[][..], &[own]] {
        let Some(node) = TestNode::start_on("signet", test, arguments) else { return };
        let run = Miner::solo(&node, &["--exit-after-blocks", "1", "--coinbase-script", ANYONE]).run();
        assert_eq!(run.code, Some(3), "{run:?}");
        for words in ["signed", "contrib/signet/miner", "miner grind"] {
            assert!(run.stderr.contains(words), "{words}: {run:?}");
        }
    }
}

const UNIT: &str = include_str!("../../contrib/systemd/miner-signet.service");
/// Where it expects the miner.
const INSTALLED: &str = "/usr/local/bin/miner";

/// Has systemd judge the unit, where it is installed.
fn is_understood(unit: &str, folder: &Path) {
    let file = folder.join("miner-signet.service");
    std::fs::write(&file, unit.replace(INSTALLED, &miner_program().display().to_string())).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&file).output() {
        Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
        Err(error) => println!("skipped: systemd-analyze verify: {error}"),
    }
}

#[test]
fn the_command_of_the_systemd_unit_mines() {
    let Some(node) = TestNode::start_on("signet", "the_command_of_the_systemd_unit_mines", &[OPEN]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    is_understood(UNIT, folder.path());
    let command = UNIT.replace("\\\n", " ");
    let command = command.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    // Its files lie below a folder of the test, and the node has a port of its own.
    let below = |path: &str| folder.path().join(path.trim_start_matches('/'));
    let place = |word: &str| match word.starts_with('/') {
        true => below(word).display().to_string(),
        false => word.to_owned(),
    };
    let words: Vec<_> = command.split_whitespace().collect();
    assert_eq!(words[0], INSTALLED);
    let words: Vec<_> = words[1..].iter().map(|word| place(word)).collect();
    for file in ["/run/bitcoind/signet.cookie", "/etc/miner/signet.toml"] {
        std::fs::create_dir_all(below(file).parent().unwrap()).unwrap();
    }
    std::fs::copy(node.cookie_file(), below("/run/bitcoind/signet.cookie")).unwrap();
    std::fs::write(below("/etc/miner/signet.toml"), "coinbase-script = \"51\"\nblock-interval = 0\n")
        .unwrap();
    let (url, words) = (node.url(), words.iter().map(String::as_str).collect::<Vec<_>>());
    let run = Miner::new(&[&words[..], &["--node", &url, "--exit-after-blocks", "2"]].concat()).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(node.rpc("getblockcount", &[]).unwrap(), 2);
    assert!(below("/var/lib/miner/signet/lock").exists(), "the journal is where the unit lets it be");
}
