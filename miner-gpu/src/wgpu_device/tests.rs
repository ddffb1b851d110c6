//! What only a real device can show: its grid, its buffer of hits, its loss. `scripts/test lavapipe` runs
//! these where there is no GPU.

use miner_core::bitcoin::Target;
use miner_core::{Prepared, WorkUnit};

use super::*;
use crate::adapter::adapters;
use crate::layout::CAPACITY;
use crate::simulated::{Simulated, one_in};

fn opened() -> Context {
    let adapter = adapters().expect("an adapter").remove(0);
    adapter.context().expect("it opens")
}

fn tuning() -> Tuning {
    "plain 64 16".parse().expect("a tuning")
}

fn work(midstates: u32, nonces: NonceRange, target: Target) -> Work {
    let midstates: Vec<[u32; 8]> = (1..=midstates).map(|i| [i; 8]).collect();
    let prepared = Prepared::new(&WorkUnit::new(midstates.into(), [1, 2, 3], nonces, target));
    Work::new(&prepared, &prepared.midstates, nonces)
}

fn run(device: &mut dyn Device, work: &Work) -> Hits {
    device.submit(0, work).expect("the device works");
    let mut hits = device.wait(0).expect("the device works");
    hits.kept.sort_unstable();
    hits
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn a_grid_of_many_rows_covers_every_nonce_once() {
    let mut context = opened();
    context.max_workgroups = 3;
    let mut device = WgpuDevice::new(&context, tuning()).expect("it compiles");
    for count in [1, 192, 193, 10_000] {
        let work = work(4, NonceRange::starting_at(u32::MAX - 9_999, count), one_in(8));
        assert_eq!(
            run(&mut device, &work),
            run(&mut Simulated::new(CAPACITY, Arc::default()), &work),
            "{count}"
        );
    }
    assert_eq!(device.grid(NonceRange::starting_at(0, 10_000)), (3, 53));
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn hits_beyond_the_capacity_are_counted() {
    let context = opened();
    let mut device = WgpuDevice::new(&context, tuning()).expect("it compiles");
    let hits = run(&mut device, &work(16, NonceRange::starting_at(7, 1000), one_in(0)));
    assert_eq!((hits.count, hits.kept.len(), hits.overflowed()), (16_000, CAPACITY, true));
    // The counter begins anew.
    let hits = run(&mut device, &work(1, NonceRange::starting_at(7, 3), one_in(0)));
    assert_eq!((hits.count, hits.kept.len(), hits.overflowed()), (3, 3, false));
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn a_device_that_is_lost_says_so_at_every_call() {
    let work = work(1, NonceRange::starting_at(0, 100_000), one_in(32));
    let is_lost = |result: Result<(), DeviceError>| matches!(result, Err(DeviceError::Lost(_)));
    let context = opened();
    let mut device = WgpuDevice::new(&context, tuning()).expect("it compiles");
    device.submit(0, &work).expect("it works");
    context.device.destroy();
    // The dispatch may have ended before.
    let _ = device.wait(0);
    let submitted = device.submit(1, &work);
    assert!(is_lost(submitted.and_then(|()| device.wait(1).map(drop))));
    assert!(is_lost(WgpuDevice::new(&context, tuning()).map(drop)));
    let mut another = WgpuDevice::new(&opened(), tuning()).expect("it compiles");
    assert_eq!(run(&mut another, &work).count, 0);
}
