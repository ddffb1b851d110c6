//! The search on a simulated device: nothing is missed, nothing is searched twice, faults are noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use miner_core::bitcoin::Target;

use super::*;
use crate::layout::CAPACITY;
use crate::simulated::{Faults, Log, Simulated, one_in};

fn unit(midstates: u32, range: (u32, u32), target: Target) -> WorkUnit {
    let midstates: Vec<[u32; 8]> =
        (1..=midstates).map(|i| std::array::from_fn(|j| i * 0x9e37 + j as u32)).collect();
    let nonces = NonceRange::new(range.0, range.1).expect("not empty");
    WorkUnit::new(midstates.into(), [1, 2, 3], nonces, target)
}

/// What the reference finds, in order.
fn expected(unit: &WorkUnit) -> Vec<Candidate> {
    let top = miner_core::target::top_word(unit.target());
    let all = (unit.nonces().first()..=unit.nonces().last())
        .flat_map(|nonce| (0..unit.midstates().len()).map(move |midstate| Candidate { midstate, nonce }));
    let mut found: Vec<_> = all
        .filter(|candidate| {
            let [.., a, b, c, d] = unit.hash(*candidate);
            u32::from_le_bytes([a, b, c, d]) <= top
        })
        .collect();
    found.sort_unstable();
    found
}

/// A device's search of a unit, four midstates a dispatch: what it found, in order, and how many hashes it did.
fn search(unit: &WorkUnit, device: &mut Simulated) -> Result<(Vec<Candidate>, u64), DeviceError> {
    let log = Log::default();
    Search::new(unit, 4, device, &mut Pace::new(), &log).run()?;
    Ok(log.into_parts())
}

fn device() -> Simulated {
    Simulated::new(CAPACITY, Arc::default())
}

/// A device with one fault.
fn faulty(choose: impl Fn(&Faults) -> &AtomicBool) -> Simulated {
    let faults = Faults::default();
    choose(&faults).store(true, Ordering::Relaxed);
    Simulated::new(CAPACITY, Arc::new(faults))
}

#[test]
fn every_hit_is_reported_once_up_to_the_last_nonce() {
    for midstates in [1, 4, 16] {
        for range in [(0, 0), (5, 2000), (u32::MAX - 1500, u32::MAX), (u32::MAX, u32::MAX)] {
            let unit = unit(midstates, range, one_in(3));
            assert_eq!(
                search(&unit, &mut device()),
                Ok((expected(&unit), unit.hashes())),
                "{midstates} {range:?}"
            );
        }
    }
}

#[test]
fn two_dispatches_are_under_way() {
    let unit = unit(4, (0, 3000), one_in(0));
    let mut device = device();
    search(&unit, &mut device).expect("the device works");
    assert_eq!(device.most_under_way, SLOTS);
}

#[test]
fn more_hits_than_fit_are_found_in_halves() {
    let unit = unit(16, (100, 1100), one_in(0));
    for capacity in [4, 5, 100] {
        let mut device = Simulated::new(capacity, Arc::default());
        assert_eq!(search(&unit, &mut device), Ok((expected(&unit), unit.hashes())), "{capacity}");
    }
}

#[test]
fn hits_reported_twice_by_the_device_are_passed_on_once() {
    let unit = unit(4, (0, 500), one_in(4));
    assert_eq!(search(&unit, &mut faulty(|faults| &faults.doubled)), Ok((expected(&unit), unit.hashes())));
}

#[test]
fn after_a_break_nothing_more_is_dispatched() {
    let unit = unit(16, (0, u32::MAX), one_in(0));
    let log = Log::default();
    log.breaks.store(true, Ordering::Relaxed);
    Search::new(&unit, 16, &mut device(), &mut Pace::new(), &log).run().expect("the device works");
    let (found, hashes) = log.into_parts();
    assert_eq!((hashes, found.len()), (2 * 256, 2 * 256), "two dispatches of a quarter of the capacity");
}

#[test]
fn a_device_that_counts_too_much_is_broken() {
    let unit = unit(1, (0, 10), one_in(0));
    let expected = Err(DeviceError::Overcounted { count: u32::MAX, hashes: 11 });
    assert_eq!(search(&unit, &mut faulty(|faults| &faults.overcounts)), expected);
}

/// A search with a block planted at its beginning.
fn search_with_probe(
    unit: &WorkUnit,
    mut device: Simulated,
) -> (Result<(), DeviceError>, Vec<Candidate>, u64) {
    let log = Log::default();
    let mut probe = Probe::due();
    let mut pace = Pace::new();
    let result = Search::new(unit, 4, &mut device, &mut pace, &log).with_probe(&mut probe).run();
    let (found, hashes) = log.into_parts();
    (result, found, hashes)
}

#[test]
fn a_device_that_misses_a_planted_block_is_noticed() {
    // What is planted is nobody's share and counts for nothing.
    let unit = unit(4, (0, 100), one_in(4));
    assert_eq!(search_with_probe(&unit, device()), (Ok(()), expected(&unit), unit.hashes()));
    let blind = faulty(|faults| &faults.blind);
    assert_eq!(search_with_probe(&unit, blind), (Err(DeviceError::Missed), Vec::new(), 0));
}
