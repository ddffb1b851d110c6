//! Many sessions at once: each is served, and none takes much memory.

use std::collections::HashSet;
use std::sync::Arc;

use miner_core::{Extranonce, Job};
use miner_stratum::session::{Limits, serve};
use serde_json::json;

use crate::pool::{HARD, Heard, TestPool, Wish, job};
use crate::visitor::Miner;

const MINERS: usize = 2000;

/// Bytes of memory that this process holds.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn two_thousand_sessions_submit_a_share_each() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    #[cfg(target_os = "linux")]
    let before = resident();
    let mut miners = vec![];
    for _ in 0..MINERS {
        miners.push(Miner::at_work(&pool).await);
    }
    #[cfg(target_os = "linux")]
    {
        let each = (resident() - before) / MINERS;
        println!("{each} bytes a session, its miner's end of the pipe included");
        assert!(each < 64 * 1024, "{each} bytes a session");
    }
    let shares: Vec<_> = miners
        .into_iter()
        .enumerate()
        .map(|(number, miner)| tokio::spawn(submit(miner, job.clone(), number)))
        .collect();
    for share in shares {
        share.await.unwrap();
    }
    let hashes: HashSet<_> = pool
        .log()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Accepted { hash, .. } => Some(hash),
            _ => None,
        })
        .collect();
    assert_eq!(hashes.len(), MINERS);
}

async fn submit(mut miner: Miner, job: Arc<Job>, number: usize) {
    let wish = Wish { extranonce1: Extranonce::nth(number as u128, 4), ..Wish::default() };
    assert_eq!(miner.mine(&job, &wish).await, Ok(()));
}

#[tokio::test]
async fn a_session_that_waits_is_small() {
    let (_, there) = tokio::io::duplex(64);
    let session = serve(there, None, TestPool::new(), Limits::default(), std::future::pending());
    let size = std::mem::size_of_val(&session);
    println!("{size} bytes of state a session");
    assert!(size < 4096, "{size}");
    drop(session);
    // What lines leave behind is not kept.
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut miner = Miner::at_work(&pool).await;
    assert_eq!(miner.call("mining.ping", &json!([])).await, Ok(json!("pong")));
}
