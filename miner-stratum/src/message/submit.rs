//! `mining.submit`: a share on the wire.

use miner_core::{Extranonce, Job, Share, Solution, VersionMask};

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
    /// What to send for a share: version bits whenever its terms have a mask.
    pub fn of(share: &Share, worker: &str) -> Self {
        let _ = (share, worker);
        todo!()
    }

    /// The solution it stands for: version = (job & ~mask) | (bits & mask), and the bits outside the mask if any,
    /// so that the judge can name them.
    pub fn solution(&self, job: &Job, mask: VersionMask) -> Solution {
        let _ = (job, mask);
        todo!()
    }
}
