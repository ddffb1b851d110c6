//! Name look-up and TCP.

use std::time::Duration;

use miner_stratum::connect::{ConnectError, TcpError, connect};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{NOBODYS, SHORT, echo, echoes, fails, gives_up, plain, reaches, route, serve, skipped};

#[tokio::test]
async fn an_address_is_connected_to() {
    let pool = plain().await;
    reaches(&route(&format!("stratum+tcp://me:x@{pool}"))).await;
    let mut stream = connect(&route(&pool.to_string())).await.unwrap();
    echoes(&mut stream).await;
}

#[tokio::test]
async fn a_name_is_connected_to() {
    reaches(&route(&format!("localhost:{}", plain().await.port()))).await;
}

#[tokio::test]
async fn an_ipv6_address_is_connected_to() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return skipped("an_ipv6_address_is_connected_to", "no IPv6 loopback on this machine");
    };
    let pool = listener.local_addr().unwrap();
    serve(listener, echo);
    reaches(&route(&format!("stratum+tcp://{pool}"))).await;
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let error = fails(&route("me:canary@pool.invalid:3333")).await;
    assert!(matches!(error, ConnectError::Tcp(TcpError::Lookup { .. })), "{error:?}");
    let shown = error.to_string();
    assert!(shown.contains("cannot look up `pool.invalid`") && shown.contains("DNS"), "{shown}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn each_address_is_named_that_did_not_answer() {
    let error = fails(&route(&format!("localhost:{NOBODYS}"))).await;
    let ConnectError::Tcp(TcpError::Unreachable { to, tried }) = &error else { panic!("{error:?}") };
    assert_eq!(*to, format!("localhost:{NOBODYS}"));
    assert!(tried.iter().any(|(tried, _)| *tried == ([127, 0, 0, 1], NOBODYS).into()), "{tried:?}");
    assert!(error.to_string().contains("127.0.0.1: Connection refused"), "{error}");
}

/// The system answers for a listener with a full queue as a black hole does: not at all.
#[tokio::test]
async fn an_address_that_swallows_packets_is_given_up_in_time() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = timeout(SHORT, TcpStream::connect(address)).await {
        queue.push(stream);
        if queue.len() > 100 {
            return skipped(
                "an_address_that_swallows_packets_is_given_up_in_time",
                "this system's queues have no end",
            );
        }
    }
    let error = gives_up(&route(&address.to_string())).await;
    assert!(error.contains("127.0.0.1: no answer within"), "{error}");
}

/// A pool that died is tried once more, then the next one: both within 5 s.
#[test]
fn a_direct_attempt_leaves_time_for_the_next_pool() {
    assert!(route("pool:1").patience() <= Duration::from_secs(4));
}
