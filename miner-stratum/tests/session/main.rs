//! Server sessions, over pipes in memory: lines in, lines out, and what the pool hears of it.

mod blocks;
mod deadlines;
mod handshake;
mod pool;
mod rejects;
mod resume;
mod size;
mod soup;
mod vectors;
mod visitor;
