//! `miner -o stratum+…` on a real pool over TCP: shares, blocks, restarts, failover, TLS, refusals.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use miner_tests::{Miner, TestPool};
use serde_json::{Value, json};

const NO_BLOCKS: f64 = TestPool::NO_BLOCKS;
/// Shares come by the dozen a second.
const SHARES: f64 = 2e-5;
/// As many hashes a second as make no more shares than a pool in a debug build, on a busy machine, keeps up with.
const STEADY: [&str; 2] = ["--max-hashrate", "4M"];

fn miner(url: &str, arguments: &[&str]) -> Miner {
    let start = ["-o", url, "-u", "worker.1", "--log-format", "json"];
    Miner::new(&[&start, arguments].concat())
}

fn hashes<'a>(events: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    events.into_iter().map(|event| event["hash"].as_str().unwrap().to_owned()).collect()
}

fn of<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["event"] == name)
}

fn with_status<'a>(events: &'a [Value], status: &'a str) -> impl Iterator<Item = &'a Value> {
    of(events, "share").filter(move |share| share["status"] == status)
}

/// Found is the sum of all that became of the shares, in count and in difficulty (I1).
#[track_caller]
fn adds_up(summary: &Value) {
    let sum = |columns: &Value| -> f64 {
        let plain = ["accepted", "in_flight", "queued"].map(|name| columns[name].as_f64().unwrap());
        let reasons = ["rejected", "stale", "lost"].map(|name| columns[name].as_object().unwrap().values());
        let by_reason = reasons.into_iter().flatten().map(|value| value.as_f64().unwrap());
        plain.into_iter().chain(by_reason).sum()
    };
    assert_eq!(summary["found"].as_f64().unwrap(), sum(summary), "{summary}");
    let difficulty = &summary["difficulty"];
    let (found, sum) = (difficulty["found"].as_f64().unwrap(), sum(difficulty));
    assert!((found - sum).abs() <= found * 1e-12, "{summary}");
}

/// A share's header has its hash, and the hash meets its target: checked with nothing of the miner's own.
#[track_caller]
fn proves_itself(share: &Value) -> Header {
    let header: Header = deserialize_hex(share["header"].as_str().unwrap()).unwrap();
    let hash = header.block_hash().to_string();
    assert_eq!(hash, share["hash"].as_str().unwrap());
    // Both are 64 digits, the most significant first.
    assert!(hash.as_str() <= share["target"].as_str().unwrap(), "{share}");
    header
}

#[test]
fn shares_are_found_taken_and_told_as_they_are() {
    let pool = TestPool::start(NO_BLOCKS, SHARES);
    let run = miner(&pool.url(), &[&STEADY[..], &["--exit-after-shares", "60"]].concat()).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let (events, summary, log) = (run.events(), run.summary(), pool.log());
    let connected = &run.events_of("connected")[0];
    assert_eq!(
        (&connected["url"], &connected["version_mask"], &connected["resumed"]),
        (&json!(pool.url()), &json!("1fffe000"), &json!(false))
    );
    let job = &run.events_of("job")[0];
    assert_eq!((&job["height"], &job["clean"]), (&json!(102), &json!(true)), "{job}");
    let asked = job["share_difficulty"].as_f64().unwrap();
    assert!((asked / SHARES - 1.0).abs() < 1e-6, "{job}");

    assert!(summary["accepted"].as_u64().unwrap() >= 60, "{summary}");
    assert_eq!(
        (&summary["rejected"], &summary["stale"], &summary["lost"]),
        (&json!({}), &json!({}), &json!({}))
    );
    adds_up(&summary);
    assert_eq!(hashes(with_status(&events, "accepted")), log.accepted.iter().cloned().collect());
    assert_eq!(log.accepted.len() as u64, summary["accepted"].as_u64().unwrap());
    assert_eq!(log.rejected, [""; 0]);

    let versions: BTreeSet<i32> =
        of(&events, "share").map(|share| proves_itself(share).version.to_consensus()).collect();
    assert!(versions.len() > 1, "60 shares on one version of 65536: {versions:?}");
    assert!(of(&events, "share").all(|share| share["latency"].as_f64().unwrap() < 60.0));
}

#[test]
fn without_version_rolling_none_is_rolled() {
    let pool = TestPool::start(NO_BLOCKS, SHARES);
    let run = miner(&pool.url(), &["--exit-after-shares", "20", "--version-rolling", "off"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.events_of("connected")[0]["version_mask"], "00000000");
    let versions: BTreeSet<i32> =
        run.events_of("share").iter().map(|share| proves_itself(share).version.to_consensus()).collect();
    assert_eq!((versions.len(), &run.summary()["rejected"]), (1, &json!({})), "{run:?}");
}

#[test]
fn blocks_are_in_the_pools_chain() {
    let pool = TestPool::start(2e-4, SHARES);
    let run = miner(&pool.url(), &["--exit-after-blocks", "3"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let (blocks, events) = (run.events_of("block"), run.events());
    assert!(blocks.len() >= 3);
    // A block that comes too late as a share goes to the chain all the same.
    assert!(
        blocks.iter().all(|block| block["result"] == "accepted" || block["result"] == "stale"),
        "{run:?}"
    );
    assert_eq!(blocks[0]["height"], 102);
    for block in &blocks {
        let header = proves_itself(block);
        assert!(header.validate_pow(header.target()).is_ok());
    }
    assert!(hashes(&blocks).is_subset(&hashes(of(&events, "share"))), "each is a share too");
    // Of two blocks that were found at one height, one is in the chain.
    let heights: BTreeSet<_> = blocks.iter().map(|block| block["height"].as_u64().unwrap()).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    while pool.log().blocks.len() < heights.len() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let chain: BTreeSet<_> = pool.log().blocks.into_iter().collect();
    assert!(chain.len() >= heights.len() && chain.is_subset(&hashes(&blocks)), "{chain:?} of {blocks:?}");
    adds_up(&run.summary());
}

#[test]
fn lines_are_in_the_words_of_minerd() {
    let pool = TestPool::start(NO_BLOCKS, SHARES);
    let run = Miner::new(&["-o", &pool.url(), "-O", "worker:x", "--exit-after-shares", "3"]).run();
    let first = run.stdout.lines().find(|line| line.contains("accepted: ")).unwrap_or_default();
    assert!(first.contains("accepted: 1/1 (100.00%), ") && first.contains(" khash/s, "), "{run:?}");
    assert!(run.stdout.contains("mining on stratum+tcp://127.0.0.1:"), "{run:?}");
}

/// Mines over a pool that is cut off and served again, and ends by a signal. All events.
fn mine_through_cuts(pool: &mut TestPool, forgetful: bool) -> Vec<Value> {
    let mut running = miner(&pool.url(), &[&STEADY[..], &["-R", "0.1"]].concat()).start();
    let mut events = running.until("share");
    let mut random = random_from(0x5eed_0004);
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(200 + random() % 300));
        pool.cut();
        std::thread::sleep(Duration::from_millis(random() % 200));
        if forgetful {
            pool.forget();
        }
        pool.serve();
        events.extend(running.until("connected"));
        events.extend(running.until("share"));
    }
    running.signal("INT");
    let (status, rest) = running.end();
    assert_eq!(status.code(), Some(0));
    events.extend(rest);
    events
}

/// Numbers that look random and are the same in each run with this seed, which is printed.
fn random_from(seed: u64) -> impl FnMut() -> u64 {
    println!("seed {seed:x}");
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

#[test]
fn a_pool_that_comes_back_and_knows_its_sessions_costs_no_share() {
    let mut pool = TestPool::start(NO_BLOCKS, SHARES);
    let events = mine_through_cuts(&mut pool, false);
    let (log, summary) = (pool.log(), events.last().unwrap());
    assert!(log.sessions.len() > 6 && log.sessions[1..].iter().all(|resumed| *resumed), "{log:?}");
    adds_up(summary);
    // Nothing lost, nothing refused: what was on its way when the pool was cut off is sent again, and a share whose
    // answer got lost is answered as a duplicate, which is as good (I2).
    assert_eq!(
        (&summary["rejected"], &summary["stale"], &summary["lost"]),
        (&json!({}), &json!({}), &json!({}))
    );
    assert_eq!(summary["found"], summary["accepted"], "{summary}");
    assert_eq!(hashes(with_status(&events, "accepted")), log.accepted.into_iter().collect());
}

#[test]
fn a_pool_that_forgot_its_sessions_costs_no_more_than_was_on_its_way() {
    let mut pool = TestPool::start(NO_BLOCKS, SHARES);
    let events = mine_through_cuts(&mut pool, true);
    let (log, summary) = (pool.log(), events.last().unwrap());
    adds_up(summary);
    assert_eq!((&summary["rejected"], &summary["in_flight"]), (&json!({}), &json!(0)), "{summary}");
    let (accepted, taken) =
        (hashes(with_status(&events, "accepted")), log.accepted.into_iter().collect::<BTreeSet<_>>());
    assert!(accepted.is_subset(&taken), "what counts as accepted was taken");
    let lost = hashes(with_status(&events, "lost"));
    let unanswered: BTreeSet<_> = taken.difference(&accepted).cloned().collect();
    assert!(
        unanswered.is_subset(&lost),
        "what was taken and never answered is lost, by that name: {summary}"
    );
}

#[test]
fn a_dead_pool_is_left_for_the_next() {
    let (mut first, second) = (TestPool::start(NO_BLOCKS, SHARES), TestPool::start(NO_BLOCKS, SHARES));
    // The pause before another try at the first is longer than any test.
    let mut running =
        miner(&first.url(), &[&STEADY[..], &["-o", &second.url(), "-R", "3600"]].concat()).start();
    assert_eq!(running.next("connected")["url"], first.url());
    running.next("share");
    first.cut();
    assert_eq!(running.next("connected")["url"], second.url());
    running.next("share");
    running.signal("TERM");
    let (status, events) = running.end();
    let summary = events.last().unwrap();
    adds_up(summary);
    assert_eq!((status.code(), &summary["rejected"]), (Some(0), &json!({})), "{summary}");
    assert!(!second.log().accepted.is_empty());
}

#[test]
fn the_work_that_was_accepted_is_the_work_that_was_done() {
    let pool = TestPool::start(NO_BLOCKS, 5e-6);
    let run = miner(&pool.url(), &[&STEADY[..], &["--exit-after-shares", "1500"]].concat()).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let summary = run.summary();
    adds_up(&summary);
    // Difficulty 1 is 2⁴⁸ / 65535 hashes; the number of shares is Poisson's.
    let expected = summary["hashes"].as_f64().unwrap() * 65535.0 / 2f64.powi(48) / 5e-6;
    let found = summary["found"].as_f64().unwrap();
    // More than six standard deviations are it once in 5e8 runs.
    assert!((found - expected).abs() < 6.0 * expected.sqrt(), "{found} shares, {expected} expected");
    assert_eq!((&summary["rejected"], &summary["lost"]), (&json!({}), &json!({})), "{summary}");
}

#[test]
fn a_lost_pool_lets_the_miner_rest_and_at_the_end_no_share_is_left_open() {
    let mut pool = TestPool::start(NO_BLOCKS, SHARES / 2.0);
    let mut running = miner(&pool.url(), &[&STEADY[..], &["-R", "0.1"]].concat()).start();
    let mut events = running.until("share");
    pool.cut();
    let mut hashes = Value::Null;
    loop {
        events.extend(running.until("hashrate"));
        let last = std::mem::replace(&mut hashes, events.last().unwrap()["hashes"].clone());
        if last == hashes {
            break;
        }
    }
    pool.serve();
    events.extend(running.until("connected"));
    events.extend(running.until("share"));
    pool.cut();
    events.extend(running.until("disconnected"));
    // It goes on with its last job for a while, in which it finds about 93 shares, and ends before the pool is back.
    std::thread::sleep(Duration::from_secs(1));
    running.signal("INT");
    let asked = Instant::now();
    let (status, rest) = running.end();
    assert_eq!(status.code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "it waits five seconds for answers: {:?}",
        asked.elapsed()
    );
    events.extend(rest);
    let summary = events.last().unwrap();
    adds_up(summary);
    assert_eq!(
        (&summary["in_flight"], &summary["queued"], &summary["rejected"]),
        (&json!(0), &json!(0), &json!({}))
    );
    assert!(!summary["lost"].as_object().unwrap().is_empty(), "{summary}");
    for (reason, count) in summary["lost"].as_object().unwrap() {
        let told = with_status(&events, "lost").filter(|share| share["reason"] == *reason);
        assert_eq!(told.count() as u64, count.as_u64().unwrap(), "{reason}: {summary}");
    }
}

#[test]
fn shares_are_asked_for_at_the_difficulty_suggested() {
    let pool = TestPool::start(NO_BLOCKS, 1e-3);
    let run = miner(&pool.url(), &["--suggest-difficulty", "0.00001", "--exit-after-shares", "30"]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
    let asked = run.events_of("job").pop().unwrap()["share_difficulty"].as_f64().unwrap();
    assert!((asked / 1e-5 - 1.0).abs() < 1e-6, "{asked}");
    assert_eq!(run.summary()["rejected"], json!({}));
}
