//! The SHA-256 instructions of ARMv8: a pair of them does four rounds.
//!
//! Each takes 4 cycles, and one may start in every cycle (Neoverse N1), or 6 and in every second (Cortex-A72). Four
//! hashes in step keep them busy, and their states and messages just fit into the registers: by the models of
//! llvm-mca a hash takes 88 and 156 cycles then, 100 and 172 by twos, 134 and 219 one after the other.

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::ControlFlow;

use miner_core::prepared::PADDING;
use miner_core::{NonceRange, Prepared};

use crate::double_hash::DIGEST_BITS;
use crate::kernel::{Hit, Kernel};
use crate::sha::{ShaState, scan};

pub(crate) static KERNEL: Kernel = Kernel {
    name: "armv8-sha2",
    requires: "the SHA-256 instructions of ARMv8",
    is_available: || std::arch::is_aarch64_feature_detected!("sha2"),
    scan: entry,
};

/// # Safety
/// The CPU must have the SHA-256 instructions.
#[target_feature(enable = "sha2")]
#[inline(never)]
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    if prepared.midstates.len() == 2 {
        scan::<State, 2>(prepared, nonces, hit)
    } else {
        scan::<State, 4>(prepared, nonces, hit)
    }
}

macro_rules! sha {
    ($intrinsic:expr) => {
        // SAFETY: called below `entry` alone (the contract of `ShaState`), whose caller vouches for the
        // instructions.
        unsafe { $intrinsic }
    };
}

/// The eight words of a state, the first of each four lowest.
#[derive(Clone, Copy)]
struct State {
    abcd: uint32x4_t,
    efgh: uint32x4_t,
}

/// Four words, the first one lowest.
#[inline(always)]
fn words(words: [u32; 4]) -> uint32x4_t {
    sha!(vld1q_u32(words.as_ptr()))
}

// Functions of their own, since the compiler inlines these instructions only into those that say what they need.

/// What comes after the last sixteen message words.
#[target_feature(enable = "sha2")]
#[inline]
fn expand([a, b, c, d]: [uint32x4_t; 4]) -> uint32x4_t {
    vsha256su1q_u32(vsha256su0q_u32(a, b), c, d)
}

/// Lowest, W0 + σ0(W1): all that there is to W16 of a digest.
#[target_feature(enable = "sha2")]
#[inline]
fn w0_and_sigma0(words: uint32x4_t) -> uint32x4_t {
    vsha256su0q_u32(words, words)
}

/// Four rounds.
#[target_feature(enable = "sha2")]
#[inline]
fn rounds(State { abcd, efgh }: State, kw: uint32x4_t) -> State {
    State { abcd: vsha256hq_u32(abcd, efgh, kw), efgh: vsha256h2q_u32(efgh, abcd, kw) }
}

impl ShaState for State {
    type Words = uint32x4_t;

    #[inline(always)]
    fn words(four: [u32; 4]) -> uint32x4_t {
        words(four)
    }

    #[inline(always)]
    fn to_array(words: uint32x4_t) -> [u32; 4] {
        sha!(std::mem::transmute::<uint32x4_t, [u32; 4]>(words))
    }

    #[inline(always)]
    fn add_words(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t {
        sha!(vaddq_u32(a, b))
    }

    #[inline(always)]
    fn expand(message: [uint32x4_t; 4]) -> uint32x4_t {
        sha!(expand(message))
    }

    #[inline(always)]
    fn digest_message(self) -> [uint32x4_t; 4] {
        let Self { abcd, efgh } = self;
        sha!([
            vextq_u32::<1>(abcd, efgh),
            vextq_u32::<1>(efgh, words([PADDING, 0, 0, 0])),
            words([0; 4]),
            vextq_u32::<1>(words([0, 0, 0, DIGEST_BITS]), w0_and_sigma0(abcd)),
        ])
    }

    #[inline(always)]
    fn new([a, b, c, d, e, f, g, h]: [u32; 8]) -> Self {
        Self { abcd: words([a, b, c, d]), efgh: words([e, f, g, h]) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        sha!(Self { abcd: vaddq_u32(self.abcd, other.abcd), efgh: vaddq_u32(self.efgh, other.efgh) })
    }

    #[inline(always)]
    fn add_word(self, word: uint32x4_t) -> Self {
        let first = sha!(vandq_u32(word, words([!0, 0, 0, 0])));
        self.add(Self { abcd: first, efgh: first })
    }

    #[inline(always)]
    fn rounds(self, kw: uint32x4_t) -> Self {
        sha!(rounds(self, kw))
    }

    /// The compiler would compute one hash after the other, if there were not something after each group of
    /// rounds that needs all of them, and is nothing.
    #[inline(always)]
    fn keep_in_step<const N: usize>(states: &mut [Self; N]) {
        for i in 1..N {
            let (mut a, mut b) = (states[i - 1].abcd, states[i].abcd);
            // SAFETY: it has no effect.
            unsafe {
                asm!(
                    "/* {a:v} {b:v} */",
                    a = inout(vreg) a,
                    b = inout(vreg) b,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            (states[i - 1].abcd, states[i].abcd) = (a, b);
        }
    }

    #[inline(always)]
    fn a(self) -> uint32x4_t {
        sha!(vdupq_laneq_u32::<0>(self.abcd))
    }

    #[inline(always)]
    fn e(self) -> u32 {
        sha!(vgetq_lane_u32::<0>(self.efgh))
    }
}
