//! SSE2: four lanes, on every 64-bit x86.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::arch::vector::vector;
use crate::kernel::{Hit, Kernel};
use crate::scan::scan;

pub(crate) static KERNEL: Kernel =
    Kernel { name: "sse2", requires: "SSE2", is_available: || true, scan: entry };

/// One stream: two need more than the sixteen registers, and without three-operand encodings each spill
/// costs an instruction.
#[inline(never)]
fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    super::clear_upper_halves();
    scan::<Sse2, Sse2>(prepared, nonces, hit)
}

vector! {
    Sse2(__m128i), 4 lanes:
    splat(word) => _mm_set1_epi32(word.cast_signed());
    iota() => _mm_setr_epi32(0, 1, 2, 3);
    add(a, b) => _mm_add_epi32(a, b);
    and(a, b) => _mm_and_si128(a, b);
    xor(a, b) => _mm_xor_si128(a, b);
    shr(a, bits) => _mm_srl_epi32(a, _mm_cvtsi32_si128(bits.cast_signed()));
    rotr(a, bits) => {
        let left = _mm_sll_epi32(a, _mm_cvtsi32_si128(32 - bits.cast_signed()));
        _mm_or_si128(Self(a).shr(bits).0, left)
    };
    eq(a, b) => _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(a, b))).cast_unsigned();
}
