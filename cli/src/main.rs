//! `arcfs`: the command line and the shell of the arcfs filesystem.
//!
//! | module | one idea |
//! |---|---|
//! | `args` | every command with its arguments, once, for the command line and the shell |
//! | `session` | the filesystem between commands: load, look, change and save |
//! | `state` | the file that it is kept in, its lock and its place |
//! | `view` | a tree to look at, in memory or in that file |
//! | `commands` | what each command does |
//! | `shell` | reading commands from a terminal or a pipe |
//! | `output`, `failure`, `progress` | what is said, to whom, and how it ends |
//! | `archives`, `host`, `json_state` | forms that trees come in and leave in |
//! | `paths`, `sizes`, `times` | how people write and read them |

mod archives;
mod args;
mod commands;
mod documents;
mod failure;
mod host;
mod json_state;
mod output;
mod paths;
mod progress;
mod session;
mod shell;
mod sizes;
mod state;
mod times;
mod view;

use std::process;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Top};
use crate::failure::Outcome;
use crate::output::Out;
use crate::session::Session;
use crate::state::Store;

fn main() {
    let cli = Cli::parse();
    if cli.shell && !matches!(cli.command, None | Some(Top::Shell(_))) {
        let text =
            "--shell starts the shell, which reads its commands itself; leave out the one or the other";
        Cli::command().error(ErrorKind::ArgumentConflict, text).exit();
    }
    let mut out = Out::new(cli.global.color, cli.global.quiet);
    let done = run(cli, &mut out);
    // What was said before something failed comes first, also on one terminal.
    let said = out.flush();
    let code = done.and_then(|code| said.map(|()| code)).unwrap_or_else(|failure| failure.report());
    // The filesystem is not taken apart: the process ends, and its memory with it.
    process::exit(code);
}

/// Runs what the command line asks for, and returns the exit code.
fn run(cli: Cli, out: &mut Out) -> Outcome<i32> {
    let Some(command) = cli.command.or(cli.shell.then(Top::shell)) else {
        out.text(&Cli::command().render_help().to_string())?;
        return Ok(1);
    };
    let session = || Store::locate(cli.global.state).map(Session::new);
    match command {
        Top::Completions { shell } => documents::completions(shell, out)?,
        Top::Man { command, directory } => documents::man(command.as_deref(), directory.as_deref(), out)?,
        Top::Shell(args) => return shell::run(session()?, &args, out),
        Top::Files(command) => {
            // Kept from being dropped: see `main`.
            let session = Box::leak(Box::new(session()?));
            commands::run(session, command, out)?;
        }
    }
    Ok(0)
}
