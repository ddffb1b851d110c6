//! AVX2: eight lanes.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::kernel::{Hit, Kernel};
use crate::lanes::Lanes;
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

#[derive(Clone, Copy)]
struct Avx2(__m256i);

macro_rules! avx2 {
    ($intrinsic:expr) => {
        // SAFETY: called below `entry` alone (the contract of `Lanes`), whose caller vouches for AVX2.
        unsafe { $intrinsic }
    };
}

impl Lanes for Avx2 {
    const LANES: u32 = 8;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(avx2!(_mm256_set1_epi32(word.cast_signed())))
    }

    #[inline(always)]
    fn iota() -> Self {
        Self(avx2!(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx2!(_mm256_xor_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx2!(_mm256_srlv_epi32(self.0, Self::splat(bits).0)))
    }

    #[inline(always)]
    fn rotr(self, bits: u32) -> Self {
        let left = avx2!(_mm256_sllv_epi32(self.0, Self::splat(32 - bits).0));
        Self(avx2!(_mm256_or_si256(self.shr(bits).0, left)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u32 {
        let equal = avx2!(_mm256_cmpeq_epi32(self.0, other.0));
        avx2!(_mm256_movemask_ps(_mm256_castsi256_ps(equal))).cast_unsigned()
    }
}
