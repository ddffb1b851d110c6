//! One connection: lines in, steps out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::sync::broadcast;

use super::{Heard, Shared, Step};

/// The longest line that every pool takes.
const LONGEST: usize = 1000;

/// How a connection ends from this side.
enum Over {
    Closed,
    Reset,
}

/// What a connection has come to.
struct Connection {
    number: usize,
    shared: Arc<Shared>,
    asked_mask: u32,
    session: Option<usize>,
    authorized: bool,
    heard: HashMap<String, usize>,
}

/// Serves a connection to its end.
pub(super) async fn serve(
    mut stream: TcpStream,
    number: usize,
    shared: Arc<Shared>,
    mut steps: broadcast::Receiver<Step>,
) {
    let mut connection =
        Connection { number, shared, asked_mask: 0, session: None, authorized: false, heard: HashMap::new() };
    stream.set_nodelay(true).expect("a TCP socket has the option");
    let (from, mut to) = stream.split();
    let over = connection.run(&mut BufReader::new(from), &mut to, &mut steps).await;
    if matches!(over, Err(Over::Reset)) {
        super::reset(&stream);
    }
}

impl Connection {
    async fn run<R>(
        &mut self,
        from: &mut R,
        to: &mut WriteHalf<'_>,
        steps: &mut broadcast::Receiver<Step>,
    ) -> Result<(), Over>
    where
        R: AsyncBufRead + Unpin,
    {
        let mut line = Vec::new();
        loop {
            let todo = tokio::select! {
                read = from.read_until(b'\n', &mut line) => match (read, line.pop()) {
                    (Ok(_), Some(b'\n')) => self.hear(&std::mem::take(&mut line)),
                    // Half a line is none.
                    _ => return Ok(()),
                },
                step = steps.recv() => vec![step.map_err(|_| Over::Reset)?],
            };
            for step in todo {
                self.take(step, to).await?;
            }
        }
    }

    async fn take(&mut self, step: Step, to: &mut WriteHalf<'_>) -> Result<(), Over> {
        let line = match (step, self.session.filter(|_| self.authorized)) {
            (Step::Close, _) => return Err(Over::Closed),
            (Step::Reset, _) => return Err(Over::Reset),
            (Step::Pause(time), _) => {
                tokio::time::sleep(time).await;
                return Ok(());
            }
            (Step::Raw(bytes), _) => return self.write(&bytes, to).await,
            (Step::Line(line), _) => line,
            (Step::Announce(job), Some(session)) => self.shared.core().announce(session, &job),
            (Step::Mask(mask), Some(session)) => {
                let line = self.shared.core().change_mask(session, mask & self.asked_mask);
                // Said as the test wants it, whatever was asked for.
                json!({"params": [format!("{mask:08x}")], "method": line["method"], "id": null})
            }
            (Step::Extranonce(size), Some(session)) => self.shared.core().change_extranonce(session, size),
            (Step::Announce(_) | Step::Mask(_) | Step::Extranonce(_), None) => return Ok(()),
        };
        to.write_all(format!("{line}\n").as_bytes()).await.map_err(|_| Over::Closed)
    }

    async fn write(&self, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Over> {
        for piece in bytes.chunks(16 * 1024) {
            to.write_all(piece).await.map_err(|_| Over::Closed)?;
            self.shared.raw_written.fetch_add(piece.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// What the script makes of the honest steps.
    fn hear(&mut self, line: &[u8]) -> Vec<Step> {
        if line.len() >= LONGEST {
            self.complain(format!("a line of {} bytes", line.len()));
        }
        let Ok(call) = serde_json::from_slice::<Value>(line) else {
            self.complain(format!("no JSON: {}", String::from_utf8_lossy(line)));
            return vec![Step::Close];
        };
        let method = call["method"].as_str().unwrap_or_default();
        let honest = self.answer(&call["id"], method, &call["params"]);
        let times = self.heard.entry(method.to_owned()).or_default();
        let heard = Heard { connection: self.number, id: &call["id"], method, before: *times };
        *times += 1;
        (self.shared.script)(&heard, honest)
    }

    fn answer(&mut self, id: &Value, method: &str, params: &Value) -> Vec<Step> {
        *self.shared.core().heard.entry(method.to_owned()).or_default() += 1;
        match method {
            "mining.configure" => vec![good(id, &self.configure(params))],
            "mining.subscribe" => vec![good(id, &self.subscribe(params))],
            "mining.authorize" => self.authorize(id, params),
            "mining.submit" => vec![self.submit(id, params)],
            "mining.extranonce.subscribe" => vec![good(id, &json!(true))],
            "mining.ping" => vec![good(id, &json!("pong"))],
            // No answer is usual, or it answers a question of ours.
            "mining.suggest_difficulty" | "" => Vec::new(),
            _ => {
                self.complain(format!("method `{method}`"));
                vec![bad(id, (20, "Unknown method"))]
            }
        }
    }

    fn configure(&mut self, params: &Value) -> Value {
        let asked = params[1]["version-rolling.mask"].as_str().unwrap_or("0");
        self.asked_mask = u32::from_str_radix(asked, 16).unwrap_or_else(|_| {
            self.complain(format!("mask `{asked}`"));
            0
        });
        let mask = self.shared.core().settings.mask;
        let mut answer = json!({});
        for extension in params[0].as_array().into_iter().flatten().filter_map(Value::as_str) {
            answer[extension] = json!(extension != "version-rolling" || mask != 0);
        }
        if mask != 0 {
            answer["version-rolling.mask"] = json!(format!("{mask:08x}"));
        }
        answer
    }

    fn subscribe(&mut self, params: &Value) -> Value {
        let mut core = self.shared.core();
        let mask = core.settings.mask & self.asked_mask;
        let (session, answer) = core.open(params[1].as_str(), mask, self.number);
        self.session = Some(session);
        answer
    }

    fn authorize(&mut self, id: &Value, params: &Value) -> Vec<Step> {
        if self.session.is_none() || params.as_array().is_none_or(|params| params.len() != 2) {
            self.complain(format!("authorize {params}"));
            return vec![bad(id, (25, "Not subscribed"))];
        }
        self.authorized = true;
        let core = self.shared.core();
        let difficulty =
            json!({"id": null, "method": "mining.set_difficulty", "params": [core.settings.difficulty]});
        let job = core.newest.clone().map(Step::Announce);
        [good(id, &json!(true)), Step::Line(difficulty)].into_iter().chain(job).collect()
    }

    fn submit(&mut self, id: &Value, params: &Value) -> Step {
        let Some(session) = self.session.filter(|_| self.authorized) else {
            self.complain(format!("submit {params} before authorize"));
            return bad(id, (24, "Unauthorized worker"));
        };
        match self.shared.core().submit(session, self.number, params) {
            Ok(()) => good(id, &json!(true)),
            Err(refusal) => bad(id, refusal),
        }
    }

    fn complain(&self, fault: String) {
        self.shared.core().complaints.push(fault);
    }
}

fn good(id: &Value, result: &Value) -> Step {
    Step::Line(json!({"id": id, "result": result, "error": null}))
}

fn bad(id: &Value, (code, text): super::Refusal) -> Step {
    Step::Line(json!({"id": id, "result": null, "error": [code, text, null]}))
}
