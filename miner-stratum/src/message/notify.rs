//! `mining.notify`: a job on the wire.

use bitcoin::hashes::Hash as _;
use bitcoin::hex::DisplayHex;
use bitcoin::{BlockHash, CompactTarget};
use miner_core::{Job, JobError, JobParams, RootSource, TimeWindow};
use serde_json::{Value, json};

use super::MessageError;
use super::fields::{self, Field, Params};

pub(super) const METHOD: &str = "mining.notify";
/// The longest coinbase without its extranonces, in bytes.
const MAX_COINBASE: usize = 64 * 1024;
/// The longest merkle branch: no block has more than 2³² transactions.
const MAX_BRANCH: usize = 32;

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
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`MessageError::Field`] for a field that is missing, of the wrong type or too long. A missing `clean` is false.
    pub fn parse(params: &Value) -> Result<Self, MessageError> {
        let params = Params::of(METHOD, params)?;
        let job_id = params.at(0, "job id").id()?;
        let prev_blockhash = BlockHash::from_byte_array(reverse_words(params.at(1, "prevhash").hash()?));
        let coinbase1 = params.at(2, "coinb1").bytes(MAX_COINBASE)?;
        let coinbase2 = params.at(3, "coinb2").bytes(MAX_COINBASE - coinbase1.len())?;
        Ok(Self {
            job_id,
            prev_blockhash,
            coinbase1,
            coinbase2,
            branch: branch(params.at(4, "merkle branch"))?,
            version: params.at(5, "version").word()?,
            bits: CompactTarget::from_consensus(params.at(6, "nbits").word()?),
            time: params.at(7, "ntime").word()?,
            clean: params.at(8, "clean").optional().map_or(Ok(false), |clean| clean.flag())?,
        })
    }

    /// The parameters as they are written.
    pub fn to_params(&self) -> Value {
        let branch: Vec<String> = self.branch.iter().map(DisplayHex::to_lower_hex_string).collect();
        json!([
            self.job_id,
            reverse_words(self.prev_blockhash.to_byte_array()).to_lower_hex_string(),
            self.coinbase1.to_lower_hex_string(),
            self.coinbase2.to_lower_hex_string(),
            branch,
            fields::word(self.version),
            fields::word(self.bits.to_consensus()),
            fields::word(self.time),
            self.clean,
        ])
    }

    /// The job, as the engine and the judging path take it.
    ///
    /// # Errors
    /// [`JobError`] where no job can be like that.
    pub fn to_job(&self) -> Result<Job, JobError> {
        Job::new(JobParams {
            id: self.job_id.clone(),
            version: self.version,
            reserved_version_bits: 0,
            prev_blockhash: self.prev_blockhash,
            time: TimeWindow::starting_at(self.time),
            bits: self.bits,
            clean: self.clean,
            root: RootSource::Coinbase {
                prefix: self.coinbase1.clone(),
                suffix: self.coinbase2.clone(),
                branch: self.branch.clone(),
            },
        })
    }

    /// A job as a server announces it; `None` for a job with a fixed root, which Stratum cannot say.
    pub fn of(job: &Job) -> Option<Self> {
        let RootSource::Coinbase { prefix, suffix, branch } = job.root_source() else {
            return None;
        };
        Some(Self {
            job_id: job.id().to_owned(),
            prev_blockhash: job.prev_blockhash(),
            coinbase1: prefix.clone(),
            coinbase2: suffix.clone(),
            branch: branch.clone(),
            version: job.version(),
            bits: job.bits(),
            time: job.time().after(0),
            clean: job.is_clean(),
        })
    }
}

fn branch(field: Field<'_>) -> Result<Vec<[u8; 32]>, MessageError> {
    let list = field.list()?;
    if list.len() > MAX_BRANCH {
        return Err(field.fault(format!("has {} levels, more than {MAX_BRANCH}", list.len())));
    }
    list.iter().map(|hash| Field::new(METHOD, "merkle branch", hash).hash()).collect()
}

/// From the order of the header's bytes to that of `prevhash`, and back.
fn reverse_words(mut hash: [u8; 32]) -> [u8; 32] {
    hash.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    hash
}
