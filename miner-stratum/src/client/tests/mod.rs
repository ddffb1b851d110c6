//! Tests of the parts that do no I/O, and of the whole on a paused clock.

mod clock;
mod jobs;
mod ledger;
mod login;
mod net;
mod pools;
mod roster;
mod session;

#[path = "../../../tests/client/support/miner.rs"]
mod miner;
#[path = "../../../tests/client/support/peer.rs"]
mod peer;
#[path = "../../../tests/client/support/share.rs"]
mod share;
mod shares;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use bitcoin::{BlockHash, CompactTarget, Target, hashes::Hash as _};
use miner_core::{Extranonce, Job, Terms, VersionMask, target};

use super::{Client, ClientEvent, ClientOptions, Pool};
use crate::connect::{Route, Trust};
use crate::ledger::{Amount, Fate};
use crate::message::Notify;

/// No test waits longer for anything that must come, on a clock that does not wait at all.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// A job on a network where nothing in a test is a block. `prevhash` and `contents` tell jobs apart.
fn notify(id: &str, prevhash: u8, contents: u8, clean: bool) -> Notify {
    Notify {
        job_id: id.to_owned(),
        prev_blockhash: BlockHash::from_byte_array([prevhash; 32]),
        coinbase1: vec![contents],
        coinbase2: vec![2],
        branch: Vec::new(),
        version: 0x2000_0000,
        bits: CompactTarget::from_consensus(0x1d00_ffff),
        time: 1_700_000_000,
        clean,
    }
}

fn extranonce(bytes: &[u8], size: u8) -> (Extranonce, u8) {
    (Extranonce::try_from(bytes).unwrap(), size)
}

fn easy() -> Target {
    target::from_difficulty(share::EASY).unwrap()
}

/// Terms under which shares are found in no time.
fn terms(extranonce1: &[u8]) -> Terms {
    let (extranonce1, extranonce2_size) = extranonce(extranonce1, 4);
    Terms { extranonce1, extranonce2_size, version_mask: VersionMask::NONE, share_target: easy() }
}

fn job(notify: &Notify) -> Arc<Job> {
    Arc::new(notify.to_job().unwrap())
}

/// A job on a network where every share is a block.
fn block_job(id: &str) -> Arc<Job> {
    job(&Notify { bits: CompactTarget::from_consensus(0x207f_ffff), ..notify(id, 1, 1, false) })
}
