//! A client among faults: what is on the wire is bad, what is in the ledger is right.
#![forbid(unsafe_code)]

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod failover;
mod flips;
mod floods;
mod handshake;
mod lines;
mod network;
mod redirects;
mod shares;
mod terms;
mod tls;
