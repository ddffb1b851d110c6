//! The client against pools that listen on real sockets.

mod straight;
mod support;
