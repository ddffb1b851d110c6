//! TLS in front of a pool, with certificates good and bad.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What begins every TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// An authority that signs certificates.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a server shows.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A TLS server that carries its connections to a pool.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    handshakes: Arc<AtomicUsize>,
    others: Arc<AtomicUsize>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("keys can be made");
        let certificate = params.self_signed(&key).expect("it can sign");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Writes the certificate for `Trust::Roots`.
    pub(crate) fn write(&self, to: &Path) {
        std::fs::write(to, self.certificate.pem()).expect("the scratch folder can be written");
    }

    /// Signs for a host, until the end of a year.
    pub(crate) fn sign(&self, host: &str, until: i32) -> Identity {
        let (params, key) = leaf(host, until);
        let certificate = params.signed_by(&key, &self.issuer).expect("it can sign");
        Identity { chain: vec![certificate.der().clone()], key: key.into() }
    }
}

impl Identity {
    /// Signed by nobody but itself.
    pub(crate) fn self_signed(host: &str) -> Self {
        let (params, key) = leaf(host, 2100);
        let certificate = params.self_signed(&key).expect("it can sign");
        Self { chain: vec![certificate.der().clone()], key: key.into() }
    }
}

fn leaf(host: &str, until: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new([host.to_owned()]).expect("tests write good names");
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(until, 1, 1));
    (params, KeyPair::generate().expect("keys can be made"))
}

impl Front {
    /// Starts the server.
    pub(crate) async fn start(pool: SocketAddr, identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .expect("the key fits");
        let front = Self {
            address: listener.local_addr().expect("it is bound"),
            handshakes: Arc::default(),
            others: Arc::default(),
        };
        let (handshakes, others) = (Arc::clone(&front.handshakes), Arc::clone(&front.others));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handshakes, others) = (Arc::clone(&handshakes), Arc::clone(&others));
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut first = [0];
                    // A connection without a byte is neither.
                    if stream.peek(&mut first).await.is_ok_and(|count| count == 1) {
                        let kind = if first == [HANDSHAKE] { handshakes } else { others };
                        kind.fetch_add(1, Ordering::Relaxed);
                        carry(stream, pool, acceptor).await;
                    }
                });
            }
        });
        front
    }

    /// Connections that began with a TLS handshake.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Connections that began with anything else.
    pub(crate) fn others(&self) -> usize {
        self.others.load(Ordering::Relaxed)
    }
}

async fn carry(stream: TcpStream, pool: SocketAddr, acceptor: TlsAcceptor) {
    // A client that refuses the certificate never gets to the pool.
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let Ok(mut pool) = TcpStream::connect(pool).await else { return };
    // However it ends, it ended.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut pool).await;
}
