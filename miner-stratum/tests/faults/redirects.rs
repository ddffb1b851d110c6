//! `client.reconnect`: a wish that is granted within the configured domain, and a hijack outside of it.

use std::time::Duration;

use miner_stratum::connect::Trust;
use serde_json::json;

use crate::support::pool::Pool;
use crate::support::rig::{Rig, entry, options};
use crate::support::seed;

async fn rig_by_name(pool: &Pool, rng: &mut fastrand::Rng) -> Rig {
    let mut options = options(&[]);
    options.pools.push(entry(&format!("stratum+tcp://localhost:{}", pool.address.port()), Trust::System));
    let mut rig = Rig::with(options, rng);
    rig.any_job().await;
    rig
}

#[tokio::test]
async fn elsewhere_is_refused_and_mining_goes_on() {
    let mut rng = seed::rng("hijack");
    let (pool, thief) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = rig_by_name(&pool, &mut rng).await;
    let port = thief.address.port();
    let wishes = [
        json!(["127.0.0.1", port, 0]),
        json!(["127.0.0.1", port.to_string(), 0]),
        json!(["2130706433", port, 0]),
        json!(["0x7f.1", port, 0]),
        json!(["::1", port, 0]),
        json!(["thief.example", port, 0]),
        json!(["localhost.thief.example", port, 0]),
        json!(["stratum+tcp://localhost", port, 0]),
        json!(["localhost", 70_000, 0]),
        json!(["localhost", -1, 0]),
        json!([["localhost"], port, 0]),
        json!({"host": "localhost"}),
    ];
    for wish in wishes {
        pool.say("client.reconnect", &wish);
        let job = pool.job(false);
        rig.job(&job).await;
        rig.mine().await;
        assert_eq!((thief.connections(), pool.connections()), (0, 1), "{wish}: {rig:?}");
    }
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn within_the_domain_it_is_followed_once_a_minute() {
    let mut rng = seed::rng("redirect");
    let (pool, other) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = rig_by_name(&pool, &mut rng).await;
    rig.mine().await;
    pool.say("client.reconnect", &json!(["localhost", other.address.port().to_string(), 0]));
    rig.until("the other", |rig| other.open() == 1 && rig.connected.len() == 2).await;
    rig.until("its job", |rig| rig.jobs.len() == 2).await;
    rig.mine().await;
    other.say("client.reconnect", &json!(["localhost", pool.address.port(), 0]));
    rig.during(Duration::from_millis(200)).await;
    rig.mine().await;
    assert_eq!((pool.connections(), other.connections()), (1, 1), "{rig:?}");
    // What the user configured is gone back to when the other is no more.
    other.kill().await;
    rig.until("the configured pool", |_| pool.connections() == 2).await;
    rig.until("its job", |rig| rig.jobs.len() >= 3).await;
    rig.mine().await;
    rig.audit(&[&pool, &other]).await;
}

#[tokio::test]
async fn an_empty_wish_means_the_same_pool_again() {
    let mut rng = seed::rng("reconnect");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    pool.say("client.reconnect", &json!([]));
    rig.until("the session again", |rig| rig.connected.len() == 2).await;
    assert!(rig.connected[1].1, "{rig:?}");
    rig.mine().await;
    rig.audit(&[&pool]).await;
}

#[tokio::test]
async fn whoever_does_not_want_to_be_redirected_is_not() {
    let mut rng = seed::rng("no redirect");
    let (pool, other) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let mut options = options(&[]);
    options.follow_reconnect = false;
    options.pools.push(entry(&format!("stratum+tcp://localhost:{}", pool.address.port()), Trust::System));
    let mut rig = Rig::with(options, &mut rng);
    rig.any_job().await;
    pool.say("client.reconnect", &json!(["localhost", other.address.port(), 0]));
    let job = pool.job(false);
    rig.job(&job).await;
    rig.mine().await;
    assert_eq!((pool.connections(), other.connections()), (1, 0));
    rig.audit(&[&pool]).await;
}
