//! The same cases on D-MemFS, the Python package they come from, timed inside Python.
//!
//! A number from here says what a Python program would wait for; beside one from Rust it compares two
//! languages as much as two stores, so everything is labelled [`NAME`]. The rules of measuring are in
//! `cases.py`: no tracing, the garbage collector on, only calls of the package timed.

mod environment;
mod session;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use environment::REQUIREMENT;
use session::Session;

use crate::store::{Answer, Failure};
use crate::wire;
use crate::workload::{Params, Round, Workload};

/// The name of the backend in results.
pub const NAME: &str = "python-d-memfs";

/// One sentence for people.
pub const ABOUT: &str = "D-MemFS, called and timed inside Python";

const PROGRAM: &str = if cfg!(windows) { "python" } else { "python3" };
const CASES: &str = include_str!("cases.py");
const START_LIMIT: Duration = Duration::from_secs(60);
const ROUND_LIMIT: Duration = Duration::from_secs(600);

/// Why the cases do not run in Python.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no interpreter, or it does not start.
    #[error("no Python: {0}")]
    Start(String),
    /// The interpreter makes no virtual environments.
    #[error("this Python makes no virtual environments (Debian has them in python3-venv): {0}")]
    NoVenv(String),
    /// The directory holds something else, which is left alone.
    #[error("{} is not a virtual environment; remove it or choose another directory", .0.display())]
    NotAnEnvironment(PathBuf),
    /// The package registry cannot be reached.
    #[error("the package registry cannot be reached for {REQUIREMENT}: {0}")]
    Registry(String),
    /// The registry has no such package for this interpreter, or it does not work.
    #[error("cannot install {REQUIREMENT}, which needs Python 3.11: {0}")]
    Package(String),
    /// The interpreter ended.
    #[error("the Python interpreter ended: {0}")]
    Died(String),
    /// Something took too long.
    #[error("Python did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The interpreter did not say what it is.
    #[error("the Python interpreter began with {0:?}")]
    Greeting(String),
}

/// What the interpreter says first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    python: String,
    package: String,
}

/// What it is asked.
#[derive(Serialize)]
struct Question<'a> {
    workload: &'a str,
    params: &'a Params,
}

/// A running interpreter that has the package.
#[derive(Debug)]
pub struct Python {
    session: Session,
    greeting: Greeting,
}

impl Python {
    /// Starts an interpreter in the virtual environment in `directory`. Where it is not there yet it is
    /// made, and the package installed from the registry.
    ///
    /// # Errors
    /// See [`enum@Error`]: everything here has its own.
    pub fn start(directory: &Path) -> Result<Self, Error> {
        let interpreter = environment::prepare(PROGRAM, directory)?;
        // Isolated: neither variables of the environment nor packages of the user change what runs.
        Self::run(Command::new(interpreter).args(["-I", "-c", CASES]))
    }

    fn run(command: &mut Command) -> Result<Self, Error> {
        let mut session = Session::start(command)?;
        let line = session.next(START_LIMIT)?;
        let greeting = serde_json::from_str(&line).map_err(|_| Error::Greeting(line))?;
        Ok(Self { session, greeting })
    }

    /// Implementation and version of the interpreter.
    pub fn interpreter(&self) -> &str {
        &self.greeting.python
    }

    /// The version of the package.
    pub fn package(&self) -> &str {
        &self.greeting.package
    }

    /// Does one round of one cell there.
    ///
    /// # Errors
    /// [`Failure::Cannot`] for a workload that has no case in Python; [`Failure::Failed`] where an answer
    /// was wrong, or the interpreter died or took too long: then every later round fails as well.
    pub fn round(&mut self, workload: &dyn Workload, params: &Params) -> Answer<Round> {
        let question = Question { workload: workload.name(), params };
        let question = serde_json::to_string(&question).map_err(Failure::failed)?;
        let line = self.session.ask(&question, ROUND_LIMIT).map_err(Failure::failed)?;
        wire::decode(&line, workload.metrics())
    }
}

#[cfg(test)]
mod tests;
