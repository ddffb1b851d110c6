//! The table of kernels, and which of them this CPU can run: the only place that asks it.

use std::fmt;
use std::ops::ControlFlow;

use miner_core::{Candidate, NonceRange, Prepared};

use crate::arch;

/// Receives the candidates of a [`Kernel::scan`] and says whether to go on.
pub type Hit<'a> = &'a mut dyn FnMut(Candidate) -> ControlFlow<()>;

/// Code that searches a rectangle of midstates × nonces on one thread, with certain instructions.
///
/// One that this CPU cannot run is not to be had: see [`available`] and [`by_name`].
pub struct Kernel {
    pub(crate) name: &'static str,
    /// For people: what the CPU must have.
    pub(crate) requires: &'static str,
    pub(crate) is_available: fn() -> bool,
    /// May be called only where `is_available` returns true.
    pub(crate) scan: unsafe fn(&Prepared, NonceRange, Hit) -> ControlFlow<()>,
}

/// All kernels of this architecture, most often the fastest first. (512 bits come before 256: of the CPUs that
/// have both, only early ones lower their clock for them. The SHA instructions reach half of either on Intel,
/// and beat AVX2 by 1.1 there and by 1.5 on Zen 3. Arm's are three to six times as fast as
/// NEON, by the models of llvm-mca.)
static KERNELS: &[&Kernel] = &[
    #[cfg(target_arch = "x86_64")]
    &arch::x86_64::avx512::KERNEL,
    #[cfg(target_arch = "x86_64")]
    &arch::x86_64::avx512vl::KERNEL,
    #[cfg(target_arch = "x86_64")]
    &arch::x86_64::sha_ni::KERNEL,
    #[cfg(target_arch = "x86_64")]
    &arch::x86_64::avx2::KERNEL,
    #[cfg(target_arch = "x86_64")]
    &arch::x86_64::sse2::KERNEL,
    #[cfg(target_arch = "aarch64")]
    &arch::aarch64::sha2::KERNEL,
    #[cfg(target_arch = "aarch64")]
    &arch::aarch64::neon::KERNEL,
    &arch::portable::KERNEL,
];

/// No such kernel, here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Nothing in the table has the name.
    #[error("there is no kernel '{name}'; this CPU can run {}", available_names())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The CPU cannot run it.
    #[error("the kernel '{name}' needs {requires}, which this CPU lacks; it can run {}", available_names())]
    Unavailable {
        /// The name asked for.
        name: &'static str,
        /// What the CPU would need.
        requires: &'static str,
    },
}

/// The kernels that this CPU can run, most often the fastest first; never none.
pub fn available() -> impl Iterator<Item = &'static Kernel> {
    KERNELS.iter().copied().filter(|kernel| (kernel.is_available)())
}

/// Name and requirement of each kernel that this CPU cannot run.
pub fn unavailable() -> impl Iterator<Item = (&'static str, &'static str)> {
    let missing = KERNELS.iter().filter(|kernel| !(kernel.is_available)());
    missing.map(|kernel| (kernel.name, kernel.requires))
}

/// The kernel of a name, if this CPU can run it.
pub fn by_name(name: &str) -> Result<&'static Kernel, KernelError> {
    if let Some(kernel) = available().find(|kernel| kernel.name == name) {
        return Ok(kernel);
    }
    Err(match unavailable().find(|(missing, _)| *missing == name) {
        Some((name, requires)) => KernelError::Unavailable { name, requires },
        None => KernelError::Unknown { name: name.to_owned() },
    })
}

fn available_names() -> String {
    let names: Vec<&str> = available().map(Kernel::name).collect();
    names.join(", ")
}

impl Kernel {
    /// The name that the command line knows it by.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Reports every candidate of `prepared.midstates` × `nonces` whose hash is at most the target in its
    /// top 32 bits, and nothing else, each nonce with all midstates before the next few; until `hit` breaks.
    ///
    /// Does nothing else meanwhile: about 30 ns to 1 µs a hash.
    pub fn scan(&self, prepared: &Prepared, nonces: NonceRange, hit: Hit) -> ControlFlow<()> {
        // SAFETY: a `&Kernel` leaves this file only if `is_available` has returned true.
        unsafe { (self.scan)(prepared, nonces, hit) }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_cannot_run_is_refused_with_what_can() {
        let error = by_name("abacus").unwrap_err().to_string();
        assert!(error.starts_with("there is no kernel 'abacus'; this CPU can run "), "{error}");
        assert!(error.ends_with("portable"), "{error}");
        for (name, requires) in unavailable() {
            let error = by_name(name).unwrap_err().to_string();
            assert!(error.contains(&format!("'{name}' needs {requires}, which this CPU lacks")), "{error}");
        }
        for kernel in available() {
            assert_eq!(by_name(kernel.name()).unwrap().name(), kernel.name());
        }
    }
}
