//! Who is believed: one verifier for every kind of trust. Whatever it makes of a certificate, the server must prove
//! that it holds the key to it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier as SystemVerifier;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::TlsError;
use crate::connect::{Fingerprint, Trust};

/// Judges the certificate of one connection, and remembers it.
#[derive(Debug)]
pub(super) struct Verifier {
    belief: Belief,
    algorithms: WebPkiSupportedAlgorithms,
    shown: OnceLock<Fingerprint>,
}

#[derive(Debug)]
enum Belief {
    /// A chain up to somebody who is trusted; `listed` are the certificates that the user named.
    Chain { chain: Arc<dyn ServerCertVerifier>, listed: Vec<CertificateDer<'static>> },
    /// One certificate.
    Pin(Fingerprint),
    /// Anybody.
    Any,
}

impl Verifier {
    /// Reads files: not for an async thread.
    pub(super) fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let algorithms = provider.signature_verification_algorithms;
        let belief = match trust {
            Trust::System => {
                Belief::Chain { chain: Arc::new(SystemVerifier::new(provider)?), listed: Vec::new() }
            }
            Trust::Roots(file) => {
                let unreadable = |why| TlsError::Roots { file: file.clone(), why };
                roots(file, provider).map_err(unreadable)?
            }
            Trust::Pin(fingerprint) => Belief::Pin(*fingerprint),
            Trust::Insecure => Belief::Any,
        };
        Ok(Self { belief, algorithms, shown: OnceLock::new() })
    }

    /// The server's certificate, once there was one.
    pub(super) fn shown(&self) -> Option<Fingerprint> {
        self.shown.get().copied()
    }
}

/// The certificates of a PEM file; the error says why there are none.
fn roots(file: &Path, provider: Arc<CryptoProvider>) -> Result<Belief, String> {
    let listed = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let listed = listed.map_err(|error| error.to_string())?;
    let mut store = RootCertStore::empty();
    // Bundles hold old certificates that nothing can be made of: what matters is that some are left.
    let (added, _) = store.add_parsable_certificates(listed.iter().cloned());
    if added == 0 {
        return Err("it holds no PEM block named CERTIFICATE that can be read".to_owned());
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
    Ok(Belief::Chain { chain: chain.map_err(|error| error.to_string())?, listed })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = *self.shown.get_or_init(|| Fingerprint::of(certificate));
        match &self.belief {
            Belief::Chain { chain, listed } => chain
                .verify_server_cert(certificate, intermediates, host, ocsp, now)
                .or_else(|error| listed_itself(error, certificate, listed, host)),
            Belief::Pin(pin) if *pin != fingerprint => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            Belief::Pin(_) | Belief::Any => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// `openssl req -x509` marks what it signs itself as an authority's, which may serve nobody; yet where the user named
/// exactly this certificate, it is meant. Its age was judged before that mark (`Expired` is another error than
/// `Other`), its name was not.
fn listed_itself(
    error: Error,
    certificate: &CertificateDer<'_>,
    listed: &[CertificateDer<'static>],
    host: &ServerName<'_>,
) -> Result<ServerCertVerified, Error> {
    let Error::InvalidCertificate(CertificateError::Other(_)) = error else { return Err(error) };
    if !listed.contains(certificate) {
        return Err(error);
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, host)?;
    Ok(ServerCertVerified::assertion())
}
