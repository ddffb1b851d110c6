//! The instructions that a kernel executes a hash, by class.

use std::collections::HashMap;
use std::io;

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::floor::{OTHER, Operations, ROUNDS2, SHIFT};
use super::trace::{Search, follow};

/// Nonces of a count: a multiple of what every kernel takes at once, which is more where it has one midstate.
pub(crate) fn nonces(midstates: u32) -> u32 {
    if midstates == 1 { 32 } else { 16 }
}

/// Instructions a hash.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counted {
    /// All of them.
    pub(crate) all: f64,
    /// Those that a vector unit computes: no loads, stores or copies.
    pub(crate) computed: Operations,
}

impl Counted {
    /// What a kernel executes for a hash, by what it executes more for twice the nonces. `None`: this CPU lacks what
    /// it needs.
    pub(crate) fn of(kernel: &str, midstates: u32) -> io::Result<Option<Self>> {
        let total = |nonces| Self::total(Search { kernel, midstates, nonces });
        let nonces = nonces(midstates);
        let (Some(once), Some(twice)) = (total(nonces)?, total(2 * nonces)?) else { return Ok(None) };
        let a_hash = 1.0 / f64::from(nonces * midstates);
        let computed = (twice.computed + once.computed * -1.0) * a_hash;
        Ok(Some(Self { all: (twice.all - once.all) * a_hash, computed }))
    }

    fn total(search: Search) -> io::Result<Option<Self>> {
        let mut times = HashMap::<u64, (Instruction, f64)>::new();
        let is_available = follow(search, |instruction| {
            times.entry(instruction.ip()).or_insert((*instruction, 0.0)).1 += 1.0;
        })?;
        let total = times.values().fold(Self::default(), |total, (instruction, times)| Self {
            all: total.all + times,
            computed: total.computed + class(instruction) * *times,
        });
        Ok(is_available.then_some(total))
    }
}

/// What an instruction asks of the vector units: nothing, if it is a copy, which ends where registers are renamed, or
/// only loads or stores.
fn class(instruction: &Instruction) -> Operations {
    let name = format!("{:?}", instruction.mnemonic()).to_lowercase();
    let name = name.strip_prefix('v').unwrap_or(&name);
    let operands = 0..instruction.op_count();
    let is_vector = |operand| {
        let register = instruction.op_register(operand);
        register.is_vector_register() || register.is_k()
    };
    let is_in_memory = operands.clone().any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    let is_moved = name.starts_with("mov") && (is_in_memory || operands.clone().all(is_vector));
    let is_spread = name.contains("broadcast") && is_in_memory;
    if is_moved || is_spread || !operands.clone().any(is_vector) {
        Operations::default()
    } else if instruction.mnemonic() == Mnemonic::Sha256rnds2 {
        ROUNDS2
    } else if is_shift(name) {
        SHIFT
    } else {
        OTHER
    }
}

/// Whether it shifts or rotates words; by whole bytes that is a shuffle.
fn is_shift(name: &str) -> bool {
    ["psrl", "psra", "psll", "prol", "pror"].iter().any(|shift| name.starts_with(shift))
        && !name.ends_with("dq")
}
