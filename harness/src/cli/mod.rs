//! The command line: one file for each subcommand, and how errors become exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all is well |
//! | 1 | an answer was wrong, or a regression was found |
//! | 2 | bad input, or an environment in which the command cannot work |

mod ab;
mod compare;
mod gate;
mod history;
mod list;
mod present;
mod progress;
mod report;
mod run;
mod select;
mod target;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::isolate;

/// What a subcommand answers.
type Execution = Result<ExitCode, Failure>;

/// Why a subcommand could not do its work.
type Failure = Box<dyn Error + Send + Sync>;

/// What `--help` says of exit codes.
const CODES: &str = "Exit codes: 0 all is well; 1 an answer was wrong, or something regressed; 2 bad input, or an \
                     environment in which the command cannot work";

/// Compares arcfs with temporary files and in-memory stores, and catches regressions.
#[derive(Debug, Parser)]
#[command(name = "arcfs-harness", version, max_term_width = 110, after_help = CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Options),
    Report(report::Options),
    List(list::Options),
    Compare(compare::Options),
    Ab(ab::Options),
    Gate(gate::Options),
    History(history::Options),
    /// One round of one cell, for the parent process that asked for it.
    #[command(name = isolate::SUBCOMMAND, hide = true)]
    One {
        #[arg(long)]
        workload: String,
        #[arg(long)]
        backend: String,
        #[arg(long)]
        params: String,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let execution = match &cli.command {
        Command::Run(options) => run::execute(options),
        Command::Report(options) => report::execute(options),
        Command::List(options) => list::execute(options),
        Command::Compare(options) => compare::execute(options),
        Command::Ab(options) => ab::execute(options),
        Command::Gate(options) => gate::execute(options),
        Command::History(options) => history::execute(options),
        Command::One { workload, backend, params } => Ok(isolate::serve(workload, backend, params)),
    };
    execution.unwrap_or_else(|error| {
        complain(&format!("error: {}", chain(&*error)));
        ExitCode::from(2)
    })
}

/// Writes to standard output; a full disk behind it is an error like any other. Where whoever read it has
/// seen enough and is gone, nothing is wrong, and the exit code is still that of the command.
///
/// Results may come from anywhere, so what a terminal would obey is shown instead.
fn print(text: &str) -> Result<(), Unwritable> {
    let mut output = io::stdout().lock();
    let text = crate::report::text::lines(text.trim_end());
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(Unwritable(cause)),
        _ => Ok(()),
    }
}

/// Standard output took nothing.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct Unwritable(#[source] io::Error);

/// Writes to standard error. There is nobody left to tell where that fails.
fn complain(text: &str) {
    let _untold = writeln!(io::stderr(), "{}", crate::report::text::lines(text));
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}\n  because: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn conflicting_and_impossible_options_are_refused() {
        let check = |line: &str, valid: bool| {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert_eq!(parsed.is_ok(), valid, "{line}: {parsed:?}");
        };
        check("arcfs-harness run", true);
        check("arcfs-harness run --full --large --rounds 7 --name a.b-c_1 --out x --force", true);
        check("arcfs-harness run --workload a* --workload b --backend c", true);
        check("arcfs-harness run --quick --full", false);
        check("arcfs-harness run --smoke --quick", false);
        check("arcfs-harness run --quick --large", false);
        check("arcfs-harness run --smoke --rounds 2", false);
        check("arcfs-harness run --rounds 0", false);
        check("arcfs-harness run --rounds -1", false);
        check("arcfs-harness run --rounds 100000", false);
        for name in ["../x", "a/b", "", ".", "..", ".hidden", "a.json", "a b", "a\\b"] {
            let parsed = Cli::try_parse_from(["arcfs-harness", "run", "--name", name]);
            assert!(parsed.is_err(), "{name:?}");
        }
        check("arcfs-harness", false);
        check("arcfs-harness frobnicate", false);
    }
}
