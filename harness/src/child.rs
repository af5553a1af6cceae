//! Child processes that end, or are ended.
//!
//! Output is taken while the child runs, so a full pipe never stops it. This module does not know what
//! the output means.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How much of what a child complained is kept: the end of it, where the reason is.
const COMPLAINT: usize = 2000;

/// Why a child gave no output that counts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("cannot start {program}: {cause}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("killed because it had not ended after {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// Its output could not be read, or its end not be awaited.
    #[error("lost a child process: {0}")]
    Lost(#[source] io::Error),
}

/// What a child that ended left.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub output: String,
    /// The end of its standard error.
    pub complaint: String,
}

impl Ended {
    /// How it ended, with what it complained, as one text for people.
    pub fn told(&self) -> String {
        told(self.status, &self.complaint)
    }
}

/// How a child ended, with what it complained, as one text for people.
pub fn told(status: ExitStatus, complaint: &str) -> String {
    let hint = if killed(status) { " (the kernel does this when memory runs out)" } else { "" };
    let complaint = complaint.trim();
    if complaint.is_empty() { format!("{status}{hint}") } else { format!("{status}{hint}: {complaint}") }
}

/// Whether it was killed by a signal that nobody can refuse.
fn killed(status: ExitStatus) -> bool {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    #[cfg(not(unix))]
    return false;
}

/// Runs a child to its end, with nothing to read, and kills it after `limit`.
///
/// # Errors
/// See [`enum@Error`]. A child that ends with a failure is no error here.
pub fn run(command: &mut Command, limit: Duration) -> Result<Ended, Error> {
    let until = Instant::now() + limit;
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(start(piped)?);
    let output = collect(child.0.stdout.take());
    let complaint = collect(child.0.stderr.take());
    let output = match output.recv_timeout(limit) {
        Ok(output) => output.map_err(Error::Lost)?,
        Err(RecvTimeoutError::Timeout) => return Err(Error::TimedOut(limit)),
        Err(RecvTimeoutError::Disconnected) => return Err(Error::Lost(io::Error::other("no output"))),
    };
    let status = child.wait(until)?.ok_or(Error::TimedOut(limit))?;
    Ok(Ended { status, output: lossy(&output), complaint: end_of(&complaint) })
}

/// Starts a child.
///
/// # Errors
/// [`Error::Start`].
pub fn start(command: &mut Command) -> Result<Child, Error> {
    command.spawn().map_err(|cause| {
        let program = command.get_program().to_string_lossy().into_owned();
        Error::Start { program, cause }
    })
}

/// A child that does not outlive this value.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    /// Waits for its end, until an instant at most.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub fn wait(&mut self, until: Instant) -> Result<Option<ExitStatus>, Error> {
        loop {
            let status = self.0.try_wait().map_err(Error::Lost)?;
            if status.is_some() || Instant::now() >= until {
                return Ok(status);
            }
            // Only between the end of its output and its own: a moment, unless it hangs.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a pipe to its end on a thread of its own.
pub fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (to, from) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        // Nobody listens any more where the time was up.
        let _ = to.send(read.map(|_| bytes));
    });
    from
}

/// The end of what was complained, as far as it came.
pub fn end_of(complaint: &Receiver<io::Result<Vec<u8>>>) -> String {
    // A child of the child may hold the pipe open; its words are not worth more waiting.
    let bytes = complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_else(|_| Ok(Vec::new()));
    let bytes = bytes.unwrap_or_default();
    lossy(&bytes[bytes.len().saturating_sub(COMPLAINT)..])
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_status_and_the_end_of_the_complaint_come_back() {
        let ended =
            run(&mut sh("yes out | head -50000; yes no | head -50000 >&2; exit 3"), LONG).expect("ends");
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.output.len(), 4 * 50_000, "more than a pipe holds");
        assert_eq!(ended.complaint.len(), COMPLAINT);
        let told = ended.told();
        assert!(told.starts_with("exit status: 3: ") && told.ends_with("\nno"), "{told}");
    }

    #[test]
    fn a_child_that_hangs_is_killed_whether_it_holds_its_output_or_not() {
        for script in ["exec sleep 100", "exec >&- 2>&-; exec sleep 100"] {
            let error = run(&mut sh(script), Duration::from_millis(100)).expect_err("hangs");
            assert!(matches!(error, Error::TimedOut(_)), "{error}");
        }
    }

    #[test]
    fn a_killed_child_and_a_missing_program_say_so() {
        let told = run(&mut sh("kill -9 $$"), LONG).expect("ends").told();
        assert!(told.contains("signal: 9") && told.contains("memory"), "{told}");
        let error = run(&mut Command::new("no-such-program"), LONG).expect_err("cannot start");
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
