//! TLS 1.2 and 1.3 with rustls and ring, on any stream. There is no way back to plain text.

mod fault;
mod verifier;

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

use super::Trust;
use super::error::before;

pub use fault::{CertificateFault, TlsError};
use verifier::Verifier;

/// Speaks TLS with `host`: a name, which the server is told (SNI), or an address, which it is not.
pub(super) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    trust: &Trust,
    deadline: Instant,
) -> Result<TlsStream<S>, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))?;
    let verifier = Arc::new(before(deadline, verifier(trust.clone())).await?);
    let connector = TlsConnector::from(Arc::new(config(verifier.clone())?));
    before(deadline, connector.connect(name, stream))
        .await
        .map_err(|error| TlsError::of(error, verifier.shown()))
}

/// Certificates are read anew for each connection, as they may have been renewed; but from files, so elsewhere.
async fn verifier(trust: Trust) -> Result<Verifier, TlsError> {
    spawn_blocking(move || Verifier::new(&trust, provider())).await.map_err(io::Error::other)?
}

fn config(verifier: Arc<Verifier>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
