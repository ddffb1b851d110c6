//! The client against pools that listen on real sockets.

mod pool;
mod share;
mod straight;
