//! Pools behind proxies, with TLS and without; proxies that refuse, babble or fall silent.

use std::net::SocketAddr;

use miner_stratum::connect::{ConnectError, ProxyError, Route, TcpError, TlsError, Trust, connect_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::certificates::{Authority, file, params};
use crate::support::proxies::{asked, canned, http, socks5};
use crate::support::{NOBODYS, PLENTY, echoes, fails, gives_up, listener, plain, reaches, route, serve, tls};

/// A name that only the proxy knows: it never reaches this machine's DNS.
const POOL: &str = "stratum+tcp://pool.invalid:3333";

fn through(proxy: &str, pool: &str) -> Route {
    Route { proxy: Some(proxy.parse().unwrap()), ..route(pool) }
}

/// What is wrong with the proxy; in no form does it show a login.
async fn fault(proxy: &str) -> ProxyError {
    let error = fails(&through(proxy, &POOL.replace("pool", "me:canary@pool"))).await;
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    let ConnectError::Proxy { proxy: shown, error } = error else { panic!("{error:?}") };
    assert!(proxy.ends_with(shown.rsplit('/').next().unwrap()), "{shown}");
    error
}

#[tokio::test]
async fn socks5_is_asked_for_names_and_addresses_as_they_are() {
    let pool = plain().await;
    let (proxy, record) = socks5(pool, None).await;
    for scheme in ["socks5", "socks5h"] {
        for host in ["pool.invalid", "192.0.2.7", "[2001:db8::7]"] {
            reaches(&through(&format!("{scheme}://{proxy}"), &format!("{host}:3333"))).await;
        }
    }
    let each = ["name pool.invalid 3333", "192.0.2.7 3333", "2001:db8::7 3333"];
    assert_eq!(asked(&record), [each, each].concat());
}

#[tokio::test]
async fn socks5_logs_in_where_it_must() {
    let (proxy, record) = socks5(plain().await, Some("me:p@ss")).await;
    reaches(&through(&format!("socks5://me:p%40ss@{proxy}"), POOL)).await;
    assert_eq!(asked(&record), ["name pool.invalid 3333"]);
    for login in ["", "me:canary@", "canary:p@ss@"] {
        let fault = fault(&format!("socks5://{login}{proxy}")).await;
        assert!(matches!(fault, ProxyError::Login), "{login}: {fault:?}");
    }
    // A login that is not wanted does no harm.
    let (open, _) = socks5(plain().await, None).await;
    reaches(&through(&format!("socks5://me:x@{open}"), POOL)).await;
    for login in ["canary@", &format!("canary:{}@", "x".repeat(256))] {
        let fault = fault(&format!("socks5://{login}{open}")).await;
        assert!(matches!(fault, ProxyError::LoginLength), "{login}: {fault:?}");
    }
}

#[tokio::test]
async fn socks5_refuses_in_its_own_words() {
    for (code, word) in [
        (1, "General SOCKS server failure"),
        (2, "not allowed"),
        (3, "Network unreachable"),
        (4, "Host unreachable"),
        (5, "Connection refused"),
        (6, "TTL expired"),
        (7, "Command not supported"),
        (8, "Address type not supported"),
        (9, "a reason of its own"),
        (255, "a reason of its own"),
    ] {
        let proxy = canned(vec![vec![5, 0], vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]], true).await;
        let fault = fault(&format!("socks5://{proxy}")).await;
        assert!(matches!(&fault, ProxyError::Refused(words) if words.contains(word)), "{code}: {fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_speak_socks5_is_told() {
    for answers in [
        vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()],
        vec![vec![4, 0]],
        vec![vec![5, 0], vec![4, 0, 0, 1, 0, 0, 0, 0, 0, 0]],
        vec![vec![5, 0], vec![5, 0, 9, 1, 0, 0, 0, 0, 0, 0]],
        vec![vec![5, 0], vec![5, 0, 0, 7, 0, 0, 0, 0, 0, 0]],
        vec![vec![5, 0], vec![5, 0, 0, 3, 2, 0xff, 0xff, 0, 0]],
    ] {
        let proxy = canned(answers.clone(), false).await;
        let fault = fault(&format!("socks5://{proxy}")).await;
        assert!(matches!(fault, ProxyError::Protocol("SOCKS5")), "{answers:?}: {fault:?}");
    }
}

#[tokio::test]
async fn http_is_asked_to_connect() {
    let (proxy, record) = http(plain().await, None).await;
    reaches(&through(&proxy.to_string(), POOL)).await;
    reaches(&through(&format!("http://{proxy}"), "[2001:db8::7]:3333")).await;
    assert_eq!(
        asked(&record),
        [
            "CONNECT pool.invalid:3333 HTTP/1.1",
            "Host: pool.invalid:3333",
            "CONNECT [2001:db8::7]:3333 HTTP/1.1",
            "Host: [2001:db8::7]:3333",
        ]
    );
}

#[tokio::test]
async fn http_logs_in_where_it_must() {
    // The example of RFC 7617 §2.
    let (proxy, record) = http(plain().await, Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).await;
    reaches(&through(&format!("http://Aladdin:open%20sesame@{proxy}"), POOL)).await;
    assert_eq!(asked(&record).len(), 3);
    for login in ["", "Aladdin:canary@", "canary@"] {
        let fault = fault(&format!("http://{login}{proxy}")).await;
        assert!(matches!(fault, ProxyError::Login), "{login}: {fault:?}");
    }
    let tinyproxy = canned(vec![b"HTTP/1.0 401 Unauthorized\r\n\r\n".to_vec()], false).await;
    assert!(matches!(fault(&format!("http://me:canary@{tinyproxy}")).await, ProxyError::Login));
}

#[tokio::test]
async fn http_refuses_in_its_own_words() {
    for (answer, words) in [
        ("HTTP/1.1 403 Port not allowed\r\n\r\n", "HTTP/1.1 403 Port not allowed"),
        ("HTTP/1.0 503\r\nServer: x\r\n\r\n", "HTTP/1.0 503"),
        ("HTTP/1.1 301 Moved\r\nLocation: http://x/\r\n\r\n", "HTTP/1.1 301 Moved"),
        ("HTTP/1.1 502 \x1b[2J\x07\0\n\n", "HTTP/1.1 502 \\u{1b}[2J\\u{7}\\0"),
    ] {
        let proxy = canned(vec![answer.into()], false).await;
        let fault = fault(&format!("http://{proxy}")).await;
        assert!(matches!(&fault, ProxyError::Refused(told) if told == words), "{answer:?}: {fault:?}");
    }
    let proxy = canned(vec![format!("HTTP/1.1 500 {}\r\n\r\n", "x".repeat(1000)).into()], false).await;
    assert!(fault(&format!("http://{proxy}")).await.to_string().len() < 200);
}

/// Whatever it is, it is told at once, or hung up on at the cap: the proxy falls silent, and waiting would fail.
#[tokio::test]
async fn what_does_not_speak_http_is_told() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(9000));
    for answer in [
        "SSH-2.0-OpenSSH_9\r\n",
        "{\"id\":null}\n",
        "HTTP/2 200\r\n\r\n",
        "\x05\x00",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 ok\r\n\r\n",
        &endless,
    ] {
        let proxy = canned(vec![answer.into()], false).await;
        let fault = fault(&format!("http://{proxy}")).await;
        assert!(matches!(fault, ProxyError::Protocol("HTTP")), "{answer:?}: {fault:?}");
    }
}

/// What the pool says in the same segment as the proxy's answer belongs to the session.
#[tokio::test]
async fn no_byte_behind_the_answer_is_lost() {
    for end in ["\r\n\r\n", "\n\n"] {
        let proxy = canned(vec![format!("HTTP/1.1 200 OK{end}hello\n").into()], true).await;
        let mut stream = connect_within(&through(&proxy.to_string(), POOL), PLENTY).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello\n");
    }
}

#[tokio::test]
async fn an_answer_may_come_byte_by_byte() {
    let (listener, proxy) = listener().await;
    serve(listener, |mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.set_nodelay(true);
        for byte in b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" {
            let _ = stream.write_all(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        crate::support::echo(stream).await;
    });
    reaches(&through(&proxy.to_string(), POOL)).await;
}

#[tokio::test]
async fn tls_goes_through_either_proxy() {
    let authority = Authority::new();
    let (_file, trust) = file(&authority.pem());
    let own = authority.signs(&params(&["pool.invalid"]));
    let pool = tls::server(&own).await;
    for proxy in
        [proxy_url("socks5", socks5(pool, None).await.0), proxy_url("http", http(pool, None).await.0)]
    {
        let secure = |trust| Route { trust, ..through(&proxy, "stratum+ssl://pool.invalid:3333") };
        let mut stream = connect_within(&secure(trust.clone()), PLENTY).await.unwrap();
        let mut greeting = vec![0; "sni: pool.invalid\n".len()];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, b"sni: pool.invalid\n");
        echoes(&mut stream).await;
        let error = fails(&secure(Trust::System)).await;
        assert!(matches!(error, ConnectError::Tls { error: TlsError::Certificate { .. }, .. }), "{error:?}");
    }
}

fn proxy_url(scheme: &str, proxy: SocketAddr) -> String {
    format!("{scheme}://{proxy}")
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_apart_from_the_pool() {
    let proxy = SocketAddr::from(([127, 0, 0, 1], NOBODYS));
    for scheme in ["socks5", "http"] {
        let fault = fault(&format!("{scheme}://me:canary@{proxy}")).await;
        assert!(matches!(fault, ProxyError::Tcp(TcpError::Unreachable { .. })), "{fault:?}");
        let unknown = self::fault(&format!("{scheme}://proxy.invalid:1")).await;
        assert!(matches!(unknown, ProxyError::Tcp(TcpError::Lookup { .. })), "{unknown:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_or_falls_silent_is_told() {
    for (scheme, start) in [("socks5", vec![5]), ("socks5", vec![]), ("http", b"HTTP/1.1 2".to_vec())] {
        let proxy = canned(vec![start.clone()], true).await;
        let fault = fault(&format!("{scheme}://{proxy}")).await;
        assert!(matches!(fault, ProxyError::Io(_)), "{scheme}: {fault:?}");

        let proxy = canned(vec![start], false).await;
        let shown = gives_up(&through(&format!("{scheme}://{proxy}"), POOL)).await;
        assert!(
            shown.contains(&format!("proxy {scheme}://{proxy}")) && shown.contains("no answer"),
            "{shown}"
        );
    }
}
