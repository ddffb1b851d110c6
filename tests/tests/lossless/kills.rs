//! The miner is killed again and again, at moments chosen by chance.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin::BlockHash;
use miner_tests::{Call, Miner, Relay, TestNode};
use serde_json::json;

use super::{PATIENCE, Witness, audit, miner};

const KILLS: usize = 100;

/// A generator of numbers below a bound, for choices that can be made again (Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    fn from_environment() -> Self {
        let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().expect("SEED is a number"));
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// When a miner is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    /// This long after its start.
    After(Duration),
    /// As so many a submission arrives, which the node never gets to see.
    BeforeTheNode(u64),
    /// As the node has answered so many a submission, which the miner never gets to know.
    BeforeTheAnswer(u64),
}

impl Moment {
    fn choose(chance: &mut Chance) -> Self {
        match chance.below(3) {
            0 => Self::After(Duration::from_micros(chance.below(200_000))),
            1 => Self::BeforeTheNode(1 + chance.below(4)),
            _ => Self::BeforeTheAnswer(1 + chance.below(4)),
        }
    }
}

/// What the relay does about submissions.
struct Killer {
    /// The moment, and how many submissions of this miner came so far.
    moment: Mutex<(Moment, u64)>,
    /// Asks for the kill, and hears that it is done.
    ask: Mutex<(Sender<()>, Receiver<()>)>,
    witness: Witness,
}

impl Killer {
    fn treat(&self, call: &Call) -> Option<Vec<u8>> {
        if call.block().is_none() {
            return call.pass();
        }
        self.witness.look(call);
        let (moment, count) = {
            let mut now = self.moment.lock().unwrap();
            now.1 += 1;
            *now
        };
        match moment {
            Moment::BeforeTheNode(nth) if nth == count => self.kill(),
            Moment::BeforeTheAnswer(nth) if nth == count => call.pass().and_then(|_| self.kill()),
            _ => call.pass(),
        }
    }

    /// Returns, with nothing to answer, when the miner is dead.
    fn kill(&self) -> Option<Vec<u8>> {
        let (ask, done) = &*self.ask.lock().unwrap();
        ask.send(()).ok()?;
        done.recv().ok()?;
        None
    }
}

/// The relay's killer, and the two ends at which kills are asked for and told to be done.
fn killer(journal: &Path) -> (Arc<Killer>, Receiver<()>, Sender<()>) {
    let ((ask, asked), (done, hear)) = (channel(), channel());
    let (moment, ask) = (Mutex::new((Moment::After(PATIENCE), 0)), Mutex::new((ask, hear)));
    (Arc::new(Killer { moment, ask, witness: Witness::of(journal) }), asked, done)
}

/// Runs the miner until its moment has come.
fn run_until(moment: Moment, mut miner: Child, asked: &Receiver<()>, done: &Sender<()>) {
    let limit = if let Moment::After(time) = moment { time } else { PATIENCE };
    let is_asked = asked.recv_timeout(limit).is_ok();
    assert!(is_asked || matches!(moment, Moment::After(_)), "the miner submits nothing any more");
    assert!(miner.try_wait().unwrap().is_none(), "the miner does not start on what was left to it");
    miner.kill().unwrap();
    miner.wait().unwrap();
    if is_asked {
        done.send(()).unwrap();
    }
}

fn start_silently(miner: &Miner, stderr: &Path) -> Child {
    let stderr = std::fs::File::options().create(true).append(true).open(stderr).unwrap();
    miner.command().stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
}

#[test]
fn a_hundred_kills_of_the_miner_lose_no_block() {
    let Some(node) = TestNode::start("kills::a_hundred_kills_of_the_miner_lose_no_block", &[]) else {
        return;
    };
    let (mut chance, folder) = (Chance::from_environment(), tempfile::tempdir().unwrap());
    let (journal, stderr) = (folder.path().join("journal"), folder.path().join("stderr"));
    let (killer, asked, done) = killer(&journal);
    let behind = killer.clone();
    let relay = Relay::start(&node, move |call| behind.treat(call));
    let mining = miner(&node, &relay, &journal, &["--block-interval", "0"]);

    let (mut finds, mut between) = (BTreeSet::<BlockHash>::new(), 0);
    for _ in 0..KILLS {
        let moment = Moment::choose(&mut chance);
        *killer.moment.lock().unwrap() = (moment, 0);
        run_until(moment, start_silently(&mining, &stderr), &asked, &done);
        let (submitted, kept) = (relay.submitted(), killer.witness.journal.kept());
        let answered: BTreeSet<_> = submitted.iter().filter(|one| one.answered).map(|one| one.hash).collect();
        between += usize::from(matches!(moment, Moment::BeforeTheAnswer(_)) || !kept.is_subset(&answered));
        finds.extend(kept.into_iter().chain(submitted.iter().map(|one| one.hash)));
        if chance.below(4) == 0 {
            // Somebody else is faster: what was not submitted yet may lose.
            node.rpc("generatetodescriptor", &[json!(1), json!("raw(51)")]).unwrap();
        }
    }
    println!("{} finds, {between} of {KILLS} kills between one and its answer", finds.len());
    assert!(finds.len() >= KILLS && between > KILLS / 3, "the kills came too early");
    let finds = killer.witness.written(&finds);

    *killer.moment.lock().unwrap() = (Moment::After(PATIENCE), 0);
    let last = miner(&node, &relay, &journal, &["--block-interval", "0.05"]);
    println!("{:?}", audit(&node, &last, &killer.witness.journal, &finds));
    let said = std::fs::read_to_string(stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
}
