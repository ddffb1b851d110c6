//! An engine and one backend in an application of one's own: solves a header at the difficulty of regtest.
use std::sync::{Arc, mpsc};

use miner_core::{Job, Terms, VersionMask, header};
use miner_cpu::{CpuBackend, CpuOptions, preferred};
use miner_engine::Engine;

const HEADER: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2000000000";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, found) = mpsc::channel();
    let backend = CpuBackend::new(preferred(), &CpuOptions::default())?;
    let engine = Engine::start(vec![Box::new(backend)], move |event| drop(sender.send(event)));
    let job = Job::from_header("example", &header::from_hex(HEADER)?)?;
    engine.set_job(Arc::new(job), Terms::solo(0, VersionMask::NONE));
    let block = found.recv()?;
    println!("{} with nonce {} by {}", block.share.hash(), block.share.solution().nonce, block.device);
    Ok(())
}
