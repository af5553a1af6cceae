//! Completion scripts and manual pages.

mod support;

use std::process::{Command, Stdio};

use support::Place;

/// Hands a text to a program of the host, if it is there, and returns what it had to say.
fn judge(program: &str, args: &[&str], text: &str) -> Option<std::process::Output> {
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("SKIPPED: {program} is not here");
        return None;
    };
    let mut stdin = child.stdin.take().expect("piped");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, text.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    let _ = writer.join();
    Some(output)
}

#[test]
fn completion_scripts_are_what_their_shells_read() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.ok(&["completions", shell]);
        for word in ["snapshot", "on-conflict", "mkdir"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        if matches!(shell, "bash" | "zsh" | "fish")
            && let Some(output) = judge(shell, &["-n"], &script)
        {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    place.fails(2, &["completions", "tcsh"]);
    place.fails(2, &["completions"]);
}

#[test]
fn manual_pages_are_roff() {
    let place = Place::new();
    let page = place.ok(&["man"]);
    assert!(page.contains(".TH arcfs 1") && page.contains("ARCFS_STATE"), "{page}");
    let ls = place.ok(&["man", "ls"]);
    assert!(ls.contains("ARCFS_STATE") && !ls.contains(place.state().to_str().expect("UTF-8")), "{ls}");
    assert!(ls.contains("arcfs\\-ls") && ls.contains("snapshot"), "{ls}");
    assert!(place.fails(1, &["man", "nonsense"]).contains("nonsense"));
    if let Some(output) = judge("groff", &["-man", "-ww", "-Tascii"], &page) {
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(String::from_utf8_lossy(&output.stdout).contains("ARCFS_STATE"));
    }

    place.ok(&["man", "--directory", "pages"]);
    let names = place.names("pages");
    for name in ["arcfs.1", "arcfs-ls.1", "arcfs-snapshot.1", "arcfs-snapshot-save.1"] {
        assert!(names.iter().any(|there| there == name), "{name}: {names:?}");
    }
    assert!(!place.state().exists(), "no filesystem was needed");
}
