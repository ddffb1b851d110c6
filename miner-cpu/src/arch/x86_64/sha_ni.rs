//! The SHA extensions: one instruction does two rounds.
//!
//! `sha256rnds2` takes about 4 cycles, and a second may start after 2 or 3.
//!
//! The instructions exist in the old encoding alone, which has two costs where the CPU has AVX: foreign bits
//! in upper halves (see [`super::clear_upper_halves`]), and copies that all other instructions need in that
//! encoding too. So all is compiled twice, with AVX and without (Goldmont to Tremont).

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::prepared::PADDING;
use miner_core::{NonceRange, Prepared};

use crate::double_hash::DIGEST_BITS;
use crate::kernel::{Hit, Kernel};
use crate::sha::{ShaState, scan};

pub(crate) static KERNEL: Kernel = Kernel {
    name: "sha-ni",
    requires: "SHA, SSSE3 and SSE4.1",
    is_available: || {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
    },
    scan: entry,
};

/// # Safety
/// The CPU must have SHA, SSSE3 and SSE4.1.
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    if is_x86_feature_detected!("avx") {
        super::clear_upper_halves();
        // SAFETY: the caller vouches for SHA, and AVX has all of SSE in it.
        unsafe { scan_with_avx(prepared, nonces, hit) }
    } else {
        // SAFETY: the caller vouches for them.
        unsafe { scan_without_avx(prepared, nonces, hit) }
    }
}

/// # Safety
/// The CPU must have SHA and AVX.
#[target_feature(enable = "sha,avx")]
#[inline(never)]
unsafe fn scan_with_avx(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan::<State, 2>(prepared, nonces, hit)
}

/// # Safety
/// The CPU must have SHA, SSSE3 and SSE4.1.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline(never)]
unsafe fn scan_without_avx(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan::<State, 2>(prepared, nonces, hit)
}

macro_rules! sha {
    ($intrinsic:expr) => {
        // SAFETY: called below the two functions above alone (the contract of `ShaState`), whose caller
        // vouches for the instructions.
        unsafe { $intrinsic }
    };
}

/// The eight words of a state as the instructions hold them, last word lowest.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

impl State {
    /// Two rounds; their K + W are in the lower half of `kw`.
    #[inline(always)]
    fn two_rounds(self, kw: __m128i) -> Self {
        Self { abef: sha!(_mm_sha256rnds2_epu32(self.cdgh, self.abef, kw)), cdgh: self.abef }
    }
}

/// Four words, the first one lowest.
#[inline(always)]
fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    let [a, b, c, d] = [a, b, c, d].map(u32::cast_signed);
    sha!(_mm_setr_epi32(a, b, c, d))
}

impl ShaState for State {
    type Words = __m128i;

    #[inline(always)]
    fn words(four: [u32; 4]) -> __m128i {
        words(four)
    }

    #[inline(always)]
    fn to_array(words: __m128i) -> [u32; 4] {
        sha!(std::mem::transmute::<__m128i, [u32; 4]>(words))
    }

    #[inline(always)]
    fn add_words(a: __m128i, b: __m128i) -> __m128i {
        sha!(_mm_add_epi32(a, b))
    }

    #[inline(always)]
    fn expand([a, b, c, d]: [__m128i; 4]) -> __m128i {
        sha!({
            let sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8::<4>(d, c));
            _mm_sha256msg2_epu32(sum, d)
        })
    }

    #[inline(always)]
    fn digest_message(self) -> [__m128i; 4] {
        let Self { abef, cdgh } = self;
        let (abef_f, cdgh_f) = sha!((_mm_castsi128_ps(abef), _mm_castsi128_ps(cdgh)));
        sha!({
            let becd = _mm_castps_si128(_mm_shuffle_ps::<0b10_11_01_10>(abef_f, cdgh_f));
            let ffgh = _mm_castps_si128(_mm_shuffle_ps::<0b00_01_00_00>(abef_f, cdgh_f));
            let abef_up = _mm_shuffle_epi32::<0b00_01_10_11>(abef);
            // Its lowest word is W0 + σ0(W1), and nothing else is in W16.
            let w16 = _mm_sha256msg1_epu32(abef_up, abef_up);
            [
                _mm_shuffle_epi32::<0b01_11_10_00>(becd),
                _mm_alignr_epi8::<4>(words([PADDING, 0, 0, 0]), ffgh),
                words([0; 4]),
                _mm_alignr_epi8::<4>(w16, words([0, 0, 0, DIGEST_BITS])),
            ]
        })
    }

    #[inline(always)]
    fn new([a, b, c, d, e, f, g, h]: [u32; 8]) -> Self {
        Self { abef: words([f, e, b, a]), cdgh: words([h, g, d, c]) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            abef: sha!(_mm_add_epi32(self.abef, other.abef)),
            cdgh: sha!(_mm_add_epi32(self.cdgh, other.cdgh)),
        }
    }

    #[inline(always)]
    fn add_word(self, word: __m128i) -> Self {
        Self { abef: sha!(_mm_add_epi32(self.abef, _mm_and_si128(word, words([0, !0, 0, !0])))), ..self }
    }

    #[inline(always)]
    fn rounds(self, kw: __m128i) -> Self {
        self.two_rounds(kw).two_rounds(sha!(_mm_shuffle_epi32::<0b11_10>(kw)))
    }

    /// Two loads, since no shuffle is needed then, and each for all hashes.
    #[inline(always)]
    fn rounds_in_step<const N: usize>(states: &mut [Self; N], [a, b, c, d]: &[u32; 4]) {
        for kw in [words([*a, *b, 0, 0]), words([*c, *d, 0, 0])] {
            for state in &mut *states {
                *state = state.two_rounds(kw);
            }
        }
    }

    #[inline(always)]
    fn a(self) -> __m128i {
        sha!(_mm_shuffle_epi32::<0b11_11_11_11>(self.abef))
    }

    #[inline(always)]
    fn e(self) -> u32 {
        sha!(_mm_extract_epi32::<1>(self.abef)).cast_unsigned()
    }
}
