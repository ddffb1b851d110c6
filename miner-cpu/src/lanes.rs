//! What the double hash asks of a vector of 32-bit words. No algorithm lives here, and no instruction set.

/// A vector of `LANES` words that are computed alike.
///
/// # Contract
/// An implementation may stand for instructions that not every CPU has. Its methods are called only below
/// the `#[target_feature]` entry of its own file, and they and all that is between are
/// `#[inline(always)]`: that is what makes the `unsafe` in the implementations sound, and what makes the
/// compiler emit those instructions.
pub(crate) trait Lanes: Copy {
    /// How many words; a power of two, at most 32.
    const LANES: u32;

    /// The same word in each lane.
    fn splat(word: u32) -> Self;

    /// The number of each lane: 0, 1, 2 …
    fn iota() -> Self;

    /// Sum, wrapping.
    fn add(self, other: Self) -> Self;

    /// Bitwise and.
    fn and(self, other: Self) -> Self;

    /// Bitwise exclusive or.
    fn xor(self, other: Self) -> Self;

    /// Logical shift right by a constant below 32.
    fn shr(self, bits: u32) -> Self;

    /// Rotate right by a constant from 1 to 31.
    fn rotr(self, bits: u32) -> Self;

    /// Bit `i` is set where the words of lane `i` are equal.
    fn eq(self, other: Self) -> u32;

    /// Three-way exclusive or.
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }

    /// Where a bit of `self` is set that of `yes`, else that of `no`.
    #[inline(always)]
    fn ch(self, yes: Self, no: Self) -> Self {
        no.xor(self.and(yes.xor(no)))
    }

    /// The majority, bit by bit. `b ^ c` is what the round before had as `a ^ b`, and the compiler sees it.
    #[inline(always)]
    fn maj(self, b: Self, c: Self) -> Self {
        b.xor(self.xor(b).and(b.xor(c)))
    }

    /// Each word with its bytes reversed.
    #[inline(always)]
    fn swap_bytes(self) -> Self {
        let odd = self.rotr(8).and(Self::splat(0xff00_ff00));
        odd.xor(self.rotr(24).and(Self::splat(0x00ff_00ff)))
    }

    /// Bit `i` is set where the word of lane `i` is at most `limit`: where `limit - word` borrows nothing.
    #[inline(always)]
    fn at_most(self, limit: u32) -> u32 {
        let difference = self.xor(Self::splat(!0)).add(Self::splat(limit.wrapping_add(1)));
        let borrow = Self::splat(!limit).maj(self, difference).shr(31);
        borrow.eq(Self::splat(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comparing_by_the_borrow_is_comparing(word: u32, limit: u32) {
            for (word, limit) in [(word, limit), (word, word), (word, word.wrapping_sub(1))] {
                prop_assert_eq!(Lanes::at_most(word, limit), u32::from(word <= limit));
            }
        }

        #[test]
        fn swapping_by_rotations_is_swapping(word: u32) {
            prop_assert_eq!(Lanes::swap_bytes(word), u32::swap_bytes(word));
        }

        #[test]
        fn choice_and_majority_are_those_of_the_standard(a: u32, b: u32, c: u32) {
            prop_assert_eq!(a.ch(b, c), miner_core::sha256::ch(a, b, c));
            prop_assert_eq!(a.maj(b, c), miner_core::sha256::maj(a, b, c));
        }
    }

    #[test]
    fn the_extremes_compare_too() {
        for (word, limit) in [(0, 0), (0, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX)] {
            assert_eq!(Lanes::at_most(word, limit), u32::from(word <= limit), "{word} {limit}");
        }
    }
}
