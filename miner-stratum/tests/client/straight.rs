//! The straight way, and the simplest ways off it.

use std::time::Duration;

use miner_core::VersionMask;
use miner_stratum::client::{Client, ClientOptions};
use miner_stratum::ledger::Fate;
use serde_json::json;

use crate::support::TestPool;
use crate::support::miner::{Miner, options};
use crate::support::share::EASY;

#[tokio::test]
async fn a_share_goes_the_whole_way() {
    let pool = TestPool::start().await;
    let mut miner = Miner::new(Client::start(options(&[&pool.url()])));
    let mut peer = pool.accept().await;
    peer.welcome("08000002", EASY).await;
    peer.notify("job 1", 1, true).await;
    assert_eq!(miner.connected().await, (pool.url(), false));

    let share = miner.mine(1).await.remove(0);
    assert_eq!(miner.columns()[0], 1, "registered before anything else");
    assert_eq!(share.terms().version_mask, VersionMask::BIP320);
    let call = peer.hear_call("mining.submit").await;
    let solution = share.solution();
    assert_eq!(
        call["params"],
        json!([
            "user.worker",
            "job 1",
            solution.extranonce2.to_string(),
            format!("{:08x}", solution.time),
            format!("{:08x}", solution.nonce),
            format!("{:08x}", share.version_bits()),
        ])
    );
    assert_eq!(miner.columns(), [1, 0, 0, 0, 0, 1, 0]);
    peer.answer(&call, true).await;
    let (fate, latency) = miner.judged().await;
    assert_eq!((fate, latency.is_some()), (Fate::Accepted, true));
    assert_eq!(miner.columns(), [1, 1, 0, 0, 0, 0, 0]);

    miner.client.drain(Duration::from_secs(5)).await;
    drop(miner);
    assert_eq!(peer.hear().await, None);
}

#[tokio::test]
async fn a_cut_connection_is_resumed_and_its_shares_are_sent_again() {
    let pool = TestPool::start().await;
    let mut miner = Miner::new(Client::start(options(&[&pool.url()])));
    let mut peer = pool.accept().await;
    peer.welcome("08000002", EASY).await;
    peer.notify("a", 1, true).await;
    let first = miner.mine(2).await;
    let known = peer.hear_call("mining.submit").await;
    drop(peer);
    miner.disconnected().await;

    let mut peer = pool.accept().await;
    assert_eq!(peer.welcome("08000002", EASY).await, "session-1");
    peer.notify("a", 1, true).await;
    for share in &first {
        let call = peer.hear_call("mining.submit").await;
        assert_eq!(call["params"][4], format!("{:08x}", share.solution().nonce));
        if call["params"] == known["params"] {
            peer.refuse(&call, 22, "Duplicate share").await;
        } else {
            peer.answer(&call, true).await;
        }
        assert_eq!(miner.judged().await.0, Fate::Accepted);
    }
    assert_eq!(miner.columns(), [2, 2, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn another_extranonce_after_the_cut_loses_what_was_not_answered_by_that_name() {
    let pool = TestPool::start().await;
    let mut miner = Miner::new(Client::start(options(&[&pool.url()])));
    let mut peer = pool.accept().await;
    peer.welcome("08000002", EASY).await;
    peer.notify("a", 1, true).await;
    miner.mine(1).await;
    drop(peer);
    let mut peer = pool.accept().await;
    peer.welcome("08000003", EASY).await;
    peer.notify("b", 1, true).await;
    assert_eq!(miner.judged().await.0, Fate::Lost("session not resumed".into()));
    miner.mine(1).await;
    assert_eq!(peer.hear_call("mining.submit").await["params"][1], "b");
}

#[tokio::test]
async fn nobody_there_is_given_up_after_the_retries() {
    // Nobody listens on tcpmux any more.
    let url = "stratum+tcp://127.0.0.1:1".to_owned();
    let patience = Duration::from_millis(10);
    let retries = ClientOptions { retries: Some(2), retry_pause: patience, ..options(&[&url]) };
    let reason = Miner::new(Client::start(retries)).gave_up().await;
    assert!(reason.starts_with(&format!("{url}: cannot connect")), "{reason}");
}
