//! What there is to search: the current space, units to try again, and the waiting for both.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use miner_core::{Assignment, Candidate, Job, SearchSpace, Terms};

/// One unit for a worker.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) assignment: Assignment,
    /// What an earlier, failed scan of the unit reported already.
    pub(crate) reported: HashSet<Candidate>,
    /// The generation in which the unit is worth searching.
    pub(crate) generation: u64,
    /// Set once a block was found where the first block ends the job.
    pub(crate) solved: Arc<AtomicBool>,
    /// Whether the lowest solution is wanted, not the first to be found.
    pub(crate) in_order: bool,
}

/// Deals out units; one for all workers.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Raised whenever the units dealt out so far became worthless.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// How many a unit may hold.
    midstates: usize,
    work: Option<Work>,
    /// Whether the work rests until the next job, which may go on with it.
    resting: bool,
    retries: VecDeque<Task>,
    stopped: bool,
    in_order: bool,
    /// Hashes a second allowed, and when the next unit may begin under that limit.
    max_hashrate: Option<f64>,
    next_start: Option<Instant>,
    /// How often there was nothing left to deal out.
    exhausted: u64,
}

#[derive(Debug)]
struct Work {
    space: SearchSpace,
    arrived: Instant,
    solved: Arc<AtomicBool>,
}

/// A unit under a hashrate limit is this long, so that the limit holds over short times too.
const LIMITED_UNIT: Duration = Duration::from_millis(50);
/// What a late start cost is made up for, up to this much: a thread wakes up late each time, and by more than a
/// twentieth of such a unit where the machine is busy.
const MADE_UP_FOR: Duration = Duration::from_millis(500);

impl Queue {
    /// Units of the jobs to come hold at least so many midstates, where these can roll their version.
    pub(crate) fn prefer_midstates(&self, midstates: usize) {
        let mut state = self.lock();
        state.midstates = state.midstates.max(midstates);
    }

    /// Whether units of `generation` have become worthless.
    pub(crate) fn is_outdated(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Acquire) != generation
    }

    pub(crate) fn set_job(&self, job: Arc<Job>, terms: Terms) {
        let mut state = self.lock();
        state.resting = false;
        let arrived = Instant::now();
        let stays = |work: &Work| {
            !job.is_clean() && work.space.job().prev_blockhash() == job.prev_blockhash() && !work.is_solved()
        };
        match state.work.take() {
            Some(mut work) if stays(&work) => {
                work.space.adopt(job, terms);
                state.work = Some(Work { arrived, ..work });
            }
            _ => {
                let space = SearchSpace::new(job, terms, state.midstates);
                state.work = Some(Work { space, arrived, solved: Arc::default() });
                self.outdate(&mut state);
            }
        }
        self.changed.notify_all();
    }

    /// Nothing to search until the next job. If that one hashes the same, the search goes on where it is now.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.resting = true;
        self.outdate(&mut state);
    }

    /// Ends the job that a block was just found for: true for the first block alone.
    pub(crate) fn solve(&self, task: &Task) -> bool {
        if task.solved.swap(true, Ordering::AcqRel) {
            return false;
        }
        let mut state = self.lock();
        if state.work.as_ref().is_some_and(|work| Arc::ptr_eq(&work.solved, &task.solved)) {
            state.work = None;
            self.outdate(&mut state);
        }
        true
    }

    /// A unit of at most `hashes` hashes. Waits for one; `None` when stopped.
    pub(crate) fn next(&self, hashes: u64) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let patience = match state.limit_left() {
                Some(left) => left,
                None => match self.deal(&mut state, hashes) {
                    Ok(task) => return Some(task),
                    Err(patience) => patience,
                },
            };
            state = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next unit, or for how long there is none unless something changes.
    fn deal(&self, state: &mut State, hashes: u64) -> Result<Task, Duration> {
        let hashes = state
            .max_hashrate
            .map_or(hashes, |limit| hashes.min((limit * LIMITED_UNIT.as_secs_f64()) as u64));
        if let Some(task) = state.retries.pop_front() {
            let (task, rest) = task.split(hashes);
            state.retries.extend(rest);
            return Ok(task);
        }
        let work = state.work.as_mut().filter(|_| !state.resting).ok_or(Duration::MAX)?;
        let since = work.arrived.elapsed();
        let assignment = work.space.next(hashes, since);
        let Some(assignment) = assignment else {
            // Only a later second brings new headers.
            state.exhausted += 1;
            return Err(Duration::from_millis(1000 - u64::from(since.subsec_millis())));
        };
        let generation = self.generation.load(Ordering::Acquire);
        Ok(Task {
            assignment,
            reported: HashSet::new(),
            generation,
            solved: work.solved.clone(),
            in_order: state.in_order,
        })
    }

    /// Takes back a unit that was not finished, unless nobody wants it any more.
    pub(crate) fn retry(&self, task: Task) {
        let mut state = self.lock();
        if !self.is_outdated(task.generation) {
            state.retries.push_back(task);
            self.changed.notify_all();
        }
    }

    /// Accounts for hashes done under a hashrate limit.
    pub(crate) fn charge(&self, started: Instant, hashes: u64) {
        let mut state = self.lock();
        if let Some(limit) = state.max_hashrate {
            let time = Duration::from_secs_f64(hashes as f64 / limit);
            state.next_start = Some(next_start(state.next_start, started, time));
        }
    }

    /// Limits the hashrate of all workers together; `None`: no limit.
    pub(crate) fn limit(&self, max_hashrate: Option<f64>) {
        let mut state = self.lock();
        state.max_hashrate = max_hashrate.filter(|limit| *limit > 0.0);
        state.next_start = None;
        self.changed.notify_all();
    }

    pub(crate) fn search_in_order(&self) {
        self.lock().in_order = true;
    }

    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        self.outdate(&mut state);
    }

    /// Waits up to `time`, or less if the queue is stopped.
    pub(crate) fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, time, |state| !state.stopped));
    }

    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.resting || state.work.is_none()
    }

    /// How often there was nothing left to deal out.
    pub(crate) fn exhausted(&self) -> u64 {
        self.lock().exhausted
    }

    fn outdate(&self, state: &mut State) {
        state.retries.clear();
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the next unit may begin under a limit, after one that was due at `due`, began at `started` and is worth so
/// much time.
fn next_start(due: Option<Instant>, started: Instant, time: Duration) -> Instant {
    let earliest = started.checked_sub(MADE_UP_FOR).unwrap_or(started);
    due.map_or(started, |due| due.max(earliest)) + time
}

impl Task {
    /// The first `hashes` hashes (at least one nonce), and the rest: a unit that a fast device left is too much at once
    /// for a slow one.
    fn split(mut self, hashes: u64) -> (Self, Option<Self>) {
        let unit = self.assignment.unit();
        let (first, rest) = unit.nonces().split(hashes / unit.midstates().len() as u64);
        let rest = rest.map(|rest| Self { assignment: self.assignment.with_nonces(rest), ..self.clone() });
        if rest.is_some() {
            self.assignment = self.assignment.with_nonces(first);
        }
        (self, rest)
    }
}

impl State {
    /// How long the hashrate limit still asks to wait.
    fn limit_left(&self) -> Option<Duration> {
        self.next_start?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

impl Work {
    fn is_solved(&self) -> bool {
        self.solved.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_core::bitcoin::CompactTarget;
    use miner_core::{VersionMask, header};

    #[test]
    fn a_limit_is_reached_though_every_unit_begins_late() {
        let begin = Instant::now();
        let mut due = next_start(None, begin, LIMITED_UNIT);
        for unit in 1..1000 {
            let late = Duration::from_millis(unit * 37 % 40);
            due = next_start(Some(due), due + late, LIMITED_UNIT);
        }
        assert_eq!(due - begin, LIMITED_UNIT * 1000);
    }

    #[test]
    fn a_unit_that_was_given_back_is_dealt_out_in_pieces() {
        let mut header = header::from_hex(&"00".repeat(80)).unwrap();
        header.bits = CompactTarget::from_consensus(0x0300_0001);
        let queue = Queue::default();
        queue.set_job(Arc::new(Job::from_header("1", &header).unwrap()), Terms::solo(0, VersionMask::NONE));
        let whole = queue.next(10_001).unwrap();
        queue.retry(whole.clone());
        let pieces = [4000, 4000, 0, 1 << 40].map(|hashes| queue.next(hashes).unwrap().assignment);
        let nonces = pieces.map(|piece| piece.unit().nonces());
        let bounds = nonces.map(|nonces| (nonces.first(), nonces.last()));
        assert_eq!(bounds, [(0, 3999), (4000, 7999), (8000, 8000), (8001, 10_000)]);
        assert_eq!(
            queue.next(1).unwrap().assignment.unit().nonces().first(),
            10_001,
            "then the search goes on"
        );
    }

    #[test]
    fn idle_time_is_not_made_up_for() {
        let due = Instant::now();
        let woken = due + Duration::from_secs(3600);
        assert_eq!(next_start(Some(due), woken, LIMITED_UNIT), woken + LIMITED_UNIT - MADE_UP_FOR);
    }
}
