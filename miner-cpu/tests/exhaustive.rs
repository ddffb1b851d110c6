//! Each kernel against the reference hash, nonce by nonce, without a pool: every lane that meets the target is
//! reported, and nothing else. (Emulated CPUs are slow: there the conformance suite compares some 2¹⁷ hashes a kernel.)

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, available_parallelism};

use miner_core::bitcoin::Target;
use miner_core::sha256::midstate;
use miner_core::{Candidate, NonceRange, Prepared, WorkUnit};
use miner_cpu::{Kernel, available};

/// From an odd nonce on, so that each range begins and ends in the midst of a block; soon comes a change in all four
/// bytes.
const FIRST: u32 = 0x12ff_7ff1;
/// Nonces that are searched at once: an odd number.
const RANGE: u32 = 0xffff;

fn unit(midstates: usize, nonces: NonceRange, target_top: u32) -> WorkUnit {
    let mut target = [0xff; 32];
    target[..4].copy_from_slice(&target_top.to_be_bytes());
    let midstates = (0..midstates).map(|index| midstate(&[index as u8; 64])).collect();
    WorkUnit::new(midstates, [0x4a5e_1e4b, 0x29ab_5f49, 0xffff_001d], nonces, Target::from_be_bytes(target))
}

/// All candidates of the unit and the top words of their hashes.
fn reference(unit: &WorkUnit) -> Vec<(Candidate, u32)> {
    (unit.nonces().first()..=unit.nonces().last())
        .flat_map(|nonce| (0..unit.midstates().len()).map(move |midstate| Candidate { midstate, nonce }))
        .map(|candidate| {
            let [.., a, b, c, d] = unit.hash(candidate);
            (candidate, u32::from_le_bytes([a, b, c, d]))
        })
        .collect()
}

fn reported(kernel: &Kernel, unit: &WorkUnit) -> Vec<Candidate> {
    let mut reported = Vec::new();
    let end = kernel.scan(&Prepared::new(unit), unit.nonces(), &mut |candidate| {
        reported.push(candidate);
        ControlFlow::Continue(())
    });
    assert!(end.is_continue());
    reported.sort_unstable_by_key(|candidate| (candidate.nonce, candidate.midstate));
    reported
}

/// Has all kernels search a range of nonces for all of these targets.
fn compare(midstates: usize, nonces: NonceRange, target_tops: &[u32]) {
    let hashes = reference(&unit(midstates, nonces, 0));
    for target_top in target_tops {
        let hits = hashes.iter().filter(|(_, top)| top <= target_top);
        let hits: Vec<Candidate> = hits.map(|(candidate, _)| *candidate).collect();
        for kernel in available() {
            let reported = reported(kernel, &unit(midstates, nonces, *target_top));
            assert!(
                reported == hits,
                "{kernel:?}, {midstates} midstates, {nonces:?}, target {target_top:08x}"
            );
        }
    }
}

/// Has all kernels search `hashes` hashes or some more, range by range, on all CPUs, where one in sixteen is a hit.
fn compare_many(midstates: usize, hashes: u32) {
    let ranges = hashes.div_ceil(RANGE * midstates as u32);
    let next = AtomicU32::new(0);
    let work = || {
        while let Some(range) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|range| *range < ranges) {
            compare(midstates, NonceRange::starting_at(FIRST + range * RANGE, RANGE.into()), &[0x0fff_ffff]);
        }
    };
    thread::scope(|scope| {
        (0..available_parallelism().unwrap().get()).for_each(|_| drop(scope.spawn(work)));
    });
    println!(
        "passed: {ranges} × {RANGE} nonces with {midstates} midstates: {:?}",
        available().collect::<Vec<_>>()
    );
}

#[test]
fn no_hit_is_lost_in_2_to_the_24_nonces() {
    compare_many(1, 1 << 24);
}

#[test]
fn no_hit_is_lost_where_versions_roll() {
    compare_many(8, 1 << 22);
}

#[test]
fn targets_are_heeded_to_the_last_bit() {
    for midstates in [1, 2, 4] {
        let nonces = NonceRange::starting_at(FIRST, RANGE.into());
        compare(midstates, nonces, &[0x0000_0000, 0x0000_01ff, 0x0123_4567, 0xffff_ffff]);
    }
}

#[test]
fn a_break_is_the_last_that_is_heard() {
    for kernel in available() {
        for midstates in [1, 4] {
            let unit = unit(midstates, NonceRange::starting_at(FIRST, 1000), u32::MAX);
            let mut calls = 0;
            let end = kernel.scan(&Prepared::new(&unit), unit.nonces(), &mut |_| {
                calls += 1;
                if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(end.is_break() && calls == 3, "{kernel:?}: {calls} calls");
        }
    }
}
