//! `mining.submit`: a share on the wire.

use miner_core::{Extranonce, Job, Share, Solution, VersionMask};
use serde_json::{Value, json};

use super::MessageError;
use super::fields::{self, Params};

pub(super) const METHOD: &str = "mining.submit";

/// The parameters of `mining.submit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// The worker's name, as authorized.
    pub worker: String,
    /// The job, as announced.
    pub job_id: String,
    /// The miner's part of the extranonce.
    pub extranonce2: Extranonce,
    /// The header's time.
    pub time: u32,
    /// The header's nonce.
    pub nonce: u32,
    /// The header's version under the mask; present whenever version rolling is on (BIP310).
    pub version_bits: Option<u32>,
}

impl Submit {
    /// Reads the parameters. The worker may be anything, a name that nobody has among it: what the share
    /// is worth comes first.
    ///
    /// # Errors
    /// [`MessageError::Field`] for a field that is missing, of the wrong type or too long.
    pub fn parse(params: &Value) -> Result<Self, MessageError> {
        let params = Params::of(METHOD, params)?;
        let worker = params.at(0, "worker").value();
        let bits = params.at(5, "version bits").optional().filter(|bits| bits.value() != "");
        Ok(Self {
            worker: worker.as_str().map_or_else(|| worker.to_string(), str::to_owned),
            job_id: params.at(1, "job id").name()?,
            extranonce2: params.at(2, "extranonce2").extranonce()?,
            time: params.at(3, "ntime").word()?,
            nonce: params.at(4, "nonce").word()?,
            version_bits: bits.map(|bits| bits.word()).transpose()?,
        })
    }

    /// The parameters as they are written: six with version bits, else five.
    pub fn to_params(&self) -> Value {
        let mut params = vec![
            json!(self.worker),
            json!(self.job_id),
            json!(self.extranonce2.to_string()),
            fields::word(self.time),
            fields::word(self.nonce),
        ];
        params.extend(self.version_bits.map(fields::word));
        params.into()
    }

    /// What to send for a share: version bits whenever its terms have a mask.
    pub fn of(share: &Share, worker: &str) -> Self {
        let solution = share.solution();
        let rolling = share.terms().version_mask != VersionMask::NONE;
        Self {
            worker: worker.to_owned(),
            job_id: share.job().id().to_owned(),
            extranonce2: solution.extranonce2,
            time: solution.time,
            nonce: solution.nonce,
            version_bits: rolling.then(|| share.version_bits()),
        }
    }

    /// The solution it stands for: version = (job & ~mask) | (bits & mask), or the job's own without bits.
    ///
    /// Bits outside the mask flip those of the version, whatever these are, so that the judge names them.
    pub fn solution(&self, job: &Job, mask: VersionMask) -> Solution {
        let version = match self.version_bits {
            Some(bits) => (job.version() & !mask.bits()) ^ bits,
            None => job.version(),
        };
        Solution { extranonce2: self.extranonce2, time: self.time, version, nonce: self.nonce }
    }
}
