//! What the double hash takes at least: its operations by the standard less all that this library knows to save,
//! and the cycles that a core needs for so many. Worked out here anew: nothing of a kernel goes into it.

use std::ops::{Add, Mul};

/// Vector operations or instructions, by what limits them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Operations {
    /// All of them.
    pub(crate) vector: f64,
    /// Shifts and rotations, for which fewer ports will do.
    pub(crate) shifts: f64,
    /// `sha256rnds2`: two rounds of one hash.
    pub(crate) rounds2: f64,
}

/// Neither.
pub(crate) const OTHER: Operations = Operations { vector: 1.0, shifts: 0.0, rounds2: 0.0 };
pub(crate) const SHIFT: Operations = Operations { vector: 1.0, shifts: 1.0, rounds2: 0.0 };
pub(crate) const ROUNDS2: Operations = Operations { vector: 1.0, shifts: 0.0, rounds2: 1.0 };

impl Add for Operations {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            vector: self.vector + other.vector,
            shifts: self.shifts + other.shifts,
            rounds2: self.rounds2 + other.rounds2,
        }
    }
}

impl Mul<f64> for Operations {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self { vector: times * self.vector, shifts: times * self.shifts, rounds2: times * self.rounds2 }
    }
}

/// The ports of a core, by which a loop without waits takes its time.
#[derive(Debug)]
pub(crate) struct Core {
    /// Vector instructions a cycle.
    vector: f64,
    /// Shifts and rotations a cycle.
    shifts: f64,
    /// Cycles that a `sha256rnds2` keeps its unit busy.
    rounds2: f64,
}

/// Intel since Ice Lake, 128 and 256 bits: ports 0, 1 and 5; shifts on 0 and 1 (uops.info). `sha256rnds2` as measured
/// on Sapphire Rapids.
const INTEL: Core = Core { vector: 3.0, shifts: 2.0, rounds2: 3.0 };
/// The same with 512 bits, for which ports 0 and 1 are one.
const INTEL_512: Core = Core { vector: 2.0, shifts: 1.0, rounds2: 3.0 };

impl Core {
    /// The cycles that so many operations take at least.
    pub(crate) fn cycles(&self, operations: Operations) -> f64 {
        let Operations { vector, shifts, rounds2 } = operations;
        (vector / self.vector).max(shifts / self.shifts).max(rounds2 * self.rounds2)
    }
}

/// What the functions of the standard take with certain instructions.
#[derive(Debug)]
pub(crate) struct Functions {
    rotate: Operations,
    xor3: Operations,
    choose: Operations,
    majority: Operations,
}

const TWO: Operations = Operations { vector: 2.0, ..OTHER };
const THREE: Operations = Operations { vector: 3.0, ..OTHER };

/// Rotations, and any function of three bits in one.
const TERNARY: Functions = Functions { rotate: SHIFT, xor3: OTHER, choose: OTHER, majority: OTHER };
/// A rotation is two shifts and an or. A majority shares an exclusive or with that of the round before.
const BINARY: Functions = Functions {
    rotate: Operations { vector: 3.0, shifts: 2.0, rounds2: 0.0 },
    xor3: TWO,
    choose: THREE,
    majority: THREE,
};

/// The operations that a hash takes at least with a kernel's instructions, and the core by which it is judged; `None`
/// where no floor is known.
pub(crate) fn of(kernel: &str, midstates: u32) -> Option<(Operations, Core)> {
    let of_lanes = |functions: Functions, lanes: f64| functions.hash(midstates.into()) * (1.0 / lanes);
    Some(match kernel {
        "avx512" => (of_lanes(TERNARY, 16.0), INTEL_512),
        "avx512vl" => (of_lanes(TERNARY, 8.0), INTEL),
        "avx2" => (of_lanes(BINARY, 8.0), INTEL),
        "sse2" => (of_lanes(BINARY, 4.0), INTEL),
        // Rounds 4 to 63 of the first hash, 1 to 60 of the second.
        "sha-ni" => (ROUNDS2 * (60.0 / 2.0 + 60.0 / 2.0), INTEL),
        _ => return None,
    })
}

/// What is known of a message word beforehand.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Zero,
    Constant,
    Variable,
}

use Word::{Constant as C, Variable as V, Zero as O};

/// The second half of a header, where the nonce is W3, and a digest; each with its padding and length.
const HEADER: [Word; 16] = [C, C, C, V, C, O, O, O, O, O, O, O, O, O, O, C];
const DIGEST: [Word; 16] = [V, V, V, V, V, V, V, V, C, O, O, O, O, O, O, C];

impl Functions {
    fn hash(&self, midstates: f64) -> Operations {
        self.schedule(&HEADER, 63) * (1.0 / midstates)
            + self.first_hash()
            + self.schedule(&DIGEST, 60)
            + self.second_hash()
    }

    /// Round 3 is two additions, rounds 4 to 6 have `h + K + W` ready, and in the end comes the midstate.
    fn first_hash(&self) -> Operations {
        OTHER * 2.0 + self.round() * 60.0 + OTHER * (8.0 - 3.0)
    }

    /// Round 0 is two additions, W1 to W7 lack K, rounds 57 to 60 compute `e` alone, and H7 is compared.
    fn second_hash(&self) -> Operations {
        OTHER * (2.0 + 7.0) + self.round() * 56.0 + self.round_for_e() * 4.0 + OTHER
    }

    fn round(&self) -> Operations {
        self.round_for_e() + self.big_sigma() + self.majority + OTHER * 2.0
    }

    /// `d + h + (K + W) + Ch + Σ1`.
    fn round_for_e(&self) -> Operations {
        self.big_sigma() + self.choose + OTHER * 4.0
    }

    fn big_sigma(&self) -> Operations {
        self.rotate * 3.0 + self.xor3
    }

    fn small_sigma(&self) -> Operations {
        self.rotate * 2.0 + SHIFT + self.xor3
    }

    /// The words from W16 to a last one that are not constant, and K on each.
    fn schedule(&self, message: &[Word; 16], last: usize) -> Operations {
        let mut words = message.to_vec();
        let mut sum = Operations::default();
        for t in 16..=last {
            let (sigmas, plain) = ([words[t - 2], words[t - 15]], [words[t - 7], words[t - 16]]);
            let all = [sigmas, plain].concat();
            let variables = |words: &[Word]| words.iter().filter(|word| **word == V).count() as f64;
            let is_variable = all.contains(&V);
            if is_variable {
                let summands = variables(&all) + if all.contains(&C) { 1.0 } else { 0.0 };
                sum = sum + self.small_sigma() * variables(&sigmas) + OTHER * (summands - 1.0 + 1.0);
            }
            words.push(if is_variable { V } else { C });
        }
        sum
    }
}
