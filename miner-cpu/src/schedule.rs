//! Message schedules: K + W, round by round, of a header's second half and of a digest.

use miner_core::prepared::{HEADER_BITS, PADDING, PreparedSchedule};
use miner_core::sha256::ROUND_CONSTANTS as K;

use crate::lanes::Lanes;

/// A digest's length in bits: the last word of the second message.
pub(crate) const DIGEST_BITS: u32 = 256;

/// K + W by round. What is constant is put in once, what is not, over and over.
#[repr(align(64))]
pub(crate) struct Schedule<V> {
    pub(crate) kw: [V; 64],
}

/// W of rounds `$t`, each in the place of the oldest of the last sixteen, and K + W.
macro_rules! expand {
    ($kw:expr, $w:ident: $($t:literal)*) => {$(
        $w[$t % 16] = small_sigma1($w[($t - 2) % 16])
            .add($w[($t - 7) % 16])
            .add(small_sigma0($w[($t - 15) % 16]))
            .add($w[$t % 16]);
        $kw[$t] = $w[$t % 16].add(V::splat(K[$t]));
    )*};
}

impl<V: Lanes> Schedule<V> {
    /// Rounds 8 to 17 of a header's second half: no nonce changes them.
    #[inline(always)]
    pub(crate) fn of_headers(prepared: &PreparedSchedule) -> Self {
        let mut kw = K;
        kw[15] = kw[15].wrapping_add(HEADER_BITS);
        kw[16] = kw[16].wrapping_add(prepared.w16);
        kw[17] = kw[17].wrapping_add(prepared.w17);
        Self::splat(&kw)
    }

    /// Rounds 18 to 63, of headers whose nonces are `w3`.
    #[inline(always)]
    pub(crate) fn set_nonces(&mut self, prepared: &PreparedSchedule, w3: V) {
        let Self { kw } = self;
        let w18 = V::splat(prepared.w18).add(small_sigma0(w3));
        let w19 = V::splat(prepared.w19).add(w3);
        kw[18] = w18.add(V::splat(K[18]));
        kw[19] = w19.add(V::splat(K[19]));
        let mut w = [V::splat(0); 16];
        w[0] = V::splat(prepared.w16);
        w[1] = V::splat(prepared.w17);
        w[2] = w18;
        w[3] = w19;
        w[4] = V::splat(PADDING);
        w[15] = V::splat(HEADER_BITS);
        expand!(kw, w: 20 21 22 23 24 25 26 27 28 29 30);
        // In place of σ0(W16) + W15 and σ0(W17) + W16.
        let w31 = V::splat(prepared.w31).add(small_sigma1(w[13])).add(w[8]);
        let w32 = V::splat(prepared.w32).add(small_sigma1(w[14])).add(w[9]);
        kw[31] = w31.add(V::splat(K[31]));
        kw[32] = w32.add(V::splat(K[32]));
        w[15] = w31;
        w[0] = w32;
        expand!(kw, w: 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48);
        expand!(kw, w: 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    }

    /// Rounds 8 to 15 of a digest: padding.
    #[inline(always)]
    pub(crate) fn of_digests() -> Self {
        let mut kw = K;
        kw[8] = kw[8].wrapping_add(PADDING);
        kw[15] = kw[15].wrapping_add(DIGEST_BITS);
        Self::splat(&kw)
    }

    /// Rounds 1 to 7 and 16 to 60, of digests.
    #[inline(always)]
    pub(crate) fn set_digests(&mut self, digests: &[V; 8]) {
        let Self { kw } = self;
        let mut w = [V::splat(0); 16];
        w[..8].copy_from_slice(digests);
        w[8] = V::splat(PADDING);
        w[15] = V::splat(DIGEST_BITS);
        for t in 1..8 {
            kw[t] = w[t].add(V::splat(K[t]));
        }
        expand!(kw, w: 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38);
        expand!(kw, w: 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60);
    }

    #[inline(always)]
    fn splat(words: &[u32; 64]) -> Self {
        let mut kw = [V::splat(0); 64];
        for (kw, word) in kw.iter_mut().zip(words) {
            *kw = V::splat(*word);
        }
        Self { kw }
    }
}

/// σ0.
#[inline(always)]
fn small_sigma0<V: Lanes>(x: V) -> V {
    x.rotr(7).xor3(x.rotr(18), x.shr(3))
}

/// σ1.
#[inline(always)]
fn small_sigma1<V: Lanes>(x: V) -> V {
    x.rotr(17).xor3(x.rotr(19), x.shr(10))
}
