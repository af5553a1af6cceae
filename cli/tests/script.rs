//! The shell as a script from a pipe.

mod support;

use support::Place;

/// Runs lines through the shell, and returns exit code, output and complaints.
fn run(place: &Place, args: &[&str], lines: &str) -> (Option<i32>, String, String) {
    let assert = place.with_input(args, lines);
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn lines_are_run_to_the_end_of_the_input() {
    let place = Place::new();
    let (code, out, err) = run(
        &place,
        &["shell"],
        "mkdir /d\r\ncd d\n\n   \n# a comment\nwrite 'a file' \"two words\" # and why\nread a\\ file\npwd\nls -l /nothing/../d\nls",
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..4], ["Created directory: /d", "Wrote to: a file", "two words", "/d"]);
    assert!(lines[4].starts_with("- 9 ") && lines[4].ends_with(" a file"));
    assert_eq!(lines[5..], ["a file"]);
    assert_eq!(place.ok(&["cat", "/d/a file"]), "two words");

    assert_eq!(
        run(&place, &["--shell"], "pwd\nexit\npwd\n"),
        (Some(0), "/\nGoodbye!\n".into(), String::new())
    );
    assert_eq!(run(&place, &["shell"], "quit"), (Some(0), "Goodbye!\n".into(), String::new()));
    assert_eq!(run(&place, &["shell"], ""), (Some(0), String::new(), String::new()));
    assert_eq!(run(&place, &["shell"], "\u{feff}pwd\n").1, "/\n");
}

#[test]
fn the_first_error_ends_a_script() {
    let place = Place::new();
    let (code, out, err) = run(&place, &["shell"], "touch /a\nread /missing\ntouch /b\n");
    assert_eq!((code, out.as_str()), (Some(1), "Created file: /a\n"));
    assert!(
        err.starts_with("Error: line 2: read \"/missing\"") || err.starts_with("Error: line 2: "),
        "{err}"
    );
    assert_eq!(place.ok(&["ls"]), "a\n");

    let (code, out, err) = run(&place, &["shell", "-k"], "read /missing\ntouch /b\nnonsense\ntouch /c\n");
    assert_eq!((code, out.as_str()), (Some(1), "Created file: /b\nCreated file: /c\n"));
    assert_eq!(err.lines().filter(|line| line.starts_with("Error: line ")).count(), 2, "{err}");
}

#[test]
fn what_is_no_command_is_said_and_has_code_2() {
    let place = Place::new();
    let (code, _, err) = run(&place, &["shell"], "nonsense here\n");
    assert_eq!(code, Some(2));
    assert_eq!(err, "Error: line 1: Unknown command: nonsense\nType 'help' for a list of commands.\n");
    for (line, expected) in [
        ("touch", "<PATH>"),
        ("write /a", "<CONTENT>"),
        ("ls --no-such", "--no-such"),
        ("snapshot", "save"),
        ("quota many", "64MiB"),
        ("--state x ls", "--state"),
    ] {
        let (code, out, err) = run(&place, &["shell"], line);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{line}: {err}");
        assert!(err.starts_with("Error: line 1: ") || err.starts_with("Error: "), "{line}: {err}");
        assert!(err.contains(expected), "{line}: {err}");
    }
    for (line, expected) in [("write /a 'b", "column 10"), ("write /a b\\", "\\"), ("cat \"", "column 5")] {
        let (code, _, err) = run(&place, &["shell"], line);
        assert_eq!(code, Some(1));
        assert!(err.contains(expected), "{line}: {err}");
    }
    let assert = place.with_input(&["shell"], b"touch /\xff\n").code(1);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("not UTF-8"));
}

#[test]
fn help_is_an_answer() {
    let place = Place::new();
    for line in ["help", "?"] {
        let (code, out, err) = run(&place, &["shell"], line);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        for command in ["init", "tree", "cd", "pwd", "exit", "snapshot", "rename", "rmdir"] {
            assert!(out.lines().any(|line| line.trim_start().starts_with(command)), "{command}:\n{out}");
        }
    }
    for line in ["help ls", "ls --help"] {
        let (code, out, _) = run(&place, &["shell"], line);
        assert_eq!(code, Some(0));
        assert!(out.contains("--long") && out.contains("ls [OPTIONS]"), "{out}");
    }
}

#[test]
fn directories_are_walked() {
    let place = Place::new();
    let (code, out, err) = run(
        &place,
        &["shell"],
        "mkdir -p a/b\ncd a/b\nwrite x 1\ncd ..\npwd\ncd -\ncp x ../y\ncd\nfind *\ncd /a/../a/b\nfind *\nrm ../y x\ntree /\n",
    );
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "Created directory: a/b\nWrote to: x\n/a\n/a/b\nCopied x to ../y\n/a\n/a/b\n/a/b/x\n/a/y\n/a/b/x\n\
         Removed file: ../y\nRemoved file: x\n/\n    a\n        b\n"
    );
    for line in ["cd /missing", "cd -", "cd ../..", "mkdir d\ntouch f\ncd f"] {
        let (code, _, err) = run(&place, &["shell"], line);
        assert_eq!(code, Some(1), "{line}: {err}");
    }
}

#[test]
fn what_fails_halfway_leaves_nothing_in_the_shell_either() {
    let place = Place::new();
    let (_, out, _) = run(
        &place,
        &["shell", "-k"],
        "touch /a\nmkdir /d /missing/e\nls\nrm /a /b\nls\ninit --quota 1K\nls\n",
    );
    assert_eq!(out, "Created file: /a\na\na\nInitialized new filesystem\n");
}

#[test]
fn the_shell_sees_what_others_do_and_they_see_it() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    let place = Place::new();
    let mut child =
        place.command(&["shell"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut ask = |line: &str| {
        writeln!(stdin, "{line}").expect("asked");
        answers.next().expect("an answer").expect("text")
    };
    assert_eq!(ask("write /a 1"), "Wrote to: /a");
    for n in 0..5 {
        place.ok(&["append", "/a", &n.to_string()]);
        assert_eq!(ask("append /a x"), "Appended to: /a");
    }
    assert_eq!(ask("read /a"), "10x1x2x3x4x");
    assert_eq!(place.ok(&["cat", "/a"]), "10x1x2x3x4x");
    drop(stdin);
    assert!(child.wait().expect("ends").success());
}

#[test]
fn a_line_without_an_end_is_refused() {
    let place = Place::new();
    let mut script = b"touch /a\nwrite /b ".to_vec();
    script.resize(script.len() + (64 << 20), b'x');
    let assert = place.with_input(&["shell", "-k"], script).code(1).stdout("Created file: /a\n");
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(error.starts_with("Error: line 2: it is longer than"), "{error}");
    assert_eq!(place.ok(&["ls"]), "a\n");
}

#[cfg(unix)]
#[test]
fn a_script_whose_output_nobody_reads_is_run_to_its_end() {
    use std::io::{Read, Write};
    use std::process::Stdio;
    let place = Place::new();
    place.with_input(&["write", "/big", "-"], vec![b'x'; 1 << 20]).success();
    for (last, code) in [("touch /end", 0), ("read /missing", 1)] {
        let mut child = place
            .command(&["shell"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("runs");
        let mut stdin = child.stdin.take().expect("piped");
        let mut stdout = child.stdout.take().expect("piped");
        writeln!(stdin, "pwd").expect("asked");
        stdout.read_exact(&mut [0; 2]).expect("answered");
        drop(stdout);
        write!(stdin, "touch /a\ncat /big\npwd\ncat /big\ntouch /b\n{last}\n").expect("asked");
        drop(stdin);
        assert_eq!(child.wait().expect("ends").code(), Some(code), "{last}");
        assert_eq!(place.ok(&["rm", "/a", "/b"]).lines().count(), 2);
    }
    assert_eq!(place.ok(&["ls"]), "big\nend\n");
}

#[test]
fn the_input_of_the_shell_is_not_the_content_of_a_file() {
    let place = Place::new();
    for line in ["write /a -\nnot this\n", "append /a -\nnot this\n", "import - /a\nnot this\n"] {
        let (code, _, err) = run(&place, &["shell"], line);
        assert_eq!(code, Some(1));
        assert!(err.contains("content required"), "{err}");
    }
    assert_eq!(place.ok(&["ls"]), "");
}
