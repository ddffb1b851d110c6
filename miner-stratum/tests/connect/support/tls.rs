//! A TLS server that first says which name it was asked for, then echoes.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};

use super::certificates::Identity;
use super::{echo, listener, serve};

/// The first line of a server that was asked for no name.
pub(crate) const NAMELESS: &str = "sni: none\n";

/// Whether key and certificate fit together is the client's business.
pub(crate) fn acceptor(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
    let key = ring::sign::any_supported_type(&identity.key).unwrap();
    let certified = CertifiedKey::new(vec![identity.certificate.clone()], key);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    TlsAcceptor::from(Arc::new(config))
}

pub(crate) async fn server(identity: &Identity) -> SocketAddr {
    let (listener, address) = listener().await;
    serve_on(listener, acceptor(identity, ALL_VERSIONS));
    address
}

pub(crate) fn serve_on(listener: TcpListener, acceptor: TlsAcceptor) {
    serve(listener, move |stream| greet(acceptor.clone(), stream));
}

async fn greet(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let name = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
    if stream.write_all(format!("sni: {name}\n").as_bytes()).await.is_ok() {
        echo(stream).await;
    }
}
