//! The SHA extensions: one instruction does two rounds, by hand for two hashes in step.
//!
//! The traversal and the shortcuts are those of [`crate::scan`], with these differences:
//! - A state is two registers, in the order that `sha256rnds2` wants. It takes about 4 cycles, and a second
//!   may start after 2 or 3: hence two hashes in step. They are two midstates with one schedule, or, where
//!   there is but one midstate, two nonces.
//! - Rounds come in pairs. Both hashes start at their second pair's worth: the first with round 4, the second
//!   with round 1, behind a round 0 of two additions, so that it ends with round 60 exactly. Its
//!   schedule runs in groups W1…W4, W5…W8, up to W57…W60: eleven to compute instead of twelve.
//! - `K + W` lies in memory pair by pair: a load and `sha256rnds2` are all there is to two rounds of the
//!   first hash of a midstate.
//!
//! The instructions exist in the old encoding alone, which has two costs where the CPU has AVX: foreign bits
//! in upper halves (see [`super::clear_upper_halves`]), and copies that all other instructions need in that
//! encoding too. So all is compiled twice, with AVX and without (Goldmont to Tremont).

use std::arch::x86_64::*;
use std::ops::ControlFlow;

use miner_core::prepared::{HEADER_BITS, PADDING, PreparedMidstate, PreparedSchedule, round};
use miner_core::sha256::{INITIAL_STATE, ROUND_CONSTANTS as K, small_sigma0};
use miner_core::{Candidate, NonceRange, Prepared};

use crate::kernel::{Hit, Kernel};

pub(crate) static KERNEL: Kernel = Kernel {
    name: "sha-ni",
    requires: "SHA, SSSE3 and SSE4.1",
    is_available: || {
        is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1")
    },
    scan: entry,
};

/// # Safety
/// The CPU must have SHA, SSSE3 and SSE4.1.
unsafe fn entry(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    if is_x86_feature_detected!("avx") {
        super::clear_upper_halves();
        // SAFETY: the caller vouches for SHA, and AVX has all of SSE in it.
        unsafe { scan_with_avx(prepared, nonces, hit) }
    } else {
        // SAFETY: the caller vouches for them.
        unsafe { scan_without_avx(prepared, nonces, hit) }
    }
}

/// # Safety
/// The CPU must have SHA and AVX.
#[target_feature(enable = "sha,avx")]
#[inline(never)]
unsafe fn scan_with_avx(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan(prepared, nonces, hit)
}

/// # Safety
/// The CPU must have SHA, SSSE3 and SSE4.1.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline(never)]
unsafe fn scan_without_avx(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    scan(prepared, nonces, hit)
}

/// A digest's length in bits: the last word of the second message.
const DIGEST_BITS: u32 = 256;

macro_rules! sha {
    ($intrinsic:expr) => {
        // SAFETY: all below the two functions above is `#[inline(always)]` and called by them alone; their
        // caller vouches for the instructions.
        unsafe { $intrinsic }
    };
}

/// Reports every candidate of the rectangle, until `hit` breaks.
#[inline(always)]
fn scan(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    let midstates: Vec<_> = prepared.midstates.iter().map(Midstate::new).collect();
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
        let schedule = Schedule::new(header_message(&prepared.schedule, nonce));
        let w3 = nonce_word(nonce);
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

/// The eight words of a state as the instructions hold them, last word lowest.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

impl State {
    #[inline(always)]
    fn new([a, b, c, d, e, f, g, h]: [u32; 8]) -> Self {
        Self { abef: words([f, e, b, a]), cdgh: words([h, g, d, c]) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            abef: sha!(_mm_add_epi32(self.abef, other.abef)),
            cdgh: sha!(_mm_add_epi32(self.cdgh, other.cdgh)),
        }
    }

    /// Adds a word to `a` and `e`: all that a round's message word does.
    #[inline(always)]
    fn add_word(self, word: __m128i) -> Self {
        Self { abef: sha!(_mm_add_epi32(self.abef, _mm_and_si128(word, words([0, !0, 0, !0])))), ..self }
    }

    /// Two rounds; their K + W are in the lower half of `kw`.
    #[inline(always)]
    fn rounds(self, kw: __m128i) -> Self {
        Self { abef: sha!(_mm_sha256rnds2_epu32(self.cdgh, self.abef, kw)), cdgh: self.abef }
    }
}

/// Four words, the first one lowest.
#[inline(always)]
fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    let [a, b, c, d] = [a, b, c, d].map(u32::cast_signed);
    sha!(_mm_setr_epi32(a, b, c, d))
}

/// Round constants from `t` on.
#[inline(always)]
fn constants(t: usize) -> __m128i {
    words([K[t], K[t + 1], K[t + 2], K[t + 3]])
}

/// Moves on by four of the message words.
#[inline(always)]
fn advance(message: &mut [__m128i; 4]) {
    let [a, b, c, d] = *message;
    let next = sha!({
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8::<4>(d, c));
        _mm_sha256msg2_epu32(sum, d)
    });
    *message = [b, c, d, next];
}

/// A midstate, and the state after round 3 but for the nonce.
struct Midstate {
    start: State,
    midstate: State,
}

impl Midstate {
    #[inline(always)]
    fn new(prepared: &PreparedMidstate) -> Self {
        Self { start: State::new(prepared.state), midstate: State::new(prepared.midstate) }
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
fn hash_nonces(midstate: &Midstate, prepared: &PreparedSchedule, [m, n]: [u32; 2]) -> [u32; 2] {
    let starts = [midstate.start.add_word(nonce_word(m)), midstate.start.add_word(nonce_word(n))];
    let messages = [header_message(prepared, m), header_message(prepared, n)];
    let [s, t] = sixty_rounds::<4>(starts, messages);
    second_hash([s.add(midstate.midstate), t.add(midstate.midstate)])
}

/// H7 of the hashes of two headers that differ in their midstates.
#[inline(always)]
fn hash_midstates([m, n]: [&Midstate; 2], w3: __m128i, schedule: &Schedule) -> [u32; 2] {
    let (mut s, mut t) = (m.start.add_word(w3), n.start.add_word(w3));
    macro_rules! groups {
        ($($i:literal)*) => {$(
            let [a, b, c, d] = schedule.kw[$i];
            (s, t) = (s.rounds(words([a, b, 0, 0])), t.rounds(words([a, b, 0, 0])));
            (s, t) = (s.rounds(words([c, d, 0, 0])), t.rounds(words([c, d, 0, 0])));
        )*};
    }
    fifteen_times!(groups);
    second_hash([s.add(m.midstate), t.add(n.midstate)])
}

/// The nonce as a message word, in each lane.
#[inline(always)]
fn nonce_word(nonce: u32) -> __m128i {
    words([nonce.swap_bytes(); 4])
}

/// K + W of rounds 4 to 63 of the first hash.
#[repr(align(64))]
struct Schedule {
    kw: [[u32; 4]; 15],
}

impl Schedule {
    #[inline(always)]
    fn new(mut message: [__m128i; 4]) -> Self {
        let mut kw = [[0; 4]; 15];
        macro_rules! groups {
            ($($i:literal)*) => {$(
                let sum = sha!(_mm_add_epi32(message[0], constants(4 + 4 * $i)));
                kw[$i] = sha!(std::mem::transmute::<__m128i, [u32; 4]>(sum));
                advance(&mut message);
            )*};
        }
        fifteen_times!(groups);
        Self { kw }
    }
}

/// W4 to W19 of the second half of a header.
#[inline(always)]
fn header_message(prepared: &PreparedSchedule, nonce: u32) -> [__m128i; 4] {
    let w3 = nonce.swap_bytes();
    let w18 = prepared.w18.wrapping_add(small_sigma0(w3));
    let w19 = prepared.w19.wrapping_add(w3);
    [
        words([PADDING, 0, 0, 0]),
        words([0; 4]),
        words([0, 0, 0, HEADER_BITS]),
        words([prepared.w16, prepared.w17, w18, w19]),
    ]
}

/// H7 of the hashes of two digests.
#[inline(always)]
fn second_hash([m, n]: [State; 2]) -> [u32; 2] {
    let start = State::new(round(INITIAL_STATE, K[0]));
    let starts = [start.add_word(first_word(m)), start.add_word(first_word(n))];
    let [s, t] = sixty_rounds::<1>(starts, [digest_message(m), digest_message(n)]);
    [h7(s), h7(t)]
}

/// W0 of the message that a digest is, in each lane.
#[inline(always)]
fn first_word(digest: State) -> __m128i {
    sha!(_mm_shuffle_epi32::<0b11_11_11_11>(digest.abef))
}

/// H7 from the state after round 60, whose `e` lacks but the constant.
#[inline(always)]
fn h7(state: State) -> u32 {
    let e = sha!(_mm_extract_epi32::<1>(state.abef)).cast_unsigned();
    e.wrapping_add(INITIAL_STATE[7])
}

/// Sixty rounds of two hashes, from round `FIRST` on, whose message word stands first.
#[inline(always)]
fn sixty_rounds<const FIRST: usize>([mut s, mut t]: [State; 2], messages: [[__m128i; 4]; 2]) -> [State; 2] {
    let [mut m, mut n] = messages;
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
fn four_rounds(state: &mut State, message: &mut [__m128i; 4], t: usize) {
    let kw = sha!(_mm_add_epi32(message[0], constants(t)));
    *state = state.rounds(kw).rounds(sha!(_mm_shuffle_epi32::<0b11_10>(kw)));
    advance(message);
}

/// W1 to W16 of the message that a digest is: W0 is `a`, and so on to W7; then comes padding.
#[inline(always)]
fn digest_message(State { abef, cdgh }: State) -> [__m128i; 4] {
    let (abef_f, cdgh_f) = sha!((_mm_castsi128_ps(abef), _mm_castsi128_ps(cdgh)));
    sha!({
        let becd = _mm_castps_si128(_mm_shuffle_ps::<0b10_11_01_10>(abef_f, cdgh_f));
        let ffgh = _mm_castps_si128(_mm_shuffle_ps::<0b00_01_00_00>(abef_f, cdgh_f));
        let abef_up = _mm_shuffle_epi32::<0b00_01_10_11>(abef);
        // Its lowest word is W0 + σ0(W1), and nothing else is in W16.
        let w16 = _mm_sha256msg1_epu32(abef_up, abef_up);
        [
            _mm_shuffle_epi32::<0b01_11_10_00>(becd),
            _mm_alignr_epi8::<4>(words([PADDING, 0, 0, 0]), ffgh),
            words([0; 4]),
            _mm_alignr_epi8::<4>(w16, words([0, 0, 0, DIGEST_BITS])),
        ]
    })
}
