//! What the tests of this folder stand on: routes, and a server that says back what it hears.

pub(crate) mod certificates;
pub(crate) mod proxies;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use miner_stratum::connect::{ConnectError, Route, Transport, Trust, connect_within};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Time for what must succeed: a slow machine may use it up, a right one never does.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);
/// Time for what must run out.
pub(crate) const SHORT: Duration = Duration::from_millis(400);
/// A port of the loopback interface that nobody listens on, and no other test is given: that of tcpmux.
pub(crate) const NOBODYS: u16 = 1;

/// Says, for the log of a test run, that something was not tested.
pub(crate) fn skipped(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
}

pub(crate) fn route(url: &str) -> Route {
    Route { url: url.parse().unwrap(), proxy: None, trust: Trust::System }
}

pub(crate) fn trusting(url: &str, trust: Trust) -> Route {
    Route { trust, ..route(url) }
}

/// Connects and sees that bytes go both ways.
pub(crate) async fn reaches(route: &Route) {
    let mut stream = connect_within(route, PLENTY).await.unwrap_or_else(|error| panic!("{route:?}: {error}"));
    echoes(&mut stream).await;
}

pub(crate) async fn fails(route: &Route) -> ConnectError {
    match connect_within(route, PLENTY).await {
        Ok(_) => panic!("{route:?} gave a stream"),
        Err(error) => error,
    }
}

/// Connects to what falls silent: it must be given up when [`SHORT`] is over, not before and not never.
pub(crate) async fn gives_up(route: &Route) -> String {
    let started = Instant::now();
    let attempt = timeout(PLENTY, connect_within(route, SHORT)).await;
    let Err(error) = attempt.expect("it ends") else { panic!("{route:?} gave a stream") };
    assert!(started.elapsed() >= SHORT, "{error}");
    error.to_string()
}

pub(crate) async fn echoes(stream: &mut Box<dyn Transport>) {
    stream.write_all(b"hello\n").await.unwrap();
    let mut heard = [0; 6];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello\n");
}

/// A listener on a free port of an IPv4 loopback address.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Handles each connection in a task of its own, until the handle's owner aborts it or the runtime ends.
pub(crate) fn serve<F>(
    listener: TcpListener,
    handle: impl Fn(TcpStream) -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    })
}

/// A server without TLS that echoes.
pub(crate) async fn plain() -> SocketAddr {
    let (listener, address) = listener().await;
    serve(listener, echo);
    address
}

pub(crate) async fn echo<S: AsyncRead + AsyncWrite>(stream: S) {
    let (mut read, mut write) = split(stream);
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

/// Carries bytes between two streams until either ends.
pub(crate) async fn join(mut one: TcpStream, mut other: TcpStream) {
    let _ = copy_bidirectional(&mut one, &mut other).await;
}
