//! What a certificate is known by: the SHA-256 of its DER.

use std::fmt;
use std::str::FromStr;

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::hex::{DisplayHex as _, FromHex as _};

/// SHA-256 of a certificate's DER. Read and shown as hex; colons, as `openssl x509 -fingerprint -sha256` puts them
/// between the bytes, are read too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a fingerprint: 64 hex digits are the SHA-256 of a certificate (openssl x509 -noout -fingerprint -sha256)"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate, in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(sha256::Hash::hash(certificate).to_byte_array())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        <[u8; 32]>::from_hex(&text.trim().replace(':', "")).map(Self).map_err(|_| FingerprintError)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_with_and_without_colons_is_read_and_nothing_else() {
        // SHA-256 of no bytes at all (FIPS 180-4's examples have it too).
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let print = Fingerprint::of(b"");
        assert_eq!((print.to_string().as_str(), hex.parse()), (hex, Ok(print)));
        let by_openssl =
            "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";
        assert_eq!(by_openssl.parse(), Ok(print));
        for wrong in ["", "e3b0", &hex[1..], &format!("{hex}00"), &hex.replace('e', "g"), "ü"] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(FingerprintError), "{wrong}");
        }
    }
}
