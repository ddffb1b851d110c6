//! A configuration file is arguments that stand in front of those typed: what is typed wins.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::exit;

/// Parses the command line; where it names a configuration file, once more with the file's options.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> anyhow::Result<Cli> {
    let typed: Vec<OsString> = args.collect();
    let cli = Cli::try_parse_from(&typed)?;
    let Some(path) = config_of(&cli) else { return Ok(cli) };
    let options = read(path).map_err(|error| exit::usage(format_args!("{}: {error:#}", path.display())))?;
    // Behind the program's name and the command, if there is one.
    let at = 1 + usize::from(cli.command.is_some());
    let (head, tail) = typed.split_at(at.min(typed.len()));
    let all = head.iter().cloned().chain(options.into_iter().map(OsString::from)).chain(tail.iter().cloned());
    Ok(Cli::try_parse_from(all)?)
}

fn config_of(cli: &Cli) -> Option<&Path> {
    match &cli.command {
        None => cli.mine.mining.output.config.as_deref(),
        Some(Command::Solo(solo)) => solo.mining.output.config.as_deref(),
        Some(_) => None,
    }
}

/// The options of a TOML file: `name = value` is `--name=value`, `name = true` is `--name`.
fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).context("cannot be read")?;
    let table: toml::Table = toml::from_str(&text).context("is not TOML")?;
    let options: Result<Vec<Vec<String>>, _> =
        table.into_iter().map(|(name, value)| option(&name, value)).collect();
    Ok(options?.concat())
}

fn option(name: &str, value: toml::Value) -> anyhow::Result<Vec<String>> {
    let name = name.replace('_', "-");
    Ok(match value {
        toml::Value::Boolean(true) => vec![format!("--{name}")],
        toml::Value::Boolean(false) => vec![],
        toml::Value::String(text) => vec![format!("--{name}={text}")],
        toml::Value::Integer(number) => vec![format!("--{name}={number}")],
        toml::Value::Float(number) => vec![format!("--{name}={number}")],
        toml::Value::Array(values) => {
            let each: Result<Vec<_>, _> = values.into_iter().map(|value| option(&name, value)).collect();
            each?.concat()
        }
        other => anyhow::bail!(
            "`{name}` holds a {}: an option takes a text, a number, true or false",
            other.type_str()
        ),
    })
}
