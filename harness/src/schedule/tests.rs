//! The order of turns, and what becomes of every kind of answer, with workloads that only note who came.

use std::sync::{Arc, Mutex};

use super::*;
use crate::backend::{Backend, Side};
use crate::load::histogram;
use crate::store::Answer;
use crate::workload::{Extent, Metric};

const METRICS: [Metric; 2] = [Metric::time("time"), Metric::rate("rate")];

/// What the fake answers on a backend in the n-th round that the backend gets.
type Script = fn(&str, usize) -> Answer<Round>;

/// A workload that answers by a script and keeps the names of those who came.
struct Fake {
    visits: Arc<Mutex<Vec<&'static str>>>,
    cells: u64,
    script: Script,
}

impl Workload for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn about(&self) -> &'static str {
        "Notes who came."
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn cells(&self, _scope: &Scope) -> Vec<Params> {
        (0..self.cells).map(|cell| Params::new().number("cell", cell)).collect()
    }

    fn left_out(&self, backend: &Backend, _params: &Params, _scope: &Scope) -> Option<&'static str> {
        (backend.name == "D").then_some("takes hours")
    }

    fn round(&self, backend: &Backend, _params: &Params) -> Answer<Round> {
        let earlier = {
            let mut visits = self.visits.lock().expect("nobody panics with it");
            visits.push(backend.name);
            visits.iter().filter(|name| **name == backend.name).count()
        };
        (self.script)(backend.name, earlier)
    }
}

fn backend(name: &'static str) -> Box<dyn Runner> {
    let side = if name == "A" { Side::Arcfs } else { Side::Rival };
    let make = |_: &crate::backend::Setup| Err(Failure::Cannot("is a fake"));
    Box::new(Backend { name, about: "A fake.", side, make })
}

fn fine(value: f64) -> Round {
    let mut latencies = histogram();
    latencies.record(value as u64).expect("in bounds");
    let latencies = vec![("time", latencies)];
    Round { latencies, checks: 2, ..Round::default() }.value("time", value).value("rate", 1.0 / value)
}

/// Runs the script in so many cells of three rounds on A, B and C (and D, which is left out).
fn run(cells: u64, script: Script) -> (Outcome, String) {
    let visits = Arc::default();
    let fake = Fake { visits: Arc::clone(&visits), cells, script };
    let plan = Plan {
        scope: Scope { extent: Extent::Quick, large: false },
        rounds: 3,
        workloads: vec![Box::new(fake)],
        runners: ["A", "B", "C", "D"].into_iter().map(backend).collect(),
    };
    let outcome = plan.run(&mut Silent);
    let visits = visits.lock().expect("nobody panics with it").concat();
    (outcome, visits)
}

struct Silent;

impl Progress for Silent {}

fn cell<'run>(outcome: &'run Outcome, metric: &str, backend: &str) -> &'run Cell {
    let found = outcome.cells.iter().find(|cell| cell.metric == metric && cell.backend == backend);
    found.expect("every metric has a cell for each backend")
}

#[test]
fn backends_take_turns_within_a_cell_and_each_begins_once() {
    let (outcome, visits) = run(2, |_, visit| Ok(fine(visit as f64)));
    assert_eq!(visits, "ABCBACCAB".repeat(2));
    assert!(outcome.faults.is_empty());
    let order: Vec<String> = outcome
        .cells
        .iter()
        .map(|cell| format!("{}{}{}", cell.params.get("cell"), cell.metric, cell.backend))
        .collect();
    let expected: Vec<String> = ["0time", "0rate", "1time", "1rate"]
        .iter()
        .flat_map(|row| ["A", "B", "C", "D"].iter().map(move |backend| format!("{row}{backend}")))
        .collect();
    assert_eq!(order, expected);
}

#[test]
fn every_round_asks_everybody_once_and_changes_the_neighbours() {
    for count in 1..=11 {
        for round in 0..7 {
            let mut met: Vec<usize> = order(round, count).collect();
            assert_eq!(met[0], round % count);
            met.sort_unstable();
            assert!(met.into_iter().eq(0..count), "round {round} of {count}");
        }
    }
    let after_the_first = |round| order(round, 10).skip_while(|place| *place != 0).nth(1);
    let neighbours: std::collections::BTreeSet<_> = (0..4).map(after_the_first).collect();
    assert_eq!(neighbours.len(), 4, "{neighbours:?}");
}

#[test]
fn a_cell_has_the_samples_of_all_rounds_in_order() {
    let (outcome, _) = run(1, |_, visit| Ok(fine([30.0, 10.0, 20.0][visit - 1])));
    let cell = cell(&outcome, "time", "A");
    assert_eq!(cell.samples, [30.0, 10.0, 20.0]);
    assert_eq!((cell.median, cell.min, cell.max), (Some(20.0), Some(10.0), Some(30.0)));
    assert_eq!((cell.checks, cell.arcfs, &cell.empty), (6, true, &None));
    let latency = cell.latency.as_ref().expect("latencies of all rounds");
    assert_eq!((latency.count, latency.p50, latency.max), (3, 20, 30));
    assert!(!self::cell(&outcome, "time", "B").arcfs);
    assert_eq!(self::cell(&outcome, "rate", "A").latency, None);
}

#[test]
fn who_cannot_is_asked_once_in_each_cell_and_who_is_left_out_never() {
    let (outcome, visits) =
        run(2, |name, _| if name == "B" { Err(Failure::Cannot("has no sense")) } else { Ok(fine(1.0)) });
    assert_eq!(visits, "ABCACCA".repeat(2));
    assert!(outcome.faults.is_empty());
    let empty = |name| cell(&outcome, "time", name).empty.clone();
    assert_eq!(empty("B").as_deref(), Some("cannot: has no sense"));
    assert_eq!(empty("D").as_deref(), Some("left out: takes hours"));
    assert_eq!(cell(&outcome, "time", "B").samples, [] as [f64; 0]);
    assert_eq!(cell(&outcome, "time", "C").samples.len(), 3);
}

#[test]
fn who_fails_loses_the_cell_and_the_run_goes_on() {
    let (outcome, visits) = run(1, |name, visit| match (name, visit) {
        ("A", 2) => Err(Failure::failed("wrong bytes")),
        ("B", 1) => Err(Failure::Full),
        _ => Ok(fine(1.0)),
    });
    assert_eq!(visits, "ABCACC");
    let faults: Vec<String> = outcome.faults.iter().map(Fault::to_string).collect();
    assert_eq!(
        faults,
        ["fake cell=0 on B, round 1: the limit is reached", "fake cell=0 on A, round 2: wrong bytes"]
    );
    let a = cell(&outcome, "time", "A");
    assert_eq!(a.empty.as_deref(), Some("failed in round 2: wrong bytes"));
    assert_eq!((a.samples.len(), a.median, &a.latency), (0, None, &None));
    assert_eq!(cell(&outcome, "time", "C").samples.len(), 3);
}

#[test]
fn a_panic_is_a_failure_with_its_message() {
    let (outcome, visits) =
        run(1, |name, visit| if name == "C" { panic!("lost {visit} bytes") } else { Ok(fine(1.0)) });
    assert_eq!(visits, "ABCBAAB");
    assert_eq!(outcome.faults.len(), 1);
    assert_eq!(outcome.faults[0].message, "panicked: lost 1 bytes");
}

#[test]
fn answers_that_cannot_be_figures_are_failures() {
    let check = |script: Script, expected: &str| {
        let (outcome, _) = run(1, script);
        assert_eq!(outcome.faults.len(), 3, "one for each backend that is asked");
        assert_eq!(outcome.faults[0].message, expected);
        assert!(outcome.cells.iter().all(|cell| cell.samples.is_empty() && cell.empty.is_some()));
    };
    check(|_, _| Ok(fine(1.0).value("odd", 1.0)), "the workload has no metric odd");
    check(|_, _| Ok(fine(1.0).value("time", 1.0)), "time has two values in a round");
    check(
        |_, _| Ok(Round { checks: 1, ..Round::default() }.value("time", f64::NAN)),
        "the value of time is NaN",
    );
    check(|_, _| Ok(Round { checks: 0, ..fine(1.0) }), "measured something and checked no answer");
    let fickle: Script = |_, visit| if visit == 1 { Ok(fine(1.0)) } else { Err(Failure::Cannot("is tired")) };
    check(fickle, "could do it 1 time(s) and now cannot: is tired");
}

#[test]
fn a_figure_has_a_sample_of_every_round_or_none() {
    let (outcome, _) = run(1, |name, visit| {
        let mut round = fine(1.0);
        match name {
            "A" => drop(round.values.pop()),
            "B" => {
                round.values.pop();
                round.cannot.push(("rate", "does not count"));
            }
            _ if visit == 3 => drop(round.values.pop()),
            _ => {}
        }
        Ok(round)
    });
    assert!(outcome.faults.is_empty());
    let empty = |name| cell(&outcome, "rate", name).empty.clone();
    assert_eq!(empty("A").as_deref(), Some("no value in round 1"));
    assert_eq!(empty("B").as_deref(), Some("cannot: does not count"));
    assert_eq!(empty("C").as_deref(), Some("no value in round 3"));
    assert!(outcome.cells.iter().filter(|cell| cell.metric == "rate").all(|cell| cell.samples.is_empty()));
    assert_eq!(cell(&outcome, "time", "A").samples.len(), 3);
}

#[test]
fn progress_counts_every_turn_also_those_that_are_skipped() {
    #[derive(Default)]
    struct Count {
        planned: usize,
        of_cells: usize,
        done: usize,
        turns: usize,
    }
    impl Progress for Count {
        fn begin(&mut self, rounds: usize) {
            self.planned = rounds;
        }
        fn cell(&mut self, _workload: &str, _params: &Params, rounds: usize) {
            self.of_cells += rounds;
        }
        fn turn(&mut self, _backend: &str, _round: usize) {
            self.turns += 1;
        }
        fn done(&mut self) {
            self.done += 1;
        }
    }
    let fake = Fake { visits: Arc::default(), cells: 2, script: |_, _| Ok(fine(1.0)) };
    let plan = Plan {
        scope: Scope { extent: Extent::Quick, large: false },
        rounds: 2,
        workloads: vec![Box::new(fake)],
        runners: ["A", "D"].into_iter().map(backend).collect(),
    };
    let mut count = Count::default();
    plan.run(&mut count);
    assert_eq!((count.planned, count.of_cells, count.done, count.turns), (8, 8, 8, 4));
}
