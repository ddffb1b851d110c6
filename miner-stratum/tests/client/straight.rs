//! The straight way: handshake, job, share, answer.

use std::time::Duration;

use miner_core::VersionMask;
use miner_stratum::client::ClientEvent;
use miner_stratum::ledger::Fate;
use serde_json::json;

use crate::pool::{Miner, TestPool, options};
use crate::share::{EASY, find};

#[tokio::test]
async fn a_share_goes_the_whole_way() {
    let pool = TestPool::start().await;
    let mut miner = Miner::start(options(&[pool.url()]));
    let mut peer = pool.accept().await;
    peer.welcome("08000002", EASY).await;
    peer.notify("job 1", 1, true).await;

    let (name, resumed, mask) = miner
        .event("connected", |event| match event {
            ClientEvent::Connected { pool, resumed, version_mask } => Some((pool, resumed, version_mask)),
            _ => None,
        })
        .await;
    assert_eq!((name, resumed, mask), (pool.url(), false, VersionMask::BIP320));
    let (job, terms) = miner.job().await;
    assert_eq!(
        (job.id(), terms.extranonce1.to_string().as_str(), terms.extranonce2_size),
        ("job 1", "08000002", 4)
    );

    let share = find(&job, terms, 1).remove(0);
    miner.client.submit(share.clone(), "cpu".into());
    assert_eq!(miner.client.ledger().columns().found.shares, 1);
    let call = peer.hear_call("mining.submit").await;
    assert_eq!(
        call["params"],
        json!([
            "user.worker",
            "job 1",
            share.solution().extranonce2.to_string(),
            format!("{:08x}", share.solution().time),
            format!("{:08x}", share.solution().nonce),
            format!("{:08x}", share.version_bits()),
        ])
    );
    assert_eq!(miner.client.ledger().columns().in_flight.shares, 1);
    peer.answer(&call, json!(true)).await;
    let (fate, latency) = miner.judged().await;
    assert_eq!(fate, Fate::Accepted);
    assert!(latency.is_some());

    let columns = miner.client.ledger().columns().clone();
    assert_eq!((columns.found.shares, columns.accepted.shares), (1, 1));
    assert!(columns.balance());
    miner.client.drain(Duration::from_secs(5)).await;
    drop(miner);
    assert_eq!(peer.hear().await, None);
}
