//! The search of a rectangle over vectors of nonces, once for every instruction set that has vectors.
//! Knows no instructions, threads or work units.
//!
//! ```text
//! for each block of W::LANES consecutive nonces:
//!     K + W of the second half of the header                  (shared by all midstates)
//!     for each midstate, or two in step:
//!         first hash:  rounds 4 to 63, plus the midstate      → digest
//!         second hash: rounds 0 to 60 of the digest           → H7, its last word
//!         report the lanes whose H7, byte-swapped, is at most the target's top word
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
//! - **The second hash ends early.** H7 is `e` of round 60 plus a constant, so that rounds 61 to 63 never
//!   happen and rounds 57 to 60 need no `a`. A hash whose H7 fails is done: nobody asks for H0 to H6.
//! - **What no nonce changes is prepared** ([`Prepared`]): rounds 0 to 2, round 3 but for two additions,
//!   `h + K + W` of rounds 4 to 6, W16, W17 and the constant parts of W18, W19, W31 and W32.
//! - **Padding is constant** and vanishes from the schedules when the compiler folds it, as does round 0
//!   of the second hash but for two additions.
//! - **Blocks of nonces are aligned**, so that swapping their bytes is one addition. Lanes outside the
//!   range are dropped only when they hit, which is never.

use std::ops::ControlFlow;

use miner_core::{Candidate, NonceRange, Prepared};

use crate::hash::{State, first_hash, second_hash};
use crate::kernel::Hit;
use crate::lanes::Lanes;
use crate::schedule::Schedule;

/// Reports every candidate of the rectangle `prepared.midstates` × `nonces`, until `hit` breaks.
///
/// `W` holds nonces and message words, `S` states: the same vector, or two midstates in step, where their
/// number must be even.
#[inline(always)]
pub(crate) fn scan<W: Lanes, S: State<W>>(
    prepared: &Prepared,
    nonces: NonceRange,
    hit: Hit,
) -> ControlFlow<()> {
    let mut header = Schedule::<W>::of_headers(&prepared.schedule);
    let mut digest = Schedule::<S>::of_digests();
    for block in nonces.first() / W::LANES..=nonces.last() / W::LANES {
        let base = block * W::LANES;
        let w3 = nonce_words(base);
        header.set_nonces(&prepared.schedule, w3);
        for (index, midstates) in prepared.midstates.chunks_exact(S::MIDSTATES).enumerate() {
            let digests = first_hash(midstates, S::words(w3), &header);
            let lanes = meeting(second_hash(digests, &mut digest), prepared.target_top);
            if lanes != 0 {
                candidates(lanes, W::LANES, index * S::MIDSTATES, base)
                    .filter(|candidate| nonces.contains(candidate.nonce))
                    .try_for_each(&mut *hit)?;
            }
        }
    }
    ControlFlow::Continue(())
}

/// The nonces of the block from `base` on as message words. A lane's number stays within a nonce's lowest
/// byte, since blocks are aligned: with the bytes swapped, the highest.
#[inline(always)]
fn nonce_words<W: Lanes>(base: u32) -> W {
    W::iota().rotr(8).add(W::splat(base.swap_bytes()))
}

/// The lanes whose hash may meet the target, as bits. Where `target_top` is 0, which is wherever mining
/// earns anything, that is one comparison and one lane in 2³².
#[inline(always)]
fn meeting<S: Lanes>(h7: S, target_top: u32) -> u32 {
    if target_top == 0 { h7.eq(S::splat(0)) } else { h7.swap_bytes().at_most(target_top) }
}

/// What the bits of `lanes` stand for: `width` nonces from `base` on, for each midstate from `first` on.
fn candidates(lanes: u32, width: u32, first: usize, base: u32) -> impl Iterator<Item = Candidate> {
    (0..u32::BITS)
        .filter(move |lane| lanes >> lane & 1 == 1)
        .map(move |lane| Candidate { midstate: first + (lane / width) as usize, nonce: base + lane % width })
}
