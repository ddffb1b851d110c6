//! Connections cut anywhere while shares flow: the ledger against the pool's own log.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use miner_stratum::ledger::Fate;

use crate::support::pool::{Pool, Settings};
use crate::support::proxy::{End, Flow, Plan, Proxy};
use crate::support::rig::Rig;
use crate::support::seed;

/// Clients at once, and connections that each of them loses.
const CLIENTS: usize = 20;
const CUTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cuts_and_every_share_is_accounted_for() {
    let mut rng = seed::rng("cuts");
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(cut_again_and_again(rng.fork()))).collect();
    let mut sums = Sums::default();
    for client in clients {
        sums.add(&client.await.expect("no client fails"));
    }
    println!("{sums:?}");
    assert!(sums.resumed > 20 && sums.fresh > 20, "half of the sessions are resumed: {sums:?}");
    assert!(sums.accepted > 200 && sums.lost > 20 && sums.again > 5, "shares were cut: {sums:?}");
}

/// What came of it.
#[derive(Debug, Default)]
struct Sums {
    accepted: u64,
    stale: u64,
    lost: u64,
    /// Lost ones that the pool had accepted.
    unheard: usize,
    /// Sent more than once.
    again: usize,
    resumed: usize,
    fresh: usize,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.stale += other.stale;
        self.lost += other.lost;
        self.unheard += other.unheard;
        self.again += other.again;
        self.resumed += other.resumed;
        self.fresh += other.fresh;
    }
}

async fn cut_again_and_again(mut rng: Rng) -> Sums {
    let seed = rng.u64(..);
    let resumes = Arc::new(move |connection| Rng::with_seed(seed ^ connection as u64).bool());
    let pool = Pool::start(Settings { resumes, ..Settings::default() }, &mut rng).await;
    let mut plans = rng.fork();
    let plan = move |connection| if connection < CUTS { cut(&mut plans) } else { Plan::default() };
    let proxy = Proxy::start(pool.address, plan).await;
    let mut rig = Rig::start(proxy.address, &mut rng);
    let mut old = Vec::new();
    while proxy.connections() <= CUTS {
        rig.listen();
        // Devices go on for a moment with what they had, wherever the connection is.
        old.extend(rig.work.clone());
        let age = if rng.u8(..) < 32 { 1 + rng.usize(..100) } else { 1 };
        let connected = rig.connected.len() > rig.disconnected.len();
        if let Some((job, terms)) = old.get(old.len().saturating_sub(age)).cloned()
            && (connected || rng.u8(..) < 16)
        {
            rig.find_for(&job, &terms);
        }
        if rng.u8(..) < 16 {
            pool.job(rng.u8(..) < 64);
        }
        rig.during(Duration::from_millis(rng.u64(..8))).await;
    }
    let job = pool.job(true);
    rig.job(&job).await;
    rig.mine().await;
    sums(&mut rig, &pool).await
}

/// Somewhere in the handshake or among the first shares, either way, in any way.
fn cut(rng: &mut Rng) -> Plan {
    let end = [End::Close, End::Reset, End::HalfClose][rng.usize(..3)];
    let stop = |bytes| Flow { stop: Some((bytes, end)), ..Flow::default() };
    if rng.bool() {
        Plan { up: stop(rng.u64(1..3000)), down: Flow::default() }
    } else {
        Plan { up: Flow::default(), down: stop(rng.u64(1..6000)) }
    }
}

async fn sums(rig: &mut Rig, pool: &Pool) -> Sums {
    let columns = rig.audit(&[pool]).await;
    assert!(columns.rejected.is_empty(), "no share was bad: {columns:?}");
    let accepted = pool.accepted();
    let mut sent: Vec<_> = pool.log().iter().map(|entry| entry.hash).collect();
    let all = sent.len();
    sent.sort();
    sent.dedup();
    let lost: Vec<_> = rig.fates.iter().filter(|(_, fate)| matches!(fate, Fate::Lost(_))).collect();
    // What could have been told again was: only with its session is a share lost.
    let session = rig.work.as_ref().expect("it mined to the end").1.extranonce1;
    assert!(lost.iter().all(|(hash, _)| rig.found[*hash].terms().extranonce1 != session), "{rig:?}");
    Sums {
        accepted: columns.accepted.shares,
        stale: columns.stale.values().map(|amount| amount.shares).sum(),
        lost: columns.lost.values().map(|amount| amount.shares).sum(),
        unheard: lost.iter().filter(|(hash, _)| accepted.contains(*hash)).count(),
        again: all - sent.len(),
        resumed: rig.connected.iter().filter(|(_, resumed)| *resumed).count(),
        fresh: rig.connected.iter().filter(|(_, resumed)| !*resumed).count(),
    }
}
