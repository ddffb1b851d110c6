//! What TLS can fail at, in words that say what to do.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls::{CertificateError, Error};

use crate::connect::Fingerprint;

/// Characters of a certificate's names that an error repeats.
const NAMES: usize = 200;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificates to trust.
    #[error("no certificate can be read from {}: {why}", file.display())]
    Roots {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// This machine trusts nobody, or TLS cannot be set up at all.
    #[error("{0}: are certificates installed on this machine? A file of them can be named (--cert FILE)")]
    SetUp(String),
    /// A host that is neither a name nor an address.
    #[error("no certificate can be for `{0}`")]
    Name(String),
    /// The answer is no TLS.
    #[error("the server does not speak TLS: is this its TLS port? (stratum+tcp:// goes without TLS)")]
    NotTls,
    /// The server's certificate.
    #[error("{fault} (its SHA-256 fingerprint is {fingerprint})")]
    Certificate {
        /// What is wrong with it.
        fault: CertificateFault,
        /// What it can be pinned by.
        fingerprint: Fingerprint,
    },
    /// The handshake broke off.
    #[error("the handshake broke off: {0}: does the server speak TLS at this port?")]
    Handshake(#[from] io::Error),
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Too old.
    #[error(
        "its certificate has expired: is this machine's clock right? Else the pool must renew it, or you pin it"
    )]
    Expired,
    /// Too young.
    #[error("its certificate is not valid yet: is this machine's clock right?")]
    NotYetValid,
    /// For another name.
    #[error("its certificate is for {0}, not for this host: use a name that it has, or pin it")]
    OtherHost(String),
    /// Signed by nobody who is trusted.
    #[error(
        "nobody who is trusted signed its certificate (is it self-signed?): trust its issuer (--cert FILE), \
         pin it, or switch the check off for this pool (insecure)"
    )]
    Untrusted,
    /// Another one than the pinned one.
    #[error(
        "its certificate is not the pinned one: if the pool has a new one, ask it for the fingerprint and pin that"
    )]
    NotPinned,
    /// A signature that does not fit: forged, or made with another key.
    #[error(
        "a signature is wrong: its certificate is not by the issuer that it names, or it does not hold the key to it"
    )]
    BadSignature,
    /// Anything else; openssl's self-signed ones for example, which are marked as an authority's.
    #[error(
        "its certificate is refused ({0}; it may be self-signed): name it as trusted (--cert FILE), pin it, \
         or switch the check off for this pool (insecure)"
    )]
    Refused(String),
}

impl TlsError {
    /// What a failed handshake means; `shown` is the server's certificate, if it got so far.
    pub(super) fn of(error: io::Error, shown: Option<Fingerprint>) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match (tls, shown) {
            (Some(Error::InvalidCertificate(fault)), Some(fingerprint)) => {
                Self::Certificate { fault: CertificateFault::of(fault), fingerprint }
            }
            // Before the first certificate, whatever cannot be parsed is not TLS.
            (Some(Error::InvalidMessage(_)), None) => Self::NotTls,
            _ => Self::Handshake(error),
        }
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        Self::SetUp(error.to_string())
    }
}

impl CertificateFault {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForNameContext { presented, .. } => Self::OtherHost(listed(presented)),
            CertificateError::NotValidForName => Self::OtherHost(listed(&[])),
            CertificateError::UnknownIssuer => Self::Untrusted,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::ApplicationVerificationFailure => Self::NotPinned,
            CertificateError::Other(other) => Self::Refused(other.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no name at all".to_owned(),
        names => names.join(", ").chars().take(NAMES).collect(),
    }
}
