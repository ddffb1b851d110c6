//! AVX-512VL: what AVX-512 can, on eight lanes; for CPUs that slow down where vectors are 512 bits wide, or
//! that have twice as many units for 256.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use super::ternary::{CH, MAJ, XOR3};
use crate::arch::vector::vector;
use crate::kernel::{Hit, Kernel};
use crate::scan::scan_in_pairs;

pub(crate) static KERNEL: Kernel = Kernel {
    name: "avx512vl",
    requires: "AVX-512F and AVX-512VL",
    is_available: || is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl"),
    scan: entry,
};

/// # Safety
/// The CPU must have AVX-512F and AVX-512VL.
#[target_feature(enable = "avx512f,avx512vl")]
#[inline(never)]
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan_in_pairs::<Avx512Vl>(prepared, nonces, hit)
}

vector! {
    Avx512Vl(__m256i), 8 lanes:
    splat(word) => _mm256_set1_epi32(word.cast_signed());
    iota() => _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    add(a, b) => _mm256_add_epi32(a, b);
    and(a, b) => _mm256_and_si256(a, b);
    xor(a, b) => _mm256_xor_si256(a, b);
    shr(a, bits) => _mm256_srlv_epi32(a, Self::splat(bits).0);
    rotr(a, bits) => _mm256_rorv_epi32(a, Self::splat(bits).0);
    eq(a, b) => _mm256_cmpeq_epi32_mask(a, b).into();
    xor3(a, b, c) => _mm256_ternarylogic_epi32::<XOR3>(a, b, c);
    ch(a, yes, no) => _mm256_ternarylogic_epi32::<CH>(a, yes, no);
    maj(a, b, c) => _mm256_ternarylogic_epi32::<MAJ>(a, b, c);
}
