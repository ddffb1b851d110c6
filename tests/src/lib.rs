//! End-to-end tests of the miner against a real Bitcoin node
#![forbid(unsafe_code)]
