//! A configuration file is arguments that stand in front of those typed: what is typed wins.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser as _};

use crate::args::{Cli, Command};
use crate::exit;

/// Parses the command line; where it names a configuration file, once more with the file's options.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> anyhow::Result<Cli> {
    let typed: Vec<OsString> = args.collect();
    let matches = Cli::command().try_get_matches_from(&typed)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let Some(path) = config_of(&cli) else { return Ok(cli) };
    let options = read(path)
        .and_then(|table| options(table, &names_typed(&matches)))
        .map_err(|error| exit::usage(format_args!("{}: {error:#}", path.display())))?;
    // Behind the program's name and the command, if there is one.
    let at = 1 + usize::from(cli.command.is_some());
    let (head, tail) = typed.split_at(at.min(typed.len()));
    let all = head.iter().cloned().chain(options.into_iter().map(OsString::from)).chain(tail.iter().cloned());
    Ok(Cli::try_parse_from(all)?)
}

/// The long names of the options that were typed.
fn names_typed(matches: &ArgMatches) -> Vec<String> {
    let command = Cli::command();
    let (command, matches) = match matches.subcommand() {
        Some((name, matches)) => (command.find_subcommand(name).cloned().unwrap_or(command), matches),
        None => (command, matches),
    };
    let is_typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let typed = command.get_arguments().filter(|argument| is_typed(argument.get_id().as_str()));
    typed.filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
}

fn config_of(cli: &Cli) -> Option<&Path> {
    match &cli.command {
        None => cli.mine.mining.output.config.as_deref(),
        Some(Command::Solo(solo)) => solo.mining.output.config.as_deref(),
        Some(Command::Pool(pool)) => pool.output.config.as_deref(),
        Some(_) => None,
    }
}

fn read(path: &Path) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(path).context("cannot be read")?;
    toml::from_str(&text).context("is not TOML")
}

/// The options of a file: `name = value` is `--name=value`, `name = true` is `--name`. Those that were typed are left
/// out, since some may be given several times.
fn options(table: toml::Table, typed: &[String]) -> anyhow::Result<Vec<String>> {
    let named = table.into_iter().map(|(name, value)| (name.replace('_', "-"), value));
    let wanted = named.filter(|(name, _)| !typed.contains(name));
    let options: Result<Vec<Vec<String>>, _> = wanted.map(|(name, value)| option(&name, value)).collect();
    Ok(options?.concat())
}

fn option(name: &str, value: toml::Value) -> anyhow::Result<Vec<String>> {
    Ok(match value {
        toml::Value::Boolean(true) => vec![format!("--{name}")],
        toml::Value::Boolean(false) => vec![],
        toml::Value::String(text) => vec![format!("--{name}={text}")],
        toml::Value::Integer(number) => vec![format!("--{name}={number}")],
        toml::Value::Float(number) => vec![format!("--{name}={number}")],
        toml::Value::Array(values) => {
            let each: Result<Vec<_>, _> = values.into_iter().map(|value| option(name, value)).collect();
            each?.concat()
        }
        other => anyhow::bail!(
            "`{name}` holds a {}: an option takes a text, a number, true or false",
            other.type_str()
        ),
    })
}
