//! The shell: the same commands, one a line, from a terminal or from a pipe.
//!
//! | module | one idea |
//! |---|---|
//! | `lex` | a line cut into words |
//! | `complete` | what the word before the cursor could become |
//! | `terminal` | prompt, history and editing |
//! | `script` | lines from a pipe |

mod complete;
mod lex;
mod script;
mod terminal;

use std::io::{self, IsTerminal};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::{Inner, Line, ShellArgs};
use crate::commands;
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::session::Session;

/// Runs the shell to its end, and returns the exit code.
///
/// # Errors
///
/// What ends it early: its input cannot be read, or a terminal cannot be written to.
pub fn run(mut session: Session, args: &ShellArgs, out: &mut Out) -> Outcome<i32> {
    session.reads_commands = true;
    let shell = Shell { session, before: None };
    if io::stdin().is_terminal() {
        terminal::run(shell, out)
    } else {
        script::run(shell, args.keep_going, out)
    }
}

/// What lives from line to line.
#[derive(Debug)]
struct Shell {
    session: Session,
    /// The directory before the last `cd`.
    before: Option<String>,
}

/// Whether there is another line to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    End,
}

impl Shell {
    /// Runs one line. An empty one does nothing.
    fn run_line(&mut self, line: &str, out: &mut Out) -> Outcome<Next> {
        let mut words = lex::split(line).map_err(|error| Failure::Message(error.to_string()))?;
        let Some(first) = words.first_mut() else { return Ok(Next::Line) };
        if first == "?" {
            *first = "help".into();
        }
        let command = match Line::try_parse_from(&words) {
            Ok(line) => line.command,
            Err(error) => return not_understood(error, &words[0], out).map(|()| Next::Line),
        };
        match command {
            Inner::Files(command) => commands::run(&mut self.session, command, out)?,
            Inner::Cd { path } => self.go_to(path.as_deref().unwrap_or("/"), out)?,
            Inner::Pwd => {
                let cwd = out.name(self.session.cwd()).into_owned();
                out.line(format_args!("{cwd}"))?;
            }
            Inner::Exit => {
                out.line(format_args!("Goodbye!"))?;
                return Ok(Next::End);
            }
        }
        Ok(Next::Line)
    }

    fn go_to(&mut self, given: &str, out: &mut Out) -> Outcome {
        let path = match given {
            "-" => self
                .before
                .clone()
                .ok_or_else(|| Failure::message("there is no directory before this one"))?,
            given => self.session.path(given),
        };
        // Fails with the engine's words where there is no such directory.
        self.session.view(None)?.read_dir(&path)?;
        self.before = Some(self.session.cwd().to_owned());
        if given == "-" {
            let path = out.name(&path).into_owned();
            out.line(format_args!("{path}"))?;
        }
        self.session.set_cwd(path);
        Ok(())
    }
}

/// Help is an answer, everything else that clap has to say is a failure.
fn not_understood(error: clap::Error, command: &str, out: &mut Out) -> Outcome {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => out.text(&error.render().to_string()),
        ErrorKind::InvalidSubcommand
            if Line::command().find_subcommand(command).is_none() && command != "help" =>
        {
            Err(Failure::UnknownCommand(command.to_owned()))
        }
        _ => Err(Failure::Usage(Box::new(error))),
    }
}
