//! What can be wrong, one by one: each has its exit code and an error that says what to do.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};

use miner_tests::{Miner, Run, TestNode};
use serde_json::json;

/// The run failed with this code, and its error holds each of these words.
#[track_caller]
fn fails(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}

#[test]
fn no_node_there() {
    // Nobody listens on tcpmux any more.
    let url = "http://127.0.0.1:1";
    fails(&Miner::new(&["-o", url, "-u", "a", "-p", "b"]).run(), 3, &["no node at", "start"]);
    let run = Miner::new(&["solo", "--chain", "regtest"]).run();
    fails(&run, 3, &["no regtest node found", "bitcoind -chain=regtest", "--node"]);
}

#[test]
fn wrong_logins() {
    let Some(node) = TestNode::start("wrong_logins", &[]) else { return };
    let url = node.url();
    let run = Miner::new(&["-o", &url, "-u", "ann", "-p", "wr0ng-passw0rd"]).run();
    fails(&run, 3, &["refuses the login"]);
    assert!(!run.stderr.contains("wr0ng-passw0rd"), "{run:?}");
    let folder = tempfile::tempdir().unwrap();
    let cookie = folder.path().join("cookie");
    for (content, word) in
        [("__cookie__:0123456789abcdef", "refuses the login"), ("__cook", "cookie"), ("", "cookie")]
    {
        std::fs::write(&cookie, content).unwrap();
        let run = Miner::new(&["-o", &url, "--cookie", &cookie.display().to_string()]).run();
        fails(&run, 3, &[word]);
    }
    std::fs::remove_file(&cookie).unwrap();
    let run = Miner::new(&["-o", &url, "--cookie", &cookie.display().to_string()]).run();
    fails(&run, 3, &[&cookie.display().to_string()]);
}

#[test]
fn the_wrong_chain() {
    let Some(node) = TestNode::start("the_wrong_chain", &[]) else { return };
    let cookie = node.cookie_file().display().to_string();
    let run = Miner::new(&["solo", "--chain", "testnet4", "--node", &node.url(), "--cookie", &cookie]).run();
    fails(&run, 3, &["is on regtest, not on testnet4", "--chain regtest"]);
}

#[test]
fn bad_payouts() {
    let Some(node) = TestNode::start("bad_payouts", &[]) else { return };
    let pay = |address: &str| Miner::solo(&node, &["--coinbase-addr", address]).run();
    fails(&pay("bcrt1nonsense"), 2, &["bcrt1nonsense"]);
    fails(&pay("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), 2, &["not of regtest"]);
    fails(&Miner::solo(&node, &["--coinbase-script", "xyz"]).run(), 2, &["xyz"]);
    fails(&Miner::solo(&node, &["--coinbase-sig", &"x".repeat(81)]).run(), 2, &["81 bytes"]);
    assert_eq!(node.rpc("getblockcount", &[]).unwrap(), json!(0));
}

/// Answers every connection with these bytes.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // The request is not looked at, but read to its end: what is left unread would reset the connection before
            // the answer is read. A client that is gone needs none.
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer).and_then(|()| stream.shutdown(Shutdown::Write));
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    url
}

#[test]
fn what_is_no_node() {
    let run = |answer| Miner::new(&["-o", &server(answer), "-u", "a", "-p", "b"]).run();
    let html =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<html>Welcome, you.</htm";
    fails(&run(html), 3, &["not JSON-RPC"]);
    fails(&run(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), 3, &["rpcallowip"]);
    let truncated = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"result\":{\"chain\":\"reg";
    fails(&run(truncated), 3, &["broke off"]);
    fails(&run(b"SSH-2.0-OpenSSH_9.2\r\n"), 3, &["http://127.0.0.1"]);
}

#[test]
fn wrong_words() {
    let usage = |arguments: &[&str], words: &[&str]| fails(&Miner::new(arguments).run(), 2, words);
    usage(&["--kernel", "avx1024"], &["avx1024", "portable"]);
    usage(&["-o", "stratum+tcp://127.0.0.1:3333", "-o", "http://127.0.0.1"], &["nodes", "pools"]);
    usage(&["-o", "stratum+tcp://127.0.0.1:3333#tls-insecure"], &["stratum+ssl://"]);
    usage(&["-o", "a:1", "-o", "b:1", "-o", "c:1", "-u", "a", "-u", "b"], &["-u", "2 times"]);
    usage(&["-o", "a:1", "--seed", "1"], &["embedded"]);
    usage(&["-o", "ftp://127.0.0.1"], &["ftp"]);
    usage(&["-o", "http://:99999"], &["99999", "port"]);
    usage(&["--no-such-flag"], &["--no-such-flag"]);
    usage(&["solo", "--chain", "regnet"], &["regnet", "testnet4"]);
    usage(&["--max-hashrate", "fast"], &["fast"]);
    usage(&["--difficulty", "-1"], &["difficulty"]);
    usage(&["-c", "/nonexistent.toml"], &["/nonexistent.toml"]);
    usage(&["solo", "--chain", "regtest", "--difficulty", "1"], &["embedded"]);
}
