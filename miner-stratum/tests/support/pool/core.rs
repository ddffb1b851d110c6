//! The pool's memory: jobs, sessions, terms, and the log of all that was judged. Judging is `miner_core`'s.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bitcoin::BlockHash;
use bitcoin::hex::FromHex as _;
use fastrand::Rng;
use miner_core::{Extranonce, Job, JobParams, Solution, Terms, VersionMask};
use serde_json::{Value, json};

use super::{Settings, job};

/// Why a share is refused: code and text.
pub(crate) type Refusal = (i64, &'static str);

/// One share that was judged.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The connection that it came on.
    pub(crate) connection: usize,
    /// As it came.
    pub(crate) params: Value,
    /// The header that it stands for, where it stands for one.
    pub(crate) hash: Option<BlockHash>,
    /// The judgement.
    pub(crate) verdict: Result<(), Refusal>,
}

/// All that a pool knows.
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) log: Vec<Entry>,
    pub(super) accepted: HashSet<BlockHash>,
    pub(super) complaints: Vec<String>,
    pub(super) heard: HashMap<String, usize>,
    pub(super) newest: Option<Arc<Job>>,
    jobs: HashMap<String, Arc<Job>>,
    /// Ids of jobs that shares are taken for.
    live: HashSet<String>,
    sessions: Vec<Session>,
    /// All ids that sessions ever went by.
    ids: HashMap<String, usize>,
    /// Extranonces given so far.
    given: u128,
    rng: Rng,
}

/// What outlives a connection, if the session is resumed.
struct Session {
    terms: Terms,
    next_extranonce: Option<(Extranonce, u8)>,
    /// Under what each job was announced; more than once with changes between.
    announced: HashMap<String, Vec<Terms>>,
}

/// The fields of a submit.
struct Fields {
    job: String,
    extranonce2: Extranonce,
    time: u32,
    nonce: u32,
    bits: Option<u32>,
}

impl Core {
    pub(super) fn new(settings: Settings, rng: Rng) -> Self {
        Self {
            settings,
            log: Vec::new(),
            accepted: HashSet::new(),
            complaints: Vec::new(),
            heard: HashMap::new(),
            newest: None,
            jobs: HashMap::new(),
            live: HashSet::new(),
            sessions: Vec::new(),
            ids: HashMap::new(),
            given: 0xa000,
            rng,
        }
    }

    /// Makes a job; a clean one ends all others.
    pub(super) fn new_job(&mut self, clean: bool, change: impl FnOnce(&mut JobParams)) -> Arc<Job> {
        let id = format!("job {:x}", self.jobs.len());
        let mut params = job::params(&id, clean, &mut self.rng);
        if let (false, Some(newest)) = (clean, &self.newest) {
            // Another block to build on would end all others, whatever the flag says.
            params.prev_blockhash = newest.prev_blockhash();
        }
        change(&mut params);
        if params.clean {
            self.live.clear();
        }
        let job = Arc::new(Job::new(params).expect("tests make possible jobs"));
        self.live.insert(job.id().to_owned());
        self.jobs.insert(job.id().to_owned(), Arc::clone(&job));
        self.newest = Some(Arc::clone(&job));
        job
    }

    /// Opens a session, or an old one again: its index, and the answer to subscribe.
    ///
    /// That a session is the same shows by its extranonce1 alone: every other time its id changes all the same, and a
    /// new one goes by the id that was asked for.
    pub(super) fn open(&mut self, asked: Option<&str>, mask: u32, connection: usize) -> (usize, Value) {
        let known = asked.and_then(|id| self.ids.get(id).copied());
        let index = known.filter(|_| (self.settings.resumes)(connection)).unwrap_or_else(|| self.begin());
        let id =
            asked.filter(|_| connection.is_multiple_of(2)).map_or(format!("s{connection}"), str::to_owned);
        self.ids.insert(id.clone(), index);
        let session = &mut self.sessions[index];
        session.terms.version_mask = VersionMask::new(mask);
        let (extranonce, size) = (session.terms.extranonce1.to_string(), session.terms.extranonce2_size);
        (index, json!([[["mining.set_difficulty", id], ["mining.notify", id]], extranonce, size]))
    }

    fn begin(&mut self) -> usize {
        let terms = Terms {
            extranonce1: self.next_extranonce(),
            extranonce2_size: self.settings.extranonce2_size,
            version_mask: VersionMask::NONE,
            share_target: bitcoin::Target::ZERO,
        };
        let session = Session { terms, next_extranonce: None, announced: HashMap::new() };
        self.sessions.push(session);
        self.sessions.len() - 1
    }

    fn next_extranonce(&mut self) -> Extranonce {
        self.given += 1;
        Extranonce::nth(self.given, 4)
    }

    /// A new extranonce for a session, from its next job on: the line that says so.
    pub(super) fn change_extranonce(&mut self, session: usize, size: u8) -> Value {
        let extranonce1 = self.next_extranonce();
        self.sessions[session].next_extranonce = Some((extranonce1, size));
        job::call("mining.set_extranonce", &json!([extranonce1.to_string(), size]))
    }

    /// A new mask for a session, at once and for its jobs: the line that says so.
    pub(super) fn change_mask(&mut self, session: usize, mask: u32) -> Value {
        let session = &mut self.sessions[session];
        session.terms.version_mask = VersionMask::new(mask);
        for variants in session.announced.values_mut() {
            let last = *variants.last().expect("it was announced once");
            variants.push(Terms { version_mask: VersionMask::new(mask), ..last });
        }
        job::call("mining.set_version_mask", &json!([format!("{mask:08x}")]))
    }

    /// Puts a job under a session's terms of now: the line that announces it.
    pub(super) fn announce(&mut self, session: usize, job: &Job) -> Value {
        let session = &mut self.sessions[session];
        if let Some((extranonce1, size)) = session.next_extranonce.take() {
            (session.terms.extranonce1, session.terms.extranonce2_size) = (extranonce1, size);
        }
        session.terms.share_target = job::target_of(self.settings.difficulty);
        session.announced.entry(job.id().to_owned()).or_default().push(session.terms);
        job::notify(job)
    }

    /// Judges a submit and logs it.
    pub(super) fn submit(
        &mut self,
        session: usize,
        connection: usize,
        params: &Value,
    ) -> Result<(), Refusal> {
        let (hash, verdict) = match self.fields(session, params) {
            Ok(fields) => self.judge(session, &fields),
            Err(fault) => {
                self.complaints.push(format!("{fault}: {params}"));
                (None, Err((20, fault)))
            }
        };
        if let (Some(hash), Ok(())) = (hash, verdict) {
            self.accepted.insert(hash);
        }
        self.log.push(Entry { connection, params: params.clone(), hash, verdict });
        verdict
    }

    fn judge(&self, session: usize, fields: &Fields) -> (Option<BlockHash>, Result<(), Refusal>) {
        let Some(job) = self.jobs.get(&fields.job) else { return (None, Err((21, "Job not found"))) };
        let session = &self.sessions[session];
        let announced = session.announced.get(&fields.job);
        let variants = announced.map_or(std::slice::from_ref(&session.terms), Vec::as_slice);
        let judged = variants.iter().rev().map(|terms| judge_under(job, terms, fields));
        let (hash, block, good) = judged
            .max_by_key(|(_, block, good)| (good.is_ok(), *block))
            .expect("a job is announced under some terms");
        let live = self.live.contains(&fields.job) && announced.is_some();
        let verdict = match good {
            _ if self.accepted.contains(&hash) => Err((22, "Duplicate share")),
            _ if block => Ok(()),
            Ok(()) if !live => Err((21, "Stale")),
            verdict => verdict,
        };
        (Some(hash), verdict)
    }

    /// Reads a submit strictly: what any pool would take.
    fn fields(&self, session: usize, params: &Value) -> Result<Fields, &'static str> {
        let fields: Vec<&str> =
            params.as_array().into_iter().flatten().map(|field| field.as_str().unwrap_or("?")).collect();
        let (given, bits) = match fields[..] {
            [_, job, extranonce2, time, nonce] => ([job, extranonce2, time, nonce], None),
            [_, job, extranonce2, time, nonce, bits] => ([job, extranonce2, time, nonce], Some(bits)),
            _ => return Err("submit has five or six parameters"),
        };
        let announced = self.sessions[session].announced.get(given[0]);
        let rolling =
            |variants: &Vec<Terms>| variants.iter().all(|terms| terms.version_mask != VersionMask::NONE);
        if bits.is_none() && announced.is_some_and(rolling) {
            return Err("version bits are missing although rolling is on");
        }
        let extranonce2 = Vec::from_hex(given[1]).map_err(|_| "extranonce2 is no hex")?;
        Ok(Fields {
            job: given[0].to_owned(),
            extranonce2: Extranonce::try_from(&extranonce2[..]).map_err(|_| "extranonce2 is too long")?,
            time: word(given[2])?,
            nonce: word(given[3])?,
            bits: bits.map(word).transpose()?,
        })
    }
}

/// Exactly eight hex digits.
fn word(text: &str) -> Result<u32, &'static str> {
    if text.len() != 8 {
        return Err("a word has eight hex digits");
    }
    u32::from_str_radix(text, 16).map_err(|_| "a word is no hex")
}

/// The header, whether it is a block, and whether it is a good share under these terms.
fn judge_under(job: &Arc<Job>, terms: &Terms, fields: &Fields) -> (BlockHash, bool, Result<(), Refusal>) {
    let (mask, bits) = (terms.version_mask.bits(), fields.bits.unwrap_or(0));
    let solution = Solution {
        extranonce2: fields.extranonce2,
        time: fields.time,
        version: (job.version() & !mask) | (bits & mask),
        nonce: fields.nonce,
    };
    let root = job.merkle_root(terms, &solution.extranonce2);
    let evaluated = job.evaluate(&root, &solution);
    let good = match job.check(terms, &solution, &evaluated) {
        _ if bits & !mask != 0 => Err((20, "Version bits outside the mask")),
        Ok(_) => Ok(()),
        Err(_) => Err((23, "Low difficulty share")),
    };
    (evaluated.hash, evaluated.is_block(job), good)
}
