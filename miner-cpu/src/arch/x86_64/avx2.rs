//! AVX2: eight lanes.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::arch::vector::vector;
use crate::kernel::{Hit, Kernel};
use crate::pair::Pair;
use crate::scan::scan;

pub(crate) static KERNEL: Kernel =
    Kernel { name: "avx2", requires: "AVX2", is_available: || is_x86_feature_detected!("avx2"), scan: entry };

/// # Safety
/// The CPU must have AVX2.
#[target_feature(enable = "avx2")]
#[inline(never)]
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    if prepared.midstates.len() == 1 {
        scan::<Avx2, Avx2>(prepared, nonces, hit)
    } else {
        scan::<Avx2, Pair<Avx2>>(prepared, nonces, hit)
    }
}

vector! {
    Avx2(__m256i), 8 lanes:
    splat(word) => _mm256_set1_epi32(word.cast_signed());
    iota() => _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    add(a, b) => _mm256_add_epi32(a, b);
    and(a, b) => _mm256_and_si256(a, b);
    xor(a, b) => _mm256_xor_si256(a, b);
    shr(a, bits) => _mm256_srlv_epi32(a, Self::splat(bits).0);
    rotr(a, bits) => _mm256_or_si256(Self(a).shr(bits).0, _mm256_sllv_epi32(a, Self::splat(32 - bits).0));
    eq(a, b) => _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b))).cast_unsigned();
}
