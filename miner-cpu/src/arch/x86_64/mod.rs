//! Kernels for 64-bit x86.

pub(crate) mod avx2;
pub(crate) mod avx512;
pub(crate) mod avx512vl;
pub(crate) mod sha_ni;
pub(crate) mod sse2;
mod ternary;

/// Clears the upper halves of the vector registers, where there are any: instructions in the old (SSE)
/// encoding take some 200 cycles to get over foreign bits there.
#[inline]
fn clear_upper_halves() {
    if is_x86_feature_detected!("avx") {
        // SAFETY: the CPU has AVX.
        unsafe { core::arch::x86_64::_mm256_zeroupper() }
    }
}
