//! AVX-512: sixteen lanes, native rotations, and any function of three bits in one instruction.

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::kernel::{Hit, Kernel};
use crate::lanes::Lanes;
use crate::pair::Pair;
use crate::scan::scan;

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
    if prepared.midstates.len() == 1 {
        scan::<Pair<Avx512>, Pair<Avx512>>(prepared, nonces, hit)
    } else {
        scan::<Avx512, Pair<Avx512>>(prepared, nonces, hit)
    }
}

/// Truth tables for `vpternlogd`: bit `4a + 2b + c` holds the value for bits a, b and c.
const XOR3: i32 = 0x96;
const CH: i32 = 0xca;
const MAJ: i32 = 0xe8;

#[derive(Clone, Copy)]
struct Avx512(__m512i);

macro_rules! avx512 {
    ($intrinsic:expr) => {
        // SAFETY: called below `entry` alone (the contract of `Lanes`), whose caller vouches for AVX-512F.
        unsafe { $intrinsic }
    };
}

impl Avx512 {
    #[inline(always)]
    fn ternary<const TABLE: i32>(self, b: Self, c: Self) -> Self {
        Self(avx512!(_mm512_ternarylogic_epi32::<TABLE>(self.0, b.0, c.0)))
    }
}

impl Lanes for Avx512 {
    const LANES: u32 = 16;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(avx512!(_mm512_set1_epi32(word.cast_signed())))
    }

    #[inline(always)]
    fn iota() -> Self {
        Self(avx512!(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx512!(_mm512_and_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(avx512!(_mm512_xor_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx512!(_mm512_srlv_epi32(self.0, Self::splat(bits).0)))
    }

    #[inline(always)]
    fn rotr(self, bits: u32) -> Self {
        Self(avx512!(_mm512_rorv_epi32(self.0, Self::splat(bits).0)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u32 {
        avx512!(_mm512_cmpeq_epi32_mask(self.0, other.0)).into()
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.ternary::<XOR3>(b, c)
    }

    #[inline(always)]
    fn ch(self, yes: Self, no: Self) -> Self {
        self.ternary::<CH>(yes, no)
    }

    #[inline(always)]
    fn maj(self, b: Self, c: Self) -> Self {
        self.ternary::<MAJ>(b, c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::sha256;

    /// What the instruction does, bit by bit: true on a machine without AVX-512 as well.
    fn ternary(table: i32, a: u32, b: u32, c: u32) -> u32 {
        let bit = |i: u32| {
            let index = (a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1);
            (table.cast_unsigned() >> index & 1) << i
        };
        (0..32).map(bit).sum()
    }

    #[test]
    fn the_truth_tables_are_those_of_the_functions() {
        // Every combination of three bits stands in one of the eight lowest positions.
        let (a, b, c) = (0b1111_0000, 0b1100_1100, 0b1010_1010);
        assert_eq!(ternary(XOR3, a, b, c), a ^ b ^ c);
        assert_eq!(ternary(CH, a, b, c), sha256::ch(a, b, c));
        assert_eq!(ternary(MAJ, a, b, c), sha256::maj(a, b, c));
    }
}
