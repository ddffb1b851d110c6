//! `user:password@host:port`: what URLs of pools and proxies have in common. Which schemes there are is not known here.

use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::UrlError;

/// The longest name that DNS knows.
const LONGEST_NAME: usize = 253;

/// Where, and with which login.
pub(super) struct Authority {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
}

/// `host:port` as it is written, with brackets around IPv6.
pub(super) struct Place<'a>(pub(super) &'a str, pub(super) u16);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Parts a URL into its scheme, in lower case, and what follows.
///
/// A password may hold `://` too: what is no scheme by RFC 3986 is not taken for one.
pub(super) fn split_scheme(url: &str) -> Result<(Option<String>, &str), UrlError> {
    if url.chars().any(char::is_control) {
        return Err(UrlError::Control);
    }
    let url = url.trim();
    Ok(match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme.to_ascii_lowercase()), rest),
        _ => (None, url),
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

impl Authority {
    /// Reads what follows the scheme; a path, query or fragment behind it is ignored, as other miners do.
    /// `example` is the port that the error for a missing one shows.
    pub(super) fn parse(text: &str, example: u16) -> Result<Self, UrlError> {
        // A password may hold an `@`, a host cannot: the last one counts.
        let (login, place) =
            text.rsplit_once('@').map_or((None, text), |(login, place)| (Some(login), place));
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = split_place(place)?;
        let host = checked_host(host)?;
        let port = match port {
            None | Some("") => return Err(UrlError::MissingPort { host: bracketed(&host), example }),
            Some(digits) => checked_port(digits)?,
        };
        let (user, password) = login.map_or(Ok((None, None)), split_login)?;
        Ok(Self { host, port, user, password })
    }
}

fn split_place(place: &str) -> Result<(&str, Option<&str>), UrlError> {
    let (host, rest) = match place.find(']') {
        Some(end) if place.starts_with('[') => place.split_at(end + 1),
        _ => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => Err(UrlError::Brackets),
        None if !rest.is_empty() => Err(UrlError::Host),
        port => Ok((host, port)),
    }
}

fn checked_host(host: &str) -> Result<String, UrlError> {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return address.map(|address| address.to_string()).ok_or(UrlError::Host);
    }
    match host {
        "" => Err(UrlError::NoHost),
        name if name.len() <= LONGEST_NAME && name.bytes().all(is_of_a_name) => Ok(name.to_owned()),
        _ => Err(UrlError::Host),
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

fn checked_port(digits: &str) -> Result<u16, UrlError> {
    match digits.parse() {
        Ok(port) if port > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(port),
        _ => Err(UrlError::Port),
    }
}

/// Host as it stands in a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

type Login = (Option<String>, Option<SecretString>);

fn split_login(login: &str) -> Result<Login, UrlError> {
    let (user, password) = login.split_once(':').map_or((login, None), |(user, word)| (user, Some(word)));
    let user = Some(decoded(user)?).filter(|user| !user.is_empty());
    Ok((user, password.map(decoded).transpose()?.map(SecretString::from)))
}

/// Decodes `%40` and its like (RFC 3986); a `%` that starts no such triplet stands for itself.
fn decoded(text: &str) -> Result<String, UrlError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| UrlError::Login)?;
    if text.chars().any(char::is_control) { Err(UrlError::Login) } else { Ok(text.into_owned()) }
}
