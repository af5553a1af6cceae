//! Every workload on every backend, and on stores that are wrong, which each workload has to notice.

use super::traffic::{Mix, Sharing, Traffic};
use super::worker::Checked;
use super::wrong_store::{BEHIND, Flaw, RIGHT, WRONG, WrongStore};
use crate::backend::{self, Backend};
use crate::load::{Choice, closed};
use crate::store::Failure;
use crate::workload::{Extent, Params, Round, Scope, Workload};

const SMOKE: Scope = Scope { extent: Extent::Smoke, large: false };

/// The workloads of this part: whole files, streams, random access, contention, latency.
fn checked_here() -> Vec<Box<dyn Workload>> {
    vec![
        Box::new(super::small_files::SmallFiles),
        Box::new(super::streams::Stream),
        Box::new(super::random_access::RandomAccess),
        Box::new(super::streams::LargeStream),
        Box::new(super::many_files::ManyFiles),
        Box::new(super::deep_read::DeepRead),
        Box::new(super::contention::Contention),
        Box::new(super::latency::Latency),
    ]
}

/// Each metric has a value or a reason, each value is a number and is of a metric.
fn assert_complete(workload: &dyn Workload, params: &Params, round: &Round) {
    let here = format!("{} {params}: {round:?}", workload.name());
    for metric in workload.metrics() {
        let values = round.values.iter().filter(|(name, _)| *name == metric.name).count();
        let reasons = round.cannot.iter().filter(|(name, _)| *name == metric.name).count();
        assert_eq!(values + reasons, 1, "{} of {here}", metric.name);
    }
    let known = |name: &str| workload.metrics().iter().any(|metric| metric.name == name);
    assert!(round.values.iter().all(|(name, value)| known(name) && value.is_finite()), "{here}");
    assert!(round.latencies.iter().all(|(name, latency)| known(name) && !latency.is_empty()), "{here}");
    assert!(round.checks > 0, "{here}");
}

fn run(workload: &dyn Workload, backend: &Backend, params: &Params) {
    match workload.round(backend, params) {
        Ok(round) => assert_complete(workload, params, &round),
        Err(Failure::Cannot(reason)) => assert!(!reason.is_empty()),
        Err(failure) => panic!("{} {params} on {}: {failure}", workload.name(), backend.name),
    }
}

#[test]
fn every_workload_is_right_on_every_backend() {
    for workload in checked_here() {
        let cells = workload.cells(&SMOKE);
        assert!(!cells.is_empty(), "{}", workload.name());
        for params in cells {
            backend::all().iter().for_each(|backend| run(&*workload, backend, &params));
        }
    }
}

#[test]
fn a_store_that_can_do_everything_leaves_nothing_out() {
    for workload in checked_here() {
        for params in workload.cells(&SMOKE) {
            let round = workload.round(&RIGHT, &params).expect("the store does everything");
            assert_complete(&*workload, &params, &round);
        }
    }
}

#[test]
fn every_workload_notices_every_flaw() {
    for workload in checked_here() {
        for params in workload.cells(&SMOKE) {
            for backend in &WRONG {
                // Where no file is ever replaced, nothing is older than the last write: such a read is empty,
                // which is noticed as well.
                match workload.round(backend, &params) {
                    Err(Failure::Failed(_)) => {}
                    answer => panic!("{} {params} on {}: {answer:?}", workload.name(), backend.name),
                }
            }
        }
    }
}

#[test]
fn random_access_notices_reads_that_miss_writes_through_the_same_handle() {
    let workload = super::random_access::RandomAccess;
    for params in workload.cells(&SMOKE) {
        assert!(matches!(workload.round(&BEHIND, &params), Err(Failure::Failed(_))));
    }
}

#[test]
fn cells_have_names_of_their_own_in_every_extent() {
    for workload in checked_here() {
        for extent in [Extent::Smoke, Extent::Quick, Extent::Default, Extent::Full] {
            for large in [false, true] {
                let mut cells = workload.cells(&Scope { extent, large });
                let count = cells.len();
                cells.sort();
                cells.dedup();
                assert_eq!(cells.len(), count, "{} {extent:?}", workload.name());
            }
        }
    }
}

const TRAFFIC: Traffic =
    Traffic { threads: 2, mix: Mix::Mixed, sharing: Sharing::Shared, keys: Choice::Uniform, payload: 256 };

#[test]
fn traffic_is_what_its_parameters_say() {
    for sharing in Sharing::ALL {
        for mix in Mix::ALL {
            for keys in Choice::ALL {
                let traffic = Traffic { sharing, mix, keys, ..TRAFFIC };
                assert_eq!(Traffic::from_params(&traffic.params()).params(), traffic.params());
            }
        }
    }
}

/// 999 steps of each thread in turns, so that nothing depends on time.
fn steps(traffic: &Traffic, flaw: Flaw) -> Result<Checked, Failure> {
    steps_on(&WrongStore::new(Flaw::None), traffic, flaw)
}

fn steps_on(store: &WrongStore, traffic: &Traffic, flaw: Flaw) -> Result<Checked, Failure> {
    let workers = traffic.prepare(store)?;
    store.set_flaw(flaw);
    for _ in 0..999 {
        (0..traffic.threads).try_for_each(|thread| workers.worker(thread).step())?;
    }
    store.set_flaw(Flaw::None);
    workers.finish()
}

#[test]
fn traffic_is_right_on_a_store_that_is() {
    for sharing in Sharing::ALL {
        for mix in Mix::ALL {
            // Three threads do not divide the files evenly.
            for threads in [1, 3] {
                let traffic = Traffic { sharing, mix, threads, ..TRAFFIC };
                let checked = steps(&traffic, Flaw::None).expect("the store is right");
                assert!(checked.checks >= 1, "{traffic:?}");
                assert_eq!(checked.torn, (mix != Mix::WriteOnly).then_some(0.0), "{traffic:?}");
            }
        }
    }
}

#[test]
fn traffic_notices_flaws_of_reads_at_once() {
    for sharing in Sharing::ALL {
        for flaw in [Flaw::Stale, Flaw::Torn, Flaw::Short, Flaw::Flipped] {
            let traffic = Traffic { sharing, ..TRAFFIC };
            assert!(steps(&traffic, flaw).is_err(), "{sharing:?} {flaw:?}");
        }
    }
    assert!(steps(&TRAFFIC, Flaw::Other).is_err());
}

#[test]
fn torn_reads_are_counted_where_a_store_says_that_it_tears() {
    let store = || {
        let mut store = WrongStore::new(Flaw::None);
        store.whole_writes = false;
        store
    };
    for flaw in [Flaw::Torn, Flaw::Short] {
        let torn = steps_on(&store(), &TRAFFIC, flaw).expect("it is counted").torn.expect("there were reads");
        // Every third read, but those of files that nobody has replaced yet cannot be torn.
        assert!((0.1..0.4).contains(&torn), "{flaw:?}: {torn}");
        // Nobody writes beside a thread that is alone in its directory, or alone at all.
        for traffic in [Traffic { sharing: Sharing::Own, ..TRAFFIC }, Traffic { threads: 1, ..TRAFFIC }] {
            assert!(steps_on(&store(), &traffic, flaw).is_err(), "{traffic:?} {flaw:?}");
        }
    }
    assert!(steps_on(&store(), &TRAFFIC, Flaw::Other).is_err(), "the whole content of another file");
    assert!(steps_on(&store(), &TRAFFIC, Flaw::Stale).is_err(), "a whole write that was replaced");
}

#[test]
fn traffic_notices_lost_writes_at_the_end() {
    for (sharing, threads) in [(Sharing::Own, 2), (Sharing::Shared, 2), (Sharing::Hot, 1)] {
        for flaw in [Flaw::Lost, Flaw::Cut] {
            // Nothing is read before the end. Every third write is lost, the last one of 999 among them: a lost
            // write that another follows leaves no trace, and of two last ones either may be the later.
            let traffic = Traffic { sharing, threads, mix: Mix::WriteOnly, ..TRAFFIC };
            assert!(steps(&traffic, flaw).is_err(), "{sharing:?} {flaw:?}");
        }
    }
}

#[test]
fn traffic_reads_and_writes_in_the_proportion_of_its_mix() {
    for (mix, writes) in [(Mix::ReadMostly, 5), (Mix::Mixed, 50), (Mix::WriteOnly, 100)] {
        let store = WrongStore::new(Flaw::None);
        let traffic = Traffic { mix, threads: 1, ..TRAFFIC };
        let workers = traffic.prepare(&store).expect("room");
        (0..10_000).for_each(|_| workers.worker(0).step().expect("right"));
        let reads = workers.finish().expect("right").checks - 256;
        assert!(reads.abs_diff(10_000 - writes * 100) < 200, "{mix:?}: {reads} reads");
    }
}

#[test]
fn threads_that_really_run_at_once_find_only_whole_writes() {
    let store = WrongStore::new(Flaw::None);
    let traffic = Traffic { sharing: Sharing::Hot, threads: 4, ..TRAFFIC };
    let workers = traffic.prepare(&store).expect("room");
    let length = std::time::Duration::from_millis(5);
    closed(4, length, |thread| {
        let mut worker = workers.worker(thread);
        Ok(move || worker.step())
    })
    .expect("every read is whole");
    workers.finish().expect("the last write is there");
}
