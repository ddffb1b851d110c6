//! From a node's template to a solved block, without any node: reads the answer to `getblocktemplate`
//! (a file named as the argument, else the one beside this example) and mines it on one thread.
//!
//! ```text
//! bitcoin-cli -regtest getblocktemplate '{"rules":["segwit"]}' > template.json
//! cargo run --example job_from_template template.json
//! ```

use std::error::Error;

use miner_core::{Extranonce, Solution, VersionMask};
use miner_node::template::{EXTRANONCE_SIZE, terms};
use miner_node::{Chain, CoinbaseOptions, Payout, Template};

fn main() -> Result<(), Box<dyn Error>> {
    let json = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => include_str!("template.json").to_owned(),
    };
    let payout = Payout::to_address("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", Chain::Regtest)?;
    let options = CoinbaseOptions { payout, signature: b"an example".to_vec() };
    let template = Template::new("example", serde_json::from_str(&json)?, &options, None)?;

    let (job, terms) = (template.job(), terms(VersionMask::NONE));
    let extranonce2 = Extranonce::nth(0, EXTRANONCE_SIZE);
    let root = job.merkle_root(&terms, &extranonce2);
    let solution = |nonce| Solution { extranonce2, time: job.time().after(0), version: job.version(), nonce };
    let mut shares = (0..=u32::MAX).map(solution).filter_map(|solution| {
        let evaluated = job.evaluate(&root, &solution);
        job.check(&terms, &solution, &evaluated).ok()
    });

    let share = shares.next().ok_or("no nonce solves it: try another extranonce")?;
    let block = template.block(&share)?;
    println!(
        "height {}, hash {}, submit it with\nbitcoin-cli submitblock {}",
        block.height, block.hash, block.hex
    );
    Ok(())
}
