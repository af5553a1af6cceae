//! An interpreter that keeps running and answers one line for each line.
//!
//! This module knows neither what is asked nor what is answered.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::Error;
use crate::child::{self, Running};

/// A running interpreter.
#[derive(Debug)]
pub struct Session {
    child: Running,
    questions: ChildStdin,
    answers: Receiver<io::Result<String>>,
    complaint: Receiver<io::Result<Vec<u8>>>,
    /// Why it can be asked no more.
    ended: Option<String>,
}

impl Session {
    /// Starts it. Its first line comes unasked: see [`Session::next`].
    ///
    /// # Errors
    /// [`Error::Start`].
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(child::start(piped).map_err(|error| Error::Start(error.to_string()))?);
        let taken = "it was asked for";
        let output = BufReader::new(child.0.stdout.take().expect(taken));
        let complaint = child::collect(child.0.stderr.take());
        let questions = child.0.stdin.take().expect(taken);
        let (to, answers) = channel();
        std::thread::spawn(move || output.lines().try_for_each(|line| to.send(line)));
        Ok(Self { child, questions, answers, complaint, ended: None })
    }

    /// Asks one line and awaits one.
    ///
    /// # Errors
    /// [`Error::Died`], [`Error::TimedOut`]; then it cannot be asked again.
    pub fn ask(&mut self, question: &str, limit: Duration) -> Result<String, Error> {
        if let Some(reason) = &self.ended {
            return Err(Error::Died(reason.clone()));
        }
        match writeln!(self.questions, "{question}").and_then(|()| self.questions.flush()) {
            Ok(()) => self.next(limit),
            Err(_) => Err(self.died()), // how it ended says more than the broken pipe
        }
    }

    /// Awaits the next line.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub fn next(&mut self, limit: Duration) -> Result<String, Error> {
        match self.answers.recv_timeout(limit) {
            Ok(Ok(line)) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                // Otherwise its answer would be taken for that to the next question.
                self.end("it was killed because it did not answer in time".to_owned());
                Err(Error::TimedOut(limit))
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.died()),
        }
    }

    fn died(&mut self) -> Error {
        let soon = Instant::now() + Duration::from_secs(1);
        let status = self.child.wait(soon).ok().flatten();
        // A killed one closes its pipes, so what it complained is complete either way.
        self.end(String::new());
        let complaint = child::end_of(&self.complaint);
        let reason = match status {
            Some(status) => child::told(status, &complaint),
            None => format!("it closed its output: {complaint}"),
        };
        self.end(reason.clone());
        Error::Died(reason)
    }

    fn end(&mut self, reason: String) {
        // Fails where it has ended, which is what is wanted.
        let _ = self.child.0.kill();
        self.ended = Some(reason);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn of(script: &str) -> Session {
        Session::start(Command::new("sh").args(["-c", script])).expect("sh starts")
    }

    #[test]
    fn each_question_gets_its_answer() {
        let mut session = of("echo hello; while read line; do echo \"re: $line\"; done");
        assert_eq!(session.next(LONG).expect("hello"), "hello");
        for question in ["one", "two"] {
            assert_eq!(session.ask(question, LONG).expect("an answer"), format!("re: {question}"));
        }
    }

    #[test]
    fn one_that_dies_says_how_and_stays_dead() {
        let mut session = of("read line; echo 'no more' >&2; exit 7");
        for _ in 0..2 {
            let error = session.ask("anything", LONG).expect_err("it is dead").to_string();
            assert!(error.contains("exit status: 7: no more"), "{error}");
        }
    }

    #[test]
    fn one_that_is_late_is_not_asked_again() {
        let mut session = of("while read line; do sleep 0.3; echo late; done");
        let error = session.ask("first", Duration::from_millis(10)).expect_err("late");
        assert!(matches!(error, Error::TimedOut(_)), "{error}");
        let error = session.ask("second", LONG).expect_err("killed");
        assert!(matches!(error, Error::Died(_)), "{error}");
    }
}
