//! Bytes that arrive wrong.

use std::time::{Duration, Instant};

use bitcoin::Target;
use fastrand::Rng;

use crate::support::pool::Pool;
use crate::support::proxy::{Flow, Plan, Proxy, Weather};
use crate::support::rig::{Rig, options};
use crate::support::seed;

/// A byte that arrives wrong makes a line that is no JSON, or one that says something else: then the pool's judgement is
/// as good as any. The books are right all the same, and the client is there for the next job.
#[tokio::test]
async fn flipped_bytes_never_upset_the_books() {
    let mut rng = seed::rng("flips");
    seed::each(0..40, &mut rng, async |_, rng| {
        let mut flipped = |below| Flow { flip: Some(rng.u64(..below)), ..Flow::default() };
        flip(Plan { up: flipped(1200), down: flipped(2400) }, rng).await;
    })
    .await;
}

async fn flip(bad: Plan, rng: &mut Rng) {
    let name = format!("up {:?}, down {:?}", bad.up.flip, bad.down.flip);
    let pool = Pool::honest(rng).await;
    let plan = move |number| if number == 0 { bad.clone() } else { Plan::default() };
    let proxy = Proxy::start(pool.address, plan).await;
    let mut options = options(&[proxy.address]);
    options.silence = Duration::from_secs(1);
    let mut rig = Rig::with(options, rng);
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        // Without the line that sets the difficulty it is 1.
        if rig.work.as_ref().is_some_and(|(_, terms)| terms.share_target > Target::MAX) {
            rig.find();
        }
        pool.job(false);
        rig.during(Duration::from_millis(50)).await;
    }
    // A bad byte in the login may look like a worker that is refused for good.
    if rig.gave_up.is_none() {
        proxy.set(Weather::Down);
        rig.during(Duration::from_millis(50)).await;
        proxy.set(Weather::Fair);
        let job = pool.job(true);
        rig.until(&format!("{name}: a job"), |rig| {
            rig.work.as_ref().is_some_and(|(now, _)| now.id() == job.id())
        })
        .await;
        rig.mine().await;
    }
    rig.client.drain(Duration::from_secs(5)).await;
    assert!(rig.check().balance());
}
