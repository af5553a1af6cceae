//! What goes to terminals, pipes and programs.

mod support;

use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::json;
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
        &["snapshot", "show", "--json", "s"],
        &["snapshot", "show", "--json", "s", "/d"],
        &["export", "--json", "/d", "out"],
        &["import", "--json", "out", "/d"],
        &["dump"],
        &["dump", "--json-state"],
    ] {
        let answer = place.json(args);
        assert!(answer.is_array() || answer.is_object(), "{args:?}: {answer}");
    }
    assert_eq!(place.json(&["ls", "--json", "/d/e"]), serde_json::json!([]));
    assert_eq!(place.json(&["find", "--json", "quote*"])[0]["path"], "/d/quote\"and\nline");
}

#[test]
fn snapshots_are_shown_in_json() {
    let place = Place::new();
    place.ok(&["mkdir", "/d"]);
    place.ok(&["write", "/d/f", "four"]);
    place.ok(&["snapshot", "save", "s"]);
    place.ok(&["rm", "-r", "/d"]);
    let shown = place.json(&["snapshot", "show", "--json", "s"]);
    let paths = |tree: &serde_json::Value| -> Vec<String> {
        let nodes = tree.as_array().expect("a list").iter();
        nodes.map(|node| node["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!((&shown["name"], &shown["bytes"], &shown["files"]), (&json!("s"), &json!(4), &json!(1)));
    assert_eq!(shown["taken"], place.json(&["snapshot", "list", "--json"])[0]["taken"]);
    assert_eq!(paths(&shown["tree"]), ["/", "/d", "/d/f"]);
    assert_eq!(shown["tree"], place.json(&["tree", "--json", "--at", "s"]));

    let below = place.json(&["snapshot", "show", "--json", "s", "/d"]);
    assert_eq!(paths(&below), ["/d", "/d/f"]);
    let file = place.json(&["snapshot", "show", "s", "/d/f", "--json"]);
    assert_eq!(file, place.json(&["stat", "--json", "--at", "s", "/d/f"]));
    assert_eq!((&file[0]["type"], &file[0]["size"]), (&json!("file"), &json!(4)));
    place.fails(1, &["snapshot", "show", "--json", "s", "/missing"]);
    place.fails(1, &["snapshot", "show", "--json", "missing"]);
    // As ever, a file has no tree.
    place.fails(1, &["tree", "--json", "--at", "s", "/d/f"]);
}

#[test]
fn imports_and_exports_answer_in_json() {
    let place = Place::new();
    place.ok(&["mkdir", "/d"]);
    place.ok(&["write", "/d/f", "four"]);
    place.ok(&["write", "/d/g", "and five"]);
    let done = |source: &str, destination: &str, files: u64, bytes: u64| json!({ "source": source, "destination": destination, "files": files, "bytes": bytes, "left_out": [] });
    for (args, expected) in [
        (&["/d", "dir"][..], done("/d", "dir", 2, 12)),
        (&["/d", "d.tar.gz"], done("/d", "d.tar.gz", 2, 12)),
        (&["/d/f", "dir"], done("/d/f", "dir/f", 1, 4)),
        (&["--only-dirty", "/d/f", "dir/f"], done("/d/f", "dir/f", 1, 4)),
    ] {
        assert_eq!(place.json(&[&["export", "--json"], args].concat()), expected);
    }
    let error = place.fails(1, &["export", "--json", "/d/f", "-"]);
    assert!(error.contains("--json answers on standard output"), "{error}");

    let brought = |source: &str, destination: &str, files: u64, bytes: u64, kept: u64| {
        let mut answer = done(source, destination, files, bytes);
        answer["kept"] = json!(kept);
        answer
    };
    std::fs::write(
        place.path("state.json"),
        r#"{"files": {"/a": {"type": "text", "content": "1"}}, "dirs": []}"#,
    )
    .expect("written");
    for (args, expected) in [
        (&["dir", "/in"][..], brought("dir", "/in", 2, 12, 0)),
        (&["d.tar.gz"], brought("d.tar.gz", "/", 2, 12, 0)),
        (&["--on-conflict=skip", "d.tar.gz", "/in"], brought("d.tar.gz", "/in", 0, 0, 2)),
        (&["dir/f", "/in/"], brought("dir/f", "/in/f", 1, 4, 0)),
        (&["--on-conflict=skip", "dir/f", "/in"], brought("dir/f", "/in/f", 0, 0, 1)),
        (&["--json-state", "state.json", "/old"], brought("state.json", "/old", 1, 1, 0)),
        (&["--quiet", "dir/g", "/g"], brought("dir/g", "/g", 1, 8, 0)),
    ] {
        assert_eq!(place.json(&[&["import", "--json"], args].concat()), expected, "{args:?}");
    }
    assert_eq!(place.ok(&["cat", "/g"]), "and five");
}

#[cfg(unix)]
#[test]
fn what_is_left_out_is_named_in_json() {
    let place = Place::new();
    std::fs::create_dir(place.path("dir")).expect("made");
    std::os::unix::fs::symlink("nowhere", place.path("dir/link")).expect("made");
    std::fs::write(place.path("dir/back\\slash"), "x").expect("written");
    let output = place.run(&["import", "--json", "dir"]).code(3).get_output().clone();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let left_out = answer["left_out"].as_array().expect("a list");
    assert_eq!(left_out.len(), 2, "{answer}");
    assert_eq!(left_out[0]["name"], "dir/back\\slash");
    assert_eq!(left_out[1]["reason"], "it is a symbolic link, and links are not followed");
    // People are told on standard error as ever.
    assert!(String::from_utf8_lossy(&output.stderr).contains("Left out \"dir/link\""));

    place.ok(&["mkdir", "/d"]);
    place.ok(&["write", "/d/f", "four"]);
    std::fs::create_dir_all(place.path("out/f")).expect("made");
    let output = place.run(&["export", "--json", "/d", "out"]).code(3).get_output().clone();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        answer["left_out"][0],
        json!({ "name": "out/f", "reason": "a directory stands in its place" })
    );
}
