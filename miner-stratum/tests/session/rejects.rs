//! Each rule has its code, and the rule broken first is the one named.

use miner_core::{Extranonce, JobParams};
use miner_stratum::session::{Ended, Limits, RejectReason};
use serde_json::json;

use crate::pool::{HARD, Heard, TIME, TestPool, Wish, job, job_of, params};
use crate::visitor::{Miner, share};

#[tokio::test]
async fn every_code_in_the_order_of_the_rules() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::new(&pool);
    let good = share(&job, &Wish::default());
    assert_eq!(miner.submit(&good).await, Err(24), "neither");
    miner.call("mining.authorize", &json!(["me", ""])).await.unwrap();
    assert_eq!(miner.submit(&good).await, Err(25), "logged in, not subscribed");
    miner.call("mining.subscribe", &json!([])).await.unwrap();
    let with = |index: usize, value: &str| {
        let mut share = good.clone();
        share[index] = value.into();
        share
    };
    assert_eq!(miner.submit(&with(0, "you")).await, Err(24));
    assert_eq!(miner.submit(&with(1, "b")).await, Err(21));
    assert_eq!(miner.submit(&with(1, "A")).await, Err(21), "ids are what they are");
    assert_eq!(miner.submit(&with(2, "0000")).await, Err(20), "too short an extranonce2");
    assert_eq!(miner.submit(&with(2, "0000000000")).await, Err(20), "too long");
    assert_eq!(miner.submit(&with(3, &format!("{:08x}", TIME - 1))).await, Err(20));
    assert_eq!(miner.submit(&with(3, &format!("{:08x}", TIME + 7201))).await, Err(20));
    let miss = Wish { good: false, ..Wish::default() };
    assert_eq!(miner.mine(&job, &miss).await, Err(23));
    assert_eq!(miner.submit(&good).await, Ok(()));
    assert_eq!(miner.submit(&good).await, Err(22));
    let reasons: Vec<RejectReason> = pool
        .log()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::Rejected { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    // What comes before there is a session is no session's.
    assert_eq!(reasons.len(), 9);
    assert_eq!((&reasons[0], &reasons[8]), (&RejectReason::Unauthorized, &RejectReason::Duplicate));
}

#[tokio::test]
async fn fields_that_are_none_are_refused_and_the_session_goes_on() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let mut miner = Miner::at_work(&pool).await;
    let good = share(&job, &Wish::default());
    let bad = [
        json!(null),
        json!(7),
        json!("xyz"),
        json!(""),
        json!("123456789"),
        json!([]),
        json!({}),
        json!(true),
    ];
    for index in 1..=4 {
        for value in &bad {
            let mut share = good.clone();
            share[index] = value.clone();
            let code = miner.submit(&share).await.unwrap_err();
            // Some of them are good ids of unknown jobs.
            assert!(code == 20 || (index == 1 && code == 21), "{index} {value}: {code}");
        }
        let few = json!(good.as_array().unwrap()[..index]);
        assert_eq!(miner.submit(&few).await, Err(20), "{index} parameters");
    }
    for params in [json!(null), json!({}), json!("x"), json!([])] {
        assert_eq!(miner.submit(&params).await, Err(20));
    }
    assert_eq!(miner.submit(&good).await, Ok(()));
}

#[tokio::test]
async fn one_share_counts_once_however_it_is_written_and_whoever_sends_it() {
    let job = job_of(JobParams { id: "j".into(), ..params(1, HARD) });
    let pool = TestPool::with(&job);
    let mut miner = Miner::new(&pool);
    let asked = json!([["version-rolling"], {"version-rolling.mask": "1fffe000"}]);
    miner.call("mining.configure", &asked).await.unwrap();
    miner.log_in().await;
    miner.call("mining.authorize", &json!(["you", ""])).await.unwrap();
    // A nonce with a leading zero and a letter in it.
    let mut from = 0xabc;
    let wish = loop {
        let wish = Wish { extranonce2: Extranonce::nth(0xab, 4), from, ..Wish::default() };
        let nonce = share(&job, &wish)[4].as_str().unwrap().to_owned();
        if nonce.starts_with('0') && nonce.bytes().any(|digit| digit.is_ascii_alphabetic()) {
            break wish;
        }
        from += 1;
    };
    let original = share(&job, &wish);
    assert_eq!(miner.submit(&original).await, Ok(()));
    let field = |index: usize| original[index].as_str().unwrap().to_owned();
    let mut variants = vec![original.clone()];
    for index in 2..=4 {
        for text in [field(index).to_uppercase(), field(index).trim_start_matches('0').to_owned()] {
            let mut variant = original.clone();
            variant[index] = text.into();
            variants.push(variant);
        }
    }
    let with_bits = |bits: &str| {
        let mut variant = original.clone();
        variant.as_array_mut().unwrap().push(bits.into());
        variant
    };
    variants.extend(["00000000", "0", ""].map(with_bits));
    let mut by_another = original.clone();
    by_another[0] = "you".into();
    variants.push(by_another);
    for variant in variants {
        // An extranonce without its zeros is not the same bytes, and an empty field is none: neither is taken.
        let code = miner.submit(&variant).await.unwrap_err();
        assert!(code == 22 || code == 20, "{variant}: {code}");
    }
    // From another session with the same extranonce1 (a resumed one, say).
    let mut resumed = Miner::new(&pool);
    resumed.call("mining.subscribe", &json!(["", "session-0"])).await.unwrap();
    resumed.call("mining.authorize", &json!(["me", ""])).await.unwrap();
    assert_eq!(resumed.submit(&original).await, Err(22));
    assert_eq!(pool.accepted(), ["me"]);
}

#[tokio::test]
async fn jobs_of_an_earlier_tip_and_jobs_beyond_the_window_are_stale() {
    let jobs: Vec<_> = (0..6).map(|number| job(&format!("{number}"), 1, HARD)).collect();
    let pool = TestPool::with(&jobs[0]);
    let mut miner = Miner::within(&pool, Limits { job_window: 4, ..Limits::default() });
    miner.log_in().await;
    jobs[1..].iter().for_each(|job| pool.post(job));
    let mut results = vec![];
    for job in &jobs {
        results.push(
            miner
                .mine(
                    job,
                    &Wish { extranonce2: Extranonce::nth(results.len() as u128, 4), ..Wish::default() },
                )
                .await,
        );
    }
    assert_eq!(results, [Err(21), Err(21), Ok(()), Ok(()), Ok(()), Ok(())]);
    pool.post(&job("next", 2, HARD));
    for job in &jobs {
        assert_eq!(miner.mine(job, &Wish::default()).await, Err(21));
    }
    // A reorganisation may bring a tip back.
    pool.post(&job("back", 1, HARD));
    assert_eq!(miner.mine(&jobs[5], &Wish { from: 5000, ..Wish::default() }).await, Ok(()));
}

#[tokio::test]
async fn a_flood_of_bad_shares_or_lines_ends_the_session_and_good_shares_make_up_for_bad_ones() {
    let job = job("a", 1, HARD);
    let pool = TestPool::with(&job);
    let limits = Limits { strikes: 8, ..Limits::default() };
    let mut miner = Miner::within(&pool, limits.clone());
    miner.log_in().await;
    let mut from = 0;
    for round in 0..10 {
        for _ in 0..3 {
            assert_eq!(miner.mine(&job, &Wish { good: false, ..Wish::default() }).await, Err(23), "{round}");
        }
        for _ in 0..3 {
            let good = share(&job, &Wish { from, ..Wish::default() });
            from = u32::from_str_radix(good[4].as_str().unwrap(), 16).unwrap() + 1;
            assert_eq!(miner.submit(&good).await, Ok(()), "{round}");
        }
    }
    for _ in 0..8 {
        assert_eq!(miner.mine(&job, &Wish { good: false, ..Wish::default() }).await, Err(23));
    }
    assert_eq!(miner.end().await, Ended::Flood);
    for garbage in ["GET / HTTP/1.1", "{}", "[1]", r#"{"id":1,"method":"x"}"#, r#"{"id":1,"result":true}"#] {
        let mut miner = Miner::within(&pool, limits.clone());
        for _ in 0..8 {
            miner.send(garbage).await;
        }
        assert_eq!(miner.end().await, Ended::Flood, "{garbage}");
    }
}
