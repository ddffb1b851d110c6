//! Every adapter of this machine: `scripts/test lavapipe` runs these where there is no GPU.

use miner_core::conformance::{self, Depth};
use miner_gpu::{Addition, GpuOptions, adapters};

/// The suite, with everything forced: nothing depends on what is fast here.
fn conform(addition: Addition, workgroup_size: u32, midstates: usize) {
    for adapter in adapters().expect("an adapter") {
        let options = GpuOptions {
            addition: Some(addition),
            workgroup_size: Some(workgroup_size),
            midstates: Some(midstates),
        };
        let mut backend = adapter.open(&options).expect("it opens and finds known blocks");
        let passed =
            conformance::run(&mut backend, Depth::Full).unwrap_or_else(|failure| panic!("{failure}"));
        println!("passed: {}, {}: {}", adapter.name(), backend.tuning(), passed.join(", "));
    }
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn the_plain_addition_conforms() {
    conform(Addition::Plain, 64, 16);
    conform(Addition::Plain, 256, 1);
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn the_addition_by_multiply_add_conforms() {
    conform(Addition::Imad, 128, 4);
}

#[test]
#[ignore = "needs an adapter: scripts/test lavapipe"]
fn what_is_found_out_about_an_adapter_opens_it_again_without_trials() {
    for adapter in adapters().expect("an adapter") {
        let tuned = adapter.open(&GpuOptions::default()).expect("it opens").tuning();
        assert_eq!(adapter.open(&tuned.into()).expect("it opens").tuning(), tuned);
        assert!(
            adapter.key().contains(adapter.driver()) && !adapter.key().contains('\n'),
            "{}",
            adapter.key()
        );
    }
}

#[test]
fn without_an_adapter_the_error_says_what_is_missing() {
    match adapters() {
        Ok(found) => assert!(!found.is_empty()),
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("no GPU was found (") && text.contains("install"), "{text}");
            println!("{text}");
        }
    }
}
