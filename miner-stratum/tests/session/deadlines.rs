//! What is not waited for: on tokio's paused clock, so that minutes take no time.

use std::time::Duration;

use miner_stratum::session::{Ended, Limits, serve};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

use crate::pool::{DIFFICULTY, HARD, TestPool, Wish, job};
use crate::visitor::Miner;

/// How long the rest of a session took, in seconds of the paused clock.
async fn seconds_to_the_end(miner: Miner) -> (Ended, u64) {
    let start = Instant::now();
    let ended = miner.end().await;
    (ended, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_its_time_however_busy_it_looks() {
    let pool = TestPool::with(&job("a", 1, HARD));
    assert_eq!(seconds_to_the_end(Miner::new(&pool)).await, (Ended::Handshake, 20));
    let mut talker = Miner::new(&pool);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(19) {
        assert!(talker.call("mining.subscribe", &json!([])).await.is_ok());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(talker.end().await, Ended::Handshake);
    assert_eq!(start.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_trickles_in_has_its_time() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut miner = Miner::at_work(&pool).await;
    let start = Instant::now();
    let trickle = async {
        loop {
            miner.send_bytes(b" ").await;
            sleep(Duration::from_secs(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(40), trickle).await.is_err());
    assert_eq!(miner.end().await, Ended::PartialLine);
    assert_eq!(start.elapsed().as_secs(), 45);
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_in_pieces_are_no_trouble() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::at_work(&pool).await;
    for number in 0..20 {
        let share = crate::visitor::share(&job, &Wish { from: number * 1000, ..Wish::default() });
        let line = json!({"id": number, "method": "mining.submit", "params": share}).to_string() + "\n{";
        for byte in line.as_bytes() {
            miner.send_bytes(&[*byte]).await;
            sleep(Duration::from_millis(100)).await;
        }
        // The beginning of the next line has come with the end of this one.
        miner.send_bytes(b"}\n").await;
        assert_eq!(miner.line().await.unwrap()["id"], number);
    }
    assert_eq!(pool.accepted().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_line_over_the_cap_ends_the_session_at_once() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut fits = Miner::new(&pool);
    let ping = json!({"id": 1, "method": "mining.ping", "pad": ""}).to_string();
    let padded = |size: usize| ping.replacen(r#""""#, &format!(r#""{}""#, "x".repeat(size - ping.len())), 1);
    fits.send(&padded(16 * 1024)).await;
    assert_eq!(fits.line().await.unwrap()["result"], "pong");
    let mut miner = Miner::new(&pool);
    miner.send(&padded(16 * 1024 + 1)).await;
    assert_eq!(seconds_to_the_end(miner).await, (Ended::LineTooLong, 0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_miner_is_asked_once_and_then_given_up() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut lively = Miner::at_work(&pool).await;
    let start = Instant::now();
    for _ in 0..5 {
        let mut call = lively.line().await.unwrap();
        while call["method"] == "mining.set_difficulty" {
            call = lively.line().await.unwrap();
        }
        assert_eq!(call["method"], "client.get_version");
        lively.send(&json!({"id": call["id"], "result": "agent/1.0", "error": null}).to_string()).await;
    }
    assert_eq!(start.elapsed().as_secs(), 5 * 300);
    let silent = Miner::at_work(&pool).await;
    assert_eq!(seconds_to_the_end(silent).await, (Ended::Silent, 600));
}

#[tokio::test(start_paused = true)]
async fn a_miner_that_finds_nothing_hears_of_the_pool_every_half_minute() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut miner = Miner::at_work(&pool).await;
    let start = Instant::now();
    for number in 1..=9 {
        // What it knows already: no miner does anything about it.
        let line = miner.line().await.unwrap();
        assert_eq!(line, json!({"id": null, "method": "mining.set_difficulty", "params": [DIFFICULTY]}));
        assert_eq!(start.elapsed().as_secs(), number * 30);
    }
    let mut newcomer = Miner::new(&pool);
    newcomer.call("mining.subscribe", &json!([])).await.unwrap();
    assert_eq!(newcomer.line().await, None, "one that does not log in hears nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_miner_that_reads_nothing_is_evicted_within_a_minute_and_takes_little_memory_until_then() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let (mut here, there) = tokio::io::duplex(1024);
    let session = tokio::spawn(serve(there, None, pool.clone(), Limits::default(), std::future::pending()));
    let hello = "{\"method\":\"mining.subscribe\"}\n{\"method\":\"mining.authorize\",\"params\":[\"me\"]}\n";
    here.write_all(hello.as_bytes()).await.unwrap();
    let start = Instant::now();
    // It goes on asking: from some point on nobody listens any more.
    let ping = format!("{}\n", json!({"id": "x".repeat(64), "method": "mining.ping"}));
    let asked = async {
        let mut asked = 0;
        while asked < 1024 * 1024 && here.write_all(ping.as_bytes()).await.is_ok() {
            asked += ping.len();
        }
        asked
    };
    let asked = timeout(Duration::from_secs(120), asked).await.expect("the session ends");
    assert_eq!((session.await.unwrap(), start.elapsed().as_secs()), (Ended::SlowReader, 45));
    // The pipe, the answers, the lines read on at the end, and not much more.
    assert!(asked < 120 * 1024, "{asked} bytes were read of a miner that reads none");
}

#[tokio::test(start_paused = true)]
async fn a_miner_that_reads_a_byte_now_and_then_is_evicted_too() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let (mut here, there) = tokio::io::duplex(64);
    let start = Instant::now();
    let session = tokio::spawn(serve(there, None, pool.clone(), Limits::default(), std::future::pending()));
    let hello = "{\"method\":\"mining.subscribe\"}\n{\"method\":\"mining.authorize\",\"params\":[\"me\"]}\n";
    here.write_all(hello.as_bytes()).await.unwrap();
    let drip = async {
        while here.read_u8().await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    drip.await;
    assert_eq!(session.await.unwrap(), Ended::SlowReader);
    assert!(start.elapsed() <= Duration::from_secs(60 + 64), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_the_newest_job_alone() {
    let pool = TestPool::with(&job("0", 1, HARD));
    let (here, there) = tokio::io::duplex(512);
    let session = tokio::spawn(serve(there, None, pool.clone(), Limits::default(), std::future::pending()));
    let mut here = tokio::io::BufReader::new(here);
    let hello = "{\"method\":\"mining.subscribe\"}\n{\"method\":\"mining.authorize\",\"params\":[\"me\"]}\n";
    here.write_all(hello.as_bytes()).await.unwrap();
    for number in 1..=1000 {
        pool.post(&job(&number.to_string(), 1, HARD));
        tokio::task::yield_now().await;
    }
    let mut jobs = 0;
    let mut line = String::new();
    while !line.contains("[\"1000\"") {
        line.clear();
        tokio::io::AsyncBufReadExt::read_line(&mut here, &mut line).await.unwrap();
        jobs += usize::from(line.contains("mining.notify"));
    }
    assert!(jobs < 100, "{jobs} jobs were kept for a miner that did not read");
    session.abort();
}
