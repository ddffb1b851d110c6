//! The scalar work that all nonces of a unit share, done once for every backend.
//!
//! Block 2 of a header is `W0 W1 W2` (the tail), `W3` (the nonce), `W4 = 0x80000000`, zeros, and
//! `W15 = 640`, the message's length in bits. Everything that does not depend on the nonce is folded here.

use crate::sha256::{
    Midstate, ROUND_CONSTANTS as K, big_sigma0, big_sigma1, ch, maj, small_sigma0, small_sigma1,
};
use crate::{WorkUnit, target};

/// The length of a header in bits: the last word of block 2.
pub const HEADER_BITS: u32 = 640;

/// The first padding word behind a message.
pub const PADDING: u32 = 0x8000_0000;

/// A unit, prepared: shared schedule, midstates, and the first test of a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What the message schedule owes to the tail.
    pub schedule: PreparedSchedule,
    /// One entry a midstate, in the unit's order.
    pub midstates: Vec<PreparedMidstate>,
    /// The target's most significant 32 bits. A hash may meet the target only if its last word,
    /// byte-swapped, is at most this; 0 for every target below 2²²⁴.
    pub target_top: u32,
}

/// The parts of `W16…W33` that no nonce changes; equal for all midstates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreparedSchedule {
    /// `W16`, complete.
    pub w16: u32,
    /// `W17`, complete.
    pub w17: u32,
    /// `W18` without `σ0(W3)`.
    pub w18: u32,
    /// `W19` without `W3`.
    pub w19: u32,
    /// `W31` without `σ1(W29) + W24`.
    pub w31: u32,
    /// `W32` without `σ1(W30) + W25`.
    pub w32: u32,
}

/// A midstate after the rounds that need no nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreparedMidstate {
    /// The midstate itself, added at the end.
    pub midstate: Midstate,
    /// The state a…h after round 3, where `a` and `e` still lack `W3`: two additions finish the round.
    pub state: [u32; 8],
    /// `h + K + W` of rounds 4, 5 and 6, whose `h` no nonce has reached yet.
    pub hkw: [u32; 3],
}

impl Prepared {
    /// Prepares a unit.
    pub fn new(unit: &WorkUnit) -> Self {
        Self {
            schedule: PreparedSchedule::new(unit.tail()),
            midstates: unit.midstates().iter().map(|m| PreparedMidstate::new(m, unit.tail())).collect(),
            target_top: target::top_word(unit.target()),
        }
    }
}

impl PreparedSchedule {
    fn new([w0, w1, w2]: [u32; 3]) -> Self {
        let w16 = w0.wrapping_add(small_sigma0(w1));
        let w17 = w1.wrapping_add(small_sigma0(w2)).wrapping_add(small_sigma1(HEADER_BITS));
        Self {
            w16,
            w17,
            w18: w2.wrapping_add(small_sigma1(w16)),
            w19: small_sigma0(PADDING).wrapping_add(small_sigma1(w17)),
            w31: HEADER_BITS.wrapping_add(small_sigma0(w16)),
            w32: w16.wrapping_add(small_sigma0(w17)),
        }
    }
}

impl PreparedMidstate {
    fn new(midstate: &Midstate, [w0, w1, w2]: [u32; 3]) -> Self {
        let words = [w0, w1, w2, 0];
        let state = words.into_iter().zip(K).fold(*midstate, |state, (w, k)| round(state, k.wrapping_add(w)));
        let [_, _, _, _, _, f, g, h] = state;
        let hkw = [h.wrapping_add(K[4]).wrapping_add(PADDING), g.wrapping_add(K[5]), f.wrapping_add(K[6])];
        Self { midstate: *midstate, state, hkw }
    }
}

/// One round of the compression function (FIPS 180-4, section 6.2.2), with K + W given as a sum.
pub const fn round([a, b, c, d, e, f, g, h]: [u32; 8], kw: u32) -> [u32; 8] {
    let t1 = h.wrapping_add(big_sigma1(e)).wrapping_add(ch(e, f, g)).wrapping_add(kw);
    let t2 = big_sigma0(a).wrapping_add(maj(a, b, c));
    [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_folded_rounds_and_words_are_those_of_the_plain_algorithm(
            midstate: [u32; 8], tail: [u32; 3], nonce: u32,
        ) {
            let w3 = nonce.swap_bytes();
            let mut w = vec![tail[0], tail[1], tail[2], w3, PADDING];
            w.resize(15, 0);
            w.push(HEADER_BITS);
            for t in 16..64usize {
                let sum = small_sigma1(w[t - 2]).wrapping_add(w[t - 7]);
                w.push(sum.wrapping_add(small_sigma0(w[t - 15])).wrapping_add(w[t - 16]));
            }
            let schedule = PreparedSchedule::new(tail);
            prop_assert_eq!((schedule.w16, schedule.w17), (w[16], w[17]));
            prop_assert_eq!(schedule.w18.wrapping_add(small_sigma0(w3)), w[18]);
            prop_assert_eq!(schedule.w19.wrapping_add(w3), w[19]);
            prop_assert_eq!(schedule.w31.wrapping_add(small_sigma1(w[29])).wrapping_add(w[24]), w[31]);
            prop_assert_eq!(schedule.w32.wrapping_add(small_sigma1(w[30])).wrapping_add(w[25]), w[32]);

            let prepared = PreparedMidstate::new(&midstate, tail);
            let mut state = prepared.state;
            state[0] = state[0].wrapping_add(w3);
            state[4] = state[4].wrapping_add(w3);
            for (t, hkw) in (4..).zip(prepared.hkw) {
                prop_assert_eq!(hkw, state[7].wrapping_add(K[t]).wrapping_add(w[t]));
                state = round(state, K[t].wrapping_add(w[t]));
            }
            for t in 7..64 {
                state = round(state, K[t].wrapping_add(w[t]));
            }
            let digest: Vec<u8> =
                state.iter().zip(midstate).flat_map(|(s, m)| s.wrapping_add(m).to_be_bytes()).collect();
            let hash = sha256::finish(midstate, tail, nonce);
            prop_assert_eq!(<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&digest)), hash);
        }
    }
}
