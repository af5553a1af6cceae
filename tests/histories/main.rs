//! Concurrent histories are linearizable.
//!
//! Three threads call a filesystem at random, on few names, and every call is recorded with its
//! answer and with when it began and ended. A checker then looks for one order of the calls, true
//! to the order in which they really ran where they did not overlap, in which a naive sequential
//! model gives the same answers. Locks are part of the model, so `Busy` must be explained too.
//!
//! | module | what |
//! |---|---|
//! | `history` | calls, answers, and how they lie in time |
//! | `generate` | random plans |
//! | `run` | performs plans on the engine and records |
//! | `model` | what each call must answer, one at a time |
//! | `check` | finds the order, or says how far it came |
//!
//! All randomness stems from one seed, which is printed; `ARCFS_SEED` repeats it. How threads
//! interleave cannot be repeated, but `ARCFS_HISTORY` performs one plan of that seed again and
//! again; `ARCFS_HISTORIES` sets how many.

mod check;
mod generate;
mod history;
mod model;
mod run;

use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use check::check;
use generate::{Plan, Random};
use history::has_overlap;
use model::State;

/// Histories that share their threads.
const BATCH: usize = 250;

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value:?}")))
}

/// The `number`-th seed of a base seed.
fn seed_of(base: u64, number: usize) -> u64 {
    Random::new(base ^ (number as u64) << 32).next()
}

#[test]
fn concurrent_histories_are_linearizable() {
    let base = from_environment("ARCFS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let only: Option<usize> = from_environment("ARCFS_HISTORY");
    let histories: usize = from_environment("ARCFS_HISTORIES").unwrap_or(20_000);
    println!("ARCFS_SEED={base}");
    let (mut overlapping, mut busy, mut calls) = (0, 0, 0);
    for first in (0..histories).step_by(BATCH) {
        let numbers = first..histories.min(first + BATCH);
        let plan = |number| match only {
            Some(only) => Plan::new(seed_of(base, only)).again(seed_of(base, number)),
            None => Plan::new(seed_of(base, number)),
        };
        let plans: Vec<Plan> = numbers.clone().map(plan).collect();
        for ((number, plan), events) in numbers.zip(&plans).zip(run::run(&plans)) {
            let mut initial = State::default();
            for op in &plan.before {
                initial.perform(0, op);
            }
            if let Err(why) = check(&initial, &events) {
                let number = only.unwrap_or(number);
                panic!(
                    "\nno order explains history {number}\n\n{why}\nARCFS_SEED={base} ARCFS_HISTORY={number}"
                );
            }
            overlapping += usize::from(has_overlap(&events));
            busy += events.iter().filter(|event| event.outcome == Err(history::BUSY)).count();
            calls += events.len();
        }
    }
    println!(
        "{histories} histories, {overlapping} with calls that overlap; {busy} of {calls} calls were Busy"
    );
    // Threads that never meet prove nothing. Even a single core switches between them.
    assert!(overlapping * 10 > histories, "{overlapping} of {histories} histories had calls that overlap");
}
