//! A list of pools: which one is mined for.

use std::time::{Duration, Instant};

use crate::support::pool::{Pool, Settings, Step};
use crate::support::proxy::{Plan, Proxy, Weather};
use crate::support::rig::{Rig, options};
use crate::support::seed;

/// Less than the silence after which a pool is given up.
const FAILOVER: Duration = Duration::from_secs(25);

#[tokio::test]
async fn when_the_first_pool_dies_the_next_is_mined_for() {
    let mut rng = seed::rng("failover");
    let (first, second) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = Rig::with(options(&[first.address, second.address]), &mut rng);
    rig.any_job().await;
    rig.mine().await;
    assert_eq!(second.connections(), 0, "the second is not bothered while the first is there");
    let jobs = rig.jobs.len();
    first.kill().await;
    let start = Instant::now();
    rig.until("the second's job", |rig| second.open() == 1 && rig.jobs.len() > jobs).await;
    assert!(start.elapsed() < FAILOVER, "{:?}", start.elapsed());
    rig.mine().await;
    assert_eq!(second.accepted().len(), 1);
    rig.audit(&[&first, &second]).await;
}

#[tokio::test]
async fn a_pool_that_takes_no_worker_gives_no_job_or_answers_nothing_is_passed_over() {
    let mut rng = seed::rng("useless");
    let useless: [fn(&str) -> bool; 3] =
        [|method| method == "mining.subscribe", |method| method == "mining.authorize", |_| true];
    seed::each(useless, &mut rng, async |silent, rng| {
        let settings =
            Settings::scripted(move |heard, honest| if silent(heard.method) { Vec::new() } else { honest });
        let (first, second) = (Pool::start(settings, rng).await, Pool::honest(rng).await);
        let mut options = options(&[first.address, second.address]);
        options.silence = Duration::from_millis(500);
        let mut rig = Rig::with(options, rng);
        rig.until("the second's job", |rig| second.open() == 1 && rig.work.is_some()).await;
        rig.mine().await;
        rig.audit(&[&second]).await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_is_refused_is_said_and_the_next_pool_takes_it() {
    let mut rng = seed::rng("refused");
    let settings = Settings::scripted(|heard, honest| match heard.method {
        "mining.authorize" => {
            let answer =
                serde_json::json!({"id": heard.id, "result": false, "error": [24, "Unknown worker", null]});
            vec![Step::Line(answer)]
        }
        _ => honest,
    });
    let (first, second) = (Pool::start(settings, &mut rng).await, Pool::honest(&mut rng).await);
    let mut rig = Rig::with(options(&[first.address, second.address]), &mut rng);
    rig.any_job().await;
    rig.mine().await;
    assert_eq!(second.accepted().len(), 1);
    let said = [&rig.said[..], &rig.disconnected[..]].concat();
    assert!(said.iter().any(|text| text.contains("Unknown worker")), "{rig:?}");
    rig.audit(&[&second]).await;
}

/// How long a better pool must have been up: so long that no machine is too busy to end what is much shorter.
const STABLE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_flapping_first_pool_is_gone_back_to_only_when_it_was_stable() {
    let mut rng = seed::rng("flapping");
    let (first, second) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let proxy = Proxy::uniform(first.address, Plan::default()).await;
    let mut options = options(&[proxy.address, second.address]);
    options.stable = STABLE;
    let mut rig = Rig::with(options, &mut rng);
    rig.any_job().await;
    proxy.set(Weather::Down);
    rig.until("the second", |_| second.open() == 1).await;
    rig.until("its job", |rig| rig.jobs.len() >= 2).await;
    // Up for much less than the stable period, again and again.
    for _ in 0..6 {
        proxy.set(Weather::Fair);
        rig.during(STABLE / 10).await;
        rig.mine().await;
        proxy.set(Weather::Down);
        rig.during(STABLE / 40).await;
    }
    assert_eq!((first.accepted().len(), second.accepted().len()), (0, 6), "{rig:?}");
    proxy.set(Weather::Fair);
    let (start, jobs) = (Instant::now(), rig.jobs.len());
    rig.until("the first again", |rig| rig.jobs.len() > jobs).await;
    assert!(start.elapsed() >= STABLE, "{:?}", start.elapsed());
    rig.mine().await;
    assert_eq!(first.accepted().len(), 1);
    let columns = rig.audit(&[&first, &second]).await;
    assert_eq!(columns.accepted, columns.found);
}
