//! Plain integers: runs anywhere, and is the measure of the other kernels.

use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::kernel::{Hit, Kernel};
use crate::lanes::Lanes;
use crate::scan::scan;

pub(crate) static KERNEL: Kernel =
    Kernel { name: "portable", requires: "nothing", is_available: || true, scan: entry };

fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan::<u32, u32>(prepared, nonces, hit)
}

impl Lanes for u32 {
    const LANES: u32 = 1;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        word
    }

    #[inline(always)]
    fn iota() -> Self {
        0
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        self >> bits
    }

    #[inline(always)]
    fn rotr(self, bits: u32) -> Self {
        self.rotate_right(bits)
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u32 {
        u32::from(self == other)
    }
}
