//! A block is a block, whatever else is wrong with it: it reaches the pool before anything is refused.

use std::sync::Arc;

use miner_core::{Extranonce, Job};
use miner_stratum::session::{Ended, Limits, serve};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::pool::{EASY, Heard, TIME, TestPool, Wish, job, solve};
use crate::visitor::{Miner, share};

/// A block of the job with this extranonce2, at this time, and its hash.
fn block(job: &Arc<Job>, wish: &Wish) -> (Value, bitcoin::BlockHash) {
    (share(job, wish), solve(job, wish).1)
}

#[tokio::test]
async fn it_is_found_before_each_reason_to_refuse_the_share() {
    let tip = job("a", 1, EASY);
    let pool = TestPool::with(&tip);
    let mut miner = Miner::new(&pool);
    miner.call("mining.subscribe", &json!([])).await.unwrap();
    let mut found = vec![];
    let mut number = 0;
    let mut next = |time| {
        number += 1;
        block(&tip, &Wish { extranonce2: Extranonce::nth(number, 4), time, ..Wish::default() })
    };
    // Before anyone logged in.
    let (share, hash) = next(TIME);
    assert_eq!(miner.submit(&share).await, Err(24));
    found.push(hash);
    miner.call("mining.authorize", &json!(["me", ""])).await.unwrap();
    // By a worker that nobody knows.
    let (mut share, hash) = next(TIME);
    share[0] = "\u{1b}[31m../<b>".into();
    assert_eq!(miner.submit(&share).await, Err(24));
    found.push(hash);
    // At a time that no share may have.
    for time in [TIME - 1, TIME + 100_000] {
        let (share, hash) = next(time);
        assert_eq!(miner.submit(&share).await, Err(20));
        found.push(hash);
    }
    // With version bits that were never negotiated.
    let wish = Wish { version: 0x2000_2000, ..Wish::default() };
    let (mut share, hash) = block(&tip, &wish);
    share.as_array_mut().unwrap().push("00002000".into());
    assert_eq!(miner.submit(&share).await, Err(20));
    found.push(hash);
    // The same share again.
    let (share, hash) = next(TIME);
    assert_eq!(miner.submit(&share).await, Ok(()));
    assert_eq!(miner.submit(&share).await, Err(22));
    found.extend([hash, hash]);
    // On the tip of before.
    pool.post(&job("b", 2, EASY));
    let (share, hash) = next(TIME);
    assert_eq!(miner.submit(&share).await, Err(21));
    found.push(hash);
    assert_eq!(pool.blocks(), found);
    assert_eq!(pool.accepted(), ["me"]);
    let names: Vec<String> = pool
        .log()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Block { worker, .. } => Some(worker),
            _ => None,
        })
        .collect();
    assert_eq!((names[0].as_str(), names[1].as_str()), ("me", "\u{1b}[31m../<b>"));
}

#[tokio::test]
async fn jobs_beyond_the_window_can_still_be_blocks_as_long_as_they_are_on_the_board() {
    let jobs: Vec<_> = (0..70).map(|number| job(&number.to_string(), 1 + number / 20, EASY)).collect();
    let pool = TestPool::with(&jobs[0]);
    let mut miner = Miner::within(&pool, Limits { job_window: 1, strikes: 1000, ..Limits::default() });
    miner.log_in().await;
    jobs[1..].iter().for_each(|job| pool.post(job));
    for job in &jobs[..69] {
        assert_eq!(miner.mine(job, &Wish::default()).await, Err(21));
    }
    assert_eq!(pool.blocks().len(), 63, "64 jobs are kept, the newest of them was not asked");
}

#[tokio::test]
async fn a_miner_that_leaves_right_after_its_block_has_it_submitted() {
    let job = job("a", 1, EASY);
    let pool = TestPool::with(&job);
    let mut miner = Miner::at_work(&pool).await;
    // The last line may even lack its end.
    let line =
        json!({"id": 4, "method": "mining.submit", "params": share(&job, &Wish::default())}).to_string();
    miner.send_bytes(line.as_bytes()).await;
    assert_eq!(miner.close().await, Ended::Closed);
    assert_eq!((pool.blocks().len(), pool.accepted().len()), (1, 1));
}

/// A miner on real TCP, logged in, with a block on its way behind `junk`.
async fn on_tcp(
    pool: &Arc<TestPool>,
    job: &Arc<Job>,
    junk: &str,
) -> (TcpStream, tokio::task::JoinHandle<Ended>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut miner = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let pool = pool.clone();
    let session = tokio::spawn(serve(stream, Some(peer), pool, Limits::default(), std::future::pending()));
    let submit = json!({"id": 4, "method": "mining.submit", "params": share(job, &Wish::default())});
    let lines = format!(
        "{}\n{}\n{junk}{submit}\n",
        json!({"id": 1, "method": "mining.subscribe", "params": []}),
        json!({"id": 2, "method": "mining.authorize", "params": ["me", ""]}),
    );
    miner.write_all(lines.as_bytes()).await.unwrap();
    (miner, session)
}

#[tokio::test]
async fn a_connection_that_is_reset_right_after_a_block_has_it_submitted() {
    let job = job("a", 1, EASY);
    let pool = TestPool::with(&job);
    let (miner, session) = on_tcp(&pool, &job, "").await;
    // As a power cut with a home router in between looks like: no farewell, a reset.
    miner.set_zero_linger().unwrap();
    drop(miner);
    let ended = session.await.unwrap();
    assert!(matches!(ended, Ended::Broken(_) | Ended::Closed), "{ended}");
    assert_eq!(pool.blocks().len(), 1);
}

#[tokio::test]
async fn a_block_behind_calls_whose_answers_are_not_read_is_submitted() {
    let job = job("a", 1, EASY);
    let pool = TestPool::with(&job);
    let ping = json!({"id": "x".repeat(60), "method": "mining.ping", "params": []}).to_string() + "\n";
    let (miner, session) = on_tcp(&pool, &job, &ping.repeat(200)).await;
    drop(miner);
    session.await.unwrap();
    assert_eq!(pool.blocks().len(), 1);
}

#[tokio::test]
async fn the_end_of_the_server_does_not_lose_what_has_arrived() {
    let job = job("a", 1, EASY);
    let pool = TestPool::with(&job);
    let (mut here, there) = tokio::io::duplex(4096);
    let submit = json!({"id": 4, "method": "mining.submit", "params": share(&job, &Wish::default())});
    let lines = format!("{}\n{submit}\n", json!({"id": 1, "method": "mining.subscribe", "params": []}));
    here.write_all(lines.as_bytes()).await.unwrap();
    let ended = serve(there, None, pool.clone(), Limits::default(), std::future::ready(())).await;
    assert_eq!(ended, Ended::Shutdown);
    assert_eq!(pool.blocks().len(), 1);
    assert_eq!(pool.endings(), [Ended::Shutdown]);
}
