//! The search of a rectangle by SHA instructions, once for every instruction set that has them: two hashes in
//! step. Knows no instructions, threads or work units.
//!
//! The traversal is that of [`crate::scan`], the shortcuts are those of [`crate::double_hash`], with these differences:
//! - A register holds four words of one hash. The rounds are one long chain of a few instructions that take 4
//!   to 6 cycles each, while another may start after 1 to 3: hence two hashes in step. They are two midstates
//!   with one schedule, or, where there is but one midstate, two nonces.
//! - Rounds come in fours. Both hashes start one round late: the first with round 4, the second with round 1,
//!   behind a round 0 of two additions, so that it ends with round 60 exactly. Its schedule runs in groups
//!   W1…W4, W5…W8, up to W57…W60: eleven to compute instead of twelve.
//! - `K + W` lies in memory group by group: a load and the rounds are all there is to the first hash of a
//!   midstate.

use std::ops::ControlFlow;

use miner_core::prepared::{HEADER_BITS, PADDING, PreparedMidstate, PreparedSchedule, round};
use miner_core::sha256::{INITIAL_STATE, ROUND_CONSTANTS as K, small_sigma0};
use miner_core::{Candidate, NonceRange, Prepared};

use crate::kernel::Hit;

/// The eight words of a state, in the order that the instructions want.
///
/// # Contract
/// That of [`Lanes`](crate::lanes::Lanes): the methods are called only below the `#[target_feature]` entry of
/// the implementation's own file, and all between is `#[inline(always)]`.
pub(crate) trait ShaState: Copy {
    /// Four message words.
    type Words: Copy;

    /// The first one in the lowest place.
    fn words(words: [u32; 4]) -> Self::Words;

    /// The reverse of `words`.
    fn to_array(words: Self::Words) -> [u32; 4];

    /// Sums, wrapping.
    fn add_words(a: Self::Words, b: Self::Words) -> Self::Words;

    /// What comes after the last sixteen message words.
    fn expand(message: [Self::Words; 4]) -> Self::Words;

    /// W1 to W16 of the message that a digest is: W0 is `a`, and so on to W7; then comes padding.
    fn digest_message(self) -> [Self::Words; 4];

    /// From a to h.
    fn new(words: [u32; 8]) -> Self;

    /// Word by word, wrapping.
    fn add(self, other: Self) -> Self;

    /// Adds a word, which each lane holds, to `a` and `e`: all that a round's message word does.
    fn add_word(self, word: Self::Words) -> Self;

    /// Four rounds with these K + W.
    fn rounds(self, kw: Self::Words) -> Self;

    /// Four rounds of two hashes with the same K + W, from memory.
    #[inline(always)]
    fn rounds_of_two([s, t]: [Self; 2], kw: &[u32; 4]) -> [Self; 2] {
        [s.rounds(Self::words(*kw)), t.rounds(Self::words(*kw))]
    }

    /// `a` in each lane.
    fn a(self) -> Self::Words;

    /// `e`.
    fn e(self) -> u32;
}

/// Reports every candidate of the rectangle, until `hit` breaks.
#[inline(always)]
pub(crate) fn scan<S: ShaState>(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    let midstates: Vec<_> = prepared.midstates.iter().map(Midstate::<S>::new).collect();
    let meets = |h7: u32| h7.swap_bytes() <= prepared.target_top;
    if let [midstate] = &midstates[..] {
        // Two nonces in step, an even and an odd one: one of them may lie outside the range.
        for block in nonces.first() / 2..=nonces.last() / 2 {
            let block = [2 * block, 2 * block + 1];
            for (nonce, h7) in block.into_iter().zip(hash_nonces(midstate, &prepared.schedule, block)) {
                if meets(h7) && nonces.contains(nonce) {
                    hit(Candidate { midstate: 0, nonce })?;
                }
            }
        }
        return ControlFlow::Continue(());
    }
    for nonce in nonces.first()..=nonces.last() {
        let schedule = Schedule::new::<S>(header_message::<S>(&prepared.schedule, nonce));
        let w3 = nonce_word::<S>(nonce);
        for (index, [a, b]) in midstates.as_chunks().0.iter().enumerate() {
            for (midstate, h7) in (2 * index..).zip(hash_midstates([a, b], w3, &schedule)) {
                if meets(h7) {
                    hit(Candidate { midstate, nonce })?;
                }
            }
        }
    }
    ControlFlow::Continue(())
}

/// A midstate, and the state after round 3 but for the nonce.
struct Midstate<S> {
    start: S,
    midstate: S,
}

impl<S: ShaState> Midstate<S> {
    #[inline(always)]
    fn new(prepared: &PreparedMidstate) -> Self {
        Self { start: S::new(prepared.state), midstate: S::new(prepared.midstate) }
    }
}

/// Repeats a macro for fifteen groups of four rounds. Written out, since in a loop the registers, of which
/// each takes another's part in the next round, would have to change places.
macro_rules! fifteen_times {
    ($group:ident) => {
        $group!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
}

/// H7 of the hashes of a header with two nonces.
#[inline(always)]
fn hash_nonces<S: ShaState>(
    midstate: &Midstate<S>,
    prepared: &PreparedSchedule,
    [m, n]: [u32; 2],
) -> [u32; 2] {
    let starts = [midstate.start.add_word(nonce_word::<S>(m)), midstate.start.add_word(nonce_word::<S>(n))];
    let messages = [header_message::<S>(prepared, m), header_message::<S>(prepared, n)];
    let [s, t] = sixty_rounds::<4, S>(starts, messages);
    second_hash([s.add(midstate.midstate), t.add(midstate.midstate)])
}

/// H7 of the hashes of two headers that differ in their midstates.
#[inline(always)]
fn hash_midstates<S: ShaState>([m, n]: [&Midstate<S>; 2], w3: S::Words, schedule: &Schedule) -> [u32; 2] {
    let mut states = [m.start.add_word(w3), n.start.add_word(w3)];
    macro_rules! groups {
        ($($i:literal)*) => {$( states = S::rounds_of_two(states, &schedule.kw[$i]); )*};
    }
    fifteen_times!(groups);
    let [s, t] = states;
    second_hash([s.add(m.midstate), t.add(n.midstate)])
}

/// The nonce as a message word, in each lane.
#[inline(always)]
fn nonce_word<S: ShaState>(nonce: u32) -> S::Words {
    S::words([nonce.swap_bytes(); 4])
}

/// Round constants from `t` on.
#[inline(always)]
fn constants<S: ShaState>(t: usize) -> S::Words {
    S::words([K[t], K[t + 1], K[t + 2], K[t + 3]])
}

/// Moves on by four of the message words.
#[inline(always)]
fn advance<S: ShaState>(message: &mut [S::Words; 4]) {
    let [_, b, c, d] = *message;
    *message = [b, c, d, S::expand(*message)];
}

/// K + W of rounds 4 to 63 of the first hash.
#[repr(align(64))]
struct Schedule {
    kw: [[u32; 4]; 15],
}

impl Schedule {
    #[inline(always)]
    fn new<S: ShaState>(mut message: [S::Words; 4]) -> Self {
        let mut kw = [[0; 4]; 15];
        macro_rules! groups {
            ($($i:literal)*) => {$(
                kw[$i] = S::to_array(S::add_words(message[0], constants::<S>(4 + 4 * $i)));
                advance::<S>(&mut message);
            )*};
        }
        fifteen_times!(groups);
        Self { kw }
    }
}

/// W4 to W19 of the second half of a header.
#[inline(always)]
fn header_message<S: ShaState>(prepared: &PreparedSchedule, nonce: u32) -> [S::Words; 4] {
    let w3 = nonce.swap_bytes();
    let w18 = prepared.w18.wrapping_add(small_sigma0(w3));
    let w19 = prepared.w19.wrapping_add(w3);
    [
        S::words([PADDING, 0, 0, 0]),
        S::words([0; 4]),
        S::words([0, 0, 0, HEADER_BITS]),
        S::words([prepared.w16, prepared.w17, w18, w19]),
    ]
}

/// H7 of the hashes of two digests.
#[inline(always)]
fn second_hash<S: ShaState>([m, n]: [S; 2]) -> [u32; 2] {
    let start = S::new(round(INITIAL_STATE, K[0]));
    let starts = [start.add_word(m.a()), start.add_word(n.a())];
    let states = sixty_rounds::<1, S>(starts, [m.digest_message(), n.digest_message()]);
    states.map(|state| state.e().wrapping_add(INITIAL_STATE[7]))
}

/// Sixty rounds of two hashes, from round `FIRST` on, whose message word stands first.
#[inline(always)]
fn sixty_rounds<const FIRST: usize, S: ShaState>(
    [mut s, mut t]: [S; 2],
    [mut m, mut n]: [[S::Words; 4]; 2],
) -> [S; 2] {
    macro_rules! groups {
        ($($i:literal)*) => {$(
            four_rounds(&mut s, &mut m, FIRST + 4 * $i);
            four_rounds(&mut t, &mut n, FIRST + 4 * $i);
        )*};
    }
    fifteen_times!(groups);
    [s, t]
}

/// Four rounds from round `t` on, whose words stand first.
#[inline(always)]
fn four_rounds<S: ShaState>(state: &mut S, message: &mut [S::Words; 4], t: usize) {
    *state = state.rounds(S::add_words(message[0], constants::<S>(t)));
    advance::<S>(message);
}
