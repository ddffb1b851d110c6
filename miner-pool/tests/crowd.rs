//! Two thousand miners at once, each with a share: in a process of its own, so that its memory can be told.

mod support;

use std::sync::Arc;

use miner_pool::{NodePool, ServerLimits};
use miner_stratum::session::serve;
use support::{Miner, World};
use tokio::io::DuplexStream;

const MINERS: usize = 2000;
/// Bytes of a pipe's buffers, one each way.
const PIPE: usize = 2048;

/// Bytes of memory that this process holds.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

fn connect(pool: &Arc<NodePool>) -> Miner<DuplexStream> {
    let (here, there) = tokio::io::duplex(PIPE);
    let limits = ServerLimits::default().session;
    tokio::spawn(serve(there, None, pool.clone(), limits, std::future::pending()));
    Miner::new(here)
}

#[tokio::test]
async fn each_gets_its_share_accepted_in_little_memory() {
    let world = World::new();
    let mut miners = vec![];
    let before = resident();
    for number in 0..MINERS {
        let mut miner = connect(&world.pool);
        miner.log_in(&format!("miner-{number}")).await;
        miners.push(miner);
    }
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = (after - before) / MINERS;
        println!("{each} bytes an idle session, its miner's side and their pipe included");
        assert!(each < 16 * 1024, "{each} bytes a session");
    }
    assert_eq!(world.pool.open_sessions(), MINERS);
    let shares = miners.into_iter().map(|mut miner| {
        tokio::spawn(async move {
            let share = miner.solve(0);
            miner.submit(&share).await
        })
    });
    for share in shares.collect::<Vec<_>>() {
        assert_eq!(share.await.unwrap(), Ok(()));
    }
    let mut workers = world.accepted();
    workers.sort();
    workers.dedup();
    assert_eq!(workers.len(), MINERS);
}
