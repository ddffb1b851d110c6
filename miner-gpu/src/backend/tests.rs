//! A device that fails, and the one that takes its place.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::*;
use crate::layout::CAPACITY;
use crate::simulated::{Faults, Log, Simulated, one_in};

fn unit() -> WorkUnit {
    WorkUnit::new(vec![[7; 8]].into(), [1, 2, 3], NonceRange::starting_at(0, 3000), one_in(6))
}

fn tuning() -> Tuning {
    "plain 64 16".parse().expect("a tuning")
}

/// A backend on simulated devices that share their faults, and the number of those opened.
fn backend(faults: &Arc<Faults>) -> (Result<GpuBackend, GpuError>, Arc<AtomicU32>) {
    let (faults, opened) = (faults.clone(), Arc::<AtomicU32>::default());
    let count = opened.clone();
    let opener = move || -> Result<Box<dyn Device>, GpuError> {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Simulated::new(CAPACITY, faults.clone())))
    };
    (GpuBackend::open("simulated".to_owned(), tuning(), Box::new(opener)), opened)
}

#[test]
fn whenever_the_device_is_lost_another_one_searches_the_unit() {
    let faults = Arc::<Faults>::default();
    let (opened, count) = backend(&faults);
    let mut backend = opened.expect("it works");
    let whole = Log::default();
    backend.scan(&unit(), &whole).expect("it works");
    let whole = whole.into_parts();
    assert!(whole.0.len() > 20 && whole.1 == 3000, "{whole:?}");
    for call in 0..2 {
        faults.fuse.store(call, Ordering::Relaxed);
        let lost = backend.scan(&unit(), &Log::default()).expect_err("it is lost");
        assert_eq!(lost, BackendError::Transient("the device was lost: unplugged".to_owned()));
        let again = Log::default();
        backend.scan(&unit(), &again).expect("another device works");
        assert_eq!(again.into_parts(), whole, "lost at call {call}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[test]
fn a_device_that_does_not_come_back_is_given_up() {
    let mut is_first = true;
    let opener = move || -> Result<Box<dyn Device>, GpuError> {
        if std::mem::take(&mut is_first) {
            return Ok(Box::new(Simulated::new(CAPACITY, Arc::default())));
        }
        Err(GpuError::Open { adapter: "simulated".to_owned(), reason: "it is gone".to_owned() })
    };
    let mut backend = GpuBackend::open("simulated".to_owned(), tuning(), Box::new(opener)).expect("it works");
    backend.device = None;
    for _ in 1..ATTEMPTS {
        let error = backend.scan(&unit(), &Log::default()).expect_err("there is none");
        assert!(!error.is_fatal(), "{error}");
    }
    let error = backend.scan(&unit(), &Log::default()).expect_err("there is none");
    let text = "the GPU simulated could not be opened: it is gone (tried 8 times)";
    assert_eq!(error, BackendError::Fatal(text.to_owned()));
}

#[test]
fn a_device_that_misses_planted_blocks_again_and_again_is_given_up() {
    let faults = Arc::<Faults>::default();
    let (opened, count) = backend(&faults);
    let mut backend = opened.expect("it works");
    for misses in 1..=3 {
        backend.probe = Probe::due();
        faults.blind.store(true, Ordering::Relaxed);
        let error = backend.scan(&unit(), &Log::default()).expect_err("it is blind");
        assert!(error.to_string().contains("missed a block"), "{error}");
        assert_eq!(error.is_fatal(), misses == 3, "{error}");
        // Blind on and off: the next device passes the self-test.
        faults.blind.store(false, Ordering::Relaxed);
        backend.scan(&unit(), &Log::default()).expect("it sees");
    }
    assert_eq!(count.load(Ordering::Relaxed), 4);
}

#[test]
fn a_device_that_finds_no_known_block_is_not_opened() {
    let faults = Arc::<Faults>::default();
    faults.blind.store(true, Ordering::Relaxed);
    let error = backend(&faults).0.expect_err("it is blind");
    assert!(error.to_string().contains("known blocks are found"), "{error}");
}
