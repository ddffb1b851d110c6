//! The 80-byte block header: its two SHA-256 blocks, its hash, and reading one from hex.
//!
//! The type itself is [`bitcoin::block::Header`].

use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash as _;

use crate::sha256::{self, Midstate};

/// Bytes of a serialized header.
pub const HEADER_SIZE: usize = 80;

/// Why a header could not be read from hex.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A character that is no hex digit, or half a byte.
    #[error("the header is not hex: {0}")]
    NotHex(String),
    /// Fewer than 80 bytes.
    #[error("the header has {0} bytes; a block header has 80 (160 hex digits)")]
    TooShort(usize),
}

/// Reads a header from hex; bytes after the first 80 are ignored, as `bitcoin-util grind` does.
pub fn from_hex(hex: &str) -> Result<Header, HeaderError> {
    let bytes: Vec<u8> = bitcoin::hex::FromHex::from_hex(hex)
        .map_err(|e: bitcoin::hex::HexToBytesError| HeaderError::NotHex(e.to_string()))?;
    let header = bytes.get(..HEADER_SIZE).ok_or(HeaderError::TooShort(bytes.len()))?;
    Ok(encode::deserialize(header).expect("any 80 bytes are a header"))
}

/// The header's 160 hex digits.
pub fn to_hex(header: &Header) -> String {
    encode::serialize_hex(header)
}

/// The 80 bytes that are hashed: integers little-endian, hashes in internal byte order.
pub fn to_bytes(header: &Header) -> [u8; HEADER_SIZE] {
    let mut bytes = [0; HEADER_SIZE];
    bytes[0..4].copy_from_slice(&header.version.to_consensus().to_le_bytes());
    bytes[4..36].copy_from_slice(header.prev_blockhash.as_byte_array());
    bytes[36..68].copy_from_slice(header.merkle_root.as_byte_array());
    bytes[68..72].copy_from_slice(&header.time.to_le_bytes());
    bytes[72..76].copy_from_slice(&header.bits.to_consensus().to_le_bytes());
    bytes[76..80].copy_from_slice(&header.nonce.to_le_bytes());
    bytes
}

/// The double SHA-256 of the header, by the reference implementation.
pub fn hash(header: &Header) -> BlockHash {
    BlockHash::from_byte_array(sha256::double_sha256(&to_bytes(header)))
}

/// The state after the header's first 64 bytes: version, previous hash, 28 bytes of merkle root.
pub fn midstate(header: &Header) -> Midstate {
    let bytes = to_bytes(header);
    sha256::midstate(bytes.first_chunk().expect("a header is longer than a block"))
}

/// The three words of block 2 before the nonce, as SHA-256 reads them (big-endian): the last four
/// bytes of the merkle root, time, bits.
pub fn tail(header: &Header) -> [u32; 3] {
    let bytes = to_bytes(header);
    [64, 68, 72].map(|at| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
}
