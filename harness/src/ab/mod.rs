//! Two builds of the engine, run in turns.
//!
//! The clock of the processor, the neighbours on the host and the cores that it gives change within
//! minutes, so builds that are compared run in turns of a few seconds, A B B A A B B A: what drifts
//! reaches both, and neighbouring turns make the pairs. Each turn is a process of its own, so that
//! luck with the layout of memory evens out over the turns too.
//!
//! [`build`] makes the two programs, [`turn`] is what one of them does in a turn, [`paths`] what is
//! measured by default. Statistics are in [`crate::compare`].

pub mod build;
pub mod paths;
pub mod turn;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::results::schema::{Cell, Meta, Run, VERSION};

/// Why two builds could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be started.
    #[error("cannot run {program}")]
    Start {
        /// Its name.
        program: String,
        /// What the operating system answered.
        #[source]
        cause: std::io::Error,
    },
    /// git refused.
    #[error("git {command} failed: {answer}")]
    Git {
        /// What was asked.
        command: String,
        /// What it answered.
        answer: String,
    },
    /// The current directory is not in the repository of arcfs.
    #[error("`ab` builds revisions with git, so it must run inside the repository of arcfs: {0}")]
    Elsewhere(String),
    /// The revision is none.
    #[error("{0:?} is no commit of this repository; WORKTREE or . means the working tree as it is")]
    Revision(String),
    /// The files of the harness could not be laid over the revision.
    #[error("cannot lay the harness over {revision}: {path}")]
    Overlay {
        /// The revision.
        revision: String,
        /// The file.
        path: String,
        /// What the operating system answered.
        #[source]
        cause: std::io::Error,
    },
    /// The revision is not a workspace that a harness can join.
    #[error("{0} is too old: its Cargo.toml has no workspace with members")]
    NoWorkspace(String),
    /// The compiler refused.
    #[error(
        "{revision} does not build with the harness of this checkout; where the code of the harness is at \
         fault, the engine of {revision} is too old for it. The compiler's last lines:\n{lines}"
    )]
    Build {
        /// The revision.
        revision: String,
        /// The end of what the compiler said.
        lines: String,
    },
    /// A turn failed.
    #[error("a turn of {revision} failed ({status}): {answer}")]
    Turn {
        /// The revision.
        revision: String,
        /// How the process ended.
        status: String,
        /// What it said last.
        answer: String,
    },
}

/// A program to be compared.
#[derive(Clone, Debug)]
pub struct Side {
    /// How it is called for people.
    pub name: String,
    /// The program.
    pub program: std::path::PathBuf,
}

/// Runs both sides in turns, and gives what each measured, one sample a turn.
///
/// The first turn of each is thrown away: the host reads the program from the disk then. `done` is told the number
/// of finished pairs.
///
/// # Errors
/// [`Error::Start`] and [`Error::Turn`].
pub fn in_turns(
    sides: [&Side; 2],
    pairs: usize,
    arguments: &[String],
    mut done: impl FnMut(usize),
) -> Result<[Run; 2], Error> {
    for side in sides {
        one_turn(side, arguments)?;
    }
    let mut runs = [empty(pairs), empty(pairs)];
    for pair in 0..pairs {
        for which in order(pair) {
            add(&mut runs[which], one_turn(sides[which], arguments)?);
        }
        done(pair + 1);
    }
    Ok(runs)
}

/// A B, then B A, and again.
fn order(pair: usize) -> [usize; 2] {
    if pair.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

fn empty(rounds: usize) -> Run {
    Run { schema: VERSION, meta: Meta { rounds, ..Meta::default() }, cells: Vec::new() }
}

/// Adds the samples of a turn to those before.
fn add(run: &mut Run, cells: Vec<Cell>) {
    for cell in cells {
        let same = |other: &&mut Cell| {
            (&other.workload, &other.params, &other.metric, &other.backend)
                == (&cell.workload, &cell.params, &cell.metric, &cell.backend)
        };
        match run.cells.iter_mut().find(same) {
            Some(known) => {
                known.samples.extend(cell.samples);
                known.checks += cell.checks;
            }
            None => run.cells.push(cell),
        }
    }
}

fn one_turn(side: &Side, arguments: &[String]) -> Result<Vec<Cell>, Error> {
    let output = run(&side.program, arguments)?;
    let failed = |answer: String| Error::Turn {
        revision: side.name.clone(),
        status: output.status.to_string(),
        answer,
    };
    if !output.status.success() {
        return Err(failed(last_lines(&output.stderr, 5)));
    }
    serde_json::from_slice(&output.stdout).map_err(|cause| failed(format!("its output is no turn: {cause}")))
}

fn run(program: &Path, arguments: &[String]) -> Result<std::process::Output, Error> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.map_err(|cause| Error::Start { program: program.display().to_string(), cause })
}

/// The last lines of what a program wrote.
fn last_lines(text: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_a_b_b_a() {
        let turns: Vec<usize> = (0..4).flat_map(order).collect();
        assert_eq!(turns, [0, 1, 1, 0, 0, 1, 1, 0]);
    }

    #[test]
    fn the_last_lines_are_kept() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines(b"a", 2), "a");
    }

    #[test]
    fn samples_of_turns_are_put_together() {
        let mut run = empty(3);
        for _ in 0..3 {
            let cells = turn::cells(&paths::all(), &["arcfs-calls".to_owned()], true).expect("right answers");
            add(&mut run, cells);
        }
        assert!(run.cells.iter().all(|cell| cell.samples.len() == 3), "{:?}", run.cells);
        assert!(run.cells.iter().any(|cell| cell.workload == "ab-contention"));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_or_babbles_is_an_error() {
        for program in ["/bin/false", "/bin/echo", "/nowhere"] {
            let side = Side { name: "x".to_owned(), program: program.into() };
            assert!(one_turn(&side, &[]).is_err(), "{program}");
        }
    }
}
