//! The file that the filesystem is kept in: found, locked, replaced as a whole, never lost.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use support::Place;

#[test]
fn without_a_name_it_is_in_the_home_directory_for_the_user_alone() {
    let place = Place::new();
    let run = |args: &[&str]| {
        let mut command = place.command(args);
        command.env_remove("ARCFS_STATE");
        command.output().expect("runs")
    };
    assert!(run(&["ls"]).status.success());
    assert!(!place.path("home").exists(), "looking makes nothing");
    assert!(run(&["write", "/a", "x"]).status.success());
    assert_eq!(run(&["cat", "/a"]).stdout, b"x");
    assert_eq!(place.names("home/.arcfs"), ["state.arcfs", "state.arcfs.lock"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| fs::metadata(place.path(path)).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode("home/.arcfs"), 0o700);
        assert_eq!(mode("home/.arcfs/state.arcfs"), 0o600);
        assert_eq!(mode("home/.arcfs/state.arcfs.lock"), 0o600);
    }
}

#[test]
fn the_option_comes_before_the_variable() {
    let place = Place::new();
    place.ok(&["write", "/a", "of the variable"]);
    place.ok(&["--state", "other", "write", "/a", "of the option"]);
    assert_eq!(place.ok(&["cat", "/a"]), "of the variable");
    assert_eq!(place.ok(&["cat", "/a", "--state=other"]), "of the option");
    // Through another name it is the same state, and stays where it is.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("other", place.path("link")).expect("linked");
        place.ok(&["--state", "link", "append", "/a", "!"]);
        assert_eq!(place.ok(&["--state", "other", "cat", "/a"]), "of the option!");
        assert!(fs::symlink_metadata(place.path("link")).expect("there").is_symlink());
        assert!(!place.path("link.lock").exists());
    }
    let error = place.fails(1, &["--state", "missing/state", "write", "/a", "x"]);
    assert!(error.contains("missing/state"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_state_that_does_not_exist_yet_has_the_lock_of_its_target() {
    let place = Place::new();
    fs::create_dir(place.path("there")).expect("made");
    std::os::unix::fs::symlink("there/state", place.path("second")).expect("linked");
    std::os::unix::fs::symlink("second", place.path("first")).expect("linked");
    place.ok(&["--state", "first", "write", "/a", "1"]);
    assert_eq!(place.names("there"), ["state", "state.lock"]);
    assert_eq!(place.names("."), ["first", "second", "there"]);
    place.ok(&["--state", "there/state", "append", "/a", "2"]);
    assert_eq!(place.ok(&["--state", "first", "cat", "/a"]), "12");

    // Many at once, before there is anything, by all its names: none is lost.
    std::os::unix::fs::symlink("there/new", place.path("link")).expect("linked");
    thread::scope(|scope| {
        for worker in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let state = if worker % 2 == 0 { "link" } else { "there/new" };
                place.ok(&["-q", "--state", state, "touch", &format!("/{worker}")]);
            });
        }
    });
    assert_eq!(place.ok(&["--state", "link", "ls"]).lines().count(), 8);

    std::os::unix::fs::symlink("circle", place.path("circle")).expect("linked");
    assert!(place.fails(1, &["--state", "circle", "ls"]).contains("circle"));
}

#[test]
fn a_variable_that_is_empty_is_as_good_as_none() {
    let place = Place::new();
    let run = |args: &[&str]| place.command(args).env("ARCFS_STATE", "").output().expect("runs");
    assert_eq!(run(&["write", "/a", "x"]).status.code(), Some(0));
    assert_eq!(place.names("home/.arcfs"), ["state.arcfs", "state.arcfs.lock"]);
    assert_eq!(run(&["cat", "/a"]).stdout, b"x");
    assert_eq!(run(&["--state", "other", "ls"]).stdout, b"");
    // Typed it is a mistake: it was to be another state than that of the user.
    place.fails(2, &["--state", "", "ls"]);
    place.fails(2, &["--state=", "ls"]);
}

#[test]
fn concurrent_changes_are_all_kept() {
    let place = Place::new();
    place.ok(&["init"]);
    thread::scope(|scope| {
        for worker in 0..8 {
            let place = &place;
            scope.spawn(move || {
                for n in 0..100 {
                    let line = format!("{worker} {n}\n");
                    let output = place.command(&["-q", "append", "/log", &line]).output().expect("runs");
                    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                }
            });
        }
    });
    let log = place.ok(&["cat", "/log"]);
    assert_eq!(log.lines().count(), 800);
    for worker in 0..8 {
        let own: Vec<String> = (0..100).map(|n| format!("{worker} {n}")).collect();
        let kept: Vec<&str> = log.lines().filter(|line| line.starts_with(&format!("{worker} "))).collect();
        assert_eq!(kept, own);
    }
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

/// What is beside the state and its lock.
fn leftovers(place: &Place) -> Vec<String> {
    let mut names = place.names(".");
    names.retain(|name| name != "state.arcfs" && name != "state.arcfs.lock");
    names
}

#[test]
fn a_command_that_is_killed_leaves_the_old_state_or_the_new_one() {
    let place = Place::new();
    place.with_input(&["write", "/big", "-"], vec![b'0'; 8 << 20]).success();
    // How long a change takes that is left alone; the others are killed at any moment of it.
    fs::write(place.path("in"), vec![b'0'; 8 << 20]).expect("written");
    let start = Instant::now();
    place.ok(&["import", "in", "/big"]);
    let whole = start.elapsed();
    let mut last = String::from("0");
    let (mut old, mut new) = (0, 0);
    for round in 1..=20u64 {
        let round_text = format!("{round}");
        let content = round_text.repeat((8 << 20) / round_text.len());
        fs::write(place.path("in"), &content).expect("written");
        let mut child =
            place.command(&["-q", "import", "in", "/big"]).stderr(Stdio::null()).spawn().expect("runs");
        // A moment, not an event to wait for: wherever it falls, one of the two states must be there.
        thread::sleep(whole.mul_f64(round as f64 / 16.0));
        // By turns as the system kills, and as Ctrl-C does.
        if cfg!(unix) && round % 2 == 0 {
            let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        } else {
            let _ = child.kill();
        }
        let _ = child.wait();
        let kept = place.bytes(&["cat", "/big"]);
        if kept == content.as_bytes() {
            (last, new) = (round_text, new + 1);
        } else {
            assert_eq!(kept, last.repeat(kept.len() / last.len()).as_bytes(), "round {round}");
            assert!(kept.len() > (8 << 20) - 3, "round {round}");
            old += 1;
        }
    }
    eprintln!("killed 20 times: {old} times the old state, {new} times the new one");
    // Who is killed cannot tidy up; who saves does, when nobody can be writing any more.
    let long_ago = SystemTime::now() - Duration::from_secs(4000);
    for name in leftovers(&place) {
        let file = fs::File::options().write(true).open(place.path(&name)).expect("opened");
        file.set_modified(long_ago).expect("set");
    }
    fs::write(place.path(".arcfs-0.tmp"), "of somebody who is saving").expect("written");
    place.ok(&["touch", "/after"]);
    assert_eq!(leftovers(&place), [".arcfs-0.tmp", "in"]);
}

#[test]
fn a_state_that_cannot_be_used_is_refused_and_kept() {
    let place = Place::new();
    place.ok(&["write", "/a", "precious"]);
    let good = fs::read(place.state()).expect("read");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bad in [&b""[..], b"{\"files\": {}}", &good[..good.len() - 1], &good[..good.len() / 2], &flipped] {
        fs::write(place.state(), bad).expect("written");
        for args in [
            &["ls"][..],
            &["cat", "/a"],
            &["read", "/a"],
            &["stat", "/a"],
            &["write", "/b", "x"],
            &["snapshot", "list"],
            &["tree"],
        ] {
            let error = place.fails(1, args);
            assert!(
                error.contains("state.arcfs\" cannot be used") && error.contains("arcfs init"),
                "{args:?}: {error}"
            );
            assert_eq!(fs::read(place.state()).expect("read"), bad, "{args:?}");
        }
    }
    // What is not damaged needs no new start.
    fs::remove_file(place.state()).expect("removed");
    fs::create_dir(place.state()).expect("made");
    for args in [&["ls"][..], &["cat", "/a"], &["write", "/b", "x"]] {
        let error = place.fails(1, args);
        assert!(error.contains("cannot be used") && !error.contains("arcfs init"), "{args:?}: {error}");
    }
    fs::remove_dir(place.state()).expect("removed");
    fs::write(place.state(), &good).expect("written");
    assert_eq!(place.ok(&["cat", "/a"]), "precious");
}

#[test]
fn a_command_that_changes_nothing_saves_nothing() {
    let place = Place::new();
    place.ok(&["rm", "-f", "/missing"]);
    assert!(!place.state().exists());
    place.ok(&["mkdir", "-p", "/d"]);
    place.ok(&["quota", "1MiB"]);
    let saved = || fs::metadata(place.state()).and_then(|metadata| metadata.modified()).expect("known");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let age = || {
        let file = fs::File::options().write(true).open(place.state()).expect("opened");
        file.set_modified(long_ago).expect("set");
    };
    age();
    for args in [&["mkdir", "-p", "/d"][..], &["quota", "1MiB"], &["rm", "-f", "/missing"]] {
        place.ok(args);
        assert_eq!(saved(), long_ago, "{args:?}");
    }
    for args in [
        &["touch", "/d"][..],
        &["quota", "2MiB"],
        &["snapshot", "save", "s"],
        &["snapshot", "save", "-f", "s"],
        &["snapshot", "restore", "s"],
        &["snapshot", "delete", "s"],
        &["write", "/a", ""],
        &["write", "/a", ""],
        &["rename", "/a", "/b"],
    ] {
        age();
        place.ok(args);
        assert!(saved() > long_ago, "{args:?}");
    }
}

#[test]
fn init_keeps_the_state_before() {
    let place = Place::new();
    place.ok(&["write", "/a", "precious"]);
    let assert = place.run(&["init"]).success().stdout("Initialized new filesystem\n");
    let remark = String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8");
    assert!(remark.contains("state.arcfs.old"), "{remark}");
    assert_eq!(place.ok(&["ls"]), "");
    // An empty state is nothing to keep: the one kept before stays.
    assert_eq!(place.ok(&["init"]), "Initialized new filesystem\n");
    assert_eq!(place.ok(&["--state", "state.arcfs.old", "cat", "/a"]), "precious");
    // A damaged one is, and does not take the place of the good one.
    fs::write(place.state(), "damaged").expect("written");
    place.run(&["init", "--max-nodes", "2"]).success();
    assert_eq!(fs::read(place.path("state.arcfs.old.1")).expect("read"), b"damaged");
    assert_eq!(place.ok(&["--state", "state.arcfs.old", "cat", "/a"]), "precious");
    place.ok(&["touch", "/one"]);
    assert!(place.fails(1, &["touch", "/two"]).contains("node limit"));
    place.run(&["init"]).success();
    assert_eq!(place.ok(&["--state", "state.arcfs.old.2", "ls"]), "one\n");
    // One that was killed after it kept the state, and before it saved the new one.
    place.ok(&["write", "/b", "x"]);
    fs::hard_link(place.state(), place.path("state.arcfs.old.3")).expect("linked");
    place.run(&["init"]).success();
    assert_eq!(place.ok(&["--state", "state.arcfs.old.3", "ls"]), "b\n");
    assert!(cfg!(not(unix)) || !place.path("state.arcfs.old.4").exists());
}

#[test]
fn standard_input_is_read_before_others_are_locked_out() {
    let place = Place::new();
    let mut slow = place.command(&["-q", "write", "/slow", "-"]).stdin(Stdio::piped()).spawn().expect("runs");
    let stdin = slow.stdin.take().expect("piped");
    // While the first waits for its input, another changes the state.
    place.ok(&["write", "/fast", "x"]);
    drop(stdin);
    assert!(slow.wait().expect("ends").success());
    assert_eq!(place.ok(&["ls"]), "fast\nslow\n");
}

#[test]
fn a_save_that_fails_changes_nothing() {
    let place = Place::new();
    place.ok(&["write", "/a", "kept"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let dir = place.path(".");
        let before = fs::metadata(&dir).expect("there").permissions();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).expect("set");
        // Whoever may do everything is not stopped by permissions.
        let stopped = fs::write(place.path("probe"), "").is_err();
        if stopped {
            assert!(place.fails(1, &["write", "/a", "lost"]).starts_with("Error: "));
            assert_eq!(place.ok(&["cat", "/a"]), "kept");
        }
        fs::set_permissions(&dir, before).expect("set");
    }
}
