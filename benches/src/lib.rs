//! Criterion benchmarks over the kernel table, with recorded results
#![forbid(unsafe_code)]
