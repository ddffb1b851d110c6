//! Addresses of pools and proxies, as they are typed. Neither their text nor an error ever shows a login.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use super::authority::{Authority, Place, split_scheme};

/// `stratum+tcp://user:pass@host:port`; `+ssl`, `+tls` and `+tcps` mean TLS; without a scheme: plain.
#[derive(Clone)]
pub struct PoolUrl {
    /// Whether TLS is asked for.
    pub tls: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The login, where the URL has one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
}

/// `socks5://`, `socks5h://` or `http://`, with a login or without. Without a scheme: `http`.
///
/// Names are always looked up by the proxy: `socks5` and `socks5h` mean the same.
#[derive(Clone)]
pub struct ProxyUrl {
    /// Whether it speaks SOCKS5 (else HTTP CONNECT).
    pub socks5: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The login, where the URL has one.
    pub login: Option<(String, SecretString)>,
}

/// What is wrong with a URL. No part of it is repeated that could be a login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme of a node.
    #[error("http:// and https:// are a node's, not a Stratum pool's: use stratum+tcp:// or stratum+ssl://")]
    Node,
    /// Another scheme.
    #[error("`{0}://` is not the scheme of a Stratum pool: use stratum+tcp:// or stratum+ssl://")]
    Scheme(String),
    /// Another scheme, for a proxy.
    #[error("`{0}://` is not the scheme of a proxy that is known here: use socks5:// or http://")]
    ProxyScheme(String),
    /// Nothing where the host should be.
    #[error("no host: write host:port")]
    NoHost,
    /// A host that can be none.
    #[error(
        "its host is malformed: a name holds letters, digits, `-`, `.` and `_` (others in their xn-- form), \
         an IPv6 address stands in brackets"
    )]
    Host,
    /// More than one colon behind the login, outside brackets.
    #[error("too many colons: an IPv6 address stands in brackets, as in [::1]:3333")]
    Brackets,
    /// No port, and there is none that all use.
    #[error("no port: write {host}:PORT, as in {host}:{example}")]
    MissingPort {
        /// The host, with brackets if it needs them.
        host: String,
        /// A port that is often used.
        example: u16,
    },
    /// A port that can be none.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// A login that decodes to control characters or to no UTF-8.
    #[error("its login holds control characters or is no UTF-8 once its %-signs are decoded (%25 is a `%`)")]
    Login,
    /// A control character, a line end for example.
    #[error("a control character in the URL")]
    Control,
}

impl PoolUrl {
    fn scheme(&self) -> &'static str {
        if self.tls { "stratum+ssl" } else { "stratum+tcp" }
    }
}

impl FromStr for PoolUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = split_scheme(text)?;
        let tls = match scheme.as_deref() {
            None | Some("stratum+tcp") => false,
            Some("stratum+ssl" | "stratum+tls" | "stratum+tcps") => true,
            Some("http" | "https") => return Err(UrlError::Node),
            Some(other) => return Err(UrlError::Scheme(other.to_owned())),
        };
        let Authority { host, port, user, password } = Authority::parse(rest, 3333)?;
        Ok(Self { tls, host, port, user, password })
    }
}

/// Without login.
impl fmt::Display for PoolUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), Place(&self.host, self.port))
    }
}

/// As it is shown: without login.
impl fmt::Debug for PoolUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolUrl({self})")
    }
}

impl ProxyUrl {
    fn scheme(&self) -> &'static str {
        if self.socks5 { "socks5" } else { "http" }
    }
}

impl FromStr for ProxyUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = split_scheme(text)?;
        let socks5 = match scheme.as_deref() {
            None | Some("http") => false,
            Some("socks5" | "socks5h") => true,
            Some(other) => return Err(UrlError::ProxyScheme(other.to_owned())),
        };
        let Authority { host, port, user, password } =
            Authority::parse(rest, if socks5 { 1080 } else { 8080 })?;
        Ok(Self { socks5, host, port, login: user.map(|user| (user, password.unwrap_or_default())) })
    }
}

/// Without login.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), Place(&self.host, self.port))
    }
}

/// As it is shown: without login.
impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}
