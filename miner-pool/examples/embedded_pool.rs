//! The smallest pool: `cargo run --release --example embedded_pool -- 127.0.0.1:3333` serves a chain in memory.

use std::sync::Arc;

use miner_node::{BlockKeeper, CoinbaseOptions, EmbeddedNode, EmbeddedParams, Node};
use miner_pool::{Difficulty, NodePool, PoolEvent, ServerLimits, run};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3333".to_owned());
    let chain = EmbeddedParams::at_difficulty(0.05, None)?;
    let node = Arc::new(Node::from(EmbeddedNode::new(chain, CoinbaseOptions::default())?));
    let keeper = BlockKeeper::new(vec![node.clone()], None, |_| ())?;
    let difficulty = Difficulty { usual: 0.001, min: 1e-6, max: 1.0 };
    let pool = NodePool::new(node, keeper, difficulty, |event| match event {
        PoolEvent::Accepted { worker, share, .. } => println!("{worker}: share of {:.6}", share.difficulty()),
        PoolEvent::Rejected { worker, reason, .. } => println!("{worker}: {reason}"),
        PoolEvent::Block { worker, share, verdict, .. } => {
            println!("{worker}: BLOCK {}: {verdict:?}", share.hash());
        }
        PoolEvent::Job(job) => println!("job {} on {}", job.id(), job.prev_blockhash()),
        other => println!("{other:?}"),
    });
    let listener = TcpListener::bind(&address).await?;
    println!("mine at stratum+tcp://{}", listener.local_addr()?);
    let jobs = pool.clone();
    tokio::spawn(async move { jobs.keep_jobs_flowing().await });
    run(listener, pool, ServerLimits::default(), async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}
