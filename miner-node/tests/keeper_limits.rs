//! The keeper where the system gives no more: each test runs itself again under a limit, which refuses
//! what a full disk or a crowded machine refuses, and needs no privilege.

#[path = "keeper/chain.rs"]
mod chain;
mod support;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chain::{Rig, found, pending_files, until};
use miner_node::{BlockKeeper, Chain, Journal, KeeperEvent, Verdict};

const CHILD: &str = "KEEPER_UNDER_A_LIMIT";

/// Runs `test` in a process of its own under a limit in prlimit's words; returns its stdout and stderr.
fn run_limited(test: &str, limit: &str) -> [String; 2] {
    // A process dies of the signal for the file size unless it ignores it; a full disk has no signal.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec prlimit \"$@\"", "sh", limit])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let [stdout, stderr] = [child.stdout, child.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(child.status.success() && stdout.contains("1 passed"), "{stdout}\n{stderr}");
    [stdout, stderr]
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// A keeper with a journal, and the messages of the journal's failures.
fn keeper(rig: &Rig, folder: &Path) -> (BlockKeeper, Arc<Mutex<Vec<String>>>) {
    let failures = Arc::new(Mutex::new(vec![]));
    let log = failures.clone();
    let on_event = move |event| {
        if let KeeperEvent::JournalFailed { error, .. } = event {
            log.lock().unwrap().push(error.to_string());
        }
    };
    let journal = Journal::open(folder, Chain::Regtest).unwrap();
    (BlockKeeper::new(vec![rig.node.clone()], Some(journal), on_event).unwrap(), failures)
}

#[test]
fn a_block_that_does_not_fit_on_the_disk_is_submitted_and_shown_to_a_human() {
    if is_child() {
        return tokio::runtime::Runtime::new().unwrap().block_on(with_a_full_disk());
    }
    let test = "a_block_that_does_not_fit_on_the_disk_is_submitted_and_shown_to_a_human";
    let [stdout, stderr] = run_limited(test, "--fsize=300:unlimited");
    let hex = stdout.lines().find_map(|line| line.strip_prefix("the block: ")).unwrap();
    assert_eq!(stderr.lines().filter(|line| *line == hex).count(), 1, "{stderr}");
    assert!(stderr.contains("bitcoin-cli -chain=regtest -stdin submitblock"), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
}

async fn with_a_full_disk() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let (keeper, failures) = keeper(&rig, folder.path());
    let share = found(&rig.node).await;
    println!("\nthe block: {}", rig.node.assemble(&share).unwrap().hex);

    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    assert!(rig.chain().contains(&share.hash()));
    until("the report", || failures.lock().unwrap().len() == 1).await;
    assert_eq!(pending_files(folder.path()), 0, "no half a block stays behind");

    let process = std::process::id().to_string();
    let limit = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &process]).status();
    assert!(limit.unwrap().success());
    let watching = keeper.clone();
    tokio::spawn(async move { watching.watch(100, Duration::from_millis(5)).await });
    until("the block in the journal", || pending_files(folder.path()) == 1).await;
    assert_eq!(failures.lock().unwrap().len(), 1, "said once");
}

#[test]
fn a_block_that_is_written_but_cannot_be_synced_is_reported_and_submitted() {
    if is_child() {
        return tokio::runtime::Runtime::new().unwrap().block_on(with_one_file_to_open());
    }
    let test = "a_block_that_is_written_but_cannot_be_synced_is_reported_and_submitted";
    run_limited(test, "--nofile=64");
}

async fn with_one_file_to_open() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let (keeper, failures) = keeper(&rig, folder.path());
    let share = found(&rig.node).await;
    // One file is enough to write a block. To sync it the folder has to be opened too.
    let mut files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.pop();
    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    until("the report", || failures.lock().unwrap().len() == 1).await;
    assert!(failures.lock().unwrap()[0].starts_with("cannot sync"), "{failures:?}");
    drop(files);
    assert_eq!(pending_files(folder.path()), 1);
}
