//! What is told about a run: one event at a time, as a line for people or as a JSON object.

mod dump;
pub(crate) mod event;
pub(crate) mod pool;
pub(crate) mod summary;
pub(crate) mod text;

use std::io::{self, IsTerminal as _, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::args::{LogFormat, OutputArgs};
use event::Event;

/// Tells events on stdout.
#[derive(Debug)]
pub(crate) struct Output {
    format: LogFormat,
    quiet: bool,
    style: text::Style,
    started: Instant,
    closed: bool,
}

/// An event as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// Unix seconds.
    time: f64,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        if args.protocol_dump {
            dump::start();
        }
        let colour = !args.no_color && io::stdout().is_terminal();
        Self {
            format: args.log_format,
            quiet: args.quiet,
            style: text::Style { colour, debug: args.debug },
            started: Instant::now(),
            closed: false,
        }
    }

    /// Tells an event. Nothing is lost by a closed stdout but the telling (see [`Output::is_closed`]).
    pub(crate) fn tell(&mut self, event: &Event) {
        let line = match self.format {
            LogFormat::Json => Some(json(event)),
            LogFormat::Text if self.quiet && event.is_chatter() => None,
            LogFormat::Text => text::line(event, self.started.elapsed(), self.style),
        };
        if let Some(line) = line {
            self.closed |= writeln!(io::stdout().lock(), "{line}").is_err();
        }
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Seconds since the start of the run.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

fn json(event: &Event) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    serde_json::to_string(&Line { event, time }).expect("events hold nothing that JSON cannot")
}
