//! SHA-256 as mining uses it: constants, the compression function, midstates and the double hash.
//!
//! This is the reference that every kernel is judged against: plain calls into [`sha2`].
//! Fast code lives in the backends.

use sha2::{Digest, Sha256};

/// The initial hash value H(0) (FIPS 180-4, section 5.3.3).
pub const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The sixty-four round constants K (FIPS 180-4, section 4.2.2).
#[rustfmt::skip]
pub const ROUND_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The state after the first 64-byte block of a header: eight words in the order a…h.
pub type Midstate = [u32; 8];

/// σ0 of the message schedule (FIPS 180-4, section 4.1.2).
pub const fn small_sigma0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

/// σ1 of the message schedule (FIPS 180-4, section 4.1.2).
pub const fn small_sigma1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}

/// Σ0 of the round function (FIPS 180-4, section 4.1.2).
pub const fn big_sigma0(x: u32) -> u32 {
    x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22)
}

/// Σ1 of the round function (FIPS 180-4, section 4.1.2).
pub const fn big_sigma1(x: u32) -> u32 {
    x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25)
}

/// Ch(x, y, z): x chooses between y and z, bit by bit.
pub const fn ch(x: u32, y: u32, z: u32) -> u32 {
    z ^ (x & (y ^ z))
}

/// Maj(x, y, z): the majority, bit by bit.
pub const fn maj(x: u32, y: u32, z: u32) -> u32 {
    (x & y) | (z & (x | y))
}

/// The state after one 64-byte block, from the initial state.
pub fn midstate(block: &[u8; 64]) -> Midstate {
    let mut state = INITIAL_STATE;
    sha2::block_api::compress256(&mut state, &[*block]);
    state
}

/// The double hash of a header from its midstate, the three words of block 2 before the nonce, and the
/// nonce as a number; in internal byte order.
pub fn finish(midstate: Midstate, tail: [u32; 3], nonce: u32) -> [u8; 32] {
    let mut block = [0; 64];
    let words = [tail[0], tail[1], tail[2], nonce.swap_bytes(), 0x8000_0000];
    for (bytes, word) in block.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    block[62..].copy_from_slice(&640u16.to_be_bytes());
    let mut state = midstate;
    sha2::block_api::compress256(&mut state, &[block]);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Sha256::digest(digest).into()
}

/// SHA-256 of SHA-256 of `data`, in internal byte order (reverse it for display).
pub fn double_sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(data)).into()
}

/// A message whose beginning is hashed once and continued many times.
#[derive(Clone, Debug, Default)]
pub struct Prefix(Sha256);

impl Prefix {
    /// Hashes the common beginning.
    pub fn new(beginning: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(beginning))
    }

    /// The double SHA-256 of the beginning followed by `rest`, in internal byte order.
    pub fn double_sha256(&self, rest: &[&[u8]]) -> [u8; 32] {
        let hasher = rest.iter().fold(self.0.clone(), Digest::chain_update);
        Sha256::digest(hasher.finalize()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_sha256_of_nothing() {
        // Known value: SHA-256d of the empty message.
        let hash = double_sha256(b"");
        assert_eq!(hash[..4], [0x5d, 0xf6, 0xe0, 0xe2]);
        assert_eq!(Prefix::new(b"").double_sha256(&[]), hash);
    }

    #[test]
    fn a_prefix_continues_like_the_whole_message() {
        let message: Vec<u8> = (0..=255).collect();
        for cut in [0, 1, 63, 64, 65, 128, 200, 256] {
            let (beginning, rest) = message.split_at(cut);
            let (middle, end) = rest.split_at(rest.len() / 3);
            assert_eq!(Prefix::new(beginning).double_sha256(&[middle, end]), double_sha256(&message));
        }
    }
}
