//! Targets, compact bits, difficulty and work, exactly, in both directions.
//!
//! The type of a target is [`bitcoin::Target`]. Difficulty 1 is the target 0xFFFF · 2²⁰⁸; a hash that
//! equals a target meets it.

use bitcoin::{CompactTarget, Target};

/// A difficulty that no target belongs to.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("difficulty {0} is not a positive, finite number")]
pub struct InvalidDifficulty(pub f64);

/// Compact bits that no valid header carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bits {0:08x} are no valid target: negative, zero or beyond 256 bits")]
pub struct InvalidBits(pub u32);

/// The target that a header's bits stand for, with the checks that consensus makes.
pub fn from_bits(bits: CompactTarget) -> Result<Target, InvalidBits> {
    let raw = bits.to_consensus();
    let (size, mantissa) = (raw >> 24, raw & 0x007f_ffff);
    let negative = raw & 0x0080_0000 != 0 && mantissa != 0;
    let mantissa_size = (32 - mantissa.leading_zeros()).div_ceil(8);
    if negative || size + mantissa_size > 35 {
        return Err(InvalidBits(raw));
    }
    Some(Target::from_compact(bits)).filter(|target| *target != Target::ZERO).ok_or(InvalidBits(raw))
}

/// The exact target of a difficulty: ⌊0xFFFF · 2²⁰⁸ / difficulty⌋, at most 2²⁵⁶ − 1.
///
/// The division is exact for the value that the `f64` holds, so that server and client agree on the
/// last bit.
pub fn from_difficulty(difficulty: f64) -> Result<Target, InvalidDifficulty> {
    if !(difficulty.is_finite() && difficulty > 0.0) {
        return Err(InvalidDifficulty(difficulty));
    }
    let (divisor, exponent) = decompose(difficulty);
    // The dividend: sixteen ones followed by this many zeros.
    let zeros = 208 - exponent;
    let (mut quotient, mut remainder) = (U256::ZERO, 0);
    for position in (0..16 + zeros).rev() {
        remainder = (remainder << 1) | u64::from(position >= zeros);
        if quotient.double() {
            return Ok(Target::from_be_bytes([0xff; 32]));
        }
        if remainder >= divisor {
            remainder -= divisor;
            quotient.low |= 1;
        }
    }
    Ok(quotient.into())
}

/// The difficulty of a target: 0xFFFF · 2²⁰⁸ / target, rounded to the nearest `f64`.
///
/// For display: ledgers count [`work`]. The difficulty of target zero is infinite.
pub fn difficulty(target: Target) -> f64 {
    let divisor = U256::from(target);
    if divisor == U256::ZERO {
        return f64::INFINITY;
    }
    // Enough zeros for a quotient of 55 or 56 bits, two more than an `f64` keeps.
    let scale = 55 + divisor.bit_length() as i32 - 224;
    let (mut quotient, mut remainder) = (0u64, U256::ZERO);
    for position in (0..224 + scale).rev() {
        let above = position - (208 + scale);
        let overflow = remainder.double();
        remainder.low |= u128::from((0..16).contains(&above));
        quotient <<= 1;
        if overflow || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    // A remainder must not look like an exact half when the last bits are rounded off.
    quotient |= u64::from(remainder != U256::ZERO);
    quotient as f64 * 2f64.powi(-scale)
}

/// The expected number of hashes to meet a target, ⌊2²⁵⁶ / (target + 1)⌋, at most 2¹²⁸ − 1.
pub fn work(target: Target) -> u128 {
    let work = U256::from_be_bytes(target.to_work().to_be_bytes());
    if work.high == 0 { work.low } else { u128::MAX }
}

/// The most significant 32 bits of a target: what a kernel compares with the hash's last word.
pub fn top_word(target: Target) -> u32 {
    (U256::from(target).high >> 96) as u32
}

/// A positive, finite `f64` as an integer mantissa and a power of two.
fn decompose(value: f64) -> (u64, i32) {
    let (fraction, exponent) = (value.to_bits() & ((1 << 52) - 1), (value.to_bits() >> 52) as i32);
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// Just enough of a 256-bit integer for the divisions above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct U256 {
    high: u128,
    low: u128,
}

impl U256 {
    const ZERO: Self = Self { high: 0, low: 0 };

    /// Shifts left by one; true when a bit falls out.
    fn double(&mut self) -> bool {
        let overflow = self.high >> 127 != 0;
        self.high = (self.high << 1) | (self.low >> 127);
        self.low <<= 1;
        overflow
    }

    fn wrapping_sub(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self { high: self.high.wrapping_sub(other.high).wrapping_sub(borrow.into()), low }
    }

    fn bit_length(self) -> u32 {
        if self.high == 0 { 128 - self.low.leading_zeros() } else { 256 - self.high.leading_zeros() }
    }

    fn from_be_bytes(bytes: [u8; 32]) -> Self {
        let (high, low) = bytes.split_at(16);
        let number = |half: &[u8]| half.iter().fold(0, |n, byte| (n << 8) | u128::from(*byte));
        Self { high: number(high), low: number(low) }
    }
}

impl From<Target> for U256 {
    fn from(target: Target) -> Self {
        Self::from_be_bytes(target.to_be_bytes())
    }
}

impl From<U256> for Target {
    fn from(number: U256) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&number.high.to_be_bytes());
        bytes[16..].copy_from_slice(&number.low.to_be_bytes());
        Self::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(target: Target) -> String {
        format!("{target:064x}")
    }

    #[test]
    fn reference_targets_of_difficulties() {
        let cases = [
            (1.0, "00000000ffff0000"),
            (0.001, "000003e7fc17ffff"),
            (2.0, "000000007fff8000"),
            (16384.0, "000000000003fffc"),
            (0.5, "00000001fffe0000"),
            (65535.0, "0000000000010000"),
            (2.328e-10, "ffffffffffffffff"),
            (f64::MIN_POSITIVE / 4.0, "ffffffffffffffff"),
            (1e300, "0000000000000000"),
        ];
        for (difficulty, start) in cases {
            let target = hex(from_difficulty(difficulty).unwrap());
            assert!(target.starts_with(start), "{difficulty}: {target}");
        }
    }

    #[test]
    fn difficulties_that_are_none_are_refused() {
        for difficulty in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(from_difficulty(difficulty).is_err(), "{difficulty}");
        }
    }

    #[test]
    fn reference_difficulties_of_targets() {
        let regtest = from_bits(CompactTarget::from_consensus(0x207f_ffff)).unwrap();
        assert_eq!(difficulty(regtest), 4.656_542_373_906_924_7e-10);
        assert_eq!(difficulty(Target::MAX), 1.0);
        assert_eq!(difficulty(from_difficulty(16384.0).unwrap()), 16384.0);
        assert_eq!(difficulty(Target::ZERO), f64::INFINITY);
        assert_eq!(difficulty(Target::from_be_bytes([0xff; 32])), 65535.0 / 65536.0 / 65536.0 / 65536.0);
    }

    #[test]
    fn bits_that_consensus_refuses() {
        // Negative, zero, and too large, as in the arithmetic of Bitcoin's compact form.
        for bits in
            [0x0180_0001, 0x0492_3456, 0, 0x0100_0000, 0x2100_ffff + 0x0001_0000, 0x2300_0001, 0xff12_3456]
        {
            assert_eq!(from_bits(CompactTarget::from_consensus(bits)), Err(InvalidBits(bits)), "{bits:08x}");
        }
        for bits in [0x1d00_ffff, 0x207f_ffff, 0x2100_ffff, 0x2200_00ff, 0x0300_0001] {
            assert!(from_bits(CompactTarget::from_consensus(bits)).is_ok(), "{bits:08x}");
        }
    }

    #[test]
    fn work_counts_hashes() {
        assert_eq!(work(Target::MAX), 0x1_0001_0001);
        assert_eq!(work(Target::from_be_bytes([0xff; 32])), 1);
        assert_eq!(work(Target::ZERO), u128::MAX);
        assert_eq!(work(from_bits(CompactTarget::from_consensus(0x207f_ffff)).unwrap()), 2);
    }

    /// target · divisor · 2^exponent against 0xFFFF · 2²⁰⁸, by schoolbook multiplication of 32-bit limbs.
    fn product_at_most_dividend(target: [u8; 32], difficulty: f64) -> bool {
        let (divisor, exponent) = decompose(difficulty);
        let mut limbs: Vec<u64> =
            target.rchunks(4).map(|c| u64::from(u32::from_be_bytes(c.try_into().unwrap()))).collect();
        limbs.extend([0; 4]);
        let (mut product, mut carry) = (Vec::new(), 0u128);
        for limb in limbs {
            carry += u128::from(limb) * u128::from(divisor);
            product.push(carry as u32);
            carry >>= 32;
        }
        let bit =
            |i: i32| i >= 0 && product.get(i as usize / 32).is_some_and(|limb| limb >> (i % 32) & 1 == 1);
        // Compare product with 0xFFFF << (208 − exponent), from the top.
        let shift = 208 - exponent;
        for i in (0..512 + shift.max(0)).rev() {
            let dividend_bit = (shift..shift + 16).contains(&i);
            if bit(i) != dividend_bit {
                return dividend_bit;
            }
        }
        true
    }

    proptest! {
        #[test]
        fn targets_round_down_and_no_further(difficulty in 1e-9f64..1e40) {
            let target = from_difficulty(difficulty).unwrap();
            prop_assert!(product_at_most_dividend(target.to_be_bytes(), difficulty));
            let mut next = U256::from(target);
            next.low = next.low.wrapping_add(1);
            next.high += u128::from(next.low == 0);
            prop_assert!(!product_at_most_dividend(Target::from(next).to_be_bytes(), difficulty));
        }

        #[test]
        fn difficulty_of_target_of_difficulty_is_the_difficulty(difficulty in 1e-9f64..1e40) {
            // 224 − 133 bits and more are left in the target, so rounding it down moves no `f64`.
            let back = super::difficulty(from_difficulty(difficulty).unwrap());
            prop_assert!((back - difficulty).abs() <= difficulty * f64::EPSILON);
        }

        #[test]
        fn difficulty_falls_as_the_target_rises(low: [u8; 32], high: [u8; 32]) {
            let (low, high) = (Target::from_be_bytes(low.min(high)), Target::from_be_bytes(low.max(high)));
            prop_assert!(difficulty(low) >= difficulty(high));
        }
    }
}
