//! What goes wrong with devices while a run goes on: told once, and once more when it is over.

use std::collections::HashMap;
use std::sync::Arc;

use miner_engine::{DeviceSnapshot, Snapshot};

use crate::status::event::Event;

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// By the place of the device: equal cards have equal names.
    devices: HashMap<usize, State>,
    is_exhausted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Works,
    InTrouble,
    Lost,
}

impl Watch {
    /// What is worth telling about a new snapshot.
    pub(super) fn look(&mut self, engine: &Snapshot) -> Vec<Event> {
        let mut news: Vec<Event> = Vec::new();
        for (place, device) in engine.devices.iter().enumerate() {
            let told = self.devices.entry(place).or_default();
            let (state, event) = state(device, *told);
            *told = state;
            news.extend(event);
        }
        if engine.exhausted > 0 && !self.is_exhausted {
            self.is_exhausted = true;
            news.push(Event::error(
                "every header of the job is searched before its time moves on, so that devices wait: it rolls neither \
                 version nor extranonce far enough for this hashrate",
            ));
        }
        news
    }
}

/// The state of a device, and what to tell if it has changed.
fn state(device: &DeviceSnapshot, told: State) -> (State, Option<Event>) {
    let name: &Arc<str> = &device.name;
    match (&device.failure, &device.trouble, told) {
        (Some(_), _, State::Lost) => (State::Lost, None),
        (Some(reason), ..) => (State::Lost, Some(Event::error(format!("{name} is out of work: {reason}")))),
        (None, Some(_), State::InTrouble) => (State::InTrouble, None),
        (None, Some(reason), _) => {
            (State::InTrouble, Some(Event::error(format!("{name} failed and is tried again: {reason}"))))
        }
        (None, None, State::InTrouble) => (State::Works, Some(Event::notice(format!("{name} works again")))),
        (None, None, _) => (State::Works, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miner_engine::Rates;

    fn device(failure: Option<&str>, trouble: Option<&str>) -> DeviceSnapshot {
        DeviceSnapshot {
            name: "card".into(),
            hashes: 0,
            rates: Rates::default(),
            hardware_errors: 0,
            trouble: trouble.map(str::to_owned),
            failure: failure.map(str::to_owned),
        }
    }

    fn told(watch: &mut Watch, devices: &[DeviceSnapshot], exhausted: u64) -> Vec<String> {
        let snapshot = Snapshot { devices: devices.to_vec(), exhausted, ..Snapshot::default() };
        let message = |event| match event {
            Event::Error { message } | Event::Notice { message } => message,
            other => panic!("{other:?}"),
        };
        watch.look(&snapshot).into_iter().map(message).collect()
    }

    #[test]
    fn a_lost_device_is_told_once() {
        let mut watch = Watch::default();
        let (sound, lost) = (device(None, None), device(Some("unplugged"), None));
        assert!(told(&mut watch, std::slice::from_ref(&sound), 0).is_empty());
        let news = told(&mut watch, &[sound.clone(), lost.clone()], 0);
        assert_eq!(news, ["card is out of work: unplugged"], "though the other card is called like it");
        assert!(told(&mut watch, &[sound, lost], 0).is_empty());
    }

    #[test]
    fn trouble_and_its_end_are_told_once_each() {
        let mut watch = Watch::default();
        let shaky = device(None, Some("reset"));
        assert_eq!(
            told(&mut watch, std::slice::from_ref(&shaky), 0),
            ["card failed and is tried again: reset"]
        );
        assert!(told(&mut watch, &[shaky], 0).is_empty());
        assert_eq!(told(&mut watch, &[device(None, None)], 0), ["card works again"]);
        assert!(told(&mut watch, &[device(None, None)], 0).is_empty());
    }

    #[test]
    fn a_job_used_up_is_told_once() {
        let mut watch = Watch::default();
        assert!(told(&mut watch, &[], 0).is_empty());
        assert_eq!(told(&mut watch, &[], 3).len(), 1);
        assert!(told(&mut watch, &[], 9).is_empty());
    }
}
