//! The status over HTTP as those meet it who ask: over TCP, well-behaved or not, and (in `browser`) in a real browser.

mod browser;
mod client;
mod crowd;
mod hostile;
mod secrets;

use miner_tests::{Miner, Running};
use serde_json::{Value, json};

use client::Client;

/// Starts a miner with a page; its events and its page.
fn miner(arguments: &[&str]) -> (Running, Client) {
    let start = ["--http", "127.0.0.1:0", "--log-format", "json"];
    // A subcommand stands first.
    let (command, options) = arguments.split_at(usize::from(!arguments[0].starts_with('-')));
    let mut miner = Miner::new(&[command, &start, options].concat()).start();
    let page = Client::new(miner.next("page")["url"].as_str().unwrap());
    (miner, page)
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn the_page_the_json_and_the_metrics_tell_of_the_run() {
    let (mut run, page) = miner(&["--difficulty", "1e-4", "--max-hashrate", "2M"]);
    let block = run.next("block");
    let status = page.json_when(|status| status["summary"]["accepted"].as_u64() > Some(0));
    let summary = &status["summary"];
    let ended = ["rejected", "stale", "lost"].map(|column| sum(&summary[column])).iter().sum::<u64>();
    let counts = ["accepted", "in_flight", "queued"]
        .map(|column| summary[column].as_u64().unwrap())
        .iter()
        .sum::<u64>();
    assert_eq!(summary["found"], ended + counts, "{status:#}");
    assert_eq!((&status["health"], &status["connected"]), (&json!("ok"), &json!(true)));
    assert_eq!(status["hashrate"]["hashes"], status["devices"][0]["hashes"]);
    assert_eq!(status["started"][0]["device"], status["devices"][0]["device"]);
    assert!(status["job"]["height"].as_u64() >= block["height"].as_u64(), "{status:#}");
    let blocks = status["blocks"].as_array().unwrap();
    assert!(
        blocks.contains(&block) && blocks[0]["height"].as_u64() >= block["height"].as_u64(),
        "{status:#}"
    );

    let events = page.json("/api/events")["events"].clone();
    let told = events.as_array().unwrap().iter().find(|told| told["event"] == block).unwrap();
    assert!(told["text"].as_str().unwrap().contains(block["hash"].as_str().unwrap()), "{told}");
    let later = page.json(&format!("/api/events?after={}", told["id"]))["events"].clone();
    assert!(later.as_array().unwrap().iter().all(|event| event["id"].as_u64() > told["id"].as_u64()));
    assert!(!page.json("/api/history")["history"].as_array().unwrap().is_empty());

    let metrics = page.get("/metrics", &[]);
    assert!(metrics.head.contains("text/plain; version=0.0.4"), "{}", metrics.head);
    assert!(metrics.body.contains("\nminer_blocks_total{result=\"accepted\"} "), "{}", metrics.body);
    assert_eq!((page.get("/health", &[]).status, page.json("/health")), (200, json!({"status": "ok"})));
    assert!(page.get("/", &[]).body.starts_with("<!doctype html>"));

    run.signal("INT");
    assert!(run.end().0.success());
    assert!(page.try_get("/", &[]).is_none(), "the page ends with the run");
}

#[test]
fn whoever_may_not_ask_is_refused() {
    let (_run, page) = miner(&["--difficulty", "1", "--max-hashrate", "1M"]);
    let address = page.address();
    let status =
        |request: &str| page.raw(request.replace("ADDRESS", address).as_bytes()).map(|answer| answer.status);
    let long = "x".repeat(9000);
    for (code, request) in [
        (200, "GET / HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"),
        (200, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (200, "GET / HTTP/1.1\r\nHost: ADDRESS\r\nOrigin: http://ADDRESS\r\n\r\n"),
        (403, "GET /api/status HTTP/1.1\r\nHost: rebound.example\r\n\r\n"),
        (403, "GET /api/status HTTP/1.1\r\nHost: localhost.rebound.example:80\r\n\r\n"),
        (403, "GET /api/status HTTP/1.1\r\nHost: ADDRESS\r\nOrigin: http://other.example\r\n\r\n"),
        (403, "GET /api/status HTTP/1.1\r\nHost: ADDRESS\r\nOrigin: null\r\n\r\n"),
        (400, "GET http://rebound.example/ HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: ADDRESS\r\nHost: other.example\r\n\r\n"),
        (405, "POST /api/status HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 1000000000\r\n\r\n"),
        (405, "DELETE / HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"),
        (404, "GET /../../etc/passwd HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"),
        (404, "GET /api/status/ HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"),
        (400, "\u{16}\u{3}\u{1}\u{2}garbage\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: ADDRESS\r\nTransfer-Encoding: nonsense\r\n\r\n"),
        (431, &format!("GET / HTTP/1.1\r\nHost: ADDRESS\r\nX: {long}\r\n\r\n")),
        (431, &format!("GET / HTTP/1.1\r\nHost: ADDRESS\r\n{}\r\n", "X: y\r\n".repeat(100))),
        (431, &format!("GET /{} HTTP/1.1\r\nHost: ADDRESS\r\n\r\n", "x".repeat(70_000))),
    ] {
        let shown: String = request.chars().take(100).collect();
        assert_eq!(status(request), Some(code), "{shown:?}");
    }
    let refused = page.get("/", &[("Origin", "http://other.example")]);
    assert!(!refused.head.to_ascii_lowercase().contains("access-control"), "{}", refused.head);
    assert!(refused.head.contains("content-security-policy: default-src 'self';"), "{}", refused.head);
}

#[test]
fn a_port_that_is_taken_and_an_open_address_are_named_before_anything_is_done() {
    let (_run, page) = miner(&["--difficulty", "1", "--max-hashrate", "1M"]);
    for (address, words) in [
        (page.address(), &["--http", page.address(), "another program", "or 0"][..]),
        ("0.0.0.0:0", &["open to the network", "--http-token"]),
        ("[::]:0", &["open to the network"]),
        ("miner.example:80", &["ADDR:PORT"]),
        ("http://127.0.0.1:80", &["ADDR:PORT"]),
    ] {
        for command in [
            &[][..],
            &["solo", "--chain", "regtest"],
            &["-o", "127.0.0.1:1"],
            &["pool", "--listen", "127.0.0.1:0"],
        ] {
            let run = Miner::new(&[command, &["--http", address]].concat()).run();
            assert_eq!(run.code, Some(2), "{run:?}");
            assert!(
                run.stdout.is_empty() && words.iter().all(|word| run.stderr.contains(word)),
                "{words:?}: {run:?}"
            );
        }
    }
}

#[test]
fn a_pool_has_a_page_too() {
    let listen = ["pool", "--listen", "127.0.0.1:0", "--difficulty", "1e-5", "--block-difficulty", "1e-3"];
    let (mut pool, page) = miner(&listen);
    let url = pool.next("listening")["url"].as_str().unwrap().to_owned();
    let mined =
        Miner::new(&["-o", &url, "-u", "me", "--exit-after-shares", "20", "--max-hashrate", "2M"]).run();
    assert_eq!(mined.code, Some(0), "{mined:?}");
    let status = page.json_when(|status| status["summary"]["accepted"].as_u64() >= Some(20));
    assert_eq!((&status["upstream"]["url"], &status["health"]), (&json!(url), &json!("ok")), "{status:#}");
    assert!(status["hashrate"]["hs_60s"].as_f64() > Some(0.0) && status["devices"].is_null(), "{status:#}");
    let metrics = page.get("/metrics", &[]).body;
    assert!(metrics.contains("\nminer_pool_sessions_total 1\n"), "{metrics}");
}
