//! What goes to terminals, pipes and programs.

mod support;

use std::io::Read;
use std::process::{Command, Stdio};

use support::Place;

/// Runs a line of `sh` in a place, with the binary as `arcfs`.
fn sh(place: &Place, line: &str) -> std::process::Output {
    let template = place.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("arcfs() {{ '{}' \"$@\"; }}\n{line}", env!("CARGO_BIN_EXE_arcfs"))]);
    command.current_dir(template.get_current_dir().expect("set"));
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().expect("sh runs")
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    place.with_input(&["write", "/big", "-"], vec![b'x'; 4 << 20]).success();
    for args in [
        &["cat", "/big"][..],
        &["read", "/big"],
        &["dump"],
        &["dump", "--json-state"],
        &["export", "/big", "-"],
        &["export", "/", "-", "--format", "tar"],
    ] {
        let mut child =
            place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let mut stdout = child.stdout.take().expect("piped");
        stdout.read_exact(&mut [0; 10]).expect("ten bytes");
        drop(stdout);
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one() {
    let place = Place::new();
    place.ok(&["write", "/a", "x"]);
    let output = sh(&place, "arcfs cat /a >/dev/full");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("Error: cannot write to standard output"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_done_is_no_failure_because_nobody_could_be_told() {
    let place = Place::new();
    for line in [
        "arcfs append /a x >/dev/full",
        "arcfs quota 1MiB --json >/dev/full",
        "arcfs export /a out >/dev/full",
        "printf 'append /a y\\nappend /a z\\n' | arcfs shell >/dev/full",
    ] {
        let output = sh(&place, line);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{line}: {error}");
        assert!(error.starts_with("Warning: it was done, but cannot write to standard output"), "{error}");
    }
    assert_eq!(place.ok(&["cat", "/a"]), "xyz");
    assert_eq!(place.json(&["quota", "--json"])["quota_bytes"], 1 << 20);
    assert_eq!(std::fs::read(place.path("out")).expect("read"), b"x");
    // What is not done, or only looks, fails as ever.
    for (line, code) in [("mkdir /missing/d", 1), ("ls", 1), ("-q touch /b", 0)] {
        assert_eq!(sh(&place, &format!("arcfs {line} >/dev/full")).status.code(), Some(code), "{line}");
    }
}

#[test]
fn pipes_carry_bytes_exactly() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(100_000).collect();
    std::fs::write(place.path("in"), &bytes).expect("written");
    let output =
        sh(&place, "arcfs -q write /a - <in && arcfs cat /a | arcfs -q append /a - && arcfs cat /a >out");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read(place.path("out")).expect("read"), [&bytes[..], &bytes].concat());
}

#[test]
fn colours_are_for_terminals_or_on_request() {
    let place = Place::new();
    place.ok(&["mkdir", "/d"]);
    place.ok(&["snapshot", "save", "s"]);
    place.ok(&["touch", "/d/f"]);
    assert_eq!(place.ok(&["ls"]), "d/\n");
    assert_eq!(place.ok(&["--color", "always", "ls"]), "\u{1b}[1m\u{1b}[34md\u{1b}[0m/\n");
    assert!(place.ok(&["--color=always", "tree"]).contains("\u{1b}["));
    assert!(place.ok(&["--color=always", "snapshot", "diff", "s"]).contains("\u{1b}[32m+ /d/f"));
    assert!(!place.ok(&["--color=never", "ls"]).contains('\u{1b}'));
    place.fails(2, &["--color=sometimes", "ls"]);
    let error = place.fails(1, &["--color=always", "cat", "/x"]);
    assert!(error.starts_with("\u{1b}[1m\u{1b}[31mError:\u{1b}[0m "), "{error:?}");
}

#[test]
fn answers_in_json_are_json() {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/d/e"]);
    place.ok(&["write", "/d/quote\"and\nline", "x"]);
    place.ok(&["snapshot", "save", "s"]);
    for args in [
        &["ls", "--json"][..],
        &["ls", "--json", "/d/e"],
        &["tree", "--json"],
        &["stat", "--json", "/d", "/d/e"],
        &["stats", "--json"],
        &["find", "--json", "*"],
        &["find", "--json", "nothing"],
        &["du", "--json"],
        &["quota", "--json"],
        &["snapshot", "list", "--json"],
        &["snapshot", "diff", "--json", "s"],
        &["dump"],
        &["dump", "--json-state"],
    ] {
        let answer = place.json(args);
        assert!(answer.is_array() || answer.is_object(), "{args:?}: {answer}");
    }
    assert_eq!(place.json(&["ls", "--json", "/d/e"]), serde_json::json!([]));
    assert_eq!(place.json(&["find", "--json", "quote*"])[0]["path"], "/d/quote\"and\nline");
}
