//! Holding a share to the rules. Whether it is a block is asked before all of them.

use std::sync::Arc;

use miner_core::{Evaluated, Extranonce, Job, Share, Solution, Terms};

use super::state::Session;
use super::{Board, Pool, Posted, RejectReason};
use crate::message::{Rejection, Submit};

/// What a share stands for, as far as its job is known.
struct Solved<'a> {
    posted: &'a Posted,
    terms: Terms,
    solution: Solution,
    evaluated: Evaluated,
}

impl<P: Pool> Session<P> {
    pub(super) fn submit(&mut self, submit: &Submit, board: &Board) -> Result<(), Rejection> {
        match self.judge(submit, board) {
            Ok(()) => {
                self.redeem();
                Ok(())
            }
            Err(reason) => {
                self.strike();
                if let Some(opened) = &self.opened {
                    self.pool.rejected(opened, &submit.worker, &reason);
                }
                Err((&reason).into())
            }
        }
    }

    fn judge(&mut self, submit: &Submit, board: &Board) -> Result<(), RejectReason> {
        let solved = self.evaluate(submit, board);
        if let (Some(block), Some(opened)) = (solved.as_ref().and_then(Solved::block), &self.opened) {
            self.pool.block(opened, &submit.worker, block);
        }
        if !self.workers.contains(&submit.worker) {
            return Err(RejectReason::Unauthorized);
        }
        let opened = self.opened.as_ref().ok_or(RejectReason::NotSubscribed)?;
        let solved = solved.ok_or(RejectReason::UnknownJob)?;
        if !board.is_open(solved.posted, self.limits.job_window) {
            return Err(RejectReason::StaleJob);
        }
        let share = solved.job().check(&solved.terms, &solved.solution, &solved.evaluated)?;
        if !self.pool.accept(opened, &submit.worker, &share) {
            return Err(RejectReason::Duplicate);
        }
        Ok(())
    }

    /// Hashes the header; `None` where the job or the extranonce1 is not known.
    fn evaluate<'a>(&mut self, submit: &Submit, board: &'a Board) -> Option<Solved<'a>> {
        let posted = board.find(&submit.job_id)?;
        let terms = self.history.of_job(posted.number()).copied().or_else(|| self.terms_now(posted))?;
        let solution = submit.solution(posted.job(), terms.version_mask);
        let root = self.merkle_root(posted, &terms, &solution.extranonce2);
        let evaluated = posted.job().evaluate(&root, &solution);
        Some(Solved { posted, terms, solution, evaluated })
    }

    fn merkle_root(
        &mut self,
        posted: &Posted,
        terms: &Terms,
        extranonce2: &Extranonce,
    ) -> bitcoin::TxMerkleNode {
        match self.root {
            Some((number, known, root)) if (number, &known) == (posted.number(), extranonce2) => root,
            _ => {
                let root = posted.job().merkle_root(terms, extranonce2);
                self.root = Some((posted.number(), *extranonce2, root));
                root
            }
        }
    }
}

impl Solved<'_> {
    fn job(&self) -> &Arc<Job> {
        self.posted.job()
    }

    fn block(&self) -> Option<Share> {
        self.job().block(&self.terms, &self.solution, &self.evaluated)
    }
}
