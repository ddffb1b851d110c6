//! Mining: jobs in, shares out, until a goal, a limit or a signal ends it.

pub(crate) mod blocks;
pub(crate) mod devices;
pub(crate) mod goal;
mod height;
pub(crate) mod nodes;
pub(crate) mod pace;
pub(crate) mod pools;
mod run;
mod schedule;
pub(crate) mod signals;
mod subsidy;
pub(crate) mod upstream;
mod watch;

pub(crate) use run::{DRAIN, HASHRATE_EVERY, PAGE_EVERY, Plan, mine};
