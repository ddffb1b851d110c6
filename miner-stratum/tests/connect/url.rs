//! URLs as people type them, and what they are told when they mistype them.

use miner_stratum::connect::{PoolUrl, ProxyUrl, UrlError};
use proptest::prelude::*;
use secrecy::ExposeSecret;

/// What stands in a URL and must never come out again.
const CANARY: &str = "canary";

fn pool(url: &str) -> PoolUrl {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn pool_error(url: &str) -> UrlError {
    url.parse::<PoolUrl>().expect_err(url)
}

fn proxy(url: &str) -> ProxyUrl {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn login(url: &str) -> (Option<String>, Option<String>) {
    let url = pool(url);
    (url.user, url.password.map(|password| password.expose_secret().to_owned()))
}

#[test]
fn the_scheme_says_whether_tls_is_spoken() {
    for (url, shown) in [
        ("stratum+tcp://pool.example:3333", "stratum+tcp://pool.example:3333"),
        ("stratum+ssl://pool.example:3333", "stratum+ssl://pool.example:3333"),
        ("stratum+tls://pool.example:3333", "stratum+ssl://pool.example:3333"),
        ("stratum+tcps://pool.example:3333", "stratum+ssl://pool.example:3333"),
        ("Stratum+SSL://pool.example:3333", "stratum+ssl://pool.example:3333"),
        ("pool.example:3333", "stratum+tcp://pool.example:3333"),
        (" pool.example:3333 ", "stratum+tcp://pool.example:3333"),
    ] {
        let url = pool(url);
        assert_eq!(url.to_string(), shown);
        assert_eq!(url.tls, shown.starts_with("stratum+ssl"));
        assert_eq!((url.host.as_str(), url.port), ("pool.example", 3333));
    }
}

#[test]
fn an_ipv6_address_stands_in_brackets_and_is_kept_without() {
    for (url, host, shown) in [
        ("[::1]:3333", "::1", "stratum+tcp://[::1]:3333"),
        ("stratum+ssl://a:b@[2001:DB8::7]:65535", "2001:db8::7", "stratum+ssl://[2001:db8::7]:65535"),
        ("192.0.2.1:1", "192.0.2.1", "stratum+tcp://192.0.2.1:1"),
    ] {
        assert_eq!((pool(url).host.as_str(), pool(url).to_string()), (host, shown.to_owned()));
    }
}

#[test]
fn what_follows_the_port_is_ignored() {
    for tail in ["/", "/#xnsub", "#xnsub", "?a=b", "/path:1/more"] {
        assert_eq!(pool(&format!("pool.example:3333{tail}")).to_string(), "stratum+tcp://pool.example:3333");
    }
}

#[test]
fn a_login_is_taken_out_of_the_url() {
    let some = |text: &str| Some(text.to_owned());
    for (url, user, password) in [
        ("host:1", None, None),
        ("@host:1", None, None),
        ("me@host:1", some("me"), None),
        ("me:@host:1", some("me"), some("")),
        (":word@host:1", None, some("word")),
        ("bc1q.worker:x@host:1", some("bc1q.worker"), some("x")),
        ("stratum+tcp://m%40e:p%3Aa%2Fss@host:1", some("m@e"), some("p:a/ss")),
        ("me:p@ss:w://ord@host:1", some("me"), some("p@ss:w://ord")),
        ("me:100%@host:1", some("me"), some("100%")),
        ("me:d=512,%C3%BC@host:1", some("me"), some("d=512,ü")),
    ] {
        assert_eq!(login(url), (user, password), "{url}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_type() {
    let missing = |host: &str| UrlError::MissingPort { host: host.to_owned(), example: 3333 };
    for (url, error) in [
        ("http://node:8332", UrlError::Node),
        ("HTTPS://node", UrlError::Node),
        ("stratum2+tcp://host:1", UrlError::Scheme("stratum2+tcp".to_owned())),
        ("ftp://host:1", UrlError::Scheme("ftp".to_owned())),
        ("pool.example", missing("pool.example")),
        ("pool.example:", missing("pool.example")),
        ("stratum+tcp://[::1]", missing("[::1]")),
        ("stratum+tcp://[::1]:/x", missing("[::1]")),
        ("", UrlError::NoHost),
        ("stratum+tcp://", UrlError::NoHost),
        ("stratum+tcp://:3333", UrlError::NoHost),
        ("stratum+tcp://me:x@", UrlError::NoHost),
        ("stratum+tcp://me:x@:3333", UrlError::NoHost),
        ("://host:1", UrlError::NoHost),
        ("::1:3333", UrlError::Brackets),
        ("host:33:33", UrlError::Brackets),
        ("[::1:3333", UrlError::Brackets),
        ("[::1]3333", UrlError::Host),
        ("[]:3333", UrlError::Host),
        ("[::g]:3333", UrlError::Host),
        ("[127.0.0.1]:3333", UrlError::Host),
        ("[fe80::1%eth0]:3333", UrlError::Host),
        ("a b:1", UrlError::Host),
        ("münze.example:1", UrlError::Host),
        ("host:0", UrlError::Port),
        ("host:65536", UrlError::Port),
        ("host:+1", UrlError::Port),
        ("host:-1", UrlError::Port),
        ("host:1x", UrlError::Port),
        ("me:x\n@host:1", UrlError::Control),
        ("ho\0st:1", UrlError::Control),
        ("m%0Ae@host:1", UrlError::Login),
        ("me:%1b[2J@host:1", UrlError::Login),
        ("me:%FF@host:1", UrlError::Login),
    ] {
        assert_eq!(pool_error(url), error, "{url}");
    }
    assert_eq!(pool_error(&format!("{}:1", "a".repeat(254))), UrlError::Host);
    assert_eq!(
        pool_error("me:x@[::1]").to_string(),
        "no port: write [::1]:PORT, as in [::1]:3333",
        "the error is a line to type"
    );
}

#[test]
fn a_proxy_is_http_unless_its_scheme_says_socks5() {
    for (url, shown) in [
        ("host:8080", "http://host:8080"),
        ("http://host:8080", "http://host:8080"),
        ("socks5://host:1080", "socks5://host:1080"),
        ("SOCKS5H://me:x@[::1]:1080", "socks5://[::1]:1080"),
    ] {
        assert_eq!(proxy(url).to_string(), shown);
        assert_eq!(proxy(url).socks5, shown.starts_with("socks5"));
    }
    let login = |url: &str| proxy(url).login.map(|(user, word)| (user, word.expose_secret().to_owned()));
    assert_eq!(login("host:1"), None);
    assert_eq!(login("m%40e@host:1"), Some(("m@e".to_owned(), String::new())));
    assert_eq!(login("socks5://me:p@ss@host:1"), Some(("me".to_owned(), "p@ss".to_owned())));

    let error = |url: &str| url.parse::<ProxyUrl>().expect_err(url);
    for scheme in ["socks4", "socks4a", "https", "stratum+tcp"] {
        assert_eq!(error(&format!("{scheme}://host:1")), UrlError::ProxyScheme(scheme.to_owned()));
    }
    assert!(error("socks5://host").to_string().contains("host:1080"));
    assert!(error("host").to_string().contains("host:8080"));
}

/// Every way to mistype a URL that holds a login.
#[test]
fn a_login_is_never_shown() {
    for login in
        ["me:canary", "canary:x", "canary", ":canary", "me:%63canary", "me:a@canary", "me:canary://x"]
    {
        for scheme in ["", "stratum+tcp://", "stratum+ssl://", "http://", "socks5://", "ftp://"] {
            for place in
                ["@host:1", "@host", "@", "@host:x", "@[::1", "@a b:1", "@::1:1", "@\0:1", "@host:1/@x"]
            {
                let url = format!("{scheme}{login}{place}");
                let shown = match url.parse::<PoolUrl>() {
                    Ok(url) => format!("{url} {url:?}"),
                    Err(error) => format!("{error} {error:?}"),
                };
                let by_proxy = match url.parse::<ProxyUrl>() {
                    Ok(url) => format!("{url} {url:?}"),
                    Err(error) => format!("{error} {error:?}"),
                };
                assert!(!shown.contains(CANARY) && !by_proxy.contains(CANARY), "{url}: {shown} {by_proxy}");
            }
        }
    }
    // Without a host, the password stands where the port should be.
    for url in ["me:canary", "stratum+tcp://me:canary", "me:canary/x@y", "[me:canary", "[me]canary"] {
        let error = pool_error(url);
        assert!(!format!("{error} {error:?}").contains(CANARY), "{url}: {error:?}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_a_url_or_an_error(text in "\\PC{0,80}|[a-z0-9:/@\\[\\]%.#?+-]{0,60}") {
        let _ = text.parse::<ProxyUrl>();
        if let Ok(url) = text.parse::<PoolUrl>() {
            let again: PoolUrl = url.to_string().parse().unwrap();
            prop_assert_eq!((again.tls, &again.host, again.port), (url.tls, &url.host, url.port));
        }
    }

    #[test]
    fn any_login_comes_through_encoded(user in "\\PC{1,20}", password in "\\PC{0,20}") {
        let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let url = format!("{}:{}@host:1", encoded(&user), encoded(&password));
        prop_assert_eq!(login(&url), (Some(user), Some(password)));
    }
}
