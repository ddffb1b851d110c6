//! What a session agrees on, changing under way: difficulty, mask, extranonces, worker.

use std::time::Duration;

use miner_core::TimeWindow;
use miner_stratum::ledger::Fate;
use serde_json::json;

use crate::support::job::{EASY, target_of};
use crate::support::pool::{Pool, Settings, Step};
use crate::support::rig::Rig;
use crate::support::seed;

#[tokio::test]
async fn a_difficulty_counts_from_the_next_job_on_and_shares_keep_their_own() {
    let mut rng = seed::rng("difficulty");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let (first, before) = rig.work.clone().unwrap();
    pool.set_difficulty(EASY * 4.0);
    rig.during(Duration::from_millis(50)).await;
    assert_eq!(rig.share_target(), target_of(EASY));
    let job = pool.job(false);
    rig.job(&job).await;
    assert_eq!(rig.share_target(), target_of(EASY * 4.0));
    rig.mine().await;
    let old = rig.find_for(&first, &before);
    assert_eq!(rig.fate(old).await, Fate::Accepted);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn a_difficulty_that_is_none_changes_nothing() {
    let mut rng = seed::rng("bad difficulties");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let bad = [
        "0", "-1", "-0.0", "NaN", "1e400", "-1e300", "\"16\"", "null", "true", "[]", "{}", "\"\"", "\"NaN\"",
    ];
    for difficulty in bad {
        pool.raw(
            format!("{{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[{difficulty}]}}\n")
                .into_bytes(),
        );
        let job = pool.job(false);
        rig.job(&job).await;
        assert_eq!(rig.share_target(), target_of(EASY), "{difficulty}");
        rig.mine().await;
    }
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn extreme_difficulties_are_taken_as_they_are() {
    let mut rng = seed::rng("extreme difficulties");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for difficulty in [1e300, 1e-300, 16383.75, 2.3283064365386963e-10, 1e-12] {
        pool.set_difficulty(difficulty);
        let job = pool.job(false);
        rig.job(&job).await;
        assert_eq!(rig.share_target(), target_of(difficulty), "{difficulty}");
    }
    rig.mine().await;
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn the_mask_changes_at_once_and_work_under_way_keeps_its_own() {
    let mut rng = seed::rng("masks");
    // Hard enough that bits read under a mask that is not theirs make no share by chance.
    let pool = Pool::start(Settings { difficulty: 1e-6, ..Settings::default() }, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    // Sparse, more than was asked for, empty, the topmost bit, and all again.
    let masks = [
        ("00006000", 0x6000),
        ("15554000", 0x1555_4000),
        ("ffffffff", 0x1fff_e000),
        ("00000000", 0),
        ("80000001", 0),
        ("1fffe000", 0x1fff_e000),
    ];
    for (said, mask) in masks {
        let (job, before) = rig.work.clone().unwrap();
        pool.step(Step::Mask(u32::from_str_radix(said, 16).unwrap()));
        rig.until(said, |rig| rig.work.as_ref().unwrap().1.version_mask.bits() == mask).await;
        rig.mine().await;
        if mask != 0 {
            let old = rig.find_for(&job, &before);
            assert_eq!(rig.fate(old).await, Fate::Accepted, "{said}: found before");
        }
        let job = pool.job(false);
        rig.job(&job).await;
        rig.mine().await;
    }
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn bits_that_nobody_asked_for_are_not_rolled() {
    let mut rng = seed::rng("foreign bits");
    let pool = Pool::start(Settings { mask: 0x3fff_ffff, ..Settings::default() }, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    assert_eq!(rig.work.as_ref().unwrap().1.version_mask.bits(), 0x1fff_e000);
    (0..20).for_each(|_| _ = rig.find());
    rig.mine().await;
    assert_eq!(rig.audit(&[&pool]).await.accepted.shares, 21);
}

#[tokio::test]
async fn extranonces_change_with_the_next_job_and_shares_go_under_their_own() {
    let mut rng = seed::rng("extranonces");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for size in [8, 1, 2, 16, 4] {
        let (job, before) = rig.work.clone().unwrap();
        pool.step(Step::Extranonce(size));
        rig.during(Duration::from_millis(20)).await;
        assert_eq!(rig.work.as_ref().unwrap().1, before, "not before the next job");
        rig.mine().await;
        let next = pool.job(false);
        rig.job(&next).await;
        let (_, now) = rig.work.clone().unwrap();
        assert_eq!(now.extranonce2_size, size);
        assert_ne!(now.extranonce1, before.extranonce1);
        rig.mine().await;
        // Found before the change, told after it.
        let old = rig.find_for(&job, &before);
        assert_eq!(rig.fate(old).await, Fate::Accepted);
    }
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn extranonces_that_cannot_be_change_nothing() {
    let mut rng = seed::rng("bad extranonces");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let (_, before) = rig.work.clone().unwrap();
    for params in [
        json!(["00".repeat(33), 4]),
        json!(["abc", 4]),
        json!(["00000001", 17]),
        json!(["00000001", -1]),
        json!(["00000001"]),
        json!([4, "00000001"]),
        json!([]),
    ] {
        pool.say("mining.set_extranonce", &params);
        let job = pool.job(false);
        rig.job(&job).await;
        assert_eq!(rig.work.as_ref().unwrap().1, before, "{params}");
        rig.mine().await;
    }
    rig.audit(&[&pool]).await;
}

/// With rolling, version and time are enough to search; without, time alone would be.
#[tokio::test]
async fn a_pool_may_leave_no_extranonce_to_its_miners() {
    let mut rng = seed::rng("no extranonce");
    let pool = Pool::start(Settings { extranonce2_size: 0, ..Settings::default() }, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    (0..20).for_each(|_| _ = rig.find());
    rig.mine().await;
    assert_eq!(rig.audit(&[&pool]).await.accepted.shares, 21);
}

#[tokio::test]
async fn times_far_from_now_are_the_pools_business() {
    let mut rng = seed::rng("times");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for time in [0, 1, 1_231_006_505, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
        let job = pool.job_like(false, |params| params.time = TimeWindow::starting_at(time));
        rig.job(&job).await;
        assert_eq!(rig.work.as_ref().unwrap().0.time().start, time);
        rig.mine().await;
    }
    rig.audit(&[&pool]).await;
}
