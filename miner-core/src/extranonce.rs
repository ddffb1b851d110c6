//! Extranonces: the bytes of the coinbase that a miner may choose.

use std::fmt;

/// The longest extranonce accepted, in bytes. Pools use 2 to 16.
pub const MAX_SIZE: usize = 32;

/// Up to [`MAX_SIZE`] bytes of extranonce, held inline so that terms and solutions are `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extranonce {
    size: u8,
    bytes: [u8; MAX_SIZE],
}

/// An extranonce longer than [`MAX_SIZE`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an extranonce of {0} bytes is too long: at most {MAX_SIZE} are accepted")]
pub struct ExtranonceTooLong(pub usize);

impl Extranonce {
    /// No bytes at all.
    pub const EMPTY: Self = Self { size: 0, bytes: [0; MAX_SIZE] };

    /// The number of bytes.
    pub fn size(&self) -> usize {
        self.size.into()
    }

    /// The bytes as they stand in the coinbase.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size()]
    }

    /// The `index`-th extranonce of `size` bytes: the index written big-endian, cut to the size.
    ///
    /// Indices from 0 to 256^size − 1 (and below 2¹²⁸) give different extranonces.
    pub fn nth(index: u128, size: u8) -> Self {
        let size_used = usize::from(size).min(MAX_SIZE);
        let mut bytes = [0; MAX_SIZE];
        for (byte, value) in bytes[..size_used].iter_mut().rev().zip(index.to_le_bytes()) {
            *byte = value;
        }
        Self { size: size_used as u8, bytes }
    }
}

impl TryFrom<&[u8]> for Extranonce {
    type Error = ExtranonceTooLong;

    fn try_from(from: &[u8]) -> Result<Self, ExtranonceTooLong> {
        let mut bytes = [0; MAX_SIZE];
        bytes.get_mut(..from.len()).ok_or(ExtranonceTooLong(from.len()))?.copy_from_slice(from);
        Ok(Self { size: from.len() as u8, bytes })
    }
}

impl fmt::Debug for Extranonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extranonce({self})")
    }
}

/// Hex, in the order of the bytes.
impl fmt::Display for Extranonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_extranonce_is_big_endian_and_cut() {
        assert_eq!(Extranonce::nth(0x0102, 4).to_string(), "00000102");
        assert_eq!(Extranonce::nth(0x0102, 1).to_string(), "02");
        assert_eq!(Extranonce::nth(7, 0), Extranonce::EMPTY);
        assert_eq!(Extranonce::nth(1, 32).to_string(), format!("{:064x}", 1));
    }

    #[test]
    fn more_than_32_bytes_are_refused() {
        assert_eq!(Extranonce::try_from(&[0; 33][..]), Err(ExtranonceTooLong(33)));
        assert_eq!(Extranonce::try_from(&[1, 2][..]).map(|e| e.to_string()), Ok("0102".into()));
    }
}
