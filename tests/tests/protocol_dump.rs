//! `-P`: what went over the wire is shown on stderr, and no password with it.

use miner_tests::{Miner, TestNode};
use serde_json::{Value, json};

/// A password that must never be seen.
const PASSWORD: &str = "canary";

/// The frames that a dump shows sent (`>`) or received (`<`) by the peer at this address.
fn frames(dump: &str, peer: &str, direction: char) -> Vec<Value> {
    let start = format!("{peer} {direction} ");
    let lines = dump.lines().filter_map(|line| line.split_once(&start));
    lines
        .map(|(_, frame)| serde_json::from_str(frame).unwrap_or_else(|_| panic!("no frame: {frame}")))
        .collect()
}

#[test]
fn the_dump_shows_each_line_of_stratum_but_no_password() {
    let pool = ["pool", "--listen", "127.0.0.1:0", "--difficulty", "1e-6", "--log-format", "json"];
    let mut pool = Miner::new(&pool).start();
    let url = pool.next("listening")["url"].as_str().unwrap().to_owned();
    let run = Miner::new(&["-o", &url, "-u", "me", "-p", PASSWORD, "--exit-after-shares", "3", "-P"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let (sent, received) = (frames(&run.stderr, &url, '>'), frames(&run.stderr, &url, '<'));
    let calls = |method: &str| sent.iter().filter(|frame| frame["method"] == method).collect::<Vec<_>>();
    assert_eq!(calls("mining.authorize")[0]["params"], json!(["me", "***"]));
    for share in calls("mining.submit").iter().take(3) {
        assert!(received.iter().any(|answer| answer["id"] == share["id"]), "{share}: {}", run.stderr);
    }
    assert!(
        calls("mining.submit").len() >= 3 && received.iter().any(|frame| frame["method"] == "mining.notify")
    );
    assert!(!run.stderr.contains(PASSWORD) && !run.stdout.contains(PASSWORD), "{run:?}");
}

#[test]
fn the_dump_shows_each_call_to_a_node_but_no_login() {
    let test = "the_dump_shows_each_call_to_a_node_but_no_login";
    let Some(node) = TestNode::start(test, &[]) else { return };
    let run = Miner::solo(&node, &["--coinbase-script", "51", "--exit-after-blocks", "1", "-P"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let calls = frames(&run.stderr, &node.url(), '>');
    for method in ["getblockchaininfo", "getblocktemplate", "submitblock"] {
        assert!(calls.iter().any(|call| call["method"] == method), "{method}: {}", run.stderr);
    }
    let answers = run.stderr.lines().filter(|line| line.contains(&format!("{} < 200 ", node.url())));
    assert!(answers.count() >= 3, "{}", run.stderr);
    let cookie = std::fs::read_to_string(node.cookie_file()).unwrap();
    let (_, password) = cookie.trim().split_once(':').unwrap();
    assert!(!run.stderr.contains(password), "{}", run.stderr);
}
