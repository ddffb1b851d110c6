//! What a node, or what stands in its place, does to a miner at work: each fault is told in plain words, and
//! when it is over mining goes on, with every block in the chain.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use miner_tests::{Call, Miner, Relay, Running, TestNode, http};
use serde_json::json;

type Fault = Box<dyn Fn(&Call) -> Option<Vec<u8>> + Send>;

/// What is wrong with the node just now.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<Option<Fault>>>);

impl Faults {
    fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = Some(fault);
    }

    fn clear(&self) {
        *self.0.lock().unwrap() = None;
    }

    fn treat(&self, call: &Call) -> Option<Vec<u8>> {
        if let Some(fault) = &*self.0.lock().unwrap() {
            return fault(call);
        }
        // The lock is free while the node is at it.
        call.pass()
    }
}

/// An RPC error as a node sends it.
fn refusal(code: i64, message: &str) -> Option<Vec<u8>> {
    let error = json!({ "code": code, "message": message });
    let body = json!({ "result": null, "error": error, "id": 0 }).to_string();
    Some(http("500 Internal Server Error", &body))
}

/// A miner at a node behind a relay, a block five times a second.
struct Rig {
    node: TestNode,
    faults: Faults,
    running: Running,
    blocks: u64,
    _home: Miner,
}

impl Rig {
    fn start(test: &str, cookie: Option<&Path>) -> Option<Self> {
        let node = TestNode::start(test, &[])?;
        let faults = Faults::default();
        let behind = faults.clone();
        let url = Relay::start(&node, move |call| behind.treat(call)).url();
        let cookie = cookie.map_or_else(
            || node.cookie_file(),
            |copy| {
                std::fs::copy(node.cookie_file(), copy).unwrap();
                copy.to_owned()
            },
        );
        let miner = miner(&url, &cookie, &["--block-interval", "0.2"]);
        Some(Self { node, faults, running: miner.start(), blocks: 0, _home: miner })
    }

    fn next_block(&mut self) {
        let block = self.running.next("block");
        assert!(matches!(block["result"].as_str(), Some("accepted")), "{block}");
        self.blocks += 1;
    }

    /// Mines until this is told.
    #[track_caller]
    fn error(&mut self, words: &str) -> String {
        loop {
            let mut events = self.running.until("error");
            self.blocks += events.iter().filter(|event| event["event"] == "block").count() as u64;
            let error = events.pop().expect("the last one is the error");
            let message = error["message"].as_str().expect("an error has a message");
            if message.contains(words) {
                return message.to_owned();
            }
        }
    }

    /// Lets the miner end; all that it found is in the chain.
    fn end(mut self) {
        self.next_block();
        self.running.signal("INT");
        let (status, events) = self.running.end();
        assert_eq!(status.code(), Some(0));
        let summary = events.last().unwrap();
        let more = events.iter().filter(|event| event["event"] == "block").count() as u64;
        let found = json!(self.blocks + more);
        assert_eq!((&summary["found"], &summary["accepted"]), (&found, &found), "{summary}");
        assert_eq!(self.node.rpc("getblockcount", &[]).unwrap(), found);
    }
}

fn miner(url: &str, cookie: &Path, arguments: &[&str]) -> Miner {
    let cookie = cookie.display().to_string();
    let start = ["solo", "--chain", "regtest", "--node", url, "--cookie", &cookie, "--coinbase-script", "51"];
    Miner::new(&[&start[..], &["--log-format", "json"], arguments].concat())
}

#[test]
fn each_fault_is_told_in_plain_words_and_outlived() {
    let Some(mut rig) = Rig::start("each_fault_is_told_in_plain_words_and_outlived", None) else { return };
    type Case = (fn(&Call) -> Option<Vec<u8>>, &'static str);
    let cases: [Case; 13] = [
        (|_| Some(http("401 Unauthorized", "")), "refuses the login"),
        (|_| Some(http("403 Forbidden", "")), "allow its address with rpcallowip"),
        (|_| Some(http("500 Internal Server Error", "<html>Oops</html>")), "HTTP 500"),
        (|_| Some(http("503 Service Unavailable", "Work queue depth exceeded")), "too many calls at once"),
        (|_| Some(http("200 OK", "<!DOCTYPE html><title>It works!</title>")), "a web page"),
        (|_| Some(http("200 OK", "")), "an empty page"),
        (|_| refusal(-28, "Verifying blocks…"), "still loading: Verifying blocks…"),
        (|_| refusal(-10, "Bitcoin is in initial sync and waiting for blocks..."), "in initial sync"),
        (|_| refusal(-9, "Bitcoin is not connected!"), "is not connected"),
        (no_template, "'moon'"),
        (|_| Some(truncated()), "broke off in the middle"),
        (|_| Some(a_hundred_megabytes()), "more than 64 MiB"),
        (|_| None, "no connection to the node"),
    ];
    for (fault, words) in cases {
        rig.next_block();
        rig.faults.set(Box::new(fault));
        let told = rig.error(words);
        rig.faults.clear();
        println!("{told}");
    }
    rig.end();
}

fn no_template(call: &Call) -> Option<Vec<u8>> {
    match call.method.as_str() {
        "getblocktemplate" => refusal(-8, "Support for 'moon' rule requires explicit client support"),
        _ => call.pass(),
    }
}

fn truncated() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n{\"result\":{\"chain\":\"reg"
        .to_vec()
}

/// Without a length that would tell beforehand.
fn a_hundred_megabytes() -> Vec<u8> {
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    [head, chunk.repeat(100), b"0\r\n\r\n".to_vec()].concat()
}

#[test]
fn a_cookie_that_is_torn_or_gone_is_read_again_when_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let cookie = folder.path().join("cookie");
    let test = "a_cookie_that_is_torn_or_gone_is_read_again_when_it_is_there";
    let Some(mut rig) = Rig::start(test, Some(&cookie)) else { return };
    rig.next_block();
    // As while a node restarts: the old cookie is refused, and the new one not there yet.
    let good = std::fs::read_to_string(&cookie).unwrap();
    std::fs::write(&cookie, "__coo").unwrap();
    rig.faults.set(Box::new(|_| Some(http("401 Unauthorized", ""))));
    rig.error("the node may be writing it just now");
    std::fs::remove_file(&cookie).unwrap();
    rig.error("a node writes it when it starts: is it running?");
    rig.faults.clear();
    std::fs::write(&cookie, good).unwrap();
    rig.end();
}

#[test]
fn a_new_tip_is_mined_on_though_the_long_poll_hangs() {
    let Some(node) = TestNode::start("a_new_tip_is_mined_on_though_the_long_poll_hangs", &[]) else { return };
    let relay = Relay::start(&node, |call| {
        if call.is_longpoll() {
            std::thread::sleep(Duration::from_secs(600));
        }
        call.pass()
    });
    let miner = miner(&relay.url(), &node.cookie_file(), &["--block-interval", "3600"]);
    let mut running = miner.start();
    running.next("block");
    node.rpc("generatetodescriptor", &[json!(5), json!("raw(51)")]).unwrap();
    let begin = Instant::now();
    let on = |running: &mut Running, height: u64| while running.next("job")["height"] != json!(height) {};
    on(&mut running, 7);
    println!("{:?} after the tip", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(30), "the poll beside the long poll does not run");
}

#[test]
fn a_node_with_a_rule_that_nobody_knows_ends_the_run_at_once() {
    let test = "a_node_with_a_rule_that_nobody_knows_ends_the_run_at_once";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let relay = Relay::start(&node, no_template);
    let run = miner(&relay.url(), &node.cookie_file(), &[]).run();
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("'moon' rule") && run.stderr.contains("update the miner"), "{run:?}");
}

#[test]
fn a_node_that_is_loading_or_syncing_is_waited_for() {
    let test = "a_node_that_is_loading_or_syncing_is_waited_for";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let (calls, templates) = (AtomicU32::new(0), AtomicU32::new(0));
    let relay = Relay::start(&node, move |call| {
        match (calls.fetch_add(1, Relaxed), call.method.as_str()) {
            (0, _) => return refusal(-28, "Loading block index…"),
            (1 | 3, _) => return Some(http("503 Service Unavailable", "Work queue depth exceeded")),
            (_, "getblocktemplate") => {}
            _ => return call.pass(),
        }
        match templates.fetch_add(1, Relaxed) {
            0 => refusal(-10, "Bitcoin is in initial sync and waiting for blocks..."),
            1 => refusal(-9, "Bitcoin is not connected!"),
            _ => call.pass(),
        }
    });
    let run = miner(&relay.url(), &node.cookie_file(), &["--exit-after-blocks", "1"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let errors: Vec<_> = run.events_of("error").iter().map(|error| error["message"].to_string()).collect();
    for words in ["still loading", "too many calls at once", "in initial sync", "not connected"] {
        assert!(errors.iter().any(|error| error.contains(words)), "{words}: {errors:?}");
    }
}
