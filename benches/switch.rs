//! How soon a new job is hashed: from `set_job` with a clean job, in the midst of a unit, to the first hashes of
//! the new one. It holds the time in which all threads heed a break.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::sleep;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use miner_benches::{Progress, Told};
use miner_core::bitcoin::CompactTarget;
use miner_core::{Job, Terms, VersionMask, header};
use miner_cpu::{CpuBackend, CpuOptions, available};
use miner_engine::Engine;

/// A job that no hash solves.
fn job(time: u32) -> Arc<Job> {
    let mut header = header::from_hex(&"00".repeat(80)).expect("80 bytes are a header");
    (header.bits, header.time) = (CompactTarget::from_consensus(0x0300_0001), time);
    Arc::new(Job::from_header("switch", &header).expect("the bits are valid"))
}

fn switch(engine: &Engine, progress: &Receiver<Progress>, time: u32) -> Duration {
    // Into the midst of the last job's units.
    sleep(Duration::from_millis(20));
    let begin = Instant::now();
    engine.set_job(job(time), Terms::solo(0, VersionMask::BIP320));
    let first = progress.iter().find(|progress| progress.time == time).expect("the engine is at work");
    first.at - begin
}

fn switches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("new job to its first hashes");
    for kernel in available() {
        let (sender, progress) = mpsc::channel();
        let backend = CpuBackend::new(kernel, &CpuOptions::default()).expect("threads can be started");
        let engine = Engine::start(vec![Box::new(Told { backend, progress: sender })], drop);
        let mut time = 0;
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter_custom(|count| {
                (0..count)
                    .map(|_| {
                        time += 1;
                        switch(&engine, &progress, time)
                    })
                    .sum()
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(600));
    targets = switches
}
criterion_main!(benches);
