//! The miner under strace: killed at each system call of a delivery, refused by the disk at each, and its calls
//! in the order that saves a block.

use std::collections::BTreeSet;

use bitcoin::BlockHash;
use serde_json::json;

use super::gate::{DELIVERY, JOURNAL, MAIN, NETWORK, Rig, Thread, end_for};
use super::{audit, until};

/// The names of the system calls in a log.
fn names(log: &str) -> BTreeSet<&str> {
    log.lines().filter_map(|line| Some(line.split_once('(')?.0)).collect()
}

/// The calls at which strace killed the miner, of all that a thread makes by this name.
fn kill_at_each(rig: &Rig, thread: Thread, name: &str, mut after: impl FnMut()) -> Vec<String> {
    let end = end_for(thread);
    let (mut places, mut spared) = (vec![], 0);
    // Threads meet in another order from run to run: one that was spared is no proof that no call is left.
    while spared < 2 {
        let count = places.len() + 1;
        let kill = format!("-y -e trace={name} -e inject={name}:signal=KILL:when={count}");
        let delivery = rig.deliver(thread, &kill, end);
        after();
        let is_spared =
            delivery.block.is_some() && (end == "KILL" || !delivery.log.contains("killed by SIGKILL"));
        spared = if is_spared { spared + 1 } else { 0 };
        if !is_spared {
            let place = delivery.log.lines().find(|line| line.ends_with("= ?"));
            places.push(place.unwrap_or_else(|| panic!("killed nowhere: {}", delivery.log)).to_owned());
        }
    }
    places
}

#[test]
fn a_kill_at_each_system_call_of_a_delivery_loses_no_block() {
    let Some(rig) = Rig::start("traced::a_kill_at_each_system_call_of_a_delivery_loses_no_block") else {
        return;
    };
    let (witness, mut finds, mut places) = (&rig.gate.witness, BTreeSet::new(), vec![]);
    for thread in [MAIN, DELIVERY, NETWORK, JOURNAL] {
        let seen = if thread == JOURNAL { "fsync(" } else { "" };
        for name in names(&rig.deliver_until(thread, "", seen).log) {
            places.extend(kill_at_each(&rig, thread, name, || {
                finds.extend(witness.journal.kept());
                finds.extend(rig.relay.submitted().iter().map(|block| block.hash));
            }));
        }
    }
    println!("{} kills, {} finds", places.len(), finds.len());
    let calls = [("openat(", ".block"), ("write(", ".block"), ("fsync(", ".block"), ("fsync(", "journal>")];
    for (call, file) in calls.into_iter().chain([("writev(", "POST"), ("recvfrom(", "socket")]) {
        let is_it = |place: &String| place.starts_with(call) && place.contains(file);
        assert!(places.iter().any(is_it), "no kill at {call}{file}: {places:#?}");
    }
    let finds = witness.written(&finds);
    rig.gate.remove();
    println!("{:?}", audit(&rig.node, &rig.miner, &witness.journal, &finds));
}

/// Where a call, given by its beginning and a part of the rest, begins and where it has returned, by lines.
fn place(log: &str, call: &str, part: &str) -> (usize, usize) {
    let lines: Vec<_> = log.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    let is_it = |text: &str| text.trim_start().starts_with(&format!("{call}(")) && text.contains(part);
    let begin =
        lines.iter().position(|(_, text)| is_it(text)).unwrap_or_else(|| panic!("no {call} {part}: {log}"));
    let (thread, text) = lines[begin];
    if !text.ends_with("<unfinished ...>") {
        return (begin, begin);
    }
    let resumed =
        |(other, text): &(&str, &str)| *other == thread && text.contains(&format!("<... {call} resumed>"));
    (
        begin,
        begin
            + lines[begin..]
                .iter()
                .position(resumed)
                .unwrap_or_else(|| panic!("{call} never returns: {log}")),
    )
}

#[test]
fn a_block_is_written_before_it_is_sent_and_synced_beside() {
    let Some(rig) = Rig::start("traced::a_block_is_written_before_it_is_sent_and_synced_beside") else {
        return;
    };
    let delivery = rig.deliver(MAIN, "-f -y -s 99", "INT");
    let hash = delivery.block.unwrap()["hash"].as_str().unwrap().to_owned();
    let entry = format!("-{hash}.block");
    let (_, written) = place(&delivery.log, "write", &entry);
    let (sent, _) = place(&delivery.log, "writev", r#"\"method\":\"submitblock\""#);
    assert!(written < sent, "sent at line {sent}, written at {written}: {}", delivery.log);
    let (synced, _) = place(&delivery.log, "fsync", &entry);
    let (folder_synced, _) = place(&delivery.log, "fsync", "journal>");
    assert!(written < synced && written < folder_synced, "{}", delivery.log);
}

#[test]
fn whatever_the_disk_refuses_the_block_reaches_the_node() {
    let Some(rig) = Rig::start("traced::whatever_the_disk_refuses_the_block_reaches_the_node") else {
        return;
    };
    let fails = |call: &str, nth: u32, error: &str| format!("-e inject={call}:error={error}:when={nth} ");
    // Without the file, or without its being safe: a human gets the block. The rest is noticed by nobody.
    let cases = [
        (fails("openat", 1, "ENOSPC"), Some("No space left on device")),
        (fails("openat", 1, "EIO"), Some("Input/output error")),
        (fails("openat", 1, "EROFS"), Some("Read-only file system")),
        (fails("openat", 1, "EMFILE"), Some("Too many open files")),
        (fails("write", 1, "ENOSPC"), Some("No space left on device")),
        (fails("write", 1, "EIO"), Some("Input/output error")),
        (
            fails("write", 1, "ENOSPC") + &fails("?unlink,?unlinkat", 1, "EIO"),
            Some("No space left on device"),
        ),
        (fails("fsync", 1, "EIO"), Some("cannot sync")),
        (fails("fsync", 1, "ENOSPC"), Some("cannot sync")),
        (fails("openat", 2, "EIO"), Some("cannot sync")),
        (fails("fsync", 2, "EIO"), Some("cannot sync")),
        (fails("statx", 1, "EIO"), None),
        (fails("close", 1, "EIO"), None),
        (fails("write", 1, "EINTR"), None),
    ];
    for (inject, words) in cases {
        let delivery = rig.deliver_until(JOURNAL, &inject, "INJECTED");
        let block = delivery.block.unwrap_or_else(|| panic!("{inject}: {}", delivery.stderr));
        assert_eq!(block["result"], "accepted", "{inject}");
        // The next block may be on top of it already.
        let header = rig.node.rpc("getblockheader", &[block["hash"].clone()]).unwrap();
        assert!(header["confirmations"].as_i64() > Some(0), "{inject}: {header}");
        let hex = rig.node.rpc("getblock", &[block["hash"].clone(), json!(0)]).unwrap();
        let is_shown = delivery.stderr.lines().any(|line| *line == hex);
        assert_eq!(is_shown, words.is_some(), "{inject}: {}", delivery.stderr);
        assert!(delivery.stderr.contains(words.unwrap_or_default()), "{inject}: {}", delivery.stderr);
    }
}

#[test]
fn a_block_that_cannot_be_read_or_archived_stays_in_the_journal_until_it_can() {
    let test = "traced::a_block_that_cannot_be_read_or_archived_stays_in_the_journal_until_it_can";
    let Some(rig) = Rig::start(test) else { return };
    let (journal, folder) = (&rig.gate.witness.journal, rig.folder.path().join("journal"));
    let hash: BlockHash =
        rig.deliver(JOURNAL, "", "INT").block.unwrap()["hash"].as_str().unwrap().parse().unwrap();
    // Others bury it.
    rig.node.rpc("generatetodescriptor", &[json!(9), json!("raw(51)")]).unwrap();
    let entry = folder.join(format!("00000001-{hash}.block"));
    let proofs = folder.join("archive/proofs");
    for (file, call, error, words) in [
        (&entry, "openat", "EIO", "it cannot be read: Input/output error"),
        (&entry, "?rename,?renameat,?renameat2", "EIO", "cannot archive"),
        (&proofs, "openat", "ENOSPC", "No space left on device"),
        (&proofs, "write", "ENOSPC", "No space left on device"),
    ] {
        let (file, inject) = (file.display().to_string(), format!("inject={call}:error={error}"));
        let mut running = rig.glance(&["-P", &file, "-e", &inject]);
        let told = |error: &str| error.contains(words) && error.contains(&hash.to_string());
        while !told(&running.next("error")["message"].to_string()) {}
        assert!(journal.holds(&hash), "{call}: it is gone from the journal");
    }
    let running = rig.glance(&[]);
    until("the block in the archive", || !journal.holds(&hash));
    drop(running);
    assert!(std::fs::read_to_string(proofs).unwrap().contains(&format!("{hash}, outcome: buried")));
}
