//! Nothing: the benchmarks are the files beside `src`.
//!
//! `cargo bench -p miner-benches` runs them all in under a minute; `… --bench scan -- avx2` those of one
//! kernel. What is worth comparing later is recorded under `record/`.
#![forbid(unsafe_code)]
