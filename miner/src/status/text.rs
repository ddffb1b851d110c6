//! Events as lines for people.

use std::time::Duration;

use super::event::{Block, Event, JobEvent, ShareEvent, Standing, Started};
use super::summary::{Counts, Summary};

/// How a line may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// Whether more is told of each job and share.
    pub(crate) debug: bool,
}

impl Style {
    const GREEN: &str = "32";
    const RED: &str = "31";
    const YELLOW: &str = "33";
    const DIM: &str = "2";

    /// Text alone.
    pub(crate) const PLAIN: Self = Self { colour: false, debug: false };

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The line of an event, `elapsed` after the start; `None` where a person needs none.
pub(crate) fn line(event: &Event, elapsed: Duration, style: Style) -> Option<String> {
    let words = words(event, style)?;
    let first_or_last = matches!(event, Event::Started(_) | Event::Summary(_) | Event::PoolSummary(_));
    let time = || style.paint(Style::DIM, &format!("[{:7.1}]", elapsed.as_secs_f64()));
    Some(if first_or_last { words } else { format!("{} {words}", time()) })
}

/// An event in words; `None` where a person needs none.
pub(crate) fn words(event: &Event, style: Style) -> Option<String> {
    Some(match event {
        Event::Started(started) => started_line(started),
        Event::Summary(summary) => summary_lines(summary),
        Event::PoolSummary(summary) => summary.line(),
        Event::Page { url } => format!("status page: {url}"),
        Event::Job(job) if job.goes_without_saying && !style.debug => return None,
        Event::Job(job) => style.paint(Style::DIM, &job_line(job, style)),
        Event::Share(share) => share_line(share, style)?,
        Event::Connected { url, chain, height, payout } => {
            format!("mining on {chain} at height {height}, {url}; {payout}")
        }
        Event::PoolConnected { url, version_mask, resumed } => {
            let again = if *resumed { ", the earlier session goes on" } else { "" };
            format!("mining on {url}, version mask {version_mask}{again}")
        }
        Event::Disconnected { url, reason } => {
            style.paint(Style::YELLOW, &format!("warning: {url} is gone: {reason}"))
        }
        Event::Block(block) => block_line(block, style),
        Event::Notice { message } => message.clone(),
        Event::Hashrate { hs_10s, hs_60s, hs_15m, .. } => style.paint(
            Style::DIM,
            &format!("speed 10s/60s/15m {} {} {}", hashrate(*hs_10s), hashrate(*hs_60s), hashrate(*hs_15m)),
        ),
        Event::Error { message } => style.paint(Style::YELLOW, &format!("warning: {message}")),
        Event::Listening(listening) => listening.line(),
        Event::Session(session) => style.paint(Style::DIM, &session.line()),
        Event::PoolShare(share) => share.line(style.debug)?,
        Event::PoolRate(rate) => style.paint(Style::DIM, &rate.line()),
    })
}

fn started_line(started: &Started) -> String {
    let Started { version, device, threads, choice, version_rolling } = started;
    let rolling = if *version_rolling { "" } else { ", version rolling off" };
    let on = if *threads > 0 { format!(" on {}", count(*threads, "thread")) } else { String::new() };
    format!("miner {version}: {device}{on} ({choice}{rolling})")
}

fn block_line(block: &Block, style: Style) -> String {
    let Block { height, hash, result, reason, transactions, reward, proof, .. } = block;
    let good = matches!(*result, "accepted" | "duplicate" | "inconclusive");
    let verdict =
        style.paint(if good { Style::GREEN } else { Style::RED }, reason.as_deref().unwrap_or(result));
    let device = &proof.device;
    let height = height.map(|height| format!(" {height}")).unwrap_or_default();
    let transactions =
        transactions.map(|some| format!(", {}", count(some, "transaction"))).unwrap_or_default();
    let reward = reward.map(|reward| format!(", {reward} BTC")).unwrap_or_default();
    format!("block{height} found by {device}: {hash}{transactions}{reward}: {verdict}")
}

fn job_line(job: &JobEvent, style: Style) -> String {
    let height = job.height.map(|height| format!("block {height} wanted")).unwrap_or("a new job".to_owned());
    let mut details = Vec::new();
    details.extend(job.transactions.map(|some| count(some, "transaction")));
    details.extend(job.share_difficulty.map(|share| format!("shares of difficulty {}", number(share))));
    details.push(format!("difficulty {}", number(job.difficulty)));
    details.extend(style.debug.then(|| format!("job {}", job.job)));
    format!("{height}: {}", details.join(", "))
}

/// As minerd has it, with the time that the pool took to answer and its reason.
fn share_line(share: &ShareEvent, style: Style) -> Option<String> {
    let Standing { accepted, judged, hs_10s } = share.standing?;
    let status =
        style.paint(if share.status == "accepted" { Style::GREEN } else { Style::RED }, share.status);
    let percent = 100.0 * accepted as f64 / judged.max(1) as f64;
    let latency = share.latency.map(|seconds| format!(", {:.0} ms", seconds * 1e3)).unwrap_or_default();
    let reason = share.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let proof = &share.proof;
    let details = format!(" [{}, job {}, target {}]", share.hash, proof.job, proof.target);
    let details = if style.debug { details } else { String::new() };
    Some(format!(
        "{status}: {accepted}/{judged} ({percent:.2}%), {}{latency}{reason}{details}",
        khashes(hs_10s)
    ))
}

fn summary_lines(summary: &Summary) -> String {
    let Summary { counts: Counts(counts), seconds, hashes, best, next, .. } = summary;
    let rate = if *seconds > 0.0 { *hashes as f64 / seconds } else { 0.0 };
    let mut lines = format!(
        "\n{} found, {} accepted, {} rejected, {} stale, {} lost, {} in flight, {} queued after {:.1} s: {} hashes, {}",
        counts.found,
        counts.accepted,
        counts.rejected.values().sum::<u64>(),
        counts.stale.values().sum::<u64>(),
        counts.lost.values().sum::<u64>(),
        counts.in_flight,
        counts.queued,
        seconds,
        number(*hashes as f64),
        hashrate(rate),
    );
    if let Some(best) = best {
        lines += &format!("; best difficulty {}", number(*best));
    }
    for command in next {
        lines += &format!("\n  next: {command}");
    }
    lines
}

/// A number of things.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Hashes a second with a unit.
pub(crate) fn hashrate(rate: f64) -> String {
    let units = ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s"];
    let step = units.iter().enumerate().rev().find(|(power, _)| rate >= 1000f64.powi(*power as i32));
    let (power, unit) = step.unwrap_or((0, &units[0]));
    format!("{:.2} {unit}", rate / 1000f64.powi(power as i32))
}

/// A rate in the unit that scripts read: minerd's, with its digits.
pub(crate) fn khashes(rate: f64) -> String {
    format!("{:.*} khash/s", if rate >= 1e6 { 0 } else { 2 }, rate / 1e3)
}

/// A number with four digits that count.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e6) {
        format!("{value:.3e}")
    } else {
        let rounded = format!("{value:.4}");
        rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        assert_eq!(hashrate(0.0), "0.00 H/s");
        assert_eq!(hashrate(999.0), "999.00 H/s");
        assert_eq!(hashrate(34_200_000.0), "34.20 MH/s");
    }

    #[test]
    fn shares_are_told_in_the_words_of_minerd() {
        assert_eq!(khashes(14_760_400.0), "14760 khash/s");
        assert_eq!(khashes(999_126.0), "999.13 khash/s");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(4.656_542_373_906_925e-10), "4.657e-10");
        assert_eq!(number(0.002), "0.002");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(0.0), "0");
    }
}
