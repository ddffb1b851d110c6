//! TLS: whom a client trusts, and that it never does without.

use std::time::Duration;

use miner_stratum::connect::Trust;

use crate::support::pool::Pool;
use crate::support::proxy::{End, Flow, Plan, Proxy};
use crate::support::rig::{Rig, entry, options};
use crate::support::seed;
use crate::support::tls::{Authority, Front, Identity};

const HOST: &str = "localhost";

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused_and_plain_text_is_never_tried() {
    let mut rng = seed::rng("tls");
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.write(&folder.path().join("roots.pem"));
    let roots = || Trust::Roots(folder.path().join("roots.pem"));
    let rows = [
        ("self-signed", Identity::self_signed(HOST), Trust::System),
        ("signed by another", Authority::new().sign(HOST, 2100), roots()),
        ("expired", authority.sign(HOST, 2001), roots()),
        ("of another host", authority.sign("pool.example", 2100), roots()),
    ];
    seed::each(rows, &mut rng, async |(name, identity, trust), rng| {
        let (pool, other) = (Pool::honest(rng).await, Pool::honest(rng).await);
        let front = Front::start(pool.address, identity).await;
        let mut options = options(&[other.address]);
        let url = format!("stratum+ssl://{HOST}:{}", front.address.port());
        options.pools.insert(0, entry(&url, trust));
        options.stable = Duration::from_millis(100);
        let mut rig = Rig::with(options, rng);
        rig.any_job().await;
        rig.mine().await;
        // Long enough for another try or two.
        rig.during(Duration::from_millis(300)).await;
        assert!(front.handshakes() > 0, "{name}: it was tried");
        assert_eq!((front.others(), pool.connections()), (0, 0), "{name}: {rig:?}");
        assert_eq!(other.accepted().len(), 1, "{name}");
        rig.audit(&[&other]).await;
    })
    .await;
}

#[tokio::test]
async fn a_certificate_of_the_given_authority_is_taken_also_after_handshakes_that_were_cut() {
    let mut rng = seed::rng("cut handshakes");
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let file = folder.path().join("roots.pem");
    authority.write(&file);
    let pool = Pool::honest(&mut rng).await;
    let front = Front::start(pool.address, authority.sign(HOST, 2100)).await;
    let ends = [End::Close, End::Reset, End::HalfClose];
    let mut cuts = rng.fork();
    let plan = move |number| {
        let end = ends.get(number).copied();
        let stop = end.map(|end| (cuts.u64(1..400), end));
        Plan { up: Flow::default(), down: Flow { stop, ..Flow::default() } }
    };
    let proxy = Proxy::start(front.address, plan).await;
    let url = format!("stratum+ssl://{HOST}:{}", proxy.address.port());
    let mut options = options(&[]);
    options.pools.push(entry(&url, Trust::Roots(file)));
    let mut rig = Rig::with(options, &mut rng);
    rig.any_job().await;
    rig.mine().await;
    assert_eq!((proxy.connections(), front.others()), (4, 0));
    rig.audit(&[&pool]).await;
}
