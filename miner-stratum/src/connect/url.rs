//! Addresses of pools and proxies, as they are typed.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

/// `stratum+tcp://user:pass@host:port`; `+ssl`, `+tls` and `+tcps` mean TLS; without a scheme: plain.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
pub struct ProxyUrl {
    /// Whether it speaks SOCKS5 (else HTTP CONNECT).
    pub socks5: bool,
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The login, where the URL has one.
    pub login: Option<(String, SecretString)>,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("`{0}://` is not the scheme of a Stratum pool: use stratum+tcp:// or stratum+ssl://")]
    Scheme(String),
}

impl FromStr for PoolUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let _ = text;
        todo!()
    }
}

/// Without login.
impl fmt::Display for PoolUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}

impl FromStr for ProxyUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let _ = text;
        todo!()
    }
}
