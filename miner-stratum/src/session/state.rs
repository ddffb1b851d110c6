//! What one miner says, and what it is told: the calls of a session, without any I/O. Shares are judged in `judge`.

use std::sync::Arc;

use bitcoin::{Target, TxMerkleNode};
use miner_core::{Extranonce, Job, Terms, VersionMask, target};
use serde_json::Value;

use super::outbox::Outbox;
use super::terms::TermsHistory;
use super::{Board, Ended, Limits, Opened, Pool, Posted, RejectReason, Visitor};
use crate::message::{
    Call, ClientCall, Configure, Configured, Frame, FrameError, PoolCall, Rejection, Reply, Subscribe,
    Subscribed,
};

/// One session. Dropping it closes it at the pool.
pub(super) struct Session<P: Pool> {
    pub(super) pool: Arc<P>,
    pub(super) limits: Limits,
    visitor: Visitor,
    pub(super) opened: Option<Opened>,
    pub(super) workers: Vec<String>,
    /// What the miner can roll of what the pool grants.
    mask: VersionMask,
    /// What the miner was told of it.
    told_mask: VersionMask,
    suggested: Option<f64>,
    told_difficulty: Option<f64>,
    /// Of the last difficulty that has a target.
    share_target: Target,
    pub(super) history: TermsHistory,
    /// The newest job that the miner knows.
    announced: Option<Arc<Job>>,
    /// The merkle root of the last share: miners roll nonce, version and time long before extranonce2.
    pub(super) root: Option<(u64, Extranonce, TxMerkleNode)>,
    /// Whether the miner owes an answer.
    asked: bool,
    strikes: u32,
    ended: Option<Ended>,
}

impl<P: Pool> Session<P> {
    pub(super) fn new(pool: Arc<P>, visitor: Visitor, limits: Limits) -> Self {
        Self {
            pool,
            limits,
            visitor,
            opened: None,
            workers: Vec::new(),
            mask: VersionMask::NONE,
            told_mask: VersionMask::NONE,
            suggested: None,
            told_difficulty: None,
            share_target: Target::ZERO,
            history: TermsHistory::default(),
            announced: None,
            root: None,
            asked: false,
            strikes: 0,
            ended: None,
        }
    }

    /// Takes one line; what there is to say goes to `out`, replies in the order of the calls.
    ///
    /// # Errors
    /// Why the session is over; what is in `out` is still to be sent.
    pub(super) fn hear(
        &mut self,
        line: Result<Frame, FrameError>,
        board: &Board,
        out: &mut Outbox,
    ) -> Result<(), Ended> {
        match line {
            Ok(Frame::Call(call)) => {
                let suggested = self.suggested;
                let outcome = self.answer(&call, board);
                out.frame(&Frame::Reply(Reply { id: call.id, outcome }));
                if self.suggested != suggested && self.is_ready() {
                    self.tell_difficulty(out);
                }
                self.announce(board, out);
            }
            Ok(Frame::Reply(_)) if std::mem::take(&mut self.asked) => {}
            Ok(Frame::Reply(_)) | Err(_) => self.strike(),
        }
        match &self.ended {
            Some(ended) => Err(ended.clone()),
            None => Ok(()),
        }
    }

    /// Whether jobs may be sent.
    pub(super) fn is_ready(&self) -> bool {
        self.opened.is_some() && !self.workers.is_empty()
    }

    /// Tells the newest job, if the miner does not know it, and before it what has changed for it.
    pub(super) fn announce(&mut self, board: &Board, out: &mut Outbox) {
        let Some(newest) = board.newest().filter(|_| self.is_ready()) else { return };
        let known = self.announced.replace(newest.job().clone());
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, newest.job())) {
            return;
        }
        let mask = rollable(self.mask, newest.job());
        if mask != self.told_mask {
            self.told_mask = mask;
            out.call(&PoolCall::SetVersionMask(mask));
        }
        self.tell_difficulty(out);
        if let Some(terms) = self.terms_now(newest) {
            self.history.begin(newest.number(), terms, board.oldest());
        }
        let tip_moved = known.is_none_or(|known| known.prev_blockhash() != newest.job().prev_blockhash());
        out.line(newest.line(tip_moved || newest.job().is_clean()));
    }

    /// Asks for something that miners of any age answer. The id is none that a call of theirs waits for.
    pub(super) fn ask_for_a_sign_of_life(&mut self, out: &mut Outbox) {
        self.asked = true;
        out.frame(&Frame::Call(PoolCall::GetVersion.to_call(0.into())));
    }

    /// Says again what the miner knows: a sign of life that none misunderstands.
    pub(super) fn repeat(&self, out: &mut Outbox) {
        self.told_difficulty.into_iter().for_each(|known| out.call(&PoolCall::SetDifficulty(known)));
    }

    /// Notes why the session ended, for the pool.
    pub(super) fn end(&mut self, why: Ended) {
        self.ended = Some(why);
    }

    /// Counts something bad.
    pub(super) fn strike(&mut self) {
        self.strikes += 1;
        if self.strikes >= self.limits.strikes {
            self.ended.get_or_insert(Ended::Flood);
        }
    }

    /// A good share makes up for a bad one.
    pub(super) fn redeem(&mut self) {
        self.strikes = self.strikes.saturating_sub(1);
    }

    /// The terms of a job that is announced now; `None` without a subscription.
    pub(super) fn terms_now(&self, posted: &Posted) -> Option<Terms> {
        let opened = self.opened.as_ref()?;
        Some(Terms {
            extranonce1: opened.extranonce1,
            extranonce2_size: opened.extranonce2_size,
            version_mask: rollable(self.mask, posted.job()),
            share_target: self.share_target,
        })
    }

    fn answer(&mut self, call: &Call, board: &Board) -> Result<Value, Rejection> {
        let call = ClientCall::parse(call).inspect_err(|_| self.strike()).map_err(|error| other(&error))?;
        match call {
            ClientCall::Configure(configure) => return Ok(self.configure(&configure, board)),
            ClientCall::Subscribe(subscribe) => return self.subscribe(subscribe),
            ClientCall::Authorize { worker, password } => self.authorize(worker, &password)?,
            ClientCall::Submit(submit) => self.submit(&submit, board)?,
            ClientCall::SuggestDifficulty(difficulty) => self.suggested = Some(difficulty),
            // No extranonce ever changes here: the promise is cheap.
            ClientCall::ExtranonceSubscribe => {}
            ClientCall::Ping => return Ok("pong".into()),
        }
        Ok(true.into())
    }

    fn configure(&mut self, asked: &Configure, board: &Board) -> Value {
        let rolling = asked.version_rolling;
        let minimum = asked.minimum_difficulty;
        self.suggested = [self.suggested, minimum].into_iter().flatten().reduce(f64::max);
        Configured {
            version_rolling: rolling.and_then(|(mask, min_bits)| self.grant(mask, min_bits, board)),
            minimum_difficulty: minimum.is_some(),
            subscribe_extranonce: asked.subscribe_extranonce,
        }
        .to_value(asked)
    }

    /// The bits of `asked` that may be rolled, if they are enough.
    fn grant(&mut self, asked: VersionMask, min_bits: u8, board: &Board) -> Option<VersionMask> {
        let granted = VersionMask::new(asked.bits() & self.limits.version_mask.bits());
        let mask = board.newest().map_or(granted, |newest| rollable(granted, newest.job()));
        if mask.bits().count_ones() < u32::from(min_bits).max(1) {
            return None;
        }
        (self.mask, self.told_mask) = (granted, mask);
        self.history.begin_rolling(mask);
        Some(mask)
    }

    fn subscribe(&mut self, subscribe: Subscribe) -> Result<Value, Rejection> {
        self.visitor.agent = subscribe.agent;
        if self.opened.is_none() {
            self.opened = self.pool.open(subscribe.session_id.as_deref(), &self.visitor);
        }
        let Some(opened) = &self.opened else {
            self.end(Ended::NoRoom);
            return Err(other(&Ended::NoRoom));
        };
        Ok(Subscribed {
            session_id: Some(opened.id.clone()),
            extranonce1: opened.extranonce1,
            extranonce2_size: opened.extranonce2_size,
        }
        .to_value())
    }

    fn authorize(&mut self, worker: String, password: &str) -> Result<(), Rejection> {
        if self.workers.contains(&worker) {
            return Ok(());
        }
        if self.workers.len() >= self.limits.workers || !self.pool.authorize(&worker, password) {
            self.strike();
            return Err((&RejectReason::Unauthorized).into());
        }
        self.workers.push(worker);
        Ok(())
    }

    /// Asks the pool for the difficulty and tells it if it is another. It counts from the next job on.
    fn tell_difficulty(&mut self, out: &mut Outbox) {
        let Some(opened) = &self.opened else { return };
        let difficulty = self.pool.difficulty(opened, self.suggested);
        let Ok(target) = target::from_difficulty(difficulty) else { return };
        self.share_target = target;
        if self.told_difficulty.replace(difficulty) != Some(difficulty) {
            out.call(&PoolCall::SetDifficulty(difficulty));
        }
    }
}

impl<P: Pool> Drop for Session<P> {
    fn drop(&mut self) {
        if let Some(opened) = &self.opened {
            self.pool.close(opened, self.ended.as_ref().unwrap_or(&Ended::Shutdown));
        }
    }
}

/// The bits that may be rolled on a job: granted, and without meaning to the network at present.
fn rollable(granted: VersionMask, job: &Job) -> VersionMask {
    VersionMask::new(granted.bits() & !job.reserved_version_bits())
}

fn other(error: &impl ToString) -> Rejection {
    Rejection { code: Some(20), message: error.to_string() }
}
