//! SOCKS5 (RFC 1928, logins by RFC 1929), spoken by a library.

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio_socks::Error;
use tokio_socks::tcp::Socks5Stream;

use super::ProxyError;
use crate::connect::PoolUrl;

/// A stream to the pool, on a connection to the proxy.
pub(super) async fn tunnel(
    stream: TcpStream,
    pool: &PoolUrl,
    login: Option<&(String, SecretString)>,
) -> Result<TcpStream, ProxyError> {
    let target = (pool.host.as_str(), pool.port);
    let tunnel = match login {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some((user, password)) => {
            let password = password.expose_secret();
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
    };
    tunnel.map(Socks5Stream::into_inner).map_err(what)
}

fn what(error: Error) -> ProxyError {
    match error {
        Error::Io(error) => ProxyError::Io(error),
        Error::InvalidAuthValues(_) => ProxyError::LoginLength,
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired | Error::PasswordAuthFailure(_) => {
            ProxyError::Login
        }
        Error::InvalidResponseVersion
        | Error::InvalidReservedByte
        | Error::UnknownAddressType
        | Error::InvalidTargetAddress(_) => ProxyError::Protocol("SOCKS5"),
        // So the library calls any code that RFC 1928 does not know.
        Error::UnknownAuthMethod => ProxyError::Refused("for a reason of its own".to_owned()),
        other => ProxyError::Refused(other.to_string()),
    }
}
