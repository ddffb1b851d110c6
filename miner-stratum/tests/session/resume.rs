//! A session that was cut goes on, with the shares of before.

use miner_core::Extranonce;
use serde_json::json;

use crate::pool::{DIFFICULTY, HARD, Heard, TestPool, Wish, job};
use crate::visitor::Miner;

#[tokio::test]
async fn a_share_on_a_job_of_before_the_cut_is_still_taken() {
    let (before, after) = (job("before", 1, HARD), job("after", 1, HARD));
    let pool = TestPool::with(&before);
    let mut miner = Miner::at_work(&pool).await;
    let taken = Wish { extranonce2: Extranonce::nth(1, 4), ..Wish::default() };
    assert_eq!(miner.mine(&before, &taken).await, Ok(()));
    miner.close().await;
    pool.post(&after);
    let mut again = Miner::new(&pool);
    let subscribed = again.call("mining.subscribe", &json!(["agent", "session-0"])).await.unwrap();
    assert_eq!(subscribed[1], "00000000", "the extranonce1 of before");
    again.call("mining.authorize", &json!(["me", ""])).await.unwrap();
    assert_eq!(again.notification("mining.notify").await[0], "after");
    assert_eq!(again.mine(&before, &Wish::default()).await, Ok(()), "the share that had no answer");
    assert_eq!(again.mine(&before, &taken).await, Err(22), "the share whose answer was lost");
    let difficulties = pool.log().into_iter().filter_map(|heard| match heard {
        Heard::Accepted { difficulty, .. } => Some(difficulty),
        _ => None,
    });
    assert!(difficulties.into_iter().all(|difficulty| (difficulty / DIFFICULTY - 1.0).abs() < 1e-9));
}

#[tokio::test]
async fn a_new_session_has_an_extranonce_of_its_own_and_no_use_for_the_shares_of_others() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let first = Miner::at_work(&pool).await;
    let mut second = Miner::at_work(&pool).await;
    let mut nonces = (0..).step_by(1000).map(|from| Wish { from, ..Wish::default() });
    let mut codes = vec![];
    for wish in nonces.by_ref().take(20) {
        // Solved with the first session's extranonce1: a share of the second's only by chance, one in 16.
        codes.push(second.mine(&job, &wish).await);
    }
    let misses = codes.iter().filter(|code| **code == Err(23)).count();
    assert!(misses >= 12, "{codes:?}");
    first.close().await;
}
