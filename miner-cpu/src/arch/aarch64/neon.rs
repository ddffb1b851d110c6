//! NEON: four lanes, on every 64-bit Arm that Rust's standard library is made for.

use std::arch::aarch64::*;
use std::arch::asm;
use std::ops::ControlFlow;

use miner_core::{NonceRange, Prepared};

use crate::arch::vector::vector;
use crate::kernel::{Hit, Kernel};
use crate::scan::scan_in_pairs;

pub(crate) static KERNEL: Kernel = Kernel {
    name: "neon",
    requires: "NEON",
    is_available: || std::arch::is_aarch64_feature_detected!("neon"),
    scan: entry,
};

/// Two streams, always: thirty-two registers hold both. With one, rounds take 1.4 (Neoverse N1, Cortex-A53) to 1.7
/// times (Cortex-A72) as long, by the models of llvm-mca.
///
/// # Safety
/// The CPU must have NEON.
#[target_feature(enable = "neon")]
#[inline(never)]
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan_in_pairs::<Neon>(prepared, nonces, hit)
}

vector! {
    Neon(uint32x4_t), 4 lanes:
    splat(word) => vdupq_n_u32(word);
    iota() => vld1q_u32([0, 1, 2, 3].as_ptr());
    add(a, b) => vaddq_u32(a, b);
    and(a, b) => vandq_u32(a, b);
    xor(a, b) => veorq_u32(a, b);
    shr(a, bits) => vshlq_u32(a, vdupq_n_s32(-bits.cast_signed()));
    // Two instructions: a shift to the left, and one to the right that adds.
    rotr(a, bits) => vorrq_u32(Self(a).shr(bits).0, vshlq_u32(a, vdupq_n_s32(32 - bits.cast_signed())));
    eq(a, b) => vaddvq_u32(vandq_u32(vceqq_u32(a, b), vld1q_u32([1, 2, 4, 8].as_ptr())));
    ch(a, b, c) => vbslq_u32(a, b, c);
    // Where b and c differ, a decides: two instructions, of which the compiler would make three or four.
    maj(a, b, c) => {
        let mut decides = veorq_u32(b, c);
        asm!(
            "bsl {decides:v}.16b, {a:v}.16b, {b:v}.16b",
            decides = inout(vreg) decides, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
        decides
    };
}
