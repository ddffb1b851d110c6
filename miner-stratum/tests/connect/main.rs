//! From a pool's URL to a stream: real sockets and real TLS on the loopback interface.

mod proxy;
mod support;
mod tcp;
mod tls;
mod tls_broken;
mod url;
