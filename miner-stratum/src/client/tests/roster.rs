//! Which pool is used when: whole histories on a clock of their own.

use std::time::Duration;

use tokio::time::Instant;

use super::super::roster::{Ended, Roster, Step};

const STABLE: Duration = Duration::from_secs(300);

struct World {
    roster: Roster,
    start: Instant,
    now: Instant,
    /// What was done, in seconds after the start.
    done: Vec<(f64, Step)>,
}

impl World {
    fn new(pools: usize, retries: Option<u32>) -> Self {
        let now = Instant::now();
        let random = fastrand::Rng::with_seed(7);
        let roster = Roster::new(pools, STABLE, retries, Duration::from_secs(1), random, now);
        let mut world = Self { roster, start: now, now, done: Vec::new() };
        world.settle();
        world
    }

    fn settle(&mut self) {
        for steps in 0.. {
            assert!(steps < 100, "it never settles: {:?}", self.done);
            let Some(step) = self.roster.step(self.now) else { return };
            self.done.push(((self.now - self.start).as_secs_f64(), step));
            if let Step::Close(pool) = step {
                self.roster.ended(pool, Ended::Unneeded, self.now);
            }
            if matches!(step, Step::AllRefused | Step::OutOfRetries) {
                return;
            }
        }
    }

    fn wait(&mut self, seconds: f64) {
        let until = self.now + Duration::from_secs_f64(seconds);
        while let Some(look) = self.roster.next_look(self.now).filter(|look| *look <= until) {
            self.now = look;
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    fn up(&mut self, pool: usize) {
        self.roster.up(pool, self.now);
        self.settle();
    }

    fn ends(&mut self, pool: usize, how: Ended) {
        self.roster.ended(pool, how, self.now);
        self.settle();
    }

    fn fails(&mut self, pool: usize) {
        self.ends(pool, Ended::Failed);
    }

    /// What was done since the last call.
    fn steps(&mut self) -> Vec<Step> {
        self.done.drain(..).map(|(_, step)| step).collect()
    }
}

use Step::{AllRefused, Close, Dial, Idle, OutOfRetries, Switch};

#[test]
fn the_first_pool_has_a_head_start() {
    let mut world = World::new(3, None);
    assert_eq!(world.steps(), [Dial(0)]);
    world.wait(1.9);
    assert_eq!(world.steps(), []);
    world.up(0);
    assert_eq!(world.steps(), [Switch(0)]);
    world.wait(1000.0);
    assert_eq!(world.steps(), []);
}

#[test]
fn a_pool_that_hangs_holds_the_next_one_up_for_two_seconds() {
    let mut world = World::new(3, None);
    world.wait(4.5);
    assert_eq!(world.done.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0.0, 2.0, 4.0]);
    assert_eq!(world.steps(), [Dial(0), Dial(1), Dial(2)]);
    world.up(1);
    assert_eq!(world.steps(), [Switch(1), Close(2)]);
}

#[test]
fn a_pool_that_refuses_the_connection_holds_nobody_up() {
    let mut world = World::new(2, None);
    world.fails(0);
    assert_eq!(world.steps(), [Dial(0), Dial(1)]);
}

#[test]
fn a_lost_pool_is_tried_within_a_second_and_the_next_one_within_five() {
    let mut world = World::new(2, None);
    world.up(0);
    world.wait(100.0);
    world.steps();
    world.fails(0);
    world.wait(1.0);
    assert_eq!(world.steps(), [Dial(0)]);
    world.wait(1.0);
    assert_eq!(world.steps(), [Dial(1)], "the lost one hangs");
    world.up(1);
    assert_eq!(world.steps(), [Switch(1)]);
}

#[test]
fn a_lost_pool_that_is_back_at_once_stays_the_one() {
    let mut world = World::new(2, None);
    world.up(0);
    world.fails(0);
    world.wait(1.0);
    world.up(0);
    assert_eq!(world.steps(), [Dial(0), Switch(0), Dial(0), Switch(0)]);
    world.wait(100.0);
    assert_eq!(world.steps(), []);
}

#[test]
fn a_lost_second_pool_is_tried_again_within_a_second_although_the_first_one_hangs() {
    let mut world = World::new(2, None);
    world.fails(0);
    world.up(1);
    world.wait(30.0);
    world.steps();
    // The first pool's attempts hang now.
    world.fails(1);
    let lost = world.now;
    world.wait(1.1);
    assert!(
        world
            .done
            .iter()
            .any(|(at, step)| *step == Dial(1) && *at <= (lost - world.start).as_secs_f64() + 1.0)
    );
}

#[test]
fn a_better_pool_is_gone_back_to_after_it_was_stable_and_its_connection_is_kept() {
    let mut world = World::new(2, None);
    world.fails(0);
    world.up(1);
    world.wait(2.0);
    assert_eq!(world.steps(), [Dial(0), Dial(1), Switch(1), Dial(0)]);
    world.up(0);
    world.wait(299.0);
    assert_eq!(world.steps(), []);
    world.wait(1.0);
    assert_eq!(world.steps(), [Switch(0)]);
    world.wait(9.9);
    assert_eq!(world.steps(), [], "the other one is still there for late shares");
    world.wait(0.2);
    assert_eq!(world.steps(), [Close(1)]);
}

#[test]
fn a_flapping_pool_is_never_gone_back_to() {
    let mut world = World::new(2, None);
    world.fails(0);
    world.up(1);
    for _ in 0..100 {
        while world.steps().last() != Some(&Dial(0)) {
            world.wait(0.1);
        }
        world.up(0);
        world.wait(200.0);
        world.fails(0);
    }
    assert_eq!(world.roster.current(), Some(1));
}

#[test]
fn where_the_current_pool_dies_a_better_one_that_is_up_takes_over_at_once() {
    let mut world = World::new(2, None);
    world.fails(0);
    world.up(1);
    world.wait(2.0);
    world.up(0);
    world.steps();
    world.fails(1);
    assert_eq!(world.steps(), [Switch(0)]);
    // And back to the one that lingers, if that comes to pass.
    let mut world = World::new(2, None);
    world.wait(2.0);
    world.up(1);
    world.up(0);
    world.wait(300.0);
    world.steps();
    world.fails(0);
    assert_eq!(world.steps(), [Switch(1)]);
    world.wait(20.0);
    assert!(!world.steps().contains(&Close(1)));
}

#[test]
fn pauses_grow_to_a_minute_while_nothing_works() {
    let mut world = World::new(1, None);
    let mut last = world.now;
    let mut pauses = Vec::new();
    for _ in 0..12 {
        world.fails(0);
        while world.roster.step(world.now).is_none() && world.steps().is_empty() {
            world.wait(0.01);
        }
        pauses.push((world.now - last).as_secs_f64());
        last = world.now;
    }
    assert!(pauses[0] <= 1.1 && pauses[11] <= 60.1 && pauses[11] >= 30.0, "{pauses:?}");
}

#[test]
fn the_search_ends_a_while_after_the_pool_was_lost() {
    let mut world = World::new(1, None);
    world.up(0);
    world.fails(0);
    world.wait(9.9);
    assert!(!world.steps().contains(&Idle));
    world.wait(0.2);
    assert_eq!(world.steps(), [Idle]);
    world.wait(100.0);
    assert_eq!(world.steps(), [], "said once");
}

#[test]
fn a_redirect_waits_its_time() {
    let mut world = World::new(1, None);
    world.up(0);
    world.steps();
    world.ends(0, Ended::Redirected(world.now + Duration::from_secs(30)));
    world.wait(29.9);
    assert_eq!(world.steps(), [Idle]);
    world.wait(0.2);
    assert_eq!(world.steps(), [Dial(0)]);
}

#[test]
fn a_pool_that_never_took_the_worker_is_given_up() {
    let mut world = World::new(2, None);
    world.ends(0, Ended::Refused);
    assert_eq!(world.steps(), [Dial(0), Dial(1)]);
    assert!(world.roster.is_over(0));
    world.up(1);
    world.wait(1000.0);
    assert_eq!(world.steps(), [Switch(1)]);
    world.ends(1, Ended::Refused);
    assert!(!world.roster.is_over(1));
    world.wait(59.0);
    assert_eq!(world.steps(), [Idle]);
    world.wait(2.0);
    assert_eq!(world.steps(), [Dial(1)], "it took the worker before: perhaps it will again");

    let mut world = World::new(1, None);
    world.ends(0, Ended::Refused);
    assert_eq!(world.steps(), [Dial(0), AllRefused]);
}

#[test]
fn retries_are_rounds_over_all_pools() {
    let mut world = World::new(2, Some(3));
    for round in 0..3 {
        assert!(!world.steps().contains(&OutOfRetries), "{round}");
        for pool in [0, 1] {
            world.wait(6.0);
            world.fails(pool);
        }
    }
    assert_eq!(world.steps().last(), Some(&OutOfRetries));
}

#[test]
fn a_job_from_any_pool_begins_the_retries_anew() {
    let mut world = World::new(2, Some(1));
    world.fails(0);
    world.up(1);
    world.wait(10.0);
    world.fails(0);
    world.fails(1);
    assert!(!world.steps().contains(&OutOfRetries));
    world.wait(3.0);
    world.fails(1);
    assert!(!world.steps().contains(&OutOfRetries));
    world.fails(0);
    assert_eq!(world.steps().last(), Some(&OutOfRetries));
}

#[test]
fn without_pools_there_is_nothing_to_wait_for() {
    assert_eq!(World::new(0, None).steps(), [AllRefused]);
}
