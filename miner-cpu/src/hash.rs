//! The two hashes, as rounds over a schedule. See [`crate::scan`] for the tricks.

use miner_core::prepared::{PreparedMidstate, round as scalar_round};
use miner_core::sha256::{INITIAL_STATE, ROUND_CONSTANTS as K};

use crate::lanes::Lanes;
use crate::pair::Pair;
use crate::schedule::Schedule;

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

/// The digests of the headers that begin with these midstates and carry these nonces.
#[inline(always)]
pub(crate) fn first_hash<W: Lanes, S: State<W>>(
    midstates: &[PreparedMidstate],
    w3: S,
    schedule: &Schedule<W>,
) -> [S; 8] {
    macro_rules! each {
        ($field:ident: $($i:literal)*) => { [$( S::each(midstates, |m| m.$field[$i]) ),*] };
    }
    let [a, b, c, d, e, f, g, _] = each!(state: 0 1 2 3 4 5 6 7);
    let [hkw4, hkw5, hkw6] = each!(hkw: 0 1 2);
    let s = [a.add(w3), b, c, d, e.add(w3), f, g, hkw4];
    let s = round(s);
    let s = round(replace_h(s, hkw5));
    let s = round(replace_h(s, hkw6));
    let s = round(add_to_h(s, S::splat(K[7])));
    let s = fifty_six_rounds(s, &schedule.kw[8..]);
    let m = each!(midstate: 0 1 2 3 4 5 6 7);
    macro_rules! sums {
        ($($i:literal)*) => { [$( s[$i].add(m[$i]) ),*] };
    }
    sums!(0 1 2 3 4 5 6 7)
}

/// The second hash after round 0, but for its first word, which `a` and `e` still lack.
const SECOND_HASH: [u32; 8] = scalar_round(INITIAL_STATE, K[0]);

/// H7 of the hashes of digests.
#[inline(always)]
pub(crate) fn second_hash<S: Lanes>(digests: [S; 8], schedule: &mut Schedule<S>) -> S {
    schedule.set_digests(&digests);
    macro_rules! splat {
        ($($i:literal)*) => { [$( S::splat(SECOND_HASH[$i]) ),*] };
    }
    let [a, b, c, d, e, f, g, h] = splat!(0 1 2 3 4 5 6 7);
    let w0 = digests[0];
    let s = [a.add(w0), b, c, d, e.add(w0), f, g, h];
    let mut s = fifty_six_rounds(s, &schedule.kw[1..]);
    macro_rules! rounds {
        ($($t:literal)*) => {$( s = round_for_e(add_to_h(s, schedule.kw[$t])); )*};
    }
    rounds!(57 58 59 60);
    s[4].add(S::splat(INITIAL_STATE[7]))
}

/// Fifty-six rounds with K + W from memory.
#[inline(always)]
fn fifty_six_rounds<W: Lanes, S: State<W>>(mut s: [S; 8], kw: &[W]) -> [S; 8] {
    for kw in &kw.as_chunks::<8>().0[..7] {
        macro_rules! rounds {
            ($($i:literal)*) => {$( s = round(add_to_h(s, S::words(kw[$i]))); )*};
        }
        rounds!(0 1 2 3 4 5 6 7);
    }
    s
}

/// One round; K + W is already in `h`.
#[inline(always)]
fn round<V: Lanes>([a, b, c, d, e, f, g, h]: [V; 8]) -> [V; 8] {
    let t1 = h.add(e.ch(f, g)).add(big_sigma1(e));
    let t2 = big_sigma0(a).add(a.maj(b, c));
    [t1.add(t2), a, b, c, d.add(t1), e, f, g]
}

/// One round whose `a` nobody asks for: it is wrong.
#[inline(always)]
fn round_for_e<V: Lanes>([a, b, c, d, e, f, g, h]: [V; 8]) -> [V; 8] {
    let t1 = h.add(e.ch(f, g)).add(big_sigma1(e));
    [a, a, b, c, d.add(t1), e, f, g]
}

#[inline(always)]
fn add_to_h<V: Lanes>([a, b, c, d, e, f, g, h]: [V; 8], kw: V) -> [V; 8] {
    [a, b, c, d, e, f, g, h.add(kw)]
}

#[inline(always)]
fn replace_h<V: Lanes>([a, b, c, d, e, f, g, _]: [V; 8], hkw: V) -> [V; 8] {
    [a, b, c, d, e, f, g, hkw]
}

/// Σ0.
#[inline(always)]
fn big_sigma0<V: Lanes>(x: V) -> V {
    x.rotr(2).xor3(x.rotr(13), x.rotr(22))
}

/// Σ1.
#[inline(always)]
fn big_sigma1<V: Lanes>(x: V) -> V {
    x.rotr(6).xor3(x.rotr(11), x.rotr(25))
}
