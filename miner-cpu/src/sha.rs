//! The search of a rectangle by SHA instructions, once for every instruction set that has them: `N` hashes in
//! step. Knows no instructions, threads or work units.
//!
//! The traversal is that of [`crate::scan`], the shortcuts are those of [`crate::double_hash`], with these differences:
//! - A register holds four words of one hash. The rounds are one long chain of a few instructions that take 4
//!   to 6 cycles each, while another may start after 1 to 3: hence several hashes in step. They are of as many
//!   midstates with one schedule, or, where there is but one midstate, of as many nonces.
//! - Rounds come in fours. Both hashes start one round late: the first with round 4, the second with round 1,
//!   behind a round 0 of two additions, so that it ends with round 60 exactly. Its schedule runs in groups
//!   W1…W4, W5…W8, up to W57…W60: eleven to compute instead of twelve.
//! - Hashes in step are arrays that loops go over: what `map` calls on an array is compiled without the instructions.
//! - `K + W` lies in memory group by group: a load and the rounds are all there is to the first hash of a
//!   midstate.

use std::array;
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

    /// Four rounds of hashes with the same K + W, from memory.
    #[inline(always)]
    fn rounds_in_step<const N: usize>(states: &mut [Self; N], kw: &[u32; 4]) {
        for state in states {
            *state = state.rounds(Self::words(*kw));
        }
    }

    /// Nothing, where the compiler leaves hashes in step that are written so.
    #[inline(always)]
    fn keep_in_step<const N: usize>(_: &mut [Self; N]) {}

    /// `a` in each lane.
    fn a(self) -> Self::Words;

    /// `e`.
    fn e(self) -> u32;
}

/// Reports every candidate of the rectangle, until `hit` breaks. The number of midstates must be 1 or a multiple
/// of `N`, which is a power of two.
#[inline(always)]
pub(crate) fn scan<S: ShaState, const N: usize>(
    prepared: &Prepared,
    nonces: NonceRange,
    hit: Hit,
) -> ControlFlow<()> {
    let midstates: Vec<_> = prepared.midstates.iter().map(Midstate::<S>::new).collect();
    let meets = |h7: u32| h7.swap_bytes() <= prepared.target_top;
    if let [midstate] = &midstates[..] {
        // Blocks of nonces are aligned: some may lie outside the range.
        let width = N as u32;
        for block in nonces.first() / width..=nonces.last() / width {
            let block = array::from_fn::<u32, N, _>(|lane| block * width + lane as u32);
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
        for (index, chunk) in midstates.as_chunks::<N>().0.iter().enumerate() {
            for (midstate, h7) in (N * index..).zip(hash_midstates(chunk, w3, &schedule)) {
                if meets(h7) {
                    hit(Candidate { midstate, nonce })?;
                }
            }
        }
    }
    ControlFlow::Continue(())
}

/// A midstate, and the state after round 3 but for the nonce.
#[derive(Clone, Copy)]
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

/// H7 of the hashes of a header with these nonces.
#[inline(always)]
fn hash_nonces<S: ShaState, const N: usize>(
    midstate: &Midstate<S>,
    prepared: &PreparedSchedule,
    nonces: [u32; N],
) -> [u32; N] {
    let mut states = [midstate.start; N];
    let mut messages = [[S::words([0; 4]); 4]; N];
    for ((state, message), nonce) in states.iter_mut().zip(&mut messages).zip(nonces) {
        *state = state.add_word(nonce_word::<S>(nonce));
        *message = header_message::<S>(prepared, nonce);
    }
    let states = sixty_rounds::<4, S, N>(states, messages);
    second_hash(states, &[*midstate; N])
}

/// H7 of the hashes of headers that differ in their midstates.
#[inline(always)]
fn hash_midstates<S: ShaState, const N: usize>(
    midstates: &[Midstate<S>; N],
    w3: S::Words,
    schedule: &Schedule,
) -> [u32; N] {
    let mut states = [S::new([0; 8]); N];
    for (state, midstate) in states.iter_mut().zip(midstates) {
        *state = midstate.start.add_word(w3);
    }
    macro_rules! groups {
        ($($i:literal)*) => {$(
            S::rounds_in_step(&mut states, &schedule.kw[$i]);
            S::keep_in_step(&mut states);
        )*};
    }
    fifteen_times!(groups);
    second_hash(states, midstates)
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

/// H7 of the hashes of the digests: of the states, which still lack the midstates.
#[inline(always)]
fn second_hash<S: ShaState, const N: usize>(states: [S; N], midstates: &[Midstate<S>; N]) -> [u32; N] {
    let start = S::new(round(INITIAL_STATE, K[0]));
    let mut digests = states;
    for (digest, midstate) in digests.iter_mut().zip(midstates) {
        *digest = digest.add(midstate.midstate);
    }
    let mut starts = [start; N];
    let mut messages = [[S::words([0; 4]); 4]; N];
    for ((start, message), digest) in starts.iter_mut().zip(&mut messages).zip(digests) {
        *start = start.add_word(digest.a());
        *message = digest.digest_message();
    }
    let states = sixty_rounds::<1, S, N>(starts, messages);
    let mut last = [0; N];
    for (last, state) in last.iter_mut().zip(states) {
        *last = state.e().wrapping_add(INITIAL_STATE[7]);
    }
    last
}

/// Sixty rounds, from round `FIRST` on, whose message word stands first.
#[inline(always)]
fn sixty_rounds<const FIRST: usize, S: ShaState, const N: usize>(
    mut states: [S; N],
    mut messages: [[S::Words; 4]; N],
) -> [S; N] {
    macro_rules! groups {
        ($($i:literal)*) => {$(
            for (state, message) in states.iter_mut().zip(&mut messages) {
                *state = state.rounds(S::add_words(message[0], constants::<S>(FIRST + 4 * $i)));
                advance::<S>(message);
            }
            S::keep_in_step(&mut states);
        )*};
    }
    fifteen_times!(groups);
    states
}
