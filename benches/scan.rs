//! Hashes a second on one thread: each kernel of this CPU, with one and more midstates, for a target that
//! nothing meets and for one that half of all hashes meet.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use miner_core::bitcoin::Target;
use miner_core::{NonceRange, Prepared, WorkUnit, sha256};
use miner_cpu::{Kernel, available};

/// Hashes in an iteration: a slice of half a millisecond to some milliseconds.
const HASHES: u64 = 1 << 14;

fn unit(midstates: u32, target: Target) -> WorkUnit {
    let nonces = NonceRange::starting_at(1, HASHES / u64::from(midstates));
    let midstates = (0..midstates).map(|index| sha256::midstate(&[index as u8; 64])).collect();
    WorkUnit::new(midstates, [0x4a5e_1e4b, 0x29ab_5f49, 0xffff_001d], nonces, target)
}

fn scan(kernel: &Kernel, unit: &WorkUnit) {
    let _ = kernel.scan(&Prepared::new(unit), unit.nonces(), &mut |candidate| {
        black_box(candidate);
        ControlFlow::Continue(())
    });
}

fn kernels(criterion: &mut Criterion) {
    let mut half = [0xff; 32];
    half[0] = 0x7f;
    let targets = [("no hit", Target::ZERO), ("half hit", Target::from_be_bytes(half))];
    for kernel in available() {
        let mut group = criterion.benchmark_group(kernel.name());
        group.throughput(Throughput::Elements(HASHES)).sampling_mode(SamplingMode::Flat);
        for (name, target) in targets {
            for midstates in [1, 4, 16] {
                let unit = unit(midstates, target);
                group.bench_with_input(BenchmarkId::new(name, midstates), &unit, |bencher, unit| {
                    bencher.iter(|| scan(kernel, unit));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400));
    targets = kernels
}
criterion_main!(benches);
