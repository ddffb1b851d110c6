//! Which times a template's block may have: those that the node accepts, and of these only the ones for which the
//! template's bits are right.

use std::time::Duration;

use miner_core::TimeWindow;

use crate::rpc::TemplateReply;

/// A block's time may be this far ahead of the node's.
const MAX_FUTURE_SECONDS: u32 = 7200;
/// On testnet3 and testnet4 (BIP94), a block more than this after its parent must have the lowest difficulty, and
/// any other must not.
const TWENTY_MINUTES: u32 = 1200;
/// The first block of each period has the difficulty of its period, however late it is.
const PERIOD: u32 = 2016;
/// The lowest difficulty of these chains, which is 1.
const LOWEST: u32 = 0x1d00_ffff;

/// From the node's `mintime` to two hours after its clock, on the template's side of the twenty minutes.
pub(super) fn of(reply: &TemplateReply) -> TimeWindow {
    let (now, latest) = (now(reply), reply.current_time.saturating_add(MAX_FUTURE_SECONDS));
    match last_of_own_difficulty(reply) {
        Some(last) if now <= last => TimeWindow { min: reply.min_time, start: now, max: last.min(latest) },
        Some(last) => TimeWindow { min: reply.min_time.max(last.saturating_add(1)), start: now, max: latest },
        None => TimeWindow { min: reply.min_time, start: now, max: latest },
    }
}

/// How long the bits are the ones that the node would give, if time alone may change that.
pub(super) fn valid_for(reply: &TemplateReply) -> Option<Duration> {
    let left = last_of_own_difficulty(reply)?.checked_sub(now(reply))?;
    Some(Duration::from_secs(u64::from(left) + 1))
}

/// The last time at which a block needs the difficulty of its period, where another one comes after it.
fn last_of_own_difficulty(reply: &TemplateReply) -> Option<u32> {
    let last = reply.parent_time?.saturating_add(TWENTY_MINUTES);
    let is_lowest_anyway = reply.bits.to_consensus() == LOWEST && now(reply) <= last;
    (!reply.height.is_multiple_of(PERIOD) && !is_lowest_anyway).then_some(last)
}

fn now(reply: &TemplateReply) -> u32 {
    reply.current_time.max(reply.min_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARENT: u32 = 1_700_000_000;
    const MARK: u32 = PARENT + 1200;

    fn reply(now: u32, bits: &str, height: u32) -> TemplateReply {
        let reply = json!({
            "version": 0x2000_0000, "previousblockhash": "11".repeat(32), "coinbasevalue": 50, "bits": bits,
            "transactions": [], "mintime": PARENT - 3000, "curtime": now, "height": height,
        });
        TemplateReply { parent_time: Some(PARENT), ..serde_json::from_value(reply).unwrap() }
    }

    /// Earliest, first and latest time, relative to the last one of the period's difficulty; seconds until the
    /// bits change.
    fn window(reply: &TemplateReply) -> ([i64; 3], Option<u64>) {
        let TimeWindow { min, start, max } = of(reply);
        let relative = |time| i64::from(time) - i64::from(MARK);
        ([min, start, max].map(relative), valid_for(reply).map(|left| left.as_secs()))
    }

    #[test]
    fn no_job_crosses_the_twenty_minutes() {
        let own = "1c00ffff";
        // Before it, at it, and right behind it, where the node's bits change.
        assert_eq!(window(&reply(MARK - 100, own, 5)), ([-4200, -100, 0], Some(101)));
        assert_eq!(window(&reply(MARK, own, 5)), ([-4200, 0, 0], Some(1)));
        assert_eq!(window(&reply(MARK + 1, "1d00ffff", 5)), ([1, 1, 7201], None));
        assert_eq!(window(&reply(MARK + 9000, "1d00ffff", 5)), ([1, 9000, 16200], None));
        // Long before it two hours are over first.
        assert_eq!(window(&reply(MARK - 8000, own, 5)), ([-4200, -4200, -800], Some(4201)));
    }

    #[test]
    fn a_median_ahead_of_the_clock_counts_as_the_clock() {
        let late = TemplateReply { min_time: MARK + 50, ..reply(MARK - 100, "1d00ffff", 5) };
        assert_eq!(window(&late), ([50, 50, 7100], None));
        let in_time = TemplateReply { min_time: MARK, ..reply(MARK - 100, "1c00ffff", 5) };
        assert_eq!(window(&in_time), ([0, 0, 0], Some(1)));
    }

    #[test]
    fn where_the_bits_do_not_depend_on_time_there_is_no_mark() {
        let everything = ([-4200, -100, 7100], None);
        // The first of a period; a period of the lowest difficulty; a chain without the rule.
        assert_eq!(window(&reply(MARK - 100, "1c00ffff", 4032)), everything);
        assert_eq!(window(&reply(MARK - 100, "1d00ffff", 5)), everything);
        let without = TemplateReply { parent_time: None, ..reply(MARK - 100, "1c00ffff", 5) };
        assert_eq!(window(&without), everything);
        assert_eq!(window(&reply(MARK + 100, "1c00ffff", 4032)), ([-4200, 100, 7300], None));
    }

    #[test]
    fn the_end_of_all_times_is_no_overflow() {
        let TimeWindow { min, start, max } =
            of(&TemplateReply { parent_time: Some(u32::MAX - 1), ..reply(u32::MAX, "1c00ffff", 5) });
        assert!(min <= start && start <= max);
    }
}
