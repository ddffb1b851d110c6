//! The double hash over vectors of nonces, once for every instruction set that has vectors: schedules, first
//! hash, second hash. Knows no instructions, and not which nonces and midstates there are (see
//! [`crate::scan`]).
//!
//! A header is two blocks of sixteen words. No nonce changes the first one: what it makes of the state is the
//! midstate. The second holds the nonce in W3, ahead of padding.
//!
//! ```text
//! once a unit                 K + W of rounds 8 to 17 of the header
//! for each vector of nonces   K + W of rounds 18 to 63 of the header, whose W3 they are
//! for each midstate,          first hash   state after round 3, but for W3, which a and e now get
//! or two in step                           rounds 4 to 63
//!                                          + midstate → digest
//!                             second hash  K + W of rounds 1 to 60 of the digest
//!                                          state after round 0, but for W0, which a and e now get
//!                                          rounds 1 to 56
//!                                          rounds 57 to 60, for e alone
//!                                          e + the initial h → H7, the hash's last word
//! ```
//!
//! Why it is fast, in order of what it saves:
//! - **One schedule for all midstates.** Headers that differ in their first half alone (rolled versions)
//!   share the message words of the second. They are computed once a nonce block, with K added, into an
//!   array that stays in the L1 cache and costs each midstate nothing but memory operands: a sixth of all
//!   operations with sixteen midstates.
//! - **Two midstates in step** ([`Pair`](crate::pair::Pair)). The rounds are one long chain of dependent
//!   operations; a second chain fills the gaps.
//! - **Rounds in a loop**, eight a turn, for both hashes. Unrolled, they are more than a core keeps of
//!   decoded instructions, and Zen 3 is 7 to 19 % slower; the operations are the same.
//! - **Ch, Maj and the exclusive or of three** are methods of a vector ([`Lanes`]): one instruction each with
//!   AVX-512; elsewhere Maj takes `b ^ c` over from the round before.
//! - **The second hash ends early.** H7 is `e` of round 60 plus a constant, so that rounds 61 to 63 never
//!   happen and rounds 57 to 60 need no `a`. A hash whose H7 fails is done: nobody asks for H0 to H6.
//! - **What no nonce changes is prepared** ([`Prepared`](miner_core::Prepared)): rounds 0 to 2, round 3 but
//!   for two additions, `h + K + W` of rounds 4 to 6, W16, W17 and the constant parts of W18, W19, W31 and W32.
//! - **Padding is constant** and vanishes from the schedules when the compiler folds it, as does round 0
//!   of the second hash but for two additions.

use miner_core::prepared::{HEADER_BITS, PADDING, PreparedMidstate, PreparedSchedule, round as scalar_round};
use miner_core::sha256::{INITIAL_STATE, ROUND_CONSTANTS as K};

use crate::lanes::Lanes;
use crate::pair::State;

/// A digest's length in bits: the last word of the second message.
pub(crate) const DIGEST_BITS: u32 = 256;

/// K + W by round. What is constant is put in once, what is not, over and over.
#[repr(align(64))]
pub(crate) struct Schedule<V> {
    kw: [V; 64],
}

/// W of rounds `$t`, each in the place of the oldest of the last sixteen, and K + W.
macro_rules! expand {
    ($kw:expr, $w:ident: $($t:literal)*) => {$(
        $w[$t % 16] = small_sigma1($w[($t - 2) % 16])
            .add($w[($t - 7) % 16])
            .add(small_sigma0($w[($t - 15) % 16]))
            .add($w[$t % 16]);
        $kw[$t] = $w[$t % 16].add(V::splat(K[$t]));
    )*};
}

impl<V: Lanes> Schedule<V> {
    /// Rounds 8 to 17 of a header's second half: no nonce changes them.
    #[inline(always)]
    pub(crate) fn of_headers(prepared: &PreparedSchedule) -> Self {
        let mut kw = K;
        kw[15] = kw[15].wrapping_add(HEADER_BITS);
        kw[16] = kw[16].wrapping_add(prepared.w16);
        kw[17] = kw[17].wrapping_add(prepared.w17);
        Self::splat(&kw)
    }

    /// Rounds 18 to 63, of headers whose nonces are `w3`.
    #[inline(always)]
    pub(crate) fn set_nonces(&mut self, prepared: &PreparedSchedule, w3: V) {
        let Self { kw } = self;
        let w18 = V::splat(prepared.w18).add(small_sigma0(w3));
        let w19 = V::splat(prepared.w19).add(w3);
        kw[18] = w18.add(V::splat(K[18]));
        kw[19] = w19.add(V::splat(K[19]));
        let mut w = [V::splat(0); 16];
        w[0] = V::splat(prepared.w16);
        w[1] = V::splat(prepared.w17);
        w[2] = w18;
        w[3] = w19;
        w[4] = V::splat(PADDING);
        w[15] = V::splat(HEADER_BITS);
        expand!(kw, w: 20 21 22 23 24 25 26 27 28 29 30);
        // In place of σ0(W16) + W15 and σ0(W17) + W16.
        let w31 = V::splat(prepared.w31).add(small_sigma1(w[13])).add(w[8]);
        let w32 = V::splat(prepared.w32).add(small_sigma1(w[14])).add(w[9]);
        kw[31] = w31.add(V::splat(K[31]));
        kw[32] = w32.add(V::splat(K[32]));
        w[15] = w31;
        w[0] = w32;
        expand!(kw, w: 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48);
        expand!(kw, w: 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    }

    /// Rounds 8 to 15 of a digest: padding.
    #[inline(always)]
    pub(crate) fn of_digests() -> Self {
        let mut kw = K;
        kw[8] = kw[8].wrapping_add(PADDING);
        kw[15] = kw[15].wrapping_add(DIGEST_BITS);
        Self::splat(&kw)
    }

    /// Rounds 1 to 7 and 16 to 60, of digests.
    #[inline(always)]
    fn set_digests(&mut self, digests: &[V; 8]) {
        let Self { kw } = self;
        let mut w = [V::splat(0); 16];
        w[..8].copy_from_slice(digests);
        w[8] = V::splat(PADDING);
        w[15] = V::splat(DIGEST_BITS);
        for t in 1..8 {
            kw[t] = w[t].add(V::splat(K[t]));
        }
        expand!(kw, w: 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38);
        expand!(kw, w: 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60);
    }

    #[inline(always)]
    fn splat(words: &[u32; 64]) -> Self {
        let mut kw = [V::splat(0); 64];
        for (kw, word) in kw.iter_mut().zip(words) {
            *kw = V::splat(*word);
        }
        Self { kw }
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

/// σ0.
#[inline(always)]
fn small_sigma0<V: Lanes>(x: V) -> V {
    x.rotr(7).xor3(x.rotr(18), x.shr(3))
}

/// σ1.
#[inline(always)]
fn small_sigma1<V: Lanes>(x: V) -> V {
    x.rotr(17).xor3(x.rotr(19), x.shr(10))
}
