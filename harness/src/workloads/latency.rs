//! Threads in open loops at a given load: how long operations take from when they were due.
//!
//! The load is the same number of operations per second for every store, not a share of what each can
//! do, so the figures say what somebody with that load would see. A store that cannot keep up shows
//! the queue: latencies near the length of the round, and a share of operations that were not started.
//! Latency covers the call of the store; the choice before it and the check after it are outside, and so are
//! the first write and the first read of each thread.
//!
//! `read-p99` and `write-p99` are of one round: of some 400 operations at least, so that the slowest 4
//! are beyond them. The distribution is of all rounds; its 99.9th percentile and its maximum rest on few
//! operations where the rate is low. Both threads spin while they wait, so on a machine with two cores
//! whatever else runs there, a thread of the store's own as well, delays them and shows.

use std::time::Duration;

use super::traffic::{Mix, Sharing, Traffic};
use super::worker::{NO_SUCH_OPERATION, READ, TORN, WRITE};
use crate::backend::{Backend, Setup};
use crate::load::{Choice, Open, open_each};
use crate::store::Answer;
use crate::workload::{Better, Extent, Metric, Params, Round, Scope, Unit, Workload};

const READ_P99: &str = "read-p99";
const WRITE_P99: &str = "write-p99";
const UNSTARTED: &str = "unstarted";
const METRICS: &[Metric] = &[
    Metric::time(READ_P99),
    Metric::time(WRITE_P99),
    Metric { name: UNSTARTED, unit: Unit::Share, better: Better::Lower },
    TORN,
];

/// The 99th percentile of a round; the histograms are kept for other percentiles of all rounds.
#[derive(Debug)]
pub struct Latency;

impl Workload for Latency {
    fn name(&self) -> &'static str {
        "latency"
    }

    fn about(&self) -> &'static str {
        "threads read and replace whole files at a fixed rate, timed from when each operation was due"
    }

    fn metrics(&self) -> &'static [Metric] {
        METRICS
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let (mixes, rates): (&[Mix], &[(u64, u64)]) = match scope.extent {
            Extent::Smoke => (&[Mix::Mixed], &[(10_000, 5)]),
            Extent::Quick => (&[], &[]),
            // Long enough for a 99th percentile of the rarer kind, which is 5 in 100.
            Extent::Default | Extent::Full => (&Mix::ALL, &[(20_000, 400), (100_000, 150), (300_000, 150)]),
        };
        let cell = |mix: Mix, (rate, length): (u64, u64)| {
            traffic(mix).params().number("rate", rate).number("ms", length)
        };
        mixes.iter().flat_map(|mix| rates.iter().map(move |rate| cell(*mix, *rate))).collect()
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let traffic = Traffic::from_params(params);
        let (rate, length) = (params.get("rate") as f64, Duration::from_millis(params.get("ms")));
        let store = (backend.make)(&Setup::default())?;
        let workers = traffic.prepare(&*store)?;
        let kinds: [Open; 2] = open_each(traffic.threads, rate, length, |thread| {
            let mut worker = workers.worker(thread);
            worker.warm_up()?;
            Ok(worker)
        })?;
        let mut round = workers.finish()?.round();
        let operations: u64 = kinds.iter().map(|kind| kind.latency.len()).sum();
        let unstarted: u64 = kinds.iter().map(|kind| kind.unstarted).sum();
        round.values.push((UNSTARTED, unstarted as f64 / operations as f64));
        let mut kinds = kinds.map(Some);
        for (kind, metric) in [(READ, READ_P99), (WRITE, WRITE_P99)] {
            match kinds[kind].take().filter(|kind| !kind.latency.is_empty()) {
                Some(kind) => {
                    round.values.push((metric, kind.latency.value_at_quantile(0.99) as f64));
                    round.latencies.push((metric, kind.latency));
                }
                None => round.cannot.push((metric, NO_SUCH_OPERATION)),
            }
        }
        Ok(round)
    }
}

/// Two threads, or one on a machine with one core: threads that spin must not take turns.
fn traffic(mix: Mix) -> Traffic {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Traffic { threads: cores.min(2), mix, sharing: Sharing::Shared, keys: Choice::Uniform, payload: 4096 }
}
