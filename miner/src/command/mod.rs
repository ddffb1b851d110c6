//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod benchmark;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod grind;
pub(crate) mod mine;
pub(crate) mod pool;
pub(crate) mod solo;
