//! What is at which path, and the headers that every answer has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::api::{Events, Health, History, Status};
use super::board::Board;
use super::gate::{Gate, Refusal};
use super::metrics;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// The text form of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const NOTHING_HERE: &str =
    "there are /, /api/status, /api/events?after=ID, /api/history, /metrics and /health\n";

/// No other site is loaded from, may show this page in its own, or hears of it.
const GUARDS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

pub(super) type Answer = Response<Full<Bytes>>;

/// Answers a request.
pub(super) fn answer(board: &Board, gate: &Gate, request: &Parts) -> Answer {
    match gate.check(request) {
        Ok(()) => at(request, board),
        Err(refusal) => refused(refusal),
    }
}

fn at(request: &Parts, board: &Board) -> Answer {
    match request.uri.path() {
        "/" => ok(HTML, include_str!("page/index.html")),
        "/page.css" => ok(CSS, include_str!("page/page.css")),
        "/page.js" => ok(SCRIPT, include_str!("page/page.js")),
        "/icon.svg" => ok(SVG, include_str!("page/icon.svg")),
        "/api/status" => json(&Status::of(&board.view())),
        "/api/events" => json(&Events::after(&board.view(), after(request))),
        "/api/history" => json(&History::of(&board.view())),
        "/metrics" => ok(METRICS, metrics::text(&board.view())),
        "/health" => health(board.view().health()),
        _ => response(StatusCode::NOT_FOUND, TEXT, NOTHING_HERE),
    }
}

/// The number of the last event that the asker has.
fn after(request: &Parts) -> u64 {
    let query = request.uri.query().unwrap_or_default();
    let number = query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok());
    number.unwrap_or(0)
}

fn health(status: &'static str) -> Answer {
    let mut answer = json(&Health { status });
    if status != "ok" {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    answer
}

fn refused(refusal: Refusal) -> Answer {
    let mut answer = response(refusal.status(), TEXT, format!("{}\n", refusal.hint()));
    let more = match refusal {
        Refusal::Token => Some((header::WWW_AUTHENTICATE, "Basic realm=\"miner\"")),
        Refusal::Method => Some((header::ALLOW, "GET, HEAD")),
        Refusal::NoHost | Refusal::Host | Refusal::Origin => None,
    };
    answer.headers_mut().extend(more.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

fn json(document: &impl Serialize) -> Answer {
    ok(JSON, serde_json::to_vec(document).expect("a status holds nothing that JSON cannot"))
}

fn ok(kind: &'static str, body: impl Into<Bytes>) -> Answer {
    response(StatusCode::OK, kind, body)
}

fn response(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().extend(GUARDS);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn get(path: &str) -> Answer {
        let request = Request::get(path).header("host", "localhost").body(()).unwrap();
        answer(&Board::default(), &Gate::new(None), &request.into_parts().0)
    }

    #[test]
    fn every_answer_is_guarded() {
        for (path, status) in [
            ("/", 200),
            ("/page.js", 200),
            ("/api/status", 200),
            ("/metrics", 200),
            ("/health", 503),
            ("/..%2f", 404),
        ] {
            let answer = get(path);
            assert_eq!(answer.status(), status, "{path}");
            for (name, value) in GUARDS {
                assert_eq!(
                    answer.headers().get_all(&name).iter().collect::<Vec<_>>(),
                    [&value],
                    "{path}: {name}"
                );
            }
            assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
        }
        let mut posted = Request::post("/").header("host", "localhost").body(()).unwrap().into_parts().0;
        let refused = answer(&Board::default(), &Gate::new(None), &posted);
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()[header::ALLOW]),
            (405, &"GET, HEAD".parse().unwrap())
        );
        assert!(refused.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        posted.method = hyper::Method::GET;
        let refused = answer(&Board::default(), &Gate::new(Some("x".into())), &posted);
        assert!(refused.status() == 401 && refused.headers().contains_key(header::WWW_AUTHENTICATE));
    }

    #[test]
    fn numbers_of_events_are_read_or_left() {
        let of = |path: &str| after(&Request::get(path).body(()).unwrap().into_parts().0);
        assert_eq!(
            ["/e?after=7", "/e?a=1&after=8", "/e", "/e?after=-1", "/e?after=x"].map(of),
            [7, 8, 0, 0, 0]
        );
    }

    #[test]
    fn the_page_holds_nothing_that_its_own_policy_forbids() {
        let page = include_str!("page/index.html");
        for inline in ["<style", "style=", "onclick", "onload", "javascript:", "http://", "https://", "//cdn"]
        {
            assert!(!page.contains(inline), "{inline}");
        }
        assert_eq!(page.matches("<script").count(), page.matches("<script src=").count());
        let script = include_str!("page/page.js");
        for door in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            assert!(!script.contains(door), "foreign words are text: {door}");
        }
    }
}
