//! A place with a state and a home of its own, and the binary run in it.

#![allow(dead_code)] // each test file uses a part of it

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::assert::{Assert, OutputAssertExt};

/// A directory of the host that is home, working directory and place of the state.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state.arcfs")
    }

    /// The binary with arguments, nothing of the caller's own settings around it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arcfs"));
        command.args(args).current_dir(self.dir.path());
        command.env("HOME", self.path("home")).env("ARCFS_STATE", self.state()).env("TZ", "UTC");
        for name in ["NO_COLOR", "TERM", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it and checks that it succeeded. Returns what it printed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args).success().stderr("").get_output().stdout.clone();
        String::from_utf8(output).expect("UTF-8")
    }

    /// Runs it and checks that it failed with that code. Returns what it complained about.
    #[track_caller]
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let assert = self.run(args).code(code);
        String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8")
    }

    pub fn run(&self, args: &[&str]) -> Assert {
        self.command(args).assert()
    }

    /// Runs it with standard input.
    pub fn with_input(&self, args: &[&str], input: impl AsRef<[u8]>) -> Assert {
        assert_cmd::Command::from_std(self.command(args)).write_stdin(input.as_ref()).assert()
    }

    /// What it printed, in bytes.
    #[track_caller]
    pub fn bytes(&self, args: &[&str]) -> Vec<u8> {
        self.run(args).success().get_output().stdout.clone()
    }

    /// Its answer in JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.bytes(args)).expect("JSON")
    }

    /// The names in a directory of the host, sorted.
    pub fn names(&self, dir: impl AsRef<Path>) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path().join(dir)).expect("a directory");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}
