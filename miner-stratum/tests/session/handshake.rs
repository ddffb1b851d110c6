//! From the first line to the first job, and what else is asked on the way.

use miner_core::JobParams;
use miner_stratum::session::{Ended, Limits};
use serde_json::json;

use crate::pool::{DIFFICULTY, EASY, HARD, Heard, TIME, TestPool, Wish, job, job_of, params};
use crate::visitor::Miner;

#[tokio::test]
async fn the_whole_handshake_in_order_with_ids_of_any_kind() {
    let pool = TestPool::with(&job("j 1", 1, HARD));
    let mut miner = Miner::new(&pool);
    for line in [
        r#"{"id":"c","method":"mining.configure","params":[["version-rolling","minimum-difficulty","x"],{"version-rolling.mask":"ffffffff","version-rolling.min-bit-count":2,"minimum-difficulty.value":4e-9}]}"#,
        r#"{"id":null,"method":"mining.subscribe","params":["agent/1.0"]}"#,
        r#"{"id":-1.5,"jsonrpc":"2.0","method":"mining.authorize","params":["user.worker","x"]}"#,
        r#"{"id":4,"method":"mining.extranonce.subscribe","params":[]}"#,
        r#"{"id":4,"method":"mining.ping","params":[]}"#,
        r#"{"id":4,"method":"mining.no-such","params":[]}"#,
    ] {
        miner.send(line).await;
    }
    let mut lines = vec![];
    for _ in 0..8 {
        lines.push(miner.line().await.unwrap());
    }
    let result =
        json!({"version-rolling": true, "version-rolling.mask": "1fffe000", "minimum-difficulty": true});
    assert_eq!(lines[0], json!({"id": "c", "result": result, "error": null}));
    let subscriptions = json!([["mining.set_difficulty", "session-0"], ["mining.notify", "session-0"]]);
    assert_eq!(lines[1], json!({"id": null, "result": [subscriptions, "00000000", 4], "error": null}));
    assert_eq!(lines[2], json!({"id": -1.5, "result": true, "error": null}));
    assert_eq!(lines[3], json!({"id": null, "method": "mining.set_difficulty", "params": [4e-9]}));
    let notify = json!([
        "j 1",
        "01".repeat(32),
        "01".repeat(50) + "6a2031",
        "02".repeat(60),
        ["03".repeat(32), "04".repeat(32)],
        "20000000",
        "1d00ffff",
        format!("{TIME:08x}"),
        true
    ]);
    assert_eq!(lines[4], json!({"id": null, "method": "mining.notify", "params": notify}));
    assert_eq!(lines[5], json!({"id": 4, "result": true, "error": null}));
    assert_eq!(lines[6], json!({"id": 4, "result": "pong", "error": null}));
    assert_eq!(lines[7]["error"][0], 20);
    assert!(lines[7].as_object().unwrap().contains_key("result"));
    assert_eq!(miner.close().await, Ended::Closed);
    let log = pool.log();
    let (Heard::Opened(opened, visitor), Heard::Closed(closed, Ended::Closed)) = (&log[0], &log[1]) else {
        panic!("{log:?}");
    };
    assert_eq!((visitor.agent.as_str(), opened), ("agent/1.0", closed));
}

#[tokio::test]
async fn login_may_come_first_and_jobs_wait_for_both_and_for_there_to_be_one() {
    let pool = TestPool::new();
    let mut miner = Miner::new(&pool);
    assert_eq!(miner.call("mining.authorize", &json!(["me"])).await, Ok(json!(true)));
    assert_eq!(miner.call("mining.authorize", &json!(["me", "wrong"])).await, Ok(json!(true)), "it is in");
    assert_eq!(miner.call("mining.authorize", &json!(["you", "wrong"])).await.unwrap_err()[0], 24);
    assert_eq!(miner.call("mining.authorize", &json!(["x".repeat(257), ""])).await.unwrap_err()[0], 20);
    miner.call("mining.subscribe", &json!([])).await.unwrap();
    // A second one gives the same.
    assert_eq!(miner.call("mining.subscribe", &json!(["again"])).await.unwrap()[1], "00000000");
    pool.post(&job("first", 1, HARD));
    assert_eq!(miner.line().await.unwrap()["method"], "mining.set_difficulty");
    assert_eq!(miner.line().await.unwrap()["params"][0], "first");
    assert_eq!(pool.log().len(), 1);
}

#[tokio::test]
async fn a_session_has_as_many_workers_as_it_may() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::within(&pool, Limits { workers: 2, ..Limits::default() });
    miner.log_in().await;
    assert!(miner.call("mining.authorize", &json!(["you", ""])).await.is_ok());
    assert_eq!(miner.call("mining.authorize", &json!(["they", ""])).await.unwrap_err()[0], 24);
    for (nonce, worker) in ["me", "you"].into_iter().enumerate() {
        let mut share = crate::visitor::share(&job, &Wish { from: nonce as u32 * 1000, ..Wish::default() });
        share[0] = worker.into();
        assert_eq!(miner.submit(&share).await, Ok(()));
    }
    assert_eq!(pool.accepted(), ["me", "you"]);
}

#[tokio::test]
async fn a_full_pool_says_so_and_closes() {
    let pool = TestPool::full();
    let mut miner = Miner::new(&pool);
    assert_eq!(miner.call("mining.subscribe", &json!([])).await.unwrap_err()[0], 20);
    assert_eq!(miner.end().await, Ended::NoRoom);
    assert!(pool.endings().is_empty(), "what was not opened is not closed");
}

#[tokio::test]
async fn a_job_tells_its_difficulty_first_and_clean_when_the_tip_moved() {
    let pool = TestPool::with(&job("a", 1, HARD));
    let mut miner = Miner::at_work(&pool).await;
    pool.post(&job("b", 1, HARD));
    assert_eq!(miner.notification("mining.notify").await[8], false);
    // Two at once: the newest alone is told, and that the tip moved between them is not forgotten.
    *pool.difficulty.lock().unwrap() = DIFFICULTY * 2.0;
    pool.post(&job("c", 2, HARD));
    pool.post(&job("d", 2, HARD));
    let difficulty = miner.line().await.unwrap();
    assert_eq!(
        (&difficulty["method"], &difficulty["params"][0]),
        (&json!("mining.set_difficulty"), &json!(DIFFICULTY * 2.0))
    );
    let notify = miner.line().await.unwrap();
    assert_eq!((&notify["params"][0], &notify["params"][8]), (&json!("d"), &json!(true)));
}

#[tokio::test]
async fn the_old_difficulty_counts_until_the_next_job() {
    let (first, second) = (job("a", 1, HARD), job("b", 1, HARD));
    let pool = TestPool::with(&first);
    let mut miner = Miner::at_work(&pool).await;
    let harder = DIFFICULTY * 64.0;
    assert_eq!(miner.call("mining.suggest_difficulty", &json!([harder])).await, Ok(json!(true)));
    assert_eq!(miner.notification("mining.set_difficulty").await[0], harder);
    assert_eq!(miner.call("mining.suggest_difficulty", &json!([harder])).await, Ok(json!(true)));
    pool.post(&second);
    miner.notification("mining.notify").await;
    // Good enough for the old job, not for the new one.
    let too_easy = |from| Wish { from, difficulty: harder, good: false, ..Wish::default() };
    let nonce_for = |job, difficulty| {
        let mut from = 0;
        loop {
            let (nonce, _) = crate::pool::solve(job, &Wish { from, difficulty, ..Wish::default() });
            if crate::pool::solve(job, &too_easy(nonce)).0 == nonce {
                return nonce;
            }
            from = nonce + 1;
        }
    };
    let old = nonce_for(&first, DIFFICULTY);
    assert_eq!(miner.mine(&first, &Wish { from: old, ..Wish::default() }).await, Ok(()));
    let new = nonce_for(&second, DIFFICULTY);
    assert_eq!(miner.mine(&second, &Wish { from: new, ..Wish::default() }).await, Err(23));
    assert_eq!(miner.mine(&second, &Wish { difficulty: harder, ..Wish::default() }).await, Ok(()));
    let difficulties: Vec<f64> = pool
        .log()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Accepted { difficulty, .. } => Some(difficulty),
            _ => None,
        })
        .collect();
    assert!((difficulties[0] / DIFFICULTY - 1.0).abs() < 1e-9, "{difficulties:?}");
    assert!((difficulties[1] / harder - 1.0).abs() < 1e-9, "{difficulties:?}");
}

#[tokio::test]
async fn versions_roll_within_the_mask_with_and_without_bits() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::new(&pool);
    let asked = json!([["version-rolling"], {"version-rolling.mask": "00ffe001"}]);
    let granted = miner.call("mining.configure", &asked).await.unwrap();
    assert_eq!(granted["version-rolling.mask"], "00ffe000", "what was asked and what may be");
    miner.log_in().await;
    let rolled = Wish { version: 0x2020_2000, ..Wish::default() };
    let mut share = crate::visitor::share(&job, &rolled);
    assert_eq!(miner.submit(&share).await, Err(23), "without the bits it is another header");
    share.as_array_mut().unwrap().push("00202000".into());
    assert_eq!(miner.submit(&share).await, Ok(()));
    share[5] = "20202000".into();
    assert_eq!(miner.submit(&share).await, Err(20), "bits outside the mask");
    assert_eq!(miner.mine(&job, &Wish::default()).await, Ok(()), "nothing rolled, no bits");
}

#[tokio::test]
async fn rolling_may_be_negotiated_late_and_may_be_refused() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::at_work(&pool).await;
    let mut rolled = crate::visitor::share(&job, &Wish { version: 0x2000_2000, ..Wish::default() });
    rolled.as_array_mut().unwrap().push("00002000".into());
    assert_eq!(miner.submit(&rolled).await, Err(20), "nothing was negotiated");
    let too_many = json!([["version-rolling"], {"version-rolling.mask": "00006000", "version-rolling.min-bit-count": 3}]);
    let refused = json!({"version-rolling": false});
    assert_eq!(miner.call("mining.configure", &too_many).await, Ok(refused));
    assert_eq!(miner.submit(&rolled).await, Err(20));
    let enough = json!([["version-rolling"], {"version-rolling.mask": "00006000", "version-rolling.min-bit-count": "2"}]);
    miner.call("mining.configure", &enough).await.unwrap();
    assert_eq!(miner.submit(&rolled).await, Ok(()), "the job that is there may be rolled from now on");
}

#[tokio::test]
async fn bits_that_mean_something_at_present_are_taken_out_of_the_mask_by_job() {
    let pool = TestPool::with(&job_of(JobParams { reserved_version_bits: 0x1000_0000, ..params(1, HARD) }));
    let mut miner = Miner::new(&pool);
    let asked = json!([["version-rolling"], {"version-rolling.mask": "1fffe000"}]);
    let granted = miner.call("mining.configure", &asked).await.unwrap();
    assert_eq!(granted["version-rolling.mask"], "0fffe000");
    miner.log_in().await;
    miner.notification("mining.notify").await;
    pool.post(&job("free", 2, HARD));
    assert_eq!(
        miner.line().await.unwrap()["params"],
        json!(["1fffe000"]),
        "set_version_mask comes before the job"
    );
    assert_eq!(miner.line().await.unwrap()["params"][0], "free");
}

#[tokio::test]
async fn where_the_network_is_easier_than_the_pool_every_block_is_a_share() {
    let job = job("a", 1, EASY);
    let pool = TestPool::with(&job);
    let mut miner = Miner::at_work(&pool).await;
    assert_eq!(miner.mine(&job, &Wish::default()).await, Ok(()));
    assert_eq!((pool.blocks().len(), pool.accepted().len()), (1, 1));
}
