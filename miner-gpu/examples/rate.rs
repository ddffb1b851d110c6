//! What each adapter reaches, for each way to add and each number of midstates, and what tuning chooses:
//!
//! ```text
//! cargo run --release --package miner-gpu --example rate
//! LP_NUM_THREADS=1 env $(scripts/lavapipe) cargo run --release --package miner-gpu --example rate
//! ```

use std::time::{Duration, Instant};

use miner_gpu::{Addition, GpuError, GpuOptions, adapters, measure};

/// Long enough for the clocks to settle.
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), GpuError> {
    for adapter in adapters()? {
        println!("{}, {}, {}", adapter.name(), adapter.api(), adapter.driver());
        let started = Instant::now();
        let tuning = adapter.open(&GpuOptions::default())?.tuning();
        println!("  tuned in {:.1} s: {tuning}", started.elapsed().as_secs_f64());
        for addition in Addition::ALL {
            for midstates in [1, 4, 8, 16] {
                let options = GpuOptions {
                    addition: Some(addition),
                    workgroup_size: Some(tuning.workgroup_size),
                    midstates: Some(midstates),
                };
                let rate = measure(&mut adapter.open(&options)?, midstates, TIME)?;
                println!("  {:5} {midstates:2} midstates: {:9.2} MH/s", addition.name(), rate / 1e6);
            }
        }
    }
    Ok(())
}
