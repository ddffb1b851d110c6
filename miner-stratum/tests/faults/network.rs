//! The wire: what breaks on the way between a client and an honest pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use miner_stratum::connect::Trust;
use miner_stratum::ledger::Fate;

use crate::support::pool::{Nobody, Pool, Settings, Step};
use crate::support::proxy::{End, Flow, Pieces, Plan, Proxy, Weather};
use crate::support::rig::{Rig, entry, options};
use crate::support::seed;

/// Less than the silence after which a pool is given up, and the time after which a better one is gone back to.
const SOON: Duration = Duration::from_secs(25);

/// A plan for the first connection alone.
fn first(plan: Plan) -> impl FnMut(usize) -> Plan {
    move |number| if number == 0 { plan.clone() } else { Plan::default() }
}

/// A plan that ends up- or downwards after so many bytes.
fn broken(up: bool, after: u64, end: End) -> Plan {
    let stop = Flow { stop: Some((after, end)), ..Flow::default() };
    if up { Plan { up: stop, ..Plan::default() } } else { Plan { down: stop, ..Plan::default() } }
}

#[tokio::test]
async fn however_bytes_are_cut_up_mining_is_the_same() {
    let mut rng = seed::rng("pieces");
    let pieces = [
        Flow { pieces: Pieces::Bytes, ..Flow::default() },
        Flow { pieces: Pieces::Coalesced(Duration::from_millis(50)), ..Flow::default() },
        Flow { delay: Duration::from_millis(20), ..Flow::default() },
    ];
    seed::each(pieces, &mut rng, async |flow, rng| {
        let pool = Pool::honest(rng).await;
        let proxy = Proxy::uniform(pool.address, Plan { up: flow.clone(), down: flow }).await;
        let mut rig = Rig::start(proxy.address, rng);
        rig.any_job().await;
        (0..20).for_each(|_| _ = rig.find());
        let job = pool.job(false);
        rig.job(&job).await;
        rig.mine().await;
        assert_eq!(rig.audit(&[&pool]).await.accepted.shares, 21);
        assert_eq!(proxy.connections(), 1);
    })
    .await;
}

#[tokio::test]
async fn after_a_connection_ended_in_any_way_the_same_session_goes_on() {
    let mut rng = seed::rng("ends");
    let ends = [End::Close, End::Reset, End::HalfClose];
    // The handshake, and some shares: the tenth line or so is cut.
    let plans = ends.map(|end| [broken(true, 1500, end), broken(false, 2500, end)]);
    seed::each(plans.into_iter().flatten(), &mut rng, async |plan, rng| {
        let name = format!("{plan:?}");
        let pool = Pool::honest(rng).await;
        let proxy = Proxy::start(pool.address, first(plan)).await;
        let mut rig = Rig::start(proxy.address, rng);
        rig.any_job().await;
        let start = Instant::now();
        while proxy.connections() < 2 {
            rig.find();
            rig.during(Duration::from_millis(3)).await;
            assert!(start.elapsed() < SOON, "{name}: it does not come back: {rig:?}");
        }
        rig.until("the session", |rig| rig.connected.len() == 2).await;
        assert!(rig.connected[1].1, "{name}: the session was resumed: {rig:?}");
        rig.mine().await;
        let columns = rig.audit(&[&pool]).await;
        assert_eq!(columns.accepted, columns.found, "{name}: nothing was lost");
    })
    .await;
}

/// Only one way: the pool goes on taking what the client says, or telling what it wants.
#[tokio::test]
async fn a_wire_that_is_dead_one_way_is_given_up_and_no_share_is() {
    let mut rng = seed::rng("one way");
    seed::each([true, false], &mut rng, async |up, rng| {
        let pool = Pool::honest(rng).await;
        let proxy = Proxy::start(pool.address, first(broken(up, 2000, End::Blackhole))).await;
        let mut options = options(&[proxy.address]);
        options.silence = Duration::from_secs(1);
        let mut rig = Rig::with(options, rng);
        rig.any_job().await;
        (0..20).for_each(|_| _ = rig.find());
        rig.until("another connection", |rig| rig.connected.len() >= 2).await;
        let columns = rig.audit(&[&pool]).await;
        assert_eq!(columns.accepted, columns.found, "up: {up}");
    })
    .await;
}

#[tokio::test]
async fn answers_may_come_late_and_all_at_once() {
    let mut rng = seed::rng("late answers");
    let settings = Settings::scripted(|heard, mut honest| {
        if heard.method == "mining.submit" && heard.before == 0 {
            honest.insert(0, Step::Pause(Duration::from_secs(2)));
        }
        honest
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    (0..50).for_each(|_| _ = rig.find());
    let columns = rig.audit(&[&pool]).await;
    assert_eq!((columns.accepted.shares, pool.connections()), (50, 1));
}

#[tokio::test]
async fn a_pool_that_falls_silent_is_left_for_another_and_its_shares_are_not() {
    let mut rng = seed::rng("blackhole");
    let (first, second) = (Pool::honest(&mut rng).await, Pool::honest(&mut rng).await);
    let proxy = Proxy::uniform(first.address, Plan::default()).await;
    let mut options = options(&[proxy.address, second.address]);
    (options.silence, options.stable) = (Duration::from_secs(1), Duration::from_millis(100));
    let mut rig = Rig::with(options, &mut rng);
    rig.any_job().await;
    rig.mine().await;
    proxy.set(Weather::Frozen);
    let unheard: Vec<_> = (0..5).map(|_| rig.find()).collect();
    let start = Instant::now();
    rig.until("another pool", |_| second.heard("mining.authorize") >= 1).await;
    rig.until("its job", |rig| rig.jobs.len() >= 2).await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    rig.mine().await;
    // The first comes back, with the same session: what it was not told is told again.
    proxy.set(Weather::Fair);
    for share in unheard {
        assert_eq!(rig.fate(share).await, Fate::Accepted, "{rig:?}");
    }
    let columns = rig.audit(&[&first, &second]).await;
    assert_eq!(columns.accepted, columns.found);
}

#[tokio::test]
async fn a_pool_that_is_killed_and_started_again_costs_no_share() {
    let mut rng = seed::rng("restart");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    rig.mine().await;
    pool.kill().await;
    rig.until("the end", |rig| !rig.disconnected.is_empty()).await;
    let found: Vec<_> = (0..10).map(|_| rig.find()).collect();
    rig.during(Duration::from_millis(100)).await;
    pool.revive();
    for share in found {
        assert_eq!(rig.fate(share).await, Fate::Accepted, "{rig:?}");
    }
    let columns = rig.audit(&[&pool]).await;
    assert_eq!(columns.accepted.shares, 11);
}

#[tokio::test]
async fn a_pool_that_forgot_the_session_costs_its_shares_by_that_name() {
    let mut rng = seed::rng("forgotten");
    let settings = Settings { resumes: Arc::new(|_| false), ..Settings::default() };
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    rig.mine().await;
    let (job, terms) = rig.work.clone().unwrap();
    pool.kill().await;
    rig.until("the end", |rig| !rig.disconnected.is_empty()).await;
    let between = rig.find();
    pool.revive();
    rig.until("a session", |rig| rig.connected.len() == 2).await;
    assert!(!rig.connected[1].1);
    // Found late, for a session that is no more.
    let late = rig.find_for(&job, &terms);
    for share in [between, late] {
        let fate = rig.fate(share).await;
        assert!(matches!(&fate, Fate::Lost(reason) if reason.contains("resumed")), "{fate:?}");
    }
    rig.until("new work", |rig| rig.work.as_ref().is_some_and(|(_, now)| *now != terms)).await;
    rig.mine().await;
    assert_eq!(rig.audit(&[&pool]).await.lost.len(), 1);
}

#[tokio::test]
async fn an_answer_lost_after_the_share_was_accepted_is_asked_for_again() {
    let mut rng = seed::rng("answer lost");
    let settings = Settings::scripted(|heard, honest| {
        let lost = heard.connection == 0 && heard.method == "mining.submit";
        if lost { vec![Step::Reset] } else { honest }
    });
    let pool = Pool::start(settings, &mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let share = rig.find();
    assert_eq!(rig.fate(share).await, Fate::Accepted, "{rig:?}");
    let verdicts: Vec<_> = pool.log().iter().map(|entry| entry.verdict.is_ok()).collect();
    assert_eq!(verdicts, [true, false], "accepted, then a duplicate: {:?}", pool.log());
    rig.audit(&[&pool]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_fast_answers_come_each_finds_its_share() {
    let mut rng = seed::rng("fast answers");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    for round in 1..=50 {
        (0..10).for_each(|_| _ = rig.find());
        rig.until("answers", |rig| rig.fates.len() == round * 10).await;
    }
    let columns = rig.audit(&[&pool]).await;
    assert_eq!((columns.accepted.shares, pool.connections()), (500, 1));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_and_a_port_that_nobody_serves_cost_no_time() {
    let mut rng = seed::rng("no such pool");
    let pool = Pool::honest(&mut rng).await;
    let nobody = Nobody::here();
    let mut options = options(&[nobody.address, pool.address]);
    options.pools.insert(0, entry("stratum+tcp://no-such-pool.invalid:3333", Trust::System));
    let start = Instant::now();
    let mut rig = Rig::with(options, &mut rng);
    rig.any_job().await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    rig.mine().await;
    rig.audit(&[&pool]).await;
    assert!(rig.said.iter().any(|text| text.contains("no-such-pool.invalid")), "{rig:?}");
}

#[tokio::test]
async fn with_a_limit_of_retries_the_client_gives_up_and_says_so() {
    let mut rng = seed::rng("gives up");
    let nobody = Nobody::here();
    let mut options = options(&[nobody.address]);
    options.retries = Some(3);
    let mut rig = Rig::with(options, &mut rng);
    rig.until("an end", |rig| rig.gave_up.is_some()).await;
}
