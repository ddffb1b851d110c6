//! Each kernel against the reference hash, nonce by nonce, on one thread and without a pool.

use std::ops::ControlFlow;

use miner_core::bitcoin::Target;
use miner_core::sha256::midstate;
use miner_core::{Candidate, NonceRange, Prepared, WorkUnit};
use miner_cpu::{Kernel, available};

/// An odd number of nonces from an odd one on, across a change in all four bytes.
const NONCES: (u32, u32) = (0x12ff_7ff1, 0x1300_7ff3);

fn unit(midstates: usize, target_top: u32) -> WorkUnit {
    let mut target = [0xff; 32];
    target[..4].copy_from_slice(&target_top.to_be_bytes());
    let midstates = (0..midstates).map(|index| midstate(&[index as u8; 64])).collect();
    let nonces = NonceRange::new(NONCES.0, NONCES.1).unwrap();
    WorkUnit::new(midstates, [0x4a5e_1e4b, 0x29ab_5f49, 0xffff_001d], nonces, Target::from_be_bytes(target))
}

/// All candidates of the unit and the top words of their hashes.
fn reference(unit: &WorkUnit) -> Vec<(Candidate, u32)> {
    (NONCES.0..=NONCES.1)
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
    reported.sort_by_key(|candidate| (candidate.nonce, candidate.midstate));
    reported
}

#[test]
fn what_is_reported_is_what_the_reference_finds() {
    for midstates in [1, 2, 8] {
        let hashes = reference(&unit(midstates, 0));
        for target_top in [0x0000_0000, 0x0000_01ff, 0x0123_4567, 0x7fff_ffff] {
            let hits = hashes.iter().filter(|(_, top)| *top <= target_top);
            let hits: Vec<Candidate> = hits.map(|(candidate, _)| *candidate).collect();
            for kernel in available() {
                let reported = reported(kernel, &unit(midstates, target_top));
                assert!(reported == hits, "{kernel:?}, {midstates} midstates, target {target_top:08x}");
            }
        }
    }
}

#[test]
fn a_break_is_the_last_that_is_heard() {
    for kernel in available() {
        for midstates in [1, 4] {
            let unit = unit(midstates, u32::MAX);
            let mut calls = 0;
            let end = kernel.scan(&Prepared::new(&unit), unit.nonces(), &mut |_| {
                calls += 1;
                if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(end.is_break() && calls == 3, "{kernel:?}: {calls} calls");
        }
    }
}
