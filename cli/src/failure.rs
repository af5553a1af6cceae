//! How a command ends when it does not end well.

use std::fmt;
use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Style};

/// The result of a command or of a part of it.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// The engine refused.
    Engine(arcfs::Error),
    /// The host refused; what was attempted, and its error.
    Host { attempt: String, source: io::Error },
    /// Standard output takes nothing more, and its error.
    Output(io::Error),
    /// Something that only the command line knows of.
    Message(String),
    /// It was done, but for so many entries that could not be brought or written.
    Incomplete { left_out: usize },
    /// A line of the shell that is no command; what clap says about it.
    Usage(Box<clap::Error>),
    /// A line of the shell that starts with no command.
    UnknownCommand(String),
    /// Whoever read the output wants no more of it. No error: the work is done.
    ClosedPipe,
}

impl Failure {
    pub fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// An error met while writing to standard output.
    pub fn output(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Output(source),
        }
    }

    /// The exit code; 2 for what was not understood, as clap and argparse have it.
    pub fn code(&self) -> i32 {
        match self {
            Self::ClosedPipe => 0,
            Self::Usage(error) if error.exit_code() == 0 => 0,
            Self::Usage(_) | Self::UnknownCommand(_) => 2,
            Self::Incomplete { .. } => 3,
            Self::Engine(_) | Self::Host { .. } | Self::Output(_) | Self::Message(_) => 1,
        }
    }

    /// Says what happened on standard error, and returns the exit code.
    pub fn report(&self) -> i32 {
        match self {
            Self::UnknownCommand(_) => remark(&self.to_string()),
            _ if self.code() != 0 => complain(&self.to_string()),
            _ => {}
        }
        self.code()
    }
}

/// Writes `Error: ` and a text to standard error, red where that is a terminal that may be coloured.
pub fn complain(text: &str) {
    say("Error:", AnsiColor::Red, text);
}

/// Writes `Warning: ` and a text to standard error, yellow where the other is red.
pub fn warn(text: &str) {
    say("Warning:", AnsiColor::Yellow, text);
}

fn say(mark: &str, colour: AnsiColor, text: &str) {
    let style = if crate::output::may_colour(io::stderr().is_terminal()) {
        colour.on_default().bold()
    } else {
        Style::new()
    };
    // With standard error closed there is nobody left to tell.
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{style}{mark}{style:#} {text}\n"));
}

/// Writes a remark to standard error; never part of what a program reads.
pub fn remark(text: &str) {
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{text}\n"));
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Host { attempt, source } => write!(f, "{attempt}: {source}"),
            Self::Output(source) => write!(f, "cannot write to standard output: {source}"),
            Self::Message(text) => f.write_str(text),
            Self::Usage(error) => {
                let text = error.render().to_string();
                f.write_str(text.strip_prefix("error: ").unwrap_or(&text).trim_end())
            }
            Self::UnknownCommand(command) => {
                write!(f, "Unknown command: {command}\nType 'help' for a list of commands.")
            }
            Self::Incomplete { left_out: 1 } => f.write_str("one entry was left out"),
            Self::Incomplete { left_out } => write!(f, "{left_out} entries were left out"),
            Self::ClosedPipe => f.write_str("the output was closed"),
        }
    }
}

impl From<arcfs::Error> for Failure {
    fn from(error: arcfs::Error) -> Self {
        Self::Engine(error)
    }
}

/// Says what was attempted when the host refused.
pub trait Attempt<T> {
    /// # Errors
    ///
    /// [`Failure::Host`] with the text for the error that there is.
    fn attempt(self, text: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, text: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|source| Failure::Host { attempt: text(), source })
    }
}
