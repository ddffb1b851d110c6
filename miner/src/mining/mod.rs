//! Mining to nodes: jobs in, blocks out, until a goal, a limit or a signal ends it.

mod blocks;
pub(crate) mod devices;
pub(crate) mod pace;
mod run;
mod schedule;
mod signals;

pub(crate) use run::{Plan, mine};
