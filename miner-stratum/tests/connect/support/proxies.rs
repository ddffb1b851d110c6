//! A SOCKS5 and an HTTP CONNECT proxy, which connect to one pool whatever they are asked for, and write down what that
//! was. Written by the RFCs, not by the client.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{join, listener, serve};

/// What a proxy was asked for.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

pub(crate) fn asked(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().clone()
}

/// A proxy that talks like this and writes down what it is asked for.
async fn recorded<F>(talk: impl Fn(TcpStream, Asked) -> F + Send + 'static) -> (SocketAddr, Asked)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let (listener, address) = listener().await;
    let asked = Asked::default();
    let record = asked.clone();
    serve(listener, move |stream| {
        let conversation = talk(stream, record.clone());
        async move {
            let _ = conversation.await;
        }
    });
    (address, asked)
}

/// A SOCKS5 proxy (RFC 1928), which may want a login (RFC 1929).
pub(crate) async fn socks5(pool: SocketAddr, login: Option<&'static str>) -> (SocketAddr, Asked) {
    recorded(move |stream, asked| serve_socks5(stream, pool, login, asked)).await
}

async fn serve_socks5(
    mut stream: TcpStream,
    pool: SocketAddr,
    login: Option<&'static str>,
    asked: Asked,
) -> std::io::Result<()> {
    assert_eq!(stream.read_u8().await?, 5, "version");
    let methods = text(&mut stream).await?.into_bytes();
    let wanted = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        return stream.write_all(&[5, 0xff]).await;
    }
    stream.write_all(&[5, wanted]).await?;
    if let Some(login) = login {
        assert_eq!(stream.read_u8().await?, 1, "version of the login");
        let given = format!("{}:{}", text(&mut stream).await?, text(&mut stream).await?);
        if given != login {
            return stream.write_all(&[1, 1]).await;
        }
        stream.write_all(&[1, 0]).await?;
    }
    let mut request = [0; 3];
    stream.read_exact(&mut request).await?;
    assert_eq!(request, [5, 1, 0], "CONNECT");
    let host = match stream.read_u8().await? {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => format!("name {}", text(&mut stream).await?),
        4 => std::net::Ipv6Addr::from(stream.read_u128().await?).to_string(),
        other => panic!("address type {other}"),
    };
    let port = stream.read_u16().await?;
    asked.lock().unwrap().push(format!("{host} {port}"));
    let pool = TcpStream::connect(pool).await?;
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]).await?;
    join(stream, pool).await;
    Ok(())
}

/// A text behind its length.
async fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).unwrap())
}

/// An HTTP proxy that knows CONNECT alone, and may want a login in Base64; it writes down each request's lines.
pub(crate) async fn http(pool: SocketAddr, login: Option<&'static str>) -> (SocketAddr, Asked) {
    recorded(move |stream, asked| serve_http(stream, pool, login, asked)).await
}

async fn serve_http(
    stream: TcpStream,
    pool: SocketAddr,
    login: Option<&'static str>,
    asked: Asked,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.strip_suffix("\r\n").expect("RFC 9112 §2.1") {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    assert!(stream.buffer().is_empty(), "nothing is said before the answer");
    let granted = login.is_none_or(|login| lines.contains(&format!("Proxy-Authorization: Basic {login}")));
    asked.lock().unwrap().extend(lines);
    let mut stream = stream.into_inner();
    if !granted {
        return stream.write_all(b"HTTP/1.1 407 Login, please\r\nProxy-Authenticate: Basic\r\n\r\n").await;
    }
    let pool = TcpStream::connect(pool).await?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n").await?;
    join(stream, pool).await;
    Ok(())
}

/// Listens to the first words, gives a canned answer, and falls silent or hangs up.
pub(crate) async fn canned(answers: Vec<Vec<u8>>, hangs_up: bool) -> SocketAddr {
    let (listener, address) = listener().await;
    serve(listener, move |mut stream| {
        let answers = answers.clone();
        async move {
            for answer in answers {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(&answer).await;
            }
            if !hangs_up {
                let _ = stream.read(&mut [0; 1024]).await;
            }
        }
    });
    address
}
