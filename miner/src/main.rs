//! The command line of the mining engine.
#![forbid(unsafe_code)]

fn main() {}
