//! The search of a rectangle, once for every instruction set that has vectors. Knows no instructions, threads
//! or work units.
//!
//! ```text
//! for each block of W::LANES consecutive nonces:
//!     schedule of the header
//!     for each midstate, or two in step:
//!         first hash, second hash → H7, the hash's last word
//!         report the lanes whose H7, byte-swapped, is at most the target's top word
//! ```
//!
//! What it hashes with, and why that is fast, is in [`crate::double_hash`]. Blocks of nonces are aligned here,
//! so that swapping their bytes is one addition; lanes outside the range are dropped only when they hit,
//! which is never.

use std::ops::ControlFlow;

use miner_core::{Candidate, NonceRange, Prepared};

use crate::double_hash::{Schedule, first_hash, second_hash};
use crate::kernel::Hit;
use crate::lanes::Lanes;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
use crate::pair::Pair;
use crate::pair::State;

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

/// The same in two streams: two midstates in step, or, where there is but one, twice the nonces.
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn scan_in_pairs<V: Lanes>(prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
    if prepared.midstates.len() == 1 {
        scan::<Pair<V>, Pair<V>>(prepared, nonces, hit)
    } else {
        scan::<V, Pair<V>>(prepared, nonces, hit)
    }
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
