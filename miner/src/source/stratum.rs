//! Pools, from what was typed to what the client takes.

use std::str::FromStr as _;
use std::time::Duration;

use miner_core::VersionMask;
use miner_stratum::client::{ClientOptions, Pool};
use miner_stratum::connect::{PoolUrl, ProxyUrl, Route, Trust};
use secrecy::{ExposeSecret as _, SecretString};

use super::login::{Login, login};
use crate::args::{LoginArgs, PoolArgs};
use crate::exit;

/// The name that pools are told.
const AGENT: &str = concat!("miner/", env!("CARGO_PKG_VERSION"));
/// The password where there is a user and no password: pools ignore it, and some want one.
const NO_PASSWORD: &str = "x";
/// However impatient a user is: pools must not be hammered, and may take a moment to answer.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const LEAST_SILENCE: Duration = Duration::from_secs(1);
/// How long a better pool must have been up before it is gone back to.
const STABLE: Duration = Duration::from_secs(180);

/// What the client is to do.
pub(crate) fn options(
    urls: &[SecretString],
    login: &LoginArgs,
    args: &PoolArgs,
    version_mask: VersionMask,
) -> anyhow::Result<ClientOptions> {
    let pool = |(index, url): (usize, &SecretString)| pool(url, index, urls.len(), login, args);
    Ok(ClientOptions {
        pools: urls.iter().enumerate().map(pool).collect::<Result<_, _>>()?,
        agent: AGENT.to_owned(),
        version_mask,
        suggest_difficulty: args.suggest_difficulty,
        extranonce_subscribe: args.extranonce_subscribe,
        follow_reconnect: !args.no_redirect,
        retries: u32::try_from(args.retries).ok(),
        retry_pause: args.retry_pause.max(LEAST_PAUSE),
        silence: args.timeout.max(LEAST_SILENCE),
        stable: STABLE,
    })
}

fn pool(
    typed: &SecretString,
    index: usize,
    count: usize,
    logins: &LoginArgs,
    args: &PoolArgs,
) -> anyhow::Result<Pool> {
    let (address, trust) = split_trust(typed.expose_secret())?;
    // Never the URL itself: it may hold a password.
    let url = PoolUrl::from_str(address)
        .map_err(|error| exit::usage(format_args!("pool {} of {count} (-o): {error}", index + 1)))?;
    if trust.is_some() && !url.tls {
        return Err(exit::usage(format_args!(
            "{url} is not encrypted: use stratum+ssl:// with #tls-pin or #tls-insecure"
        )));
    }
    let typed = login(logins, index, count)?;
    let Login { user, password } = match &url.user {
        Some(user) => Login { user: user.clone(), password: url.password.clone() },
        None => typed.unwrap_or(Login { user: String::new(), password: Some("".into()) }),
    };
    let proxy = args.proxy.as_ref().map(|proxy| ProxyUrl::from_str(proxy.expose_secret())).transpose();
    let proxy = proxy.map_err(|error| exit::usage(format_args!("the proxy (-x): {error}")))?;
    let trust = trust.or_else(|| args.cert.clone().map(Trust::Roots)).unwrap_or_default();
    let password = password.unwrap_or_else(|| NO_PASSWORD.into());
    Ok(Pool { route: Route { url, proxy, trust }, user, password })
}

/// A URL and what is said behind it about its certificate.
fn split_trust(typed: &str) -> anyhow::Result<(&str, Option<Trust>)> {
    // A `#` before the last `@` belongs to a password.
    let host = typed.rfind('@').map_or(0, |at| at + 1);
    let Some(hash) = typed.get(host..).and_then(|rest| rest.find('#')) else { return Ok((typed, None)) };
    let (address, fragment) = typed.split_at(host + hash);
    let trust = match fragment.trim_start_matches('#').split_once('=') {
        None if fragment == "#tls-insecure" => Trust::Insecure,
        Some(("tls-pin", hex)) => Trust::Pin(hex.parse().map_err(exit::usage)?),
        _ => {
            return Err(exit::usage(format_args!(
                "`{fragment}` says nothing about a certificate: use #tls-pin=SHA256 or #tls-insecure"
            )));
        }
    };
    Ok((address, Some(trust)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser as _;
    use miner_stratum::connect::Fingerprint;

    fn options_of(arguments: &[&str]) -> anyhow::Result<ClientOptions> {
        let mine = Cli::try_parse_from([&["miner"], arguments].concat())?.mine;
        options(&mine.url, &mine.node.login, &mine.pool, VersionMask::BIP320)
    }

    fn logins(options: &ClientOptions) -> Vec<(&str, &str)> {
        options.pools.iter().map(|pool| (pool.user.as_str(), pool.password.expose_secret())).collect()
    }

    #[test]
    fn pools_come_in_order_with_their_logins() {
        let options = options_of(&[
            "-o",
            "a.example:1",
            "-o",
            "stratum+ssl://u:v@b.example:2",
            "-u",
            "w.1",
            "-T",
            "30",
        ]);
        let options = options.unwrap();
        assert_eq!(logins(&options), [("w.1", "x"), ("u", "v")]);
        let shown: Vec<_> = options.pools.iter().map(|pool| pool.route.url.to_string()).collect();
        assert_eq!(shown, ["stratum+tcp://a.example:1", "stratum+ssl://b.example:2"]);
        assert_eq!((options.retries, options.silence.as_secs()), (None, 30));
        assert!(options.follow_reconnect && !options.extranonce_subscribe);
    }

    #[test]
    fn minerd_mines_without_any_login_too() {
        assert_eq!(logins(&options_of(&["-o", "stratum+tcp://a.example:1"]).unwrap()), [("", "")]);
    }

    #[test]
    fn trust_is_said_for_each_pool() {
        let trusts = |arguments: &[&str]| -> Vec<Trust> {
            options_of(arguments).unwrap().pools.iter().map(|pool| pool.route.trust.clone()).collect()
        };
        let pin = format!("stratum+ssl://a.example:1#tls-pin={}", "AB".repeat(32));
        let insecure = "stratum+ssl://user:pa#ss@b.example:2#tls-insecure";
        assert_eq!(
            trusts(&["-o", &pin, "-o", insecure, "-o", "stratum+ssl://c.example:3", "--cert", "ca.pem"]),
            [Trust::Pin(Fingerprint([0xab; 32])), Trust::Insecure, Trust::Roots("ca.pem".into())]
        );
        assert_eq!(trusts(&["-o", "stratum+ssl://c.example:3"]), [Trust::System]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_telling_a_password() {
        let long = format!("stratum+ssl://u:canary@a.example:1#tls-pin={}", "ab".repeat(33));
        for url in [
            "stratum+tcp://u:canary@a.example:1#tls-insecure",
            "stratum+ssl://u:canary@a.example:1#tls-pin=12",
            "stratum+ssl://u:canary@a.example:1#secure",
            "stratum+ssl://u:canary@a.example:no-port",
            "gopher://u:canary@a.example:1",
            &long,
        ] {
            let error = format!("{:#}", options_of(&["-o", url]).unwrap_err());
            assert!(!error.contains("canary"), "{error}");
        }
        let proxy = options_of(&["-o", "a.example:1", "-x", "ftp://u:canary@b.example:1"]).unwrap_err();
        assert!(!proxy.to_string().contains("canary"), "{proxy}");
    }
}
