//! `miner check`: judges shares by the same messages and the same rules as client and server do, and says which
//! rule is the first that one breaks.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use miner_core::bitcoin::Target;
use miner_core::{Evaluated, Job, ShareError, Terms, VersionMask, header, target};
use miner_stratum::message::{Id, Subscribed};
use miner_stratum::{Call, Notify, PoolCall, Submit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::exit::{self, Code};

/// What a share without a difficulty is held against.
const DEFAULT_DIFFICULTY: f64 = 1.0;

/// A share with all that it takes to judge it.
#[derive(Debug, Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    extranonce1: Value,
    extranonce2_size: Value,
    notify_params: Value,
    submit_params: Value,
    #[serde(default)]
    version_mask: Value,
    #[serde(default)]
    difficulty: Value,
}

/// The fields of a case, each read as in the message that says it.
struct Read {
    job: Arc<Job>,
    terms: Terms,
    submit: Submit,
}

/// What there is to say of a share.
#[derive(Debug, Default, Serialize)]
struct Judgement {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    header: Option<String>,
    hash: Option<String>,
    /// What the hash reaches.
    share_difficulty: Option<f64>,
    target: Option<String>,
    /// Whether it is a block, whatever else it is.
    block: bool,
    /// good or refused.
    verdict: &'static str,
    /// The first rule broken: malformed, job-id, extranonce2-size, time, version-bits or hash.
    rule: Option<&'static str>,
    /// The same in words.
    reason: Option<String>,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let text = read(&args.file).map_err(|error| exit::usage(format_args!("{error:#}")))?;
    let cases =
        cases(&text).map_err(|error| exit::usage(format_args!("{}: {error:#}", args.file.display())))?;
    let judgements: Vec<Judgement> = cases.into_iter().map(judge).collect();
    let mut stdout = std::io::stdout().lock();
    for judgement in &judgements {
        let line = if args.json { serde_json::to_string(judgement)? } else { judgement.text() };
        if writeln!(stdout, "{line}").is_err() {
            // Nobody reads any more; the exit code still tells.
            break;
        }
    }
    let all_good = judgements.iter().all(|judgement| judgement.rule.is_none());
    Ok(if all_good { ExitCode::SUCCESS } else { Code::Failed.into() })
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("stdin cannot be read");
    }
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// One share, several, or the list called `stratum` in a larger file.
fn cases(text: &str) -> anyhow::Result<Vec<Case>> {
    let mut value: Value = serde_json::from_str(text)?;
    if let Some(list) = value.get_mut("stratum") {
        value = list.take();
    }
    let list = if value.is_array() { value } else { Value::Array(vec![value]) };
    let cases: Vec<Case> = serde_json::from_value(list)?;
    anyhow::ensure!(!cases.is_empty(), "there is no share in it");
    Ok(cases)
}

/// The verdict on a share. Whether it is a block is asked before anything else.
fn judge(mut case: Case) -> Judgement {
    let name = std::mem::take(&mut case.name);
    let Read { job, terms, submit } = match case.read() {
        Ok(read) => read,
        Err(error) => return Judgement::malformed(name, &format!("{error:#}")),
    };
    let solution = submit.solution(&job, terms.version_mask);
    let evaluated = job.evaluate(&job.merkle_root(&terms, &solution.extranonce2), &solution);
    let block = evaluated.is_block(&job);
    let broken = match job.check(&terms, &solution, &evaluated) {
        _ if submit.job_id != job.id() => {
            Some(("job-id", format!("job `{}` is not `{}`, which was announced", submit.job_id, job.id())))
        }
        Ok(_) => None,
        Err(error) => Some((rule(&error), error.to_string())),
    };
    Judgement::new(name, &evaluated, terms.search_target(&job), block, broken)
}

fn rule(error: &ShareError) -> &'static str {
    match error {
        ShareError::Extranonce2Size { .. } => "extranonce2-size",
        ShareError::TimeOutOfRange { .. } => "time",
        ShareError::VersionBits { .. } => "version-bits",
        ShareError::HighHash { .. } => "hash",
    }
}

impl Case {
    fn read(&self) -> anyhow::Result<Read> {
        let Self { extranonce1, extranonce2_size, .. } = self;
        let subscribed = Subscribed::parse(&json!([[], extranonce1, extranonce2_size]))?;
        let difficulty = match self.call("mining.set_difficulty", &self.difficulty)? {
            Some(PoolCall::SetDifficulty(difficulty)) => difficulty,
            _ => DEFAULT_DIFFICULTY,
        };
        let version_mask = match self.call("mining.set_version_mask", &self.version_mask)? {
            Some(PoolCall::SetVersionMask(mask)) => mask,
            _ => VersionMask::NONE,
        };
        let terms = Terms {
            extranonce1: subscribed.extranonce1,
            extranonce2_size: subscribed.extranonce2_size,
            version_mask,
            share_target: target::from_difficulty(difficulty)?,
        };
        let job = Notify::parse(&self.notify_params)?.to_job()?;
        Ok(Read { job: Arc::new(job), terms, submit: Submit::parse(&self.submit_params)? })
    }

    /// A field as the one parameter of the call that says it; `None` where it is missing.
    fn call(&self, method: &str, field: &Value) -> anyhow::Result<Option<PoolCall>> {
        let call = Call { id: Id::NULL, method: method.to_owned(), params: json!([field]) };
        if field.is_null() { Ok(None) } else { Ok(Some(PoolCall::parse(&call)?)) }
    }
}

impl Judgement {
    fn new(
        name: String,
        evaluated: &Evaluated,
        target: Target,
        block: bool,
        broken: Option<(&'static str, String)>,
    ) -> Self {
        let verdict = if broken.is_none() { "good" } else { "refused" };
        let (rule, reason) = broken.unzip();
        Self {
            name,
            header: Some(header::to_hex(&evaluated.header)),
            hash: Some(evaluated.hash.to_string()),
            share_difficulty: Some(target::difficulty(evaluated.hash_value())),
            target: Some(format!("{target:064x}")),
            block,
            verdict,
            rule,
            reason,
        }
    }

    fn malformed(name: String, reason: &str) -> Self {
        let (rule, reason) = (Some("malformed"), Some(reason.to_owned()));
        Self { name, verdict: "refused", rule, reason, ..Self::default() }
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend((!self.name.is_empty()).then(|| self.name.clone()));
        let mut line = |name: &str, value: Option<String>| {
            lines.extend(value.map(|value| format!("  {name:11}{value}")));
        };
        line("header", self.header.clone());
        line("hash", self.hash.clone());
        line("target", self.target.clone());
        line("difficulty", self.share_difficulty.map(|difficulty| difficulty.to_string()));
        line(
            "block",
            self.block.then(|| "yes: a pool must take it to the network, whatever else is wrong".to_owned()),
        );
        let broken = self.rule.zip(self.reason.as_ref()).map(|(rule, reason)| format!(", {rule}: {reason}"));
        line("verdict", Some(format!("{}{}", self.verdict, broken.unwrap_or_default())));
        lines.join("\n")
    }
}
