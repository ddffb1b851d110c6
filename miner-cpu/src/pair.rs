//! Two vectors computed in step, so that one waits while the other works. Interleaved operation by
//! operation, which is the only way the compiler keeps. They stand for twice the nonces of one midstate, or
//! for the same nonces of two.

use miner_core::prepared::PreparedMidstate;

use crate::lanes::Lanes;

/// Two vectors as one of twice the width.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(any(target_arch = "aarch64", target_arch = "x86_64")),
    expect(dead_code, reason = "plain integers do not come in pairs")
)]
pub(crate) struct Pair<V>(pub(crate) V, pub(crate) V);

/// Methods that do the same to both vectors: `name(vectors; scalars)`.
macro_rules! each {
    ($($method:ident($($vector:ident),*; $($scalar:ident),*))*) => {$(
        #[inline(always)]
        fn $method(self $(, $vector: Self)* $(, $scalar: u32)*) -> Self {
            Self(self.0.$method($($vector.0,)* $($scalar),*), self.1.$method($($vector.1,)* $($scalar),*))
        }
    )*};
}

impl<V: Lanes> Lanes for Pair<V> {
    const LANES: u32 = 2 * V::LANES;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(V::splat(word), V::splat(word))
    }

    #[inline(always)]
    fn iota() -> Self {
        Self(V::iota(), V::iota().add(V::splat(V::LANES)))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> u32 {
        self.0.eq(other.0) | self.1.eq(other.1) << V::LANES
    }

    each! {
        add(other;)
        and(other;)
        xor(other;)
        shr(; bits)
        rotr(; bits)
        xor3(b, c;)
        ch(yes, no;)
        maj(b, c;)
    }
}

/// A vector of states whose message words are in a `W`.
pub(crate) trait State<W: Lanes>: Lanes {
    /// How many midstates it holds.
    const MIDSTATES: usize;

    /// The same message words for each midstate.
    fn words(words: W) -> Self;

    /// A word of each midstate, in all of its lanes.
    fn each(midstates: &[PreparedMidstate], word: impl Fn(&PreparedMidstate) -> u32) -> Self;
}

impl<V: Lanes> State<V> for V {
    const MIDSTATES: usize = 1;

    #[inline(always)]
    fn words(words: V) -> Self {
        words
    }

    #[inline(always)]
    fn each(midstates: &[PreparedMidstate], word: impl Fn(&PreparedMidstate) -> u32) -> Self {
        V::splat(word(&midstates[0]))
    }
}

impl<V: Lanes> State<V> for Pair<V> {
    const MIDSTATES: usize = 2;

    #[inline(always)]
    fn words(words: V) -> Self {
        Self(words, words)
    }

    #[inline(always)]
    fn each(midstates: &[PreparedMidstate], word: impl Fn(&PreparedMidstate) -> u32) -> Self {
        Self(V::splat(word(&midstates[0])), V::splat(word(&midstates[1])))
    }
}
