//! A round in a process of its own, for what earlier rounds would spoil: memory above all.
//!
//! The parent starts the harness again with the hidden subcommand `one`; the child runs one round and
//! prints its answer as one line of JSON. Whether allocations are counted there is for the workload to
//! say, because counting costs time. This module does not know what the round measures.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::store::{Answer, Failure};
use crate::workload::{Params, Round, Workload};
use crate::{backend, child, wire, workload};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "one";

/// How long a round may take.
pub const LIMIT: Duration = Duration::from_secs(600);

/// Does one round of one cell in a child process that is this program again.
///
/// # Errors
/// What the round answered there; [`Failure::Failed`] too where the child died or took longer than [`LIMIT`].
pub fn round(workload: &dyn Workload, backend: &str, params: &Params) -> Answer<Round> {
    round_in(&std::env::current_exe()?, workload, backend, params, LIMIT)
}

/// [`round`] in a given program that serves the subcommand, within a given time.
///
/// # Errors
/// As [`round`].
pub fn round_in(
    program: &Path,
    workload: &dyn Workload,
    backend: &str,
    params: &Params,
    limit: Duration,
) -> Answer<Round> {
    let params = serde_json::to_string(params).map_err(Failure::failed)?;
    let mut command = Command::new(program);
    command.args([SUBCOMMAND, "--workload", workload.name(), "--backend", backend, "--params", &params]);
    answer(&mut command, workload, limit)
}

fn answer(command: &mut Command, workload: &dyn Workload, limit: Duration) -> Answer<Round> {
    let of_the_round = |text: String| Failure::failed(format!("the process of the round: {text}"));
    // What a panic says has to fit into a message; with the trace, run the subcommand by hand.
    command.env("RUST_BACKTRACE", "0");
    let ended = child::run(command, limit).map_err(|error| of_the_round(error.to_string()))?;
    // The answer is the only line; without it the end of the process says why.
    let line = ended.output.trim_end();
    if line.is_empty() {
        return Err(of_the_round(ended.told()));
    }
    let answer = wire::decode(line, workload.metrics());
    if answer.is_ok() && !ended.status.success() {
        return Err(of_the_round(ended.told()));
    }
    answer
}

/// What the child does: one round, its answer printed as one line. The exit code is 0 for a round and
/// for what a backend cannot do, 1 for a failure.
pub fn serve(workload: &str, backend: &str, params: &str) -> ExitCode {
    let answer = one(workload, backend, params);
    println!("{}", wire::encode(&answer));
    if matches!(answer, Err(Failure::Failed(_))) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn one(name: &str, backend: &str, params: &str) -> Answer<Round> {
    let unknown = |what: &str, name: &str| Failure::failed(format!("there is no {what} {name:?}"));
    let workload = workload::all().into_iter().find(|workload| workload.name() == name);
    let workload = workload.ok_or_else(|| unknown("workload", name))?;
    let of_name = backend::all().into_iter().find(|each| each.name == backend);
    let backend = of_name.ok_or_else(|| unknown("backend", backend))?;
    let params: Params = serde_json::from_str(params).map_err(Failure::failed)?;
    workload.round(&backend, &params)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::workload::{Metric, Scope};

    struct Counted;

    impl Workload for Counted {
        fn name(&self) -> &'static str {
            "counted"
        }
        fn about(&self) -> &'static str {
            "Is never run: only its metrics matter here."
        }
        fn metrics(&self) -> &'static [Metric] {
            const { &[Metric::time("drop")] }
        }
        fn cells(&self, _scope: &Scope) -> Vec<Params> {
            vec![Params::new()]
        }
        fn round(&self, _backend: &Backend, _params: &Params) -> Answer<Round> {
            unreachable!("a child answers for it")
        }
    }

    fn of(script: &str, limit: Duration) -> Answer<Round> {
        answer(Command::new("sh").args(["-c", script]), &Counted, limit)
    }

    #[test]
    fn the_answer_is_the_line_that_the_child_prints() {
        let long = Duration::from_secs(60);
        let round = of(r#"echo noise >&2; echo '{"values":{"drop":5},"checks":2}'"#, long).expect("a round");
        assert_eq!((round.values, round.checks), (vec![("drop", 5.0)], 2));
        let error = of(r#"echo '{"failed":"wrong bytes"}'; exit 1"#, long).expect_err("failed");
        assert_eq!(error.to_string(), "wrong bytes");
    }

    #[test]
    fn a_child_that_dies_or_hangs_fails_the_round_with_the_reason() {
        let long = Duration::from_secs(60);
        let said = |script, limit| match of(script, limit) {
            Err(Failure::Failed(cause)) => cause.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(said("echo 'out of luck' >&2; exit 101", long).contains("exit status: 101: out of luck"));
        assert!(said("kill -9 $$", long).contains("signal: 9"));
        assert!(said("exec sleep 100", Duration::from_millis(50)).contains("not ended after 0.05 s"));
        assert!(said(r#"echo '{"values":{},"checks":0}'; exit 1"#, long).contains("exit status: 1"));
        assert!(said("echo hello", long).contains("hello"));
    }
}
