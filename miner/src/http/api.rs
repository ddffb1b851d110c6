//! The JSON documents: everything about a run, by the names that its events have.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Figures;
use super::board::{Sample, Told, View};
use crate::status::unix_time;

/// `/api/status`.
#[derive(Serialize)]
pub(super) struct Status<'a> {
    version: &'static str,
    /// Unix seconds.
    time: f64,
    /// `ok`, or why not: starting, disconnected, no device, stalled.
    health: &'static str,
    connected: bool,
    /// How each device was set up.
    started: Vec<&'a RawValue>,
    /// The last event of each of these kinds.
    upstream: Option<&'a RawValue>,
    job: Option<&'a RawValue>,
    /// hashrate, devices and summary.
    #[serde(flatten)]
    figures: Option<&'a Figures>,
    blocks_by_result: &'a BTreeMap<&'static str, u64>,
    /// Newest first.
    blocks: Vec<&'a RawValue>,
}

/// `/api/events`.
#[derive(Serialize)]
pub(super) struct Events<'a> {
    events: Vec<&'a Told>,
}

/// `/api/history`.
#[derive(Serialize)]
pub(super) struct History<'a> {
    history: &'a VecDeque<Sample>,
}

/// `/health`.
#[derive(Serialize)]
pub(super) struct Health {
    pub(super) status: &'static str,
}

impl<'a> Status<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            time: unix_time(),
            health: view.health(),
            connected: view.connected,
            started: all(&view.started),
            upstream: event(view.upstream.as_ref()),
            job: event(view.job.as_ref()),
            figures: view.figures.as_deref(),
            blocks_by_result: &view.blocks_by_result,
            blocks: all(&view.blocks),
        }
    }
}

impl<'a> Events<'a> {
    /// Those behind the event of this number.
    pub(super) fn after(view: &'a View, id: u64) -> Self {
        Self { events: view.events_after(id).map(|told| &**told).collect() }
    }
}

impl<'a> History<'a> {
    pub(super) fn of(view: &'a View) -> Self {
        Self { history: &view.samples }
    }
}

fn all<'a>(told: impl IntoIterator<Item = &'a Arc<Told>>) -> Vec<&'a RawValue> {
    told.into_iter().map(|told| &*told.event).collect()
}

fn event(told: Option<&Arc<Told>>) -> Option<&RawValue> {
    told.map(|told| &*told.event)
}
