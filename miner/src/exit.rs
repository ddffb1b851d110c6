//! The exit codes, and how an error is told.
//!
//! 0 done · 1 failed while running · 2 usage or configuration · 3 no pool or node to be had ·
//! 4 no usable device · 130 second Ctrl-C.

use std::fmt;
use std::process::ExitCode;

use miner_node::NodeError;

/// What a command can end with, besides success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Failed while running, or a time limit ended it before its goal was met.
    Failed = 1,
    /// The arguments or the configuration make no sense.
    Usage = 2,
    /// The node could not be reached, or refuses to talk.
    Unreachable = 3,
    /// Nothing here can hash.
    NoDevice = 4,
    /// A second Ctrl-C.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error that knows its exit code.
#[derive(Debug)]
struct Failure {
    code: Code,
    message: String,
}

/// An error that ends the program with this code.
pub(crate) fn failure(code: Code, message: impl fmt::Display) -> anyhow::Error {
    Failure { code, message: message.to_string() }.into()
}

/// An error in the arguments or the configuration.
pub(crate) fn usage(message: impl fmt::Display) -> anyhow::Error {
    failure(Code::Usage, message)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit code that an error stands for.
pub(crate) fn code(error: &anyhow::Error) -> Code {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.code;
    }
    match error.downcast_ref::<NodeError>() {
        Some(NodeError::BadUrl { .. }) => Code::Usage,
        Some(_) => Code::Unreachable,
        None => Code::Failed,
    }
}

/// Tells an error on stderr; the exit code of the program.
pub(crate) fn from_result(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        code(&error).into()
    })
}

/// Help and version go to stdout and are no failure; everything else of the parser is a usage error.
pub(crate) fn from_usage(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<clap::Error>() {
        Some(clap) => {
            // A closed stdout or stderr leaves nobody to tell.
            let _ = clap.print();
            match clap.exit_code() {
                0 => ExitCode::SUCCESS,
                // Its model knows one failure.
                _ if std::env::args().nth(1).as_deref() == Some("grind") => Code::Failed.into(),
                _ => Code::Usage.into(),
            }
        }
        None => from_result(Err(usage(format_args!("{error:#}")))),
    }
}
