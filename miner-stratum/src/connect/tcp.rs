//! Name look-up and TCP: the first address that answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;

use super::authority::Place;
use super::error::before;

/// An address is given up after its share of the time that is left, but not before this: room for a round trip
/// over a satellite.
const LEAST: Duration = Duration::from_secs(1);

/// Why there is no TCP connection.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// The name gave no address.
    #[error("cannot look up `{host}`: {error}: is the name right, and does this machine have DNS?")]
    Lookup {
        /// The name.
        host: String,
        /// Why not.
        error: io::Error,
    },
    /// None of the addresses took the connection.
    #[error("cannot connect to {to}: {}", listed(tried))]
    Unreachable {
        /// Host and port.
        to: String,
        /// Each address, and why it failed.
        tried: Vec<(SocketAddr, io::Error)>,
    },
}

fn listed(tried: &[(SocketAddr, io::Error)]) -> String {
    let each: Vec<_> = tried.iter().map(|(address, error)| format!("{}: {error}", address.ip())).collect();
    each.join("; ")
}

/// Looks the host up, anew each time as pools move, and tries every address in turn.
pub(super) async fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, TcpError> {
    let addresses = look_up(host, port, deadline)
        .await
        .map_err(|error| TcpError::Lookup { host: host.to_owned(), error })?;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut tried = Vec::new();
    for address in addresses {
        let now = Instant::now();
        let share = (deadline.saturating_duration_since(now) / left).max(LEAST);
        match before(deadline.min(now + share), open(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => tried.push((address, error)),
        }
        left = left.saturating_sub(1).max(1);
    }
    Err(TcpError::Unreachable { to: Place(host, port).to_string(), tried })
}

async fn look_up(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = before(deadline, lookup_host((host, port))).await?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(interleaved(found))
}

/// IPv6 and IPv4 by turns, each in the resolver's order: where one of the two leads nowhere, the other is the second
/// to be tried.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(pair.into_iter().flatten());
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // With the systems' usual eight to ten probes, a peer that vanished is noticed within 80 s.
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(5));
    SockRef::from(&stream).set_tcp_keepalive(&probes)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_either_kind_are_tried_by_turns() {
        let sockets = |text: &str| -> Vec<SocketAddr> {
            text.split_whitespace().map(|address| address.parse().unwrap()).collect()
        };
        let mixed = sockets("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 2.2.2.2:1");
        assert_eq!(interleaved(mixed), sockets("[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1"));
        let of_one_kind = sockets("2.2.2.2:1 1.1.1.1:1");
        assert_eq!(interleaved(of_one_kind.clone()), of_one_kind);
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[tokio::test]
    async fn a_stream_sends_at_once_and_notices_a_peer_that_vanished() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = open(listener.local_addr().unwrap()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
    }
}
