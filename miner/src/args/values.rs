//! Values as they are typed: hashrates, times, difficulties, lists of CPUs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::SecretString;

/// CPUs by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CpuList(pub(crate) Vec<usize>);

/// A number with an optional k, M, G or T behind it, in hashes a second.
pub(super) fn hashrate(text: &str) -> Result<f64, String> {
    let text = text.trim().trim_end_matches("H/s").trim_end_matches("h/s");
    let (digits, unit) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (&text[..at], Some(unit.to_ascii_lowercase())),
        _ => (text, None),
    };
    let scale = match unit {
        None => 1.0,
        Some('k') => 1e3,
        Some('m') => 1e6,
        Some('g') => 1e9,
        Some('t') => 1e12,
        Some(unit) => return Err(format!("`{unit}` is no unit: use k, M, G or T")),
    };
    let rate = digits.trim().parse::<f64>().map_err(|_| format!("`{digits}` is no number"))? * scale;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("a hashrate is above 0".to_owned()) }
}

/// A coinbase script has 100 bytes, of which height and extranonce take up to 15.
pub(super) fn coinbase_sig(text: &str) -> Result<String, String> {
    const LONGEST: usize = 80;
    match text.len() {
        0..=LONGEST => Ok(text.to_owned()),
        bytes => Err(format!("it has {bytes} bytes, and a coinbase has room for {LONGEST}")),
    }
}

/// Seconds, with a fraction if need be.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds =
        text.trim_end_matches('s').parse::<f64>().map_err(|_| format!("`{text}` is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A change in percent, such as `-2%`, as the factor that it makes.
pub(super) fn change(text: &str) -> Result<f64, String> {
    let digits = text.trim().trim_end_matches('%').trim_end();
    let percent =
        digits.parse::<f64>().map_err(|_| format!("`{text}` is no change in percent, such as -2%"))?;
    if percent.is_finite() && percent > -100.0 {
        Ok(1.0 + percent / 100.0)
    } else {
        Err("a change is above -100%".to_owned())
    }
}

/// A difficulty that has a target.
pub(super) fn difficulty(text: &str) -> Result<f64, String> {
    let difficulty = text.parse::<f64>().map_err(|_| format!("`{text}` is no number"))?;
    miner_core::target::from_difficulty(difficulty).map(|_| difficulty).map_err(|error| error.to_string())
}

/// `ADDR:PORT`, or a port alone, which is for this machine alone.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(local(port)),
        Err(_) => text.parse().map_err(|_| {
            "use PORT for this machine alone, or ADDR:PORT with an IP address, such as 127.0.0.1:4069"
                .to_owned()
        }),
    }
}

/// A token that is there, and that a header can carry.
pub(super) fn token(text: &str) -> Result<SecretString, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into()).ok_or_else(|| "a token is one word of letters, digits and signs".to_owned())
}

/// `0-3,8`, or a mask in hex whose bit n stands for CPU n.
pub(super) fn cpu_list(text: &str) -> Result<CpuList, String> {
    let cpus = match text.strip_prefix("0x") {
        Some(mask) => cpus_of_mask(mask)?,
        None => text.split(',').map(cpu_range).collect::<Result<Vec<_>, _>>()?.concat(),
    };
    if cpus.is_empty() { Err("it names no CPU".to_owned()) } else { Ok(CpuList(cpus)) }
}

fn cpus_of_mask(mask: &str) -> Result<Vec<usize>, String> {
    let digits =
        mask.chars().rev().map(|digit| digit.to_digit(16).ok_or(format!("`{digit}` is no hex digit")));
    let digits = digits.collect::<Result<Vec<_>, _>>()?;
    Ok((0..digits.len() * 4).filter(|cpu| digits[cpu / 4] >> (cpu % 4) & 1 == 1).collect())
}

fn cpu_range(text: &str) -> Result<Vec<usize>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number =
        |text: &str| text.trim().parse::<u16>().map(usize::from).map_err(|_| format!("`{text}` is no CPU"));
    let (first, last) = (number(first)?, number(last)?);
    if first <= last { Ok((first..=last).collect()) } else { Err(format!("`{text}` counts down")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashrates_take_units() {
        assert_eq!(hashrate("500k"), Ok(500e3));
        assert_eq!(hashrate("1.5 MH/s"), Ok(1.5e6));
        assert_eq!(hashrate("10"), Ok(10.0));
        for bad in ["", "k", "-1", "0", "1x", "NaN", "inf"] {
            assert!(hashrate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bare_port_is_for_this_machine_alone() {
        for local in ["4069", ":4069", "localhost:4069", "127.0.0.1:4069"] {
            assert_eq!(listen_address(local), Ok(([127, 0, 0, 1], 4069).into()), "{local}");
        }
        assert_eq!(listen_address("0.0.0.0:80"), Ok(([0, 0, 0, 0], 80).into()));
        assert!(listen_address("[::1]:80").unwrap().is_ipv6());
        for bad in ["", "65536", "-1", "127.0.0.1", "::1", "miner.example:80", "http://127.0.0.1:80"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn changes_are_factors() {
        assert_eq!(
            ["-2%", "-2", "5 %", "+5%", "0"].map(|text| change(text).unwrap()),
            [0.98, 0.98, 1.05, 1.05, 1.0]
        );
        for bad in ["", "%", "-100%", "NaN", "inf", "two"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_token_is_empty() {
        assert!(token("s3cret").is_ok());
        for bad in ["", " ", "two words", "schlüssel", "line\n"] {
            assert!(token(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn cpus_come_as_lists_and_masks_of_any_length() {
        assert_eq!(cpu_list("0-2,8"), Ok(CpuList(vec![0, 1, 2, 8])));
        assert_eq!(cpu_list("0x5"), Ok(CpuList(vec![0, 2])));
        assert_eq!(cpu_list("0x10000000000000000"), Ok(CpuList(vec![64])));
        for bad in ["", "0x0", "0xg", "3-1", "a", "-1"] {
            assert!(cpu_list(bad).is_err(), "{bad}");
        }
    }
}
