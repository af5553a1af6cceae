//! The cases on a stand-in for the package, right and wrong, and on the package itself where it can be had.

use std::process::Command;

use super::{CASES, Error, Python};
use crate::backend::Backend;
use crate::store::{Answer, Failure};
use crate::workload::{self, Extent, Isolation, Metric, Params, Round, Scope, Workload};

const FAKE: &str = include_str!("fake.py");

/// A workload that only has a name and what the cases give.
struct Case(&'static str);

impl Workload for Case {
    fn name(&self) -> &'static str {
        self.0
    }
    fn about(&self) -> &'static str {
        "Runs in Python only."
    }
    fn metrics(&self) -> &'static [Metric] {
        const {
            &[
                Metric::time("total"),
                Metric::time("write"),
                Metric::time("read"),
                Metric::time("read-zero-copy"),
                Metric::time("write-again"),
                Metric::time("mixed"),
            ]
        }
    }
    fn cells(&self, _scope: &Scope) -> Vec<Params> {
        Vec::new()
    }
    fn round(&self, _backend: &Backend, _params: &Params) -> Answer<Round> {
        unreachable!("Python answers for it")
    }
}

/// Every case, as small as it can be, with the number of answers that one repetition checks.
fn cases() -> [(Case, Params, u64); 6] {
    let files = |files| Params::new().number("files", files).number("size", 4096);
    let stream = |size| Params::new().number("size", size).number("piece", 65_536);
    let random = Params::new().number("size", 65_536).number("piece", 4096).number("operations", 32);
    let deep =
        Params::new().number("depth", 50).number("size", 1024).number("reads", 60).number("writes", 36);
    [
        (Case("small-files"), files(24), 2 * 24),
        (Case("many-files"), files(48), 2 * 48),
        (Case("stream"), stream(524_288), 2 * 8 + 1),
        (Case("large-stream"), stream(1 << 20), 2 * 16 + 1),
        (Case("random-access"), random, 1), // its phases have as many passes as they need
        (Case("deep-read"), deep, 3 + 2 * 60 + 4),
    ]
}

/// An interpreter with a stand-in that has a fault; `None`, said aloud, where there is no Python.
fn fake(fault: &str) -> Option<Python> {
    let script = format!("{FAKE}\n{CASES}");
    match Python::run(Command::new("python3").args(["-I", "-c", &script, fault])) {
        Ok(python) => Some(python),
        Err(error @ Error::Start(_)) => {
            eprintln!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn every_case(python: &mut Python) {
    for (case, params, checks) in cases() {
        let name = case.0;
        let round = python.round(&case, &params).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(round.checks >= checks && round.checks.is_multiple_of(checks), "{name}: {}", round.checks);
        let value = |metric| round.values.iter().find(|(found, _)| *found == metric).map(|(_, value)| *value);
        let [write, read, total] = ["write", "read", "total"].map(|metric| value(metric).expect("a time"));
        assert!(write > 0.0 && read > 0.0 && (write + read - total).abs() < 1.0, "{name}: {round:?}");
        for metric in ["mixed", "write-again"] {
            assert_eq!(value(metric).is_some(), name == "random-access", "{name}");
        }
        let lends_nothing = round.cannot.iter().any(|(metric, _)| *metric == "read-zero-copy");
        assert_eq!(lends_nothing, name.ends_with("-files"), "{name}");
    }
}

#[test]
fn every_case_is_timed_and_checked() {
    let Some(mut python) = fake("none") else { return };
    assert!(python.interpreter().contains('3') && python.package() == "fake");
    every_case(&mut python);
    let (case, params, _) = &cases()[0];
    let other = python.round(&Case("contention"), params);
    assert!(matches!(other, Err(Failure::Cannot(_))), "{other:?}");
    let missing = python.round(case, &Params::new()).expect_err("no parameters");
    assert!(missing.to_string().contains("KeyError"), "{missing}");
}

#[test]
fn the_workloads_of_these_names_ask_for_what_the_cases_know() {
    let Some(mut python) = fake("none") else { return };
    let known = cases().map(|(case, ..)| case.0);
    let scope = Scope { extent: Extent::Smoke, large: false };
    for workload in workload::all() {
        let name = workload.name();
        for params in workload.cells(&scope) {
            match python.round(&*workload, &params) {
                Ok(round) => {
                    let told = round.values.len() + round.cannot.len();
                    assert_eq!(told, workload.metrics().len(), "{name} {params}");
                }
                Err(Failure::Cannot(_)) => {
                    let isolated = workload.isolation(&params) == Isolation::Process;
                    assert!(isolated || !known.contains(&name), "{name} {params}");
                }
                Err(error) => panic!("{name} {params}: {error}"),
            }
        }
    }
}

#[test]
fn wrong_answers_fail_in_every_case_and_a_full_store_is_full() {
    for fault in ["short", "stale", "torn", "lost"] {
        let Some(mut python) = fake(fault) else { return };
        for (case, params, _) in cases() {
            if fault == "lost" && !matches!(case.0, "stream" | "large-stream" | "random-access") {
                continue; // only later pieces get lost
            }
            let failed = python.round(&case, &params);
            let Err(Failure::Failed(cause)) = failed else { panic!("{fault} {}: {failed:?}", case.0) };
            assert!(cause.to_string().starts_with("Wrong: "), "{fault} {}: {cause}", case.0);
        }
    }
    let Some(mut python) = fake("full") else { return };
    let (case, params, _) = &cases()[0];
    assert!(matches!(python.round(case, params), Err(Failure::Full)));
}

#[test]
fn an_interpreter_that_dies_in_a_round_says_why() {
    let Some(mut python) = fake("dies") else { return };
    let (case, params, _) = &cases()[0];
    for _ in 0..2 {
        let error = python.round(case, params).expect_err("dead").to_string();
        assert!(error.contains("exit status: 1") && error.contains("had enough"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_the_cases_is_refused() {
    let error = Python::run(Command::new("sh").args(["-c", "echo hello"])).expect_err("no greeting");
    assert!(matches!(&error, Error::Greeting(line) if line == "hello"), "{error}");
    let error = Python::run(Command::new("sh").args(["-c", "echo broken >&2; exit 3"])).expect_err("dead");
    assert!(matches!(&error, Error::Died(text) if text.contains("exit status: 3: broken")), "{error}");
}

#[test]
fn the_package_itself_answers_every_case() {
    let directory = tempfile::tempdir().expect("a directory");
    let environment = directory.path().join("environment");
    let mut python = match Python::start(&environment) {
        Ok(python) => python,
        // What a machine may lack; everything else is a mistake of ours.
        Err(error @ (Error::Start(_) | Error::NoVenv(_) | Error::Registry(_) | Error::TimedOut(_))) => {
            eprintln!("SKIPPED: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(super::REQUIREMENT.ends_with(python.package()));
    every_case(&mut python);
    Python::start(&environment).expect("what is there is used again");
}
