//! From a pool's URL to a stream: real sockets and real TLS on the loopback interface.

mod url;
