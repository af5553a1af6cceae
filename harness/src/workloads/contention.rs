//! Threads in closed loops on the same store: how much they get done together.
//!
//! Choosing a file, rewriting the payload and checking what was read are inside the time, the same for
//! all stores: a thread that stopped the clock for them would compete less. Rewriting takes some 6 ns and
//! checking some 40 ns for 4 KiB, and sixteen times as much for 64 KiB. Making the files and the last check
//! are outside, as are the first write and the first read of each thread. A file is there before it is
//! written, so a write is a replacement. A read goes into a buffer that its thread keeps.
//!
//! Where threads are more than cores, `fairness` tells as much of the scheduler of the host as of the store,
//! and a thread that is not scheduled when the time is up makes the time longer, for all stores alike.

use std::time::Duration;

use super::traffic::{Mix, Sharing, Traffic};
use super::worker::TORN;
use crate::backend::{Backend, Setup};
use crate::load::{Choice, closed};
use crate::store::Answer;
use crate::workload::{Better, Extent, Metric, Params, Round, Scope, Unit, Workload};

const THROUGHPUT: &str = "throughput";
const FAIRNESS: &str = "fairness";
const METRICS: &[Metric] = &[
    Metric::rate(THROUGHPUT),
    // The operations of the slowest thread as a share of the mean.
    Metric { name: FAIRNESS, unit: Unit::Share, better: Better::Higher },
    TORN,
];

/// Throughput of all threads, the share of the slowest, and torn reads.
#[derive(Debug)]
pub struct Contention;

impl Workload for Contention {
    fn name(&self) -> &'static str {
        "contention"
    }

    fn about(&self) -> &'static str {
        "threads read and replace whole files as fast as they can"
    }

    fn metrics(&self) -> &'static [Metric] {
        METRICS
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let length = match scope.extent {
            Extent::Smoke => 5,
            Extent::Quick => 100,
            Extent::Default | Extent::Full => 60,
        };
        traffics(scope.extent).iter().map(|traffic| traffic.params().number("ms", length)).collect()
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let traffic = Traffic::from_params(params);
        let store = (backend.make)(&Setup::default())?;
        let workers = traffic.prepare(&*store)?;
        let closed = closed(traffic.threads, Duration::from_millis(params.get("ms")), |thread| {
            let mut worker = workers.worker(thread);
            worker.warm_up()?;
            Ok(move || worker.step())
        })?;
        let mut round = workers.finish()?.round();
        round.values.push((THROUGHPUT, closed.rate));
        match fairness(&closed.operations) {
            Some(fairness) => round.values.push((FAIRNESS, fairness)),
            None => round.cannot.push((FAIRNESS, "is said of two threads or more that do something")),
        }
        Ok(round)
    }
}

/// The operations of the slowest thread as a share of the mean of all.
fn fairness(operations: &[u64]) -> Option<f64> {
    let (slowest, all) = (*operations.iter().min()?, operations.iter().sum::<u64>());
    (operations.len() > 1 && all > 0).then(|| slowest as f64 * operations.len() as f64 / all as f64)
}

const USUAL: usize = 4096;
const PAYLOADS: [usize; 3] = [256, USUAL, 65536];
const THREADS: [usize; 4] = [1, 2, 4, 16];

fn traffics(extent: Extent) -> Vec<Traffic> {
    let shared = |threads, mix, payload| Traffic {
        threads,
        mix,
        sharing: Sharing::Shared,
        keys: Choice::Uniform,
        payload,
    };
    let mut all = Vec::new();
    match extent {
        Extent::Smoke => {
            all.push(shared(2, Mix::Mixed, USUAL));
            all.push(Traffic {
                sharing: Sharing::Own,
                keys: Choice::Zipf,
                ..shared(2, Mix::ReadMostly, 256)
            });
        }
        Extent::Quick => {
            for mix in [Mix::ReadMostly, Mix::Mixed] {
                all.extend([1, 4].map(|threads| shared(threads, mix, USUAL)));
            }
        }
        Extent::Default => {
            for sharing in Sharing::ALL {
                for mix in Mix::ALL {
                    all.extend(THREADS.map(|threads| Traffic { sharing, ..shared(threads, mix, USUAL) }));
                }
            }
            for mix in Mix::ALL {
                all.push(Traffic { keys: Choice::Zipf, ..shared(4, mix, USUAL) });
                all.extend([256, 65536].map(|payload| shared(4, mix, payload)));
            }
        }
        Extent::Full => {
            for (sharing, keys) in sharings_and_keys() {
                for mix in Mix::ALL {
                    for payload in PAYLOADS {
                        let here = |threads| Traffic { sharing, keys, ..shared(threads, mix, payload) };
                        all.extend(THREADS.map(here));
                    }
                }
            }
        }
    }
    all
}

/// Every combination that differs: one hot file leaves nothing to choose.
fn sharings_and_keys() -> impl Iterator<Item = (Sharing, Choice)> {
    let all = Sharing::ALL.into_iter().flat_map(|sharing| Choice::ALL.map(|keys| (sharing, keys)));
    all.filter(|choice| *choice != (Sharing::Hot, Choice::Zipf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_the_share_of_the_slowest() {
        assert_eq!(fairness(&[100, 100]), Some(1.0));
        assert_eq!(fairness(&[50, 150]), Some(0.5));
        assert_eq!(fairness(&[0, 90, 90]), Some(0.0));
        assert_eq!(fairness(&[70]), None);
        assert_eq!(fairness(&[0, 0]), None);
    }

    #[test]
    fn extents_have_the_cells_that_they_promise() {
        let count = |extent| traffics(extent).len();
        assert_eq!(count(Extent::Quick), 4);
        assert_eq!(count(Extent::Default), 4 * 3 * 3 + 3 + 6);
        assert_eq!(count(Extent::Full), 4 * 3 * 5 * 3);
    }
}
