//! A journal on a disk that takes no more: the test runs itself again under a file size limit, which
//! stops a write half-way through as a full disk does, and needs no privilege.

#[path = "keeper/chain.rs"]
mod chain;
mod support;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chain::{Rig, found, pending_files, until};
use miner_node::{BlockKeeper, Chain, Journal, KeeperEvent, Verdict};

const CHILD: &str = "KEEPER_ON_A_FULL_DISK";

#[test]
fn a_block_that_does_not_fit_on_the_disk_is_submitted_and_shown_to_a_human() {
    if std::env::var_os(CHILD).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(with_a_full_disk());
    }
    // A process dies of the limit's signal unless it ignores it, as it cannot of a full disk.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec prlimit --fsize=300:unlimited \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let [stdout, stderr] = [child.stdout, child.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(child.status.success(), "{stdout}\n{stderr}");
    let hex = stdout.lines().find_map(|line| line.strip_prefix("the block: ")).unwrap();
    assert_eq!(stderr.lines().filter(|line| *line == hex).count(), 1, "{stderr}");
    assert!(stderr.contains("bitcoin-cli -chain=regtest -stdin submitblock"), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
}

async fn with_a_full_disk() {
    let (folder, rig) = (tempfile::tempdir().unwrap(), Rig::start().await);
    let journal = Journal::open(folder.path(), Chain::Regtest).unwrap();
    let failures = Arc::new(Mutex::new(0));
    let count = failures.clone();
    let on_event =
        move |event| *count.lock().unwrap() += u32::from(matches!(event, KeeperEvent::JournalFailed { .. }));
    let keeper = BlockKeeper::new(vec![rig.node.clone()], Some(journal), on_event).unwrap();
    let share = found(&rig.node).await;
    println!("\nthe block: {}", rig.node.assemble(&share).unwrap().hex);

    assert_eq!(keeper.submit(&share).await.unwrap(), Verdict::Accepted);
    assert!(rig.chain().contains(&share.hash()));
    until("the report", || *failures.lock().unwrap() == 1).await;
    assert_eq!(pending_files(folder.path()), 0, "no half a block stays behind");

    let limit = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid"])
        .arg(std::process::id().to_string())
        .status();
    assert!(limit.unwrap().success());
    let watching = keeper.clone();
    tokio::spawn(async move { watching.watch(100, Duration::from_millis(5)).await });
    until("the block in the journal", || pending_files(folder.path()) == 1).await;
    assert_eq!(*failures.lock().unwrap(), 1, "said once");
}
