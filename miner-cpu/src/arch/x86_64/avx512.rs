//! AVX-512: sixteen lanes, native rotations, and any function of three bits in one instruction.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use super::ternary::{CH, MAJ, XOR3};
use crate::arch::vector::vector;
use crate::kernel::{Hit, Kernel};
use crate::scan::scan_in_pairs;

pub(crate) static KERNEL: Kernel = Kernel {
    name: "avx512",
    requires: "AVX-512F",
    is_available: || is_x86_feature_detected!("avx512f"),
    scan: entry,
};

/// # Safety
/// The CPU must have AVX-512F.
#[target_feature(enable = "avx512f")]
#[inline(never)]
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan_in_pairs::<Avx512>(prepared, nonces, hit)
}

vector! {
    Avx512(__m512i), 16 lanes:
    splat(word) => _mm512_set1_epi32(word.cast_signed());
    iota() => _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    add(a, b) => _mm512_add_epi32(a, b);
    and(a, b) => _mm512_and_si512(a, b);
    xor(a, b) => _mm512_xor_si512(a, b);
    shr(a, bits) => _mm512_srlv_epi32(a, Self::splat(bits).0);
    rotr(a, bits) => _mm512_rorv_epi32(a, Self::splat(bits).0);
    eq(a, b) => _mm512_cmpeq_epi32_mask(a, b).into();
    xor3(a, b, c) => _mm512_ternarylogic_epi32::<XOR3>(a, b, c);
    ch(a, yes, no) => _mm512_ternarylogic_epi32::<CH>(a, yes, no);
    maj(a, b, c) => _mm512_ternarylogic_epi32::<MAJ>(a, b, c);
}
