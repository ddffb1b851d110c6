//! The address of a node: parsing it, taking the login out of it, and showing it without one.

use hyper::Uri;

use percent_encoding::percent_decode_str;

use super::auth::{Auth, Secret};
use crate::{Chain, NodeError};

/// Where a node takes calls, and the login that was written into its URL.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// Without user and password.
    pub(crate) uri: Uri,
    pub(crate) login: Option<Auth>,
}

impl Endpoint {
    /// Takes `[http://][user:password@]host[:port][/path]`.
    ///
    /// # Errors
    /// [`NodeError::BadUrl`] where a part is malformed, no port is known, or TLS is asked for.
    pub(crate) fn parse(url: &str, default_port: Option<u16>) -> Result<Self, NodeError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        // Whatever stands before the last `@` may be a password, and is shown to nobody.
        let (userinfo, place) =
            rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let fault = |reason: &str| NodeError::BadUrl {
            url: format!("{scheme}://{host}{path}"),
            reason: reason.to_owned(),
        };
        match scheme {
            "http" => {}
            "https" => {
                return Err(fault("nodes speak plain http: use an ssh tunnel or a local TLS proxy"));
            }
            _ => return Err(fault("its scheme is not http://")),
        }
        let authority: hyper::http::uri::Authority =
            host.parse().map_err(|_| fault("its host is malformed"))?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => default_port.ok_or_else(|| fault("it names no port"))?,
            _ => authority.port_u16().ok_or_else(|| fault("its port is no number below 65536"))?,
        };
        let uri = format!("http://{}:{port}{}", authority.host(), if path.is_empty() { "/" } else { path });
        let uri = uri.parse().map_err(|_| fault("its path is malformed"))?;
        Ok(Self { uri, login: userinfo.map(login) })
    }

    /// The address as it is shown.
    pub(crate) fn url(&self) -> String {
        self.uri.to_string().trim_end_matches('/').to_owned()
    }

    /// How to start a node that would listen there.
    pub(crate) fn start_command(&self) -> String {
        let port = self.uri.port_u16().unwrap_or_default();
        match Chain::of_rpc_port(port) {
            Some(chain) => format!("bitcoind -chain={}", chain.core_name()),
            None => format!("bitcoind -chain=… -rpcport={port}"),
        }
    }
}

fn login(userinfo: &str) -> Auth {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Auth::UserPass { user: percent_decoded(user), password: Secret::new(percent_decoded(password)) }
}

/// Decodes `%40` and its like (RFC 3986); a `%` that starts no such triplet stands for itself.
fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Endpoint::parse(url, Some(18443)).map_or_else(|error| error.to_string(), |endpoint| endpoint.url())
    }

    #[test]
    fn an_address_is_completed() {
        assert_eq!(shown("localhost"), "http://localhost:18443");
        assert_eq!(shown("10.0.0.1:1"), "http://10.0.0.1:1");
        assert_eq!(shown("http://[::1]:8332/wallet/mine"), "http://[::1]:8332/wallet/mine");
        assert_eq!(shown("http://[::1]/"), "http://[::1]:18443");
    }

    #[test]
    fn a_login_in_the_address_is_used_and_never_shown() {
        let endpoint = Endpoint::parse("http://me:p%40ss:100%@host:8332", None).unwrap();
        assert_eq!(endpoint.url(), "http://host:8332");
        let password = Secret::new("p@ss:100%");
        assert_eq!(endpoint.login, Some(Auth::UserPass { user: "me".into(), password }));
        for url in
            ["https://me:canary@host:8332", "https://me:/canary@host:8332", "https://me:canary@@host:8332"]
        {
            let error = Endpoint::parse(url, None).unwrap_err().to_string();
            assert!(error.contains("https://host:8332") && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_malformed_address_is_refused_with_the_reason() {
        for (url, reason) in [
            ("http://", "host"),
            ("http://a b:1", "host"),
            ("host:99999", "port"),
            ("host:", "port"),
            ("ftp://host:1", "scheme"),
            ("https://host:1", "TLS"),
            ("host:1/a b", "path"),
        ] {
            assert!(shown(url).contains(reason), "{url}: {}", shown(url));
        }
        assert!(Endpoint::parse("host", None).unwrap_err().to_string().contains("port"));
    }

    #[test]
    fn the_command_that_starts_a_node_follows_from_the_port() {
        let command = |url| Endpoint::parse(url, None).unwrap().start_command();
        assert_eq!(command("localhost:18443"), "bitcoind -chain=regtest");
        assert!(command("localhost:1234").contains("-rpcport=1234"));
    }
}
