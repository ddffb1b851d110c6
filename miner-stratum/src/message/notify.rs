//! `mining.notify`: a job on the wire.

use bitcoin::{BlockHash, CompactTarget};
use miner_core::{Job, JobError};

/// The parameters of `mining.notify`, in natural byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Opaque, echoed verbatim; at most 256 bytes.
    pub job_id: String,
    /// The block to build on. On the wire each 4-byte word is reversed.
    pub prev_blockhash: BlockHash,
    /// Coinbase bytes before the extranonces.
    pub coinbase1: Vec<u8>,
    /// Coinbase bytes behind them.
    pub coinbase2: Vec<u8>,
    /// Siblings from the leaves up, in internal byte order.
    pub branch: Vec<[u8; 32]>,
    /// The header version before any bit is rolled.
    pub version: u32,
    /// The network's target in compact form.
    pub bits: CompactTarget,
    /// The time to start at, in Unix seconds.
    pub time: u32,
    /// Whether earlier jobs are worthless from now on.
    pub clean: bool,
}

impl Notify {
    /// The job, as the engine and the judging path take it.
    ///
    /// # Errors
    /// [`JobError`] where no job can be like that.
    pub fn to_job(&self) -> Result<Job, JobError> {
        todo!()
    }

    /// A job as a server announces it; `None` for a job with a fixed root, which Stratum cannot say.
    pub fn of(job: &Job) -> Option<Self> {
        let _ = job;
        todo!()
    }
}
