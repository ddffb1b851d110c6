//! What is told about a run: one event at a time, as a line for people or as a JSON object.

mod dump;
pub(crate) mod event;
mod lines;
pub(crate) mod pool;
pub(crate) mod summary;
pub(crate) mod text;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::args::{LogFormat, OutputArgs};
use crate::http::{self, Board, Figures, Told};
use event::Event;
use lines::Lines;

/// Tells events on stdout, and on the status page where there is one.
#[derive(Debug)]
pub(crate) struct Output {
    format: LogFormat,
    quiet: bool,
    style: text::Style,
    started: Instant,
    lines: Lines,
    /// Lines that found no room since the last one that did.
    left_out: u64,
    board: Option<Arc<Board>>,
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
    /// Opens the status page, if one is asked for.
    pub(crate) fn new(args: &OutputArgs) -> anyhow::Result<Self> {
        if args.protocol_dump {
            dump::start();
        }
        let colour = !args.no_color && io::stdout().is_terminal();
        let mut output = Self {
            format: args.log_format,
            quiet: args.quiet,
            style: text::Style { colour, debug: args.debug },
            started: Instant::now(),
            lines: Lines::to(io::stdout())?,
            left_out: 0,
            board: None,
        };
        if let Some(address) = args.http {
            let (board, url) = http::open(address, args.http_token.clone())?;
            output.board = Some(board);
            output.tell(&Event::Page { url });
        }
        Ok(output)
    }

    /// Tells an event. Nothing is lost by a stdout that is closed (see [`Output::is_closed`]) or that nobody reads but
    /// the telling, and nothing waits for it.
    pub(crate) fn tell(&mut self, event: &Event) {
        // Once: the page's event is the very one that was told.
        let as_json = (self.format == LogFormat::Json || self.has_page()).then(|| json(event));
        let line = self.line(event, as_json.as_deref());
        if let (Some(board), Some(json)) = (&self.board, as_json) {
            board.note(event, Told::new(json, text::words(event, text::Style::PLAIN)));
        }
        if let Some(line) = line {
            self.print(line);
        }
    }

    /// What stdout is told of an event.
    fn line(&self, event: &Event, as_json: Option<&str>) -> Option<String> {
        match self.format {
            LogFormat::Json => as_json.map(str::to_owned),
            LogFormat::Text if self.quiet && event.is_chatter() => None,
            LogFormat::Text => text::line(event, self.started.elapsed(), self.style),
        }
    }

    /// Prints a line, after a word on those that found no room before it.
    fn print(&mut self, line: String) {
        if self.left_out > 0 {
            let gap = Event::error(format!("{} lines are left out here: stdout was not read", self.left_out));
            let gap = self.line(&gap, Some(&json(&gap)));
            if gap.is_some_and(|gap| self.lines.add(gap)) {
                self.left_out = 0;
            }
        }
        self.left_out += u64::from(!self.lines.add(line));
    }

    /// Whether there is a page, which wants to know now and then how the run stands.
    pub(crate) fn has_page(&self) -> bool {
        self.board.is_some()
    }

    /// Shows on the page how the run stands.
    pub(crate) fn show(&self, figures: Figures) {
        if let Some(board) = &self.board {
            board.stands(figures);
        }
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lines.is_closed()
    }

    /// Seconds since the start of the run.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

fn json(event: &Event) -> String {
    serde_json::to_string(&Line { event, time: unix_time() }).expect("events hold nothing that JSON cannot")
}

/// Unix seconds.
pub(crate) fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
