//! Rounds of the memory workload in processes of the real program.

use std::path::Path;
use std::time::Duration;

use arcfs_harness::backend::{self, Backend};
use arcfs_harness::isolate;
use arcfs_harness::store::{Answer, Failure};
use arcfs_harness::workload::{Extent, Metric, Params, Round, Scope, Workload};
use arcfs_harness::workloads::{Memory, MemoryUnderSnapshot};

fn round(workload: &dyn Workload, backend: &str, params: &Params) -> Answer<Round> {
    let program = Path::new(env!("CARGO_BIN_EXE_arcfs-harness"));
    isolate::round_in(program, workload, backend, params, Duration::from_secs(300))
}

fn value(round: &Round, metric: &str) -> f64 {
    let found = round.values.iter().find(|(name, _)| *name == metric);
    found.unwrap_or_else(|| panic!("{metric} has a value in {round:?}")).1
}

const SMOKE: Scope = Scope { extent: Extent::Smoke, large: false };

/// Runs the cells of a smoke run on every backend that is not left out.
fn every_backend(workload: &dyn Workload, mut each: impl FnMut(&Backend, &Params, Answer<Round>)) {
    for backend in backend::all() {
        for params in workload.cells(&SMOKE) {
            if workload.left_out(&backend, &params, &SMOKE).is_none() {
                each(&backend, &params, round(workload, backend.name, &params));
            }
        }
    }
}

#[test]
fn the_memory_of_every_backend_is_counted_in_its_own_process() {
    every_backend(&Memory, |backend, params, answer| {
        let name = backend.name;
        let round = answer.unwrap_or_else(|error| panic!("{name} {params}: {error}"));
        assert_eq!(round.checks, 2 * 200 + 1);
        let per_file = value(&round, "live-per-file");
        assert!((1.0..4096.0).contains(&per_file), "{name} {params}: {per_file} B for a file");
        assert!(value(&round, "drop") > 0.0);
        if params.get("size") > 0 {
            assert!(round.cannot.is_empty(), "{name} {params}: {round:?}");
            let per_byte = per_file / 1024.0 + 1.0;
            assert!((value(&round, "live-per-byte") - per_byte).abs() < 1e-9);
        } else {
            assert_eq!(round.cannot.len(), 2, "{name}: nothing is counted for each byte where there is none");
        }
    });
}

#[test]
fn the_peak_under_a_snapshot_is_of_two_copies_and_one_is_left() {
    every_backend(&MemoryUnderSnapshot, |backend, params, answer| {
        let name = backend.name;
        let round = match answer {
            Ok(round) => round,
            Err(Failure::Cannot(_)) => return,
            Err(error) => panic!("{name} {params}: {error}"),
        };
        assert_eq!(round.checks, 2 * params.get("size") / params.get("piece"));
        let (peak, after) = (value(&round, "peak-per-byte"), value(&round, "after-drop-per-byte"));
        assert!((1.99..5.0).contains(&peak), "{name}: {peak}");
        assert!((0.99..peak).contains(&after), "{name}: {after}");
    });
}

#[test]
fn bytes_per_file_are_the_same_in_every_round() {
    let params = &Memory.cells(&SMOKE)[0];
    let rounds = [(); 2].map(|()| round(&Memory, "arcfs-calls", params).expect("a round"));
    let [first, second] = rounds.map(|round| value(&round, "live-per-file"));
    assert!((first - second).abs() < 16.0, "{first} and {second}");
}

#[test]
fn what_a_backend_cannot_do_and_what_does_not_exist_is_told() {
    let writes = &MemoryUnderSnapshot.cells(&SMOKE)[0];
    let cannot = round(&MemoryUnderSnapshot, "arcfs-calls", writes);
    assert!(matches!(cannot, Err(Failure::Cannot(why)) if why.contains("offset")), "{cannot:?}");

    let failed = |answer: Answer<Round>| match answer {
        Err(Failure::Failed(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(failed(round(&MemoryUnderSnapshot, "no-such-store", writes)).contains("no-such-store"));
    assert!(failed(round(&Unknown, "arcfs-calls", writes)).contains("no-such-workload"));
    // A child that panics says why.
    let panicked = failed(round(&Memory, "arcfs-calls", &Params::new()));
    assert!(panicked.contains("exit status: 101") && panicked.contains("parameter files"), "{panicked}");
}

struct Unknown;

impl Workload for Unknown {
    fn name(&self) -> &'static str {
        "no-such-workload"
    }
    fn about(&self) -> &'static str {
        "Does not exist in the program."
    }
    fn metrics(&self) -> &'static [Metric] {
        &[]
    }
    fn cells(&self, _scope: &Scope) -> Vec<Params> {
        Vec::new()
    }
    fn round(&self, _backend: &Backend, _params: &Params) -> Answer<Round> {
        unreachable!("the program looks for it in vain")
    }
}
