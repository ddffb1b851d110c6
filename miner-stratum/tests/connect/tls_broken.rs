//! Handshakes that come to nothing. None falls back to plain text.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use miner_stratum::connect::{ConnectError, Route, TlsError, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::certificates::{params, self_signed};
use crate::support::{fails, gives_up, listener, serve, tls, trusting};

/// How each record of a handshake begins (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// What each connection to a server said first.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// A server that hears once, says `answer` and then hangs up or falls silent.
async fn server(answer: &'static [u8], hangs_up: bool) -> (SocketAddr, Heard) {
    let (listener, address) = listener().await;
    let heard = Heard::default();
    let records = heard.clone();
    serve(listener, move |mut stream| {
        let records = records.clone();
        async move {
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            bytes.truncate(read);
            records.lock().unwrap().push(bytes);
            let _ = stream.write_all(answer).await;
            if !hangs_up {
                let _ = stream.read(&mut [0]).await;
            }
        }
    });
    (address, heard)
}

fn insecure(server: SocketAddr) -> Route {
    trusting(&format!("stratum+ssl://{server}"), Trust::Insecure)
}

/// One connection was made, and it spoke TLS and nothing else.
fn no_fallback(heard: &Heard) {
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1);
    assert!(heard.iter().all(|bytes| bytes.first() == Some(&HANDSHAKE)), "{heard:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_and_nothing_is_said_in_plain_text() {
    for answer in [
        &b"{\"id\":null,\"result\":null,\"error\":[20,\"not JSON\",null]}\n"[..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
    ] {
        let (address, heard) = server(answer, false).await;
        let error = fails(&insecure(address)).await;
        assert!(matches!(error, ConnectError::Tls { error: TlsError::NotTls, .. }), "{error:?}");
        assert!(error.to_string().contains("does not speak TLS"), "{error}");
        no_fallback(&heard);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told() {
    for answer in [&b""[..], &[HANDSHAKE], &[HANDSHAKE, 3, 3, 0, 90, 2]] {
        let (address, heard) = server(answer, true).await;
        let error = fails(&insecure(address)).await;
        assert!(matches!(error, ConnectError::Tls { error: TlsError::Handshake(_), .. }), "{error:?}");
        no_fallback(&heard);
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_told() {
    // A fatal alert: protocol_version (RFC 8446 §6.2).
    let (address, heard) = server(&[21, 3, 3, 0, 2, 2, 70], false).await;
    let error = fails(&insecure(address)).await.to_string();
    assert!(error.contains("broke off") && error.contains("ProtocolVersion"), "{error}");
    no_fallback(&heard);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_time() {
    for answer in [&b""[..], &[HANDSHAKE, 3, 3]] {
        let (address, heard) = server(answer, false).await;
        let error = gives_up(&insecure(address)).await;
        assert!(error.contains("no answer within"), "{error}");
        no_fallback(&heard);
    }
}

/// The server's first flight is longer than the last of these: its certificate alone has more than 300 bytes.
#[tokio::test]
async fn a_handshake_that_is_cut_anywhere_gives_an_error() {
    let own = self_signed(&params(&["localhost"]));
    assert!(own.certificate.len() > 300);
    let server = tls::server(&own).await;
    for length in [0, 1, 4, 5, 6, 50, 127, 128, 140, 200, 300] {
        let (listener, cutter) = listener().await;
        serve(listener, move |stream| cut(stream, server, length));
        let error = fails(&insecure(cutter)).await;
        assert!(matches!(error, ConnectError::Tls { .. }), "cut after {length} bytes: {error:?}");
    }
}

/// Carries only so many bytes from server to client, then hangs up on both.
async fn cut(client: TcpStream, server: SocketAddr, length: u64) {
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
    let upwards = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let _ = tokio::io::copy(&mut from_server.take(length), &mut to_client).await;
    upwards.abort();
}
