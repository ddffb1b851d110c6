//! The shader's structures as the host writes and reads them: words in the order of `scan.wgsl`.

use miner_core::prepared::{PreparedMidstate, PreparedSchedule};
use miner_core::sha256::ROUND_CONSTANTS as K;
use miner_core::{NonceRange, Prepared};

/// The midstates of one dispatch, at most (`MAX_MIDSTATES` of the shader).
pub(crate) const MAX_MIDSTATES: usize = 16;

/// The hits that one dispatch can keep (`CAPACITY` of the shader).
pub(crate) const CAPACITY: usize = 1024;

/// The words before the midstates, padded to a multiple of 16 bytes.
const HEAD: usize = 16;

/// The words of a midstate, likewise.
const MIDSTATE: usize = 20;

/// The size of the shader's `Work`, in bytes.
pub(crate) const WORK_SIZE: u64 = 4 * (HEAD + MAX_MIDSTATES * MIDSTATE) as u64;

/// The size of the shader's `Hits`, in bytes.
pub(crate) const HITS_SIZE: u64 = 4 * (1 + 2 * CAPACITY) as u64;

/// What one dispatch searches: the shader's `Work`.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    words: Vec<u32>,
    nonces: NonceRange,
}

impl Work {
    /// All nonces of a range, fewer than 2³², under `midstates` of a unit, at most [`MAX_MIDSTATES`].
    pub(crate) fn new(prepared: &Prepared, midstates: &[PreparedMidstate], nonces: NonceRange) -> Self {
        let PreparedSchedule { w16, w17, w18, w19, w31, w32 } = prepared.schedule;
        let count = u32::try_from(nonces.count()).unwrap_or(u32::MAX);
        let mut words = vec![nonces.first(), count, midstates.len() as u32, 1, w16, w17, w18, w19, w31, w32];
        words.extend([K[16].wrapping_add(w16), K[17].wrapping_add(w17)]);
        words.extend([mask(prepared.target_top), prepared.target_top, 0, 0]);
        for PreparedMidstate { midstate, state: [a, b, c, d, e, f, g, _], hkw: [hkw4, hkw5, hkw6] } in
            midstates
        {
            words.extend([a, b, c, d, e, f, g, hkw4]);
            words.extend(midstate);
            words.extend([*hkw5, *hkw6, 0, 0]);
        }
        words.resize(WORK_SIZE as usize / 4, 0);
        Self { words, nonces }
    }

    /// As the shader reads it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The words as they are.
    #[cfg(test)]
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// The nonces to search.
    pub(crate) fn nonces(&self) -> NonceRange {
        self.nonces
    }
}

/// The bits of H7 that are zero in every hash whose byte-swapped H7 is at most `target_top`.
fn mask(target_top: u32) -> u32 {
    u32::MAX.checked_shl(u32::BITS - target_top.leading_zeros()).unwrap_or(0).swap_bytes()
}

/// What a dispatch found: the shader's `Hits`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    /// How many there are, also beyond the capacity.
    pub(crate) count: u32,
    /// Those that were kept.
    pub(crate) kept: Vec<Hit>,
}

/// A nonce and the index of a midstate within its dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) nonce: u32,
    pub(crate) midstate: u32,
}

impl Hits {
    /// Reads what the shader wrote.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let count = words.next().unwrap_or(0);
        let words: Vec<u32> = words.take(2 * count as usize).collect();
        let kept = words
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[nonce, midstate]| Hit { nonce: *nonce, midstate: *midstate });
        Self { count, kept: kept.collect() }
    }

    /// Whether there were more than could be kept.
    pub(crate) fn overflowed(&self) -> bool {
        self.count as usize > self.kept.len()
    }
}

#[cfg(test)]
mod tests;
