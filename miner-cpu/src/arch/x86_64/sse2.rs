//! SSE2: four lanes, on every 64-bit x86.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::kernel::{Hit, Kernel};
use crate::lanes::Lanes;
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

#[derive(Clone, Copy)]
struct Sse2(__m128i);

macro_rules! sse2 {
    ($intrinsic:expr) => {
        // SAFETY: SSE2 belongs to the architecture.
        unsafe { $intrinsic }
    };
}

impl Lanes for Sse2 {
    const LANES: u32 = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(sse2!(_mm_set1_epi32(word.cast_signed())))
    }

    #[inline(always)]
    fn iota() -> Self {
        Self(sse2!(_mm_setr_epi32(0, 1, 2, 3)))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(sse2!(_mm_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(sse2!(_mm_and_si128(self.0, other.0)))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(sse2!(_mm_xor_si128(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(sse2!(_mm_srl_epi32(self.0, _mm_cvtsi32_si128(bits.cast_signed()))))
    }

    #[inline(always)]
    fn rotr(self, bits: u32) -> Self {
        let left = sse2!(_mm_sll_epi32(self.0, _mm_cvtsi32_si128(32 - bits.cast_signed())));
        Self(sse2!(_mm_or_si128(self.shr(bits).0, left)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u32 {
        let equal = sse2!(_mm_cmpeq_epi32(self.0, other.0));
        sse2!(_mm_movemask_ps(_mm_castsi128_ps(equal))).cast_unsigned()
    }
}
