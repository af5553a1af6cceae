//! The program as people use it: what it answers to bad input, what it leaves behind, and a smoke run of
//! everything.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use arcfs_harness::results::file;
use arcfs_harness::workload::{Extent, Scope};
use arcfs_harness::{backend, workload};

const PROGRAM: &str = env!("CARGO_BIN_EXE_arcfs-harness");

/// Runs the program in `directory`.
fn harness(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).current_dir(directory).output().expect("the program starts")
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Checks that the program refuses `arguments` with code 2, says all of `expected` and leaves nothing.
fn refused(arguments: &[&str], expected: &[&str]) {
    let directory = directory();
    let output = harness(directory.path(), arguments);
    let message = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for part in expected {
        assert!(message.contains(part), "{arguments:?} lacks {part:?}: {message}");
    }
    assert_eq!(names(directory.path()), [] as [&str; 0], "{arguments:?}");
}

/// The arguments of the smallest run, the first workload on one backend, and more.
fn smallest<'text>(more: &[&'text str]) -> Vec<&'text str> {
    let first = workload::all().first().expect("there are workloads").name();
    [&["run", "--smoke", "--workload", first, "--backend", "arcfs-calls"], more].concat()
}

#[test]
fn unknown_names_are_refused_with_those_that_are_known() {
    let all: Vec<&str> = workload::all().iter().map(|workload| workload.name()).collect();
    let misspelt = &all[0][..all[0].len() - 1];
    let nearest = format!("did you mean {:?}?", all[0]);
    refused(
        &["run", "--smoke", "--workload", misspelt],
        &["error: there is no workload", &nearest, &all.join(", ")],
    );
    refused(
        &["run", "--smoke", "--backend", "arcfs-cals"],
        &["there is no backend", "did you mean \"arcfs-calls\"?"],
    );
    refused(&["run", "--workload", "[x"], &["is no pattern for names", "because:"]);
}

#[test]
fn impossible_options_are_refused() {
    refused(&["run", "--rounds", "0"], &["--rounds"]);
    refused(&["run", "--rounds", "many"], &["--rounds"]);
    refused(&["run", "--quick", "--full"], &["cannot be used with"]);
    refused(&["run", "--smoke", "--large"], &["cannot be used with"]);
    refused(&["run", "--name", "../x"], &["a name has"]);
    refused(&["run", "--force"], &["--name"]);
    refused(&["frobnicate"], &["unrecognized subcommand"]);
    refused(&[], &["Usage"]);
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_before_anything_runs() {
    let directory = directory();
    let in_the_way = directory.path().join("file");
    fs::write(&in_the_way, "").expect("written");
    let below = in_the_way.join("results");
    let below = below.to_str().expect("a plain path");
    refused(&smallest(&["--out", below]), &["create the directory", "not a directory", below]);
    if cfg!(target_os = "linux") {
        // Nobody makes directories there, root neither.
        let path = "/sys/arcfs-harness";
        refused(&smallest(&["--out", path]), &[path, "that you may write to", "because:"]);
    }
}

/// Runs `script` in a shell; its `$0` is the program and `$@` are its arguments.
#[cfg(unix)]
fn in_shell(shell: &[&str], script: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-c").arg(script).arg(PROGRAM).args(arguments);
    command.output().expect("the shell starts")
}

#[cfg(unix)]
#[test]
fn a_place_without_room_is_refused_before_anything_runs() {
    let directory = directory();
    let path = directory.path().to_str().expect("a plain path");
    // No file may have any content; the signal is ignored, so that the call fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let output = in_shell(&["sh"], script, &smallest(&["--out", path]));
    let message = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("error: cannot write to") && message.contains(path), "{message}");
    assert_eq!(names(directory.path()), [] as [&str; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_at_the_end_keeps_no_half_file() {
    let shell = ["unshare", "--user", "--map-root-user", "--mount", "sh"];
    let directory = directory();
    let path = directory.path().to_str().expect("a plain path");
    let mount = format!("mount -t tmpfs -o size=16k none '{path}' || exit 9; cd '{path}'");
    let allowed = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", &mount])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine does not let a test mount a small filesystem");
        return;
    }
    // There is room for the probe, and not for the figures of all workloads.
    let script = format!("{mount}; \"$0\" \"$@\"; code=$?; echo left: $(ls -A) >&2; exit $code");
    let output = in_shell(&shell, &script, &["run", "--smoke", "--backend", "arcfs*", "--out", "."]);
    let message = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("cannot write") && message.contains("free some space"), "{message}");
    assert!(message.ends_with("left:\n"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_that_takes_nothing_is_an_error_and_a_closed_pipe_is_none() {
    let full = fs::File::options().write(true).open("/dev/full").expect("a device of Linux");
    let directory = directory();
    let run = harness(directory.path(), &smallest(&["--out", ".", "--name", "mine"]));
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    let commands =
        ["list", "compare mine.json mine.json --all", "report mine.json --print", "history --dir ."];
    for command in commands {
        let mut program = Command::new(PROGRAM);
        program.args(command.split(' ')).current_dir(&directory);
        let full = full.try_clone().expect("a handle");
        let output = program.stdout(full).output().expect("the program starts");
        let message = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {message}");
        assert!(message.contains("error: cannot write to standard output"), "{command}: {message}");
        let script = format!(
            "cd '{}'; {{ sleep 0.2; \"$0\" {command} 2>errors; echo code $? >&2; }} | true; sleep 1",
            directory.path().display()
        );
        let output = in_shell(&["sh"], &script, &[]);
        assert_eq!(complaint(&output), "code 0\n", "{command}");
    }
}

#[test]
fn every_help_names_its_exit_codes() {
    for command in ["run", "compare", "ab", "gate"] {
        let output = harness(directory().path(), &[command, "--help"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("Exit codes: 0 "), "{command}: {text}");
    }
    let output = harness(directory().path(), &["--help"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Exit codes: 0 "));
}

#[test]
fn other_pages_beside_the_results_are_kept() {
    refused(&smallest(&["--name", "README"]), &["another page"]);
    refused(&smallest(&["--name", "history"]), &["another page"]);
    let directory = directory();
    fs::write(directory.path().join("notes.md"), "mine").expect("written");
    let output = harness(directory.path(), &smallest(&["--out", ".", "--name", "notes"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("./notes.md exists already"), "{}", complaint(&output));
    assert_eq!(fs::read_to_string(directory.path().join("notes.md")).expect("there"), "mine");
}

#[test]
fn two_runs_at_once_keep_the_results_of_both() {
    let directory = directory();
    let start = || {
        let mut program = Command::new(PROGRAM);
        program.args(smallest(&["--out", "here", "--name", "same"])).current_dir(&directory);
        program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let runs = [start(), start()].map(|run| run.wait_with_output().expect("it ends"));
    let kept = runs.iter().filter(|run| run.status.code() == Some(0)).count();
    // Whichever came too late to begin was told so; whoever began has its results.
    for run in &runs {
        let message = complaint(run);
        assert!(run.status.success() || message.contains("exists already"), "{message}");
    }
    let results = names(&directory.path().join("here"));
    let results: Vec<_> = results.iter().filter(|name| name.ends_with(".json")).collect();
    assert_eq!((results.len(), kept >= 1), (kept, true), "{results:?}");
    for name in results {
        file::read(&directory.path().join("here").join(name)).expect("a whole file");
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_no_part_of_a_result() {
    let directory = directory();
    for pause in [5, 50, 300] {
        let mut program = Command::new(PROGRAM);
        program.args(["run", "--smoke", "--out", "here"]).current_dir(&directory);
        program.stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = program.spawn().expect("the program starts");
        std::thread::sleep(std::time::Duration::from_millis(pause));
        run.kill().expect("it runs");
        run.wait().expect("it ends");
    }
    let here = directory.path().join("here");
    let left = if here.exists() { names(&here) } else { Vec::new() };
    assert!(
        left.iter().all(|name| name.starts_with(".arcfs-harness-") && name.ends_with(".tmp")),
        "{left:?}"
    );
}

#[test]
fn a_history_of_one_file_is_a_page_with_charts() {
    let directory = directory();
    let run = harness(directory.path(), &smallest(&["--out", "r", "--name", "one", "--no-report"]));
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    let printed = harness(directory.path(), &["history", "--dir", "r", "--print"]);
    assert_eq!(printed.status.code(), Some(0), "{}", complaint(&printed));
    assert!(String::from_utf8_lossy(&printed.stdout).contains("arcfs-calls"));
    assert_eq!(names(&directory.path().join("r")), ["one.json"]);
    let output = harness(directory.path(), &["history", "--dir", "r", "--out", "pages/here"]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let pages = directory.path().join("pages/here");
    let page = fs::read_to_string(pages.join("history.md")).expect("written");
    let links: Vec<&str> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(!links.is_empty() && links.iter().all(|link| pages.join(link).is_file()), "{page}");
    refused(&["history"], &["cannot read results of the directory results"]);
    let unknown = harness(directory.path(), &["history", "--dir", "r", "--workload", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(complaint(&unknown).contains("known are: "), "{}", complaint(&unknown));
}

#[test]
fn names_of_foreign_results_do_not_command_the_terminal() {
    let directory = directory();
    let run = harness(directory.path(), &smallest(&["--out", ".", "--name", "mine"]));
    assert_eq!(run.status.code(), Some(0), "{}", complaint(&run));
    let text = fs::read_to_string(directory.path().join("mine.json")).expect("written");
    let hostile = text.replace("\"metric\":\"total\"", "\"metric\":\"\\u001b[31mtotal\"");
    assert_ne!(hostile, text);
    fs::write(directory.path().join("mine.json"), hostile).expect("written");
    for command in
        ["compare mine.json mine.json --all", "report mine.json --print", "history --dir . --print"]
    {
        let output = harness(directory.path(), &command.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{command}: {}", complaint(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("[31mtotal") && !text.contains('\u{1b}'), "{command}: {text}");
    }
}

#[test]
fn ab_and_gate_say_that_they_need_the_repository() {
    refused(&["ab", "HEAD", "HEAD"], &["must run inside the repository of arcfs"]);
    refused(&["gate"], &["must run inside the repository of arcfs"]);
    refused(&["ab", "HEAD"], &["<REV_B>"]);
    refused(&["ab", "HEAD", "HEAD", "--workload", "nothing"], &["no workload matches"]);
    refused(&["compare", "a.json", "b.json", "--threshold", "many"], &["expected percent"]);
}

#[test]
fn a_gate_that_cannot_count_says_what_is_missing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = directory();
    let baseline = directory.path().join("baseline.json");
    let gate = |runner: &str, more: &[&str]| {
        let mut program = Command::new(PROGRAM);
        program.args(["gate", "--baseline"]).arg(&baseline).args(more).current_dir(root);
        program.env("GUNGRAUN_RUNNER", runner).output().expect("the program starts")
    };
    // Whether valgrind or the runner is what is missing depends on the machine.
    let skipped = gate("/nowhere/runner", &[]);
    let text = String::from_utf8_lossy(&skipped.stdout).into_owned();
    assert_eq!(skipped.status.code(), Some(0), "{}", complaint(&skipped));
    assert!(text.starts_with("SKIPPED, NOTHING WAS COMPARED: ") && text.contains("install"), "{text}");
    let required = gate("/nowhere/runner", &["--require"]);
    assert_eq!(required.status.code(), Some(2));
    assert!(complaint(&required).contains("nothing was compared"), "{}", complaint(&required));
    for (content, expected) in [("{", "is no baseline"), ("{\"schema\":9,\"entries\":[]}", "has schema 9")] {
        fs::write(&baseline, content).expect("written");
        let output = gate("/nowhere/runner", &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(complaint(&output).contains(expected), "{}", complaint(&output));
    }
}

#[test]
fn an_existing_file_is_kept_unless_force_says_otherwise() {
    let directory = directory();
    let arguments = smallest(&["--out", "kept", "--name", "mine"]);
    let path = directory.path().join("kept/mine.json");
    let first = harness(directory.path(), &arguments);
    assert_eq!(first.status.code(), Some(0), "{}", complaint(&first));
    let before = fs::read(&path).expect("written");
    let second = harness(directory.path(), &arguments);
    assert_eq!(second.status.code(), Some(2));
    assert!(complaint(&second).contains("exists already"), "{}", complaint(&second));
    assert_eq!(fs::read(&path).expect("there"), before);
    let forced = harness(directory.path(), &[&arguments[..], &["--force"]].concat());
    assert_eq!(forced.status.code(), Some(0), "{}", complaint(&forced));
    let args = file::read(&path).expect("a result file").meta.args;
    assert_eq!(args.last().map(String::as_str), Some("--force"));
}

#[test]
fn a_result_file_that_is_none_is_refused_with_the_reason() {
    let directory = directory();
    let check = |content: &str, expected: &str| {
        fs::write(directory.path().join("some.json"), content).expect("written");
        for arguments in [&["report", "some.json"][..], &["compare", "some.json", "some.json"]] {
            let output = harness(directory.path(), arguments);
            let message = complaint(&output);
            assert_eq!(output.status.code(), Some(2), "{message}");
            assert!(message.starts_with("error: some.json") && message.contains(expected), "{message}");
            assert_eq!(names(directory.path()), ["some.json"]);
        }
        let output = harness(directory.path(), &["history", "--dir", "."]);
        let message = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("warning: skipped: ./some.json") && message.contains(expected), "{message}");
        assert!(message.contains(". has no results"), "{message}");
    };
    check("hello", "is not JSON");
    check("{\"schema\": 1, \"meta\":", "ends in the middle");
    check("{\"name\": \"package\"}", "no result file of arcfs-harness");
    check("{\"schema\": 2}", "update the harness");
    check("{\"schema\": 1, \"meta\": {}, \"cells\": []}", "meta does not follow schema 1");
    fs::remove_file(directory.path().join("some.json")).expect("removed");
    let output = harness(directory.path(), &["report", "some.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("cannot read some.json"), "{}", complaint(&output));
}

#[test]
fn the_list_names_everything() {
    let output = harness(directory().path(), &["list"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    for workload in workload::all() {
        assert!(text.contains(workload.name()) && text.contains(workload.about()), "{text}");
    }
    for backend in backend::all() {
        assert!(text.contains(backend.name) && text.contains(backend.about), "{text}");
    }
    assert!(text.contains(arcfs_harness::python::NAME) && text.contains("--python"), "{text}");
}

#[test]
fn a_smoke_run_checks_every_workload_on_every_backend() {
    let directory = directory();
    let output = harness(directory.path(), &["run", "--smoke", "--out", "here", "--name", "smoke"]);
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}\n{}", complaint(&output));
    let run = file::read(&directory.path().join("here/smoke.json")).expect("a result file");
    assert_eq!((run.meta.rounds, run.meta.extent), (1, Some(Extent::Smoke)));

    let scope = Scope { extent: Extent::Smoke, large: false };
    let mut expected = Vec::new();
    for workload in workload::all() {
        let name = workload.name();
        assert!(table.contains(name), "{table}");
        for params in workload.cells(&scope) {
            for metric in workload.metrics() {
                let figures = backend::all().into_iter();
                expected.extend(figures.map(|backend| (name, params.clone(), metric.name, backend.name)));
            }
        }
        let measured = run.cells.iter().filter(|cell| cell.workload == name && !cell.samples.is_empty());
        assert!(measured.clone().any(|cell| cell.arcfs), "{name} gave no figure of arcfs: {table}");
        assert!(measured.clone().all(|cell| cell.checks > 0), "{name} checked nothing: {table}");
    }
    let key = |cell: &arcfs_harness::results::schema::Cell| {
        (cell.workload.clone(), cell.params.clone(), cell.metric.clone(), cell.backend.clone())
    };
    let found: Vec<_> = run.cells.iter().map(key).collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(workload, params, metric, backend)| {
            (workload.to_owned(), params, metric.to_owned(), backend.to_owned())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_smoke_run_without_a_place_leaves_nothing() {
    let directory = directory();
    let output = harness(directory.path(), &smallest(&[]));
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    assert_eq!(names(directory.path()), [] as [&str; 0]);
}
