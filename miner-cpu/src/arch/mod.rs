//! One folder an architecture, one file a kernel: a vector type or hand-written instructions, and the
//! kernel's row for the table; `vector` makes the types. Nothing here knows of threads or work units.

#[cfg(target_arch = "aarch64")]
pub(crate) mod aarch64;
pub(crate) mod portable;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod vector;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64;
