//! Too much of everything.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::job;
use crate::support::pool::Pool;
use crate::support::rig::Rig;
use crate::support::seed;

const FLOOD: usize = 10_000;

/// Events of a second that may pile up while nobody listens: what a flood may cost in memory.
const PILE: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_jobs_the_newest_is_mined_and_few_are_announced() {
    let mut rng = seed::rng("job flood");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let job = miner_core::Job::new(job::params("job f", false, &mut rng)).unwrap();
    let mut notify = job::notify(&job);
    let flood: String = (0..FLOOD)
        .map(|number| {
            notify["params"][0] = json!(format!("job f{number}"));
            notify["params"][1] = json!(format!("{number:064x}"));
            format!("{notify}\n")
        })
        .collect();
    let start = Instant::now();
    pool.raw(flood.into_bytes());
    let last = pool.job(true);
    // The engine is busy for a second: nobody takes the jobs.
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.job(&last).await;
    let (announced, seconds) = (rig.jobs.len(), start.elapsed().as_secs() as usize + 1);
    println!("{announced} jobs announced in {seconds} s");
    assert!(announced < PILE * seconds && announced < FLOOD / 2, "{announced} jobs in {seconds} s");
    rig.mine().await;
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_anything_else_is_outlived() {
    let mut rng = seed::rng("flood");
    let pool = Pool::honest(&mut rng).await;
    let mut rig = Rig::start(pool.address, &mut rng);
    rig.any_job().await;
    let lines = [
        json!({"id": 1_000_000, "result": true, "error": null}),
        json!({"id": null, "method": "mining.set_difficulty", "params": [1e-9]}),
        json!({"id": null, "method": "client.show_message", "params": ["pay me"]}),
        json!({"id": null, "method": "mining.dance", "params": []}),
        json!({"id": null, "method": "client.reconnect", "params": ["pool.example", 3333, 0]}),
    ];
    for line in lines {
        let start = Instant::now();
        pool.raw(format!("{line}\n").repeat(FLOOD).into_bytes());
        let job = pool.job(false);
        rig.job(&job).await;
        rig.mine().await;
        let (said, seconds) = (rig.said.len(), start.elapsed().as_secs() as usize + 1);
        println!("{line}: {said} said in {seconds} s");
        assert!(said < PILE * seconds && said < FLOOD / 2, "{line}: {said} events in {seconds} s");
        rig.said.clear();
    }
    assert_eq!(pool.connections(), 1);
    rig.audit(&[&pool]).await;
}
