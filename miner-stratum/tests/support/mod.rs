//! What a client is tested against, and judged by, from outside: a scripted pool with its own log, a faulty wire, a tiny
//! miner that audits. Nothing here uses the messages or the codec of the crate: two sides that share a bug agree.

pub(crate) mod job;
pub(crate) mod pool;
pub(crate) mod proxy;
pub(crate) mod rig;
pub(crate) mod seed;
pub(crate) mod tls;
