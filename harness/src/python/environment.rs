//! A virtual environment with the package in it, made once and used again.
//!
//! This module knows nothing of the cases.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Error;
use crate::child::{self, Ended};

/// The package and the version that the cases are written for.
pub const REQUIREMENT: &str = "D-MemFS==0.4.1";

const CREATE_LIMIT: Duration = Duration::from_secs(120);
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// The interpreter of an environment in `directory` that has the package; made with `program` where it
/// is not there yet.
///
/// # Errors
/// Every [`Error`] but those of a running session.
pub fn prepare(program: &str, directory: &Path) -> Result<PathBuf, Error> {
    let interpreter = directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if has_package(&interpreter) {
        return Ok(interpreter);
    }
    create(program, directory)?;
    install(&interpreter)?;
    if has_package(&interpreter) {
        Ok(interpreter)
    } else {
        Err(Error::Package(format!("it was installed, but {} cannot import it", interpreter.display())))
    }
}

fn has_package(interpreter: &Path) -> bool {
    let script = "import dmemfs; print(dmemfs.__version__)";
    let ended = child::run(Command::new(interpreter).args(["-I", "-c", script]), CREATE_LIMIT);
    ended.is_ok_and(|ended| {
        let version = ended.output.trim();
        ended.status.success() && REQUIREMENT.split_once("==").is_some_and(|(_, wanted)| version == wanted)
    })
}

/// Makes an empty environment; a broken one is replaced, anything else left alone.
fn create(program: &str, directory: &Path) -> Result<(), Error> {
    let strange = directory.exists() && !directory.join("pyvenv.cfg").exists();
    if strange && !directory.read_dir().is_ok_and(|mut entries| entries.next().is_none()) {
        return Err(Error::NotAnEnvironment(directory.to_owned()));
    }
    let ended = run(Command::new(program).args(["-m", "venv", "--clear"]).arg(directory), CREATE_LIMIT)?;
    // What is missing is said on standard output by some versions, on standard error by others.
    if ended.status.success() { Ok(()) } else { Err(Error::NoVenv(both(&ended))) }
}

fn install(interpreter: &Path) -> Result<(), Error> {
    let mut pip = Command::new(interpreter);
    pip.args(["-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    let ended = run(pip.args(["--retries", "1", "--timeout", "15", REQUIREMENT]), INSTALL_LIMIT)?;
    if ended.status.success() {
        return Ok(());
    }
    let said = both(&ended);
    // pip says "no matching distribution" in both cases; only the warnings before it tell them apart.
    let unreachable =
        ["connection broken", "NewConnectionError", "Max retries", "ProxyError", "Could not fetch URL"];
    let unreachable = unreachable.iter().any(|sign| said.contains(sign));
    Err(if unreachable { Error::Registry(said) } else { Error::Package(said) })
}

fn run(command: &mut Command, limit: Duration) -> Result<Ended, Error> {
    child::run(command, limit).map_err(|error| match error {
        child::Error::TimedOut(limit) => Error::TimedOut(limit),
        error => Error::Start(error.to_string()),
    })
}

fn both(ended: &Ended) -> String {
    format!("{} {}", ended.output.trim(), ended.told()).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interpreter_is_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = prepare("no-such-python", &directory.path().join("env")).expect_err("no interpreter");
        assert!(matches!(&error, Error::Start(text) if text.contains("no-such-python")), "{error}");
    }

    #[test]
    fn a_directory_of_somebody_else_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let precious = directory.path().join("precious");
        std::fs::write(&precious, "data").expect("writable");
        let error = prepare("python3", directory.path()).expect_err("not an environment");
        assert!(matches!(error, Error::NotAnEnvironment(_)), "{error}");
        assert!(precious.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_python_without_venv_says_so() {
        // `false -m venv ...` is an interpreter that refuses.
        let directory = tempfile::tempdir().expect("a directory");
        let error = prepare("false", &directory.path().join("env")).expect_err("no venv");
        assert!(matches!(&error, Error::NoVenv(text) if text.contains("exit status: 1")), "{error}");
    }
}
