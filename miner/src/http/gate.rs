//! Who may read: no page of another site (by `Host`, which a name made to point here gives away, and by `Origin`), and
//! where a token is set, nobody without it.

use std::net::IpAddr;
use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};

/// The rules for a request.
#[derive(Debug)]
pub(super) struct Gate {
    token: Option<SecretString>,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It says not exactly one host.
    NoHost,
    /// It is for another host.
    Host,
    /// A page of another site made it.
    Origin,
    /// It wants something else than to read.
    Method,
    /// It does not have the token.
    Token,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    /// What to do about it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::NoHost => "a request names its host once",
            Self::Host => {
                "without a token this page answers to an IP address and to localhost, to no other name"
            }
            Self::Origin => "this page answers to no other site",
            Self::Method => "there is nothing to change here: use GET",
            Self::Token => "give the token of --http-token, as a password or as a bearer token",
        }
    }
}

impl Gate {
    pub(super) fn new(token: Option<SecretString>) -> Self {
        Self { token }
    }

    /// Whether a request is answered.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Refusal> {
        let host = host(request)?;
        // A name may have been made to point here by the page that asks. With a token that gets it nowhere.
        if self.token.is_none() && !is_ours(&host) {
            return Err(Refusal::Host);
        }
        if !is_of_same_site(&request.headers, &host) {
            return Err(Refusal::Origin);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        match &self.token {
            Some(token) if !has_token(&request.headers, token.expose_secret()) => Err(Refusal::Token),
            _ => Ok(()),
        }
    }
}

/// The one host that a request is for.
fn host(request: &Parts) -> Result<Authority, Refusal> {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refusal::NoHost) };
    let host = host.to_str().ok().and_then(|host| Authority::from_str(host).ok()).ok_or(Refusal::NoHost)?;
    match request.uri.authority() {
        Some(other) if *other != host => Err(Refusal::NoHost),
        _ => Ok(host),
    }
}

/// Whether nobody else can own a host: an address, or the one name that every machine has for itself.
fn is_ours(host: &Authority) -> bool {
    let name = host.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    !host.as_str().contains('@')
        && (name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok())
}

/// Whether no page asks, or a page of this very host.
fn is_of_same_site(headers: &HeaderMap, host: &Authority) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let site = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
        site.is_some_and(|site| site.eq_ignore_ascii_case(host.as_str()))
    })
}

/// `Bearer TOKEN`, or `Basic` with the token as anybody's password.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let Some((scheme, given)) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    let given = given.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => is_same(given.as_bytes(), token.as_bytes()),
        "basic" => STANDARD.decode(given).is_ok_and(|login| {
            let password = login.splitn(2, |byte| *byte == b':').nth(1);
            password.is_some_and(|password| is_same(password, token.as_bytes()))
        }),
        _ => false,
    }
}

/// In the same time wherever they differ, so that a token cannot be guessed piece by piece.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let differences = given.iter().zip(token).fold(0, |all, (left, right)| all | (left ^ right));
    std::hint::black_box(differences) == 0 && given.len() == token.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn request(headers: &[(&str, &str)]) -> Parts {
        let request =
            headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn checked(token: Option<&str>, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        Gate::new(token.map(Into::into)).check(&request(headers))
    }

    #[test]
    fn addresses_and_localhost_are_this_machine_and_names_are_not() {
        for host in
            ["127.0.0.1", "127.0.0.1:4069", "localhost", "LocalHost:80", "[::1]:4069", "192.168.1.5:4069"]
        {
            assert_eq!(checked(None, &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:4069",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "evil@127.0.0.1",
            "localhost.",
            "127.1",
            "2130706433",
        ] {
            assert_eq!(checked(None, &[("host", host)]), Err(Refusal::Host), "{host}");
        }
    }

    #[test]
    fn exactly_one_host_is_named() {
        for hosts in
            [&[][..], &[("host", "localhost"), ("host", "evil.example")], &[("host", "a b")], &[("host", "")]]
        {
            assert_eq!(checked(None, hosts), Err(Refusal::NoHost), "{hosts:?}");
        }
        let mut elsewhere = request(&[("host", "127.0.0.1")]);
        elsewhere.uri = "http://evil.example/".parse().unwrap();
        assert_eq!(Gate::new(None).check(&elsewhere), Err(Refusal::NoHost));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let from = |origin| checked(None, &[("host", "127.0.0.1:4069"), ("origin", origin)]);
        assert_eq!(from("http://127.0.0.1:4069"), Ok(()));
        for origin in ["http://evil.example", "http://127.0.0.1:8080", "http://localhost:4069", "null", ""] {
            assert_eq!(from(origin), Err(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn nothing_can_be_changed() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "BREW"] {
            let mut request = request(&[("host", "localhost")]);
            request.method = method.parse().unwrap();
            assert_eq!(Gate::new(None).check(&request), Err(Refusal::Method), "{method}");
        }
    }

    #[test]
    fn a_token_is_asked_for_and_guards_names_too() {
        let basic = |login: &str| format!("Basic {}", STANDARD.encode(login));
        let with = |value: &str| checked(Some("s:3cret"), &[("host", "miner.lan"), ("authorization", value)]);
        for good in [
            "Bearer s:3cret".to_owned(),
            "bearer  s:3cret".to_owned(),
            basic("me:s:3cret"),
            basic(":s:3cret"),
        ] {
            assert_eq!(with(&good), Ok(()), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Bearer s:3cre", "Bearer s:3crett", "Basic s:3cret", "s:3cret"] {
            assert_eq!(with(bad), Err(Refusal::Token), "{bad}");
        }
        for bad in [basic("s:3cret"), basic("me:"), basic("s:3cret:me"), basic("")] {
            assert_eq!(with(&bad), Err(Refusal::Token), "{bad}");
        }
        assert_eq!(checked(Some("x"), &[("host", "127.0.0.1")]), Err(Refusal::Token));
    }
}
