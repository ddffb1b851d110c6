//! Where `client.reconnect` may lead. Whoever can write into an unencrypted connection can send it: in 2014 the
//! miners of 51 networks were led away like that. So: the configured host, or one under the same registrable domain;
//! never an address instead of a name; at most one a minute, after at most a minute. TLS stays as configured, and
//! the configured pool is what every later attempt goes back to.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::connect::PoolUrl;
use crate::message::Redirect;

/// The longest wait that is granted.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The shortest time between two redirects that are followed.
const PERIOD: Duration = Duration::from_secs(60);

/// Where to go, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) at: Instant,
}

/// Why a redirect is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0} is not under the domain of the configured host")]
    Elsewhere(String),
    #[error("{0} is an address and not the configured one")]
    Address(String),
    #[error("it comes less than a minute after the last one")]
    TooSoon,
}

/// What the pool's wish leads to. `configured` is the pool as the user named it, `last` when one was followed.
pub(super) fn judge(
    configured: &PoolUrl,
    wish: &Redirect,
    last: Option<Instant>,
    now: Instant,
) -> Result<Destination, Refusal> {
    if last.is_some_and(|last| now.saturating_duration_since(last) < PERIOD) {
        return Err(Refusal::TooSoon);
    }
    let host = wish.host.as_ref().map_or_else(|| configured.host.clone(), |host| normal(host));
    if host != normal(&configured.host) {
        if is_address(&host) {
            return Err(Refusal::Address(host));
        }
        if !same_domain(&normal(&configured.host), &host) {
            return Err(Refusal::Elsewhere(host));
        }
    }
    let wait = Duration::from_secs(wish.wait).min(LONGEST_WAIT);
    Ok(Destination { host, port: wish.port.unwrap_or(configured.port), at: now + wait })
}

/// Names are the same in any case, and with or without a final dot.
fn normal(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    host.strip_suffix('.').unwrap_or(&host).to_owned()
}

/// Also in the forms that only old C libraries read: `0x7f.1`, `2130706433`.
fn is_address(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let last = host.rsplit('.').next().unwrap_or(host);
    let numeric = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    bare.parse::<IpAddr>().is_ok() || bare.contains(':') || numeric
}

fn same_domain(configured: &str, host: &str) -> bool {
    !is_address(configured)
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && registrable_domain(configured).is_some_and(|domain| registrable_domain(host) == Some(domain))
}

/// The part of a name that somebody registered: `pool.co.uk` of `eu.pool.co.uk`. `None` where there is none.
fn registrable_domain(host: &str) -> Option<&str> {
    psl2::lookup(host)?.registrable_domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(host: &str, port: u16, wait: u64) -> Redirect {
        Redirect { host: Some(host.to_owned()), port: Some(port), wait }
    }

    fn judged(configured: &str, host: &str) -> Result<Destination, Refusal> {
        judge(&configured.parse().unwrap(), &wish(host, 3334, 0), None, Instant::now())
    }

    #[test]
    fn the_same_host_and_its_domain_are_followed() {
        for (configured, host) in [
            ("stratum+tcp://solo.ckpool.org:3333", "solo.ckpool.org"),
            ("stratum+tcp://solo.ckpool.org:3333", "EUSolo.CKpool.org."),
            ("stratum+tcp://ckpool.org:3333", "eu.ckpool.org"),
            ("stratum+tcp://a.b.pool.co.uk:3333", "c.pool.co.uk"),
            ("stratum+tcp://192.0.2.7:3333", "192.0.2.7"),
            ("stratum+tcp://localhost:3333", "localhost"),
        ] {
            let destination = judged(configured, host).unwrap_or_else(|refusal| panic!("{host}: {refusal}"));
            assert_eq!((destination.host, destination.port), (normal(host), 3334));
        }
    }

    #[test]
    fn elsewhere_is_refused() {
        for (configured, host) in [
            ("stratum+tcp://solo.ckpool.org:3333", "evil.org"),
            ("stratum+tcp://solo.ckpool.org:3333", "solo.ckpool.org.evil.org"),
            ("stratum+tcp://solo.ckpool.org:3333", "evilckpool.org"),
            ("stratum+tcp://solo.ckpool.org:3333", "evil.org/.ckpool.org"),
            ("stratum+tcp://pool.co.uk:3333", "evil.co.uk"),
            ("stratum+tcp://mine.duckdns.org:3333", "evil.duckdns.org"),
            ("stratum+tcp://localhost:3333", "otherhost"),
            ("stratum+tcp://192.0.2.7:3333", "pool.org"),
        ] {
            assert!(matches!(judged(configured, host), Err(Refusal::Elsewhere(_))), "{configured} to {host}");
        }
    }

    #[test]
    fn addresses_are_refused_in_every_form() {
        for host in
            ["198.51.100.1", "2001:db8::1", "[2001:db8::1]", "0x7f.1", "2130706433", "127.1", "192.0.2.8."]
        {
            for configured in ["stratum+tcp://solo.ckpool.org:3333", "stratum+tcp://192.0.2.7:3333"] {
                assert!(matches!(judged(configured, host), Err(Refusal::Address(_))), "{host}");
            }
        }
    }

    #[test]
    fn nothing_said_means_the_same_pool_and_waits_are_capped() {
        let (now, configured) = (Instant::now(), "stratum+ssl://pool.example.com:443".parse().unwrap());
        let same = judge(&configured, &Redirect::default(), None, now).unwrap();
        assert_eq!(same, Destination { host: "pool.example.com".into(), port: 443, at: now });
        let forever = Redirect { wait: u64::MAX, ..Redirect::default() };
        assert_eq!(judge(&configured, &forever, None, now).unwrap().at, now + LONGEST_WAIT);
    }

    #[test]
    fn one_a_minute() {
        let (now, configured) = (Instant::now(), "pool.example.com:3333".parse().unwrap());
        let at =
            |seconds| judge(&configured, &Redirect::default(), Some(now), now + Duration::from_secs(seconds));
        assert_eq!(at(59), Err(Refusal::TooSoon));
        assert!(at(60).is_ok());
    }
}
