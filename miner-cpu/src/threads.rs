//! The pool of hashing threads: how many, on which CPUs, how urgent.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use core_affinity::CoreId;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How the CPUs are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuOptions {
    /// How many threads hash. `None`: one on each CPU of `affinity`, or on each that the process may use (on
    /// Linux, a container's limit on CPU time counts too).
    pub threads: Option<NonZero<usize>>,
    /// The CPUs to bind threads to, in turn, by the system's numbers. Empty: the system decides. Linux binds
    /// to the first 1024, Windows to the 64 of the process's group, Apple's own chips to none.
    pub affinity: Vec<usize>,
    /// The nice value of the hashing threads, −20 to 19. `None`: that of the process. Linux alone heeds it.
    pub nice: Option<i32>,
}

impl Default for CpuOptions {
    /// All CPUs, and whoever else wants one comes first.
    fn default() -> Self {
        Self { threads: None, affinity: Vec::new(), nice: Some(19) }
    }
}

/// Why the hashing threads could not be started.
#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    /// The system refused a thread.
    #[error("could not start {threads} hashing threads: {source}; try fewer")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// Why not.
        source: rayon::ThreadPoolBuildError,
    },
    /// A CPU of the affinity list is not there.
    #[error("a thread cannot be bound to CPU {cpu}; this process may use {usable:?}")]
    Affinity {
        /// The CPU asked for.
        cpu: usize,
        /// Those that would do.
        usable: Vec<usize>,
    },
    /// The system refused the priority.
    #[error("could not set the nice value {nice}: {source}; values below the present one need privileges")]
    Nice {
        /// The value asked for.
        nice: i32,
        /// Why not.
        source: io::Error,
    },
}

/// How many CPUs this process may use.
pub(crate) fn usable_cpus() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Starts the threads, binds them and sets their priority.
pub(crate) fn pool(options: &CpuOptions) -> Result<ThreadPool, CpuError> {
    let threads = match (options.threads, options.affinity.len()) {
        (Some(threads), _) => threads.get(),
        (None, 0) => usable_cpus(),
        (None, listed) => listed,
    };
    if !options.affinity.is_empty() {
        check(&options.affinity)?;
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("hash-{index}"))
        .build()
        .map_err(|source| CpuError::Threads { threads, source })?;
    pool.broadcast(|thread| {
        if let Some(cpu) = options.affinity.iter().cycle().nth(thread.index()) {
            bind(*cpu)?;
        }
        options.nice.map_or(Ok(()), set_nice)
    })
    .into_iter()
    .collect::<Result<(), CpuError>>()?;
    Ok(pool)
}

/// Whether this process may use these CPUs.
fn check(cpus: &[usize]) -> Result<(), CpuError> {
    let usable = bindable_cpus();
    match cpus.iter().find(|cpu| !usable.contains(cpu)) {
        Some(&cpu) => Err(CpuError::Affinity { cpu, usable }),
        None => Ok(()),
    }
}

/// The CPUs that the calling thread may be bound to.
fn bindable_cpus() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect()
}

/// Binds the calling thread to a CPU.
fn bind(cpu: usize) -> Result<(), CpuError> {
    match core_affinity::set_for_current(CoreId { id: cpu }) {
        true => Ok(()),
        false => Err(CpuError::Affinity { cpu, usable: bindable_cpus() }),
    }
}

/// Sets the nice value of the calling thread: on Linux, each has its own.
#[cfg(target_os = "linux")]
fn set_nice(nice: i32) -> Result<(), CpuError> {
    rustix::process::setpriority_process(None, nice)
        .map_err(|error| CpuError::Nice { nice, source: error.into() })
}

#[cfg(not(target_os = "linux"))]
fn set_nice(_nice: i32) -> Result<(), CpuError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(affinity: &[usize]) -> CpuOptions {
        CpuOptions { threads: NonZero::new(3), affinity: affinity.to_vec(), nice: Some(19) }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_are_bound_and_nice() {
        let usable = core_affinity::get_core_ids().unwrap();
        let cpu = usable[usable.len() - 1];
        let pool = pool(&options(&[cpu.id])).unwrap();
        assert_eq!(pool.current_num_threads(), 3);
        for cpus in pool.broadcast(|_| core_affinity::get_core_ids().unwrap()) {
            assert_eq!(cpus, [cpu]);
        }
        let nice = pool.broadcast(|_| rustix::process::getpriority_process(None).unwrap());
        assert_eq!(nice, [19; 3]);
        assert_eq!(core_affinity::get_core_ids().unwrap(), usable, "the caller is not bound");
    }

    #[test]
    fn a_cpu_that_is_not_there_is_named() {
        let error = pool(&options(&[100_000])).unwrap_err().to_string();
        assert!(error.starts_with("a thread cannot be bound to CPU 100000"), "{error}");
    }
}
