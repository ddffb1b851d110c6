//! HTTP CONNECT (RFC 9110 §9.3.6) with a Basic login (RFC 7617).

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::ProxyError;
use crate::connect::PoolUrl;
use crate::connect::authority::Place;

/// Bytes that an answer's head may have.
const HEAD: usize = 8 * 1024;
/// How every answer begins.
const START: &[u8] = b"HTTP/1.";
/// Characters of the proxy's own words that an error repeats.
const WORDS: usize = 100;

/// A stream to the pool, on a connection to the proxy.
pub(super) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    pool: &PoolUrl,
    login: Option<&(String, SecretString)>,
) -> Result<S, ProxyError> {
    let to = Place(&pool.host, pool.port).to_string();
    stream.write_all(request(&to, login).as_bytes()).await?;
    let head = head(&mut stream).await?;
    let line = String::from_utf8_lossy(head.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default());
    match status(&line) {
        Some(200..=299) => Ok(stream),
        // 407 is the code for proxies; tinyproxy refuses a wrong login with 401.
        Some(401 | 407) => Err(ProxyError::Login),
        Some(_) => Err(ProxyError::Refused(line.escape_debug().take(WORDS).collect())),
        None => Err(ProxyError::Protocol("HTTP")),
    }
}

fn request(to: &str, login: Option<&(String, SecretString)>) -> String {
    let login = login.map_or(String::new(), |(user, password)| {
        let basic = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        format!("Proxy-Authorization: Basic {basic}\r\n")
    });
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n")
}

/// Reads to the empty line and not a byte further: what follows is the pool's.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() == HEAD {
            return Err(ProxyError::Protocol("HTTP"));
        }
        head.push(stream.read_u8().await.map_err(hung_up)?);
        // Another protocol's greeting is told at once: it may be followed by silence.
        if !START.starts_with(&head) && !head.starts_with(START) {
            return Err(ProxyError::Protocol("HTTP"));
        }
    }
    Ok(head)
}

/// What is read byte by byte ends with "early eof", which says nothing to a user.
fn hung_up(error: io::Error) -> ProxyError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it hung up").into(),
        _ => error.into(),
    }
}

/// The code of `HTTP/1.1 200 Connection established`.
fn status(line: &str) -> Option<u16> {
    let code = line.split(' ').nth(1).filter(|code| code.len() == 3)?;
    code.bytes().all(|digit| digit.is_ascii_digit()).then(|| code.parse().ok())?
}
