//! Pools behind TLS: whom the miner trusts, and that it says nothing to anybody else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use miner_tests::{Miner, Run, TestPool};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A pool with TLS in front of it, and a certificate that no system trusts.
struct TlsPool {
    pool: TestPool,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    pem: PathBuf,
    /// Connections that got as far as words in the clear.
    let_in: Arc<AtomicUsize>,
    _runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl TlsPool {
    fn start() -> Self {
        let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-5);
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let pem = folder.path().join("pool.pem");
        std::fs::write(&pem, cert.pem()).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let let_in = Arc::new(AtomicUsize::new(0));
        runtime.spawn(front(listener, TlsAcceptor::from(Arc::new(config)), pool.address(), let_in.clone()));
        Self { pool, address, certificate, pem, let_in, _runtime: runtime, _folder: folder }
    }

    fn run(&self, fragment: &str, arguments: &[&str]) -> Run {
        let url = format!("stratum+ssl://localhost:{}{fragment}", self.address.port());
        let start = [
            "-o",
            &url,
            "-u",
            "w",
            "--exit-after-shares",
            "3",
            "-r",
            "1",
            "-R",
            "0.1",
            "--log-format",
            "json",
            "--max-hashrate",
            "4M",
        ];
        Miner::new(&[&start, arguments].concat()).run()
    }

    #[track_caller]
    fn mines(&self, fragment: &str, arguments: &[&str]) {
        let run = self.run(fragment, arguments);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!((&run.summary()["rejected"], &run.summary()["lost"]), (&json!({}), &json!({})));
    }

    #[track_caller]
    fn is_refused(&self, fragment: &str, arguments: &[&str]) {
        let before = self.let_in.load(Ordering::SeqCst);
        let run = self.run(fragment, arguments);
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stderr.contains("localhost"), "{run:?}");
        assert_eq!(self.let_in.load(Ordering::SeqCst), before, "nothing was said");
    }
}

/// Takes TLS off and passes the rest on.
async fn front(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr, let_in: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, let_in) = (acceptor.clone(), let_in.clone());
        tokio::spawn(async move {
            let (Ok(mut outer), Ok(mut inner)) =
                (acceptor.accept(stream).await, TcpStream::connect(to).await)
            else {
                return;
            };
            let_in.fetch_add(1, Ordering::SeqCst);
            // However the connection ends.
            let _ = copy_bidirectional(&mut outer, &mut inner).await;
        });
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    use bitcoin::hashes::{Hash as _, sha256};
    let hash = sha256::Hash::hash(certificate);
    hash.to_byte_array().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_pool_is_trusted_by_file_by_pin_or_on_demand_and_in_no_other_way() {
    let pool = TlsPool::start();
    pool.mines("", &["--cert", &pool.pem.display().to_string()]);
    pool.mines(&format!("#tls-pin={}", fingerprint(&pool.certificate)), &[]);
    pool.mines("#tls-insecure", &[]);
    assert_eq!(pool.let_in.load(Ordering::SeqCst), pool.pool.log().sessions.len());

    pool.is_refused("", &[]);
    pool.is_refused(&format!("#tls-pin={}", "ab".repeat(32)), &[]);
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("other.pem");
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&file, stranger.cert.pem()).unwrap();
    pool.is_refused("", &["--cert", &file.display().to_string()]);
}

#[test]
fn tls_does_not_fall_back_to_plain_text() {
    let pool = TestPool::start(TestPool::NO_BLOCKS, 2e-5);
    let url = format!("stratum+ssl://{}#tls-insecure", pool.address());
    let run = Miner::new(&["-o", &url, "-u", "w", "-r", "1", "-R", "0.1"]).run();
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(pool.log().sessions.is_empty(), "{:?}", pool.log());
}
