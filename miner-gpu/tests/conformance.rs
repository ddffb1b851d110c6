//! The conformance suite on every adapter of this machine, with every way to add: on lavapipe where
//! `scripts/lavapipe` sets the environment.

use miner_core::conformance::{self, Depth};
use miner_gpu::{Adapter, Addition, GpuOptions, adapters};

/// Every adapter; none, which CI does not allow, is said aloud.
fn adapters_or_skip(test: &str) -> Vec<Adapter> {
    adapters().unwrap_or_else(|error| {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
        println!("skipped: {test}: {error}");
        Vec::new()
    })
}

/// The suite, with everything forced: nothing depends on what is fast here.
fn conform(addition: Addition, workgroup_size: u32, midstates: usize) {
    for adapter in adapters_or_skip("conformance") {
        let options = GpuOptions {
            addition: Some(addition),
            workgroup_size: Some(workgroup_size),
            midstates: Some(midstates),
            cache: None,
        };
        let mut backend = adapter.open(&options).expect("it opens and finds known blocks");
        let passed =
            conformance::run(&mut backend, Depth::Full).unwrap_or_else(|failure| panic!("{failure}"));
        println!("passed: {}, {}: {}", adapter.name(), backend.tuning(), passed.join(", "));
    }
}

#[test]
fn the_plain_addition_conforms() {
    conform(Addition::Plain, 64, 16);
}

#[test]
fn the_addition_by_multiply_add_conforms() {
    conform(Addition::Imad, 128, 4);
}
