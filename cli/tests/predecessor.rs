//! The commands, outputs and exit codes that users of pyfunc's memfs know.

mod support;

use support::Place;

#[test]
fn the_commands_answer_as_they_did() {
    let place = Place::new();
    assert_eq!(place.ok(&["init"]), "Initialized new filesystem\n");
    assert_eq!(place.ok(&["mkdir", "/data"]), "Created directory: /data\n");
    assert_eq!(place.ok(&["mkdir", "-p", "/data/subdir/deep"]), "Created directory: /data/subdir/deep\n");
    assert_eq!(place.ok(&["mkdir", "--parents", "/data/subdir"]), "Created directory: /data/subdir\n");
    assert_eq!(place.ok(&["touch", "/data/a.txt"]), "Created file: /data/a.txt\n");
    assert_eq!(place.ok(&["write", "/data/hello.txt", "Hello"]), "Wrote to: /data/hello.txt\n");
    assert_eq!(place.ok(&["read", "/data/hello.txt"]), "Hello\n");
    assert_eq!(place.ok(&["read", "/data/a.txt"]), "\n");
    assert_eq!(place.ok(&["dump"]), "{\n  \"/data/a.txt\": \"\",\n  \"/data/hello.txt\": \"Hello\"\n}\n");
    assert_eq!(place.ok(&["dump", "/data/subdir"]), "{}\n");
    assert_eq!(place.ok(&["--version"]), format!("arcfs {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_tree_is_indented_by_four_spaces_directories_first() {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/data/subdir/deep"]);
    place.ok(&["touch", "/data/a.txt", "/data/hello.txt", "/data/subdir/b", "/top"]);
    assert_eq!(
        place.ok(&["tree"]),
        "/\n    data\n        subdir\n            deep\n            b\n        a.txt\n        hello.txt\n    top\n"
    );
    assert_eq!(place.ok(&["tree", "/data/subdir"]), "subdir\n    deep\n    b\n");
    assert_eq!(place.ok(&["tree", "data/subdir/"]), place.ok(&["tree", "/data/subdir"]));
}

#[test]
fn the_tree_of_what_is_no_directory_says_so_and_succeeds() {
    let place = Place::new();
    place.ok(&["touch", "/file"]);
    for (path, reason) in [("/missing", "no such file or directory"), ("/file", "it is not a directory")] {
        let shown = place.ok(&["tree", path]);
        let mut lines = shown.lines();
        assert_eq!(lines.next(), path.strip_prefix('/'));
        let error = lines.next().expect("a second line");
        assert!(error.starts_with("    Error: ") && error.contains(reason), "{error}");
        assert_eq!(lines.next(), None);
        assert!(place.fails(1, &["tree", "--strict", path]).starts_with("Error: "));
        assert!(place.fails(1, &["tree", "--json", path]).starts_with("Error: "));
    }
}

#[test]
fn errors_go_to_standard_error_with_code_1_and_misuse_with_2() {
    let place = Place::new();
    for args in
        [&["read", "/missing"][..], &["mkdir", "/a/b"], &["write", "/missing/a", "x"], &["dump", "/missing"]]
    {
        let assert = place.run(args).code(1).stdout("");
        let error = String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8");
        assert!(
            error.starts_with("Error: ") && error.contains("no such file or directory"),
            "{args:?}: {error}"
        );
    }
    for args in [
        &["nonsense"][..],
        &["mkdir"],
        &["write", "/a"],
        &["read"],
        &["read", "--no", "/a"],
        &["rename", "/a"],
        &["cp", "/a"],
    ] {
        let assert = place.run(args).code(2).stdout("");
        assert!(!assert.get_output().stderr.is_empty());
    }
    assert!(place.fails(2, &["--shell", "touch", "/a"]).contains("--shell"));
    assert!(!place.state().exists(), "nothing was changed, so nothing was saved");
}

#[test]
fn no_command_is_a_question_for_help() {
    let place = Place::new();
    let assert = place.run(&[]).code(1).stderr("");
    let help = String::from_utf8(assert.get_output().stdout.clone()).expect("UTF-8");
    for word in ["Usage:", "init", "snapshot", "completions", "--state", "Exit codes"] {
        assert!(help.contains(word), "{word} is missing in:\n{help}");
    }
    place.run(&["--help"]).success();
    place.run(&["ls", "--help"]).success();
}

#[test]
fn touching_a_file_keeps_what_it_holds() {
    let place = Place::new();
    place.ok(&["write", "/a", "kept"]);
    let before = place.json(&["stat", "--json", "/a"]);
    assert_eq!(place.ok(&["touch", "/a"]), "Touched: /a\n");
    assert_eq!(place.ok(&["read", "/a"]), "kept\n");
    let after = place.json(&["stat", "--json", "/a"]);
    assert!(after[0]["modified"].as_str() > before[0]["modified"].as_str(), "{before} {after}");
}

#[test]
fn a_dump_is_ascii_and_shows_what_is_no_text_as_replaced() {
    let place = Place::new();
    place.ok(&["write", "/t", "h\u{e9} \u{1f600}"]);
    place.with_input(&["write", "/b", "-"], b"\xff\x00").success();
    assert_eq!(
        place.ok(&["dump"]),
        "{\n  \"/b\": \"\\ufffd\\u0000\",\n  \"/t\": \"h\\u00e9 \\ud83d\\ude00\"\n}\n"
    );
}

#[test]
fn the_json_state_comes_in_and_goes_out() {
    let place = Place::new();
    let state = r#"{"files": {"/a.txt": {"type": "text", "content": "one"}, "/d/b": {"type": "binary", "content": "/wA="}}, "dirs": ["/d", "/", "/empty"]}"#;
    std::fs::write(place.path("old.json"), state).expect("written");
    assert_eq!(place.ok(&["import", "--json-state", "old.json"]), "Imported 2 files, 5 B, from old.json\n");
    assert_eq!(place.bytes(&["cat", "/d/b"]), b"\xff\0");
    let dumped = place.json(&["dump", "--json-state"]);
    assert_eq!(dumped["files"]["/a.txt"], serde_json::json!({"type": "text", "content": "one"}));
    assert_eq!(dumped["files"]["/d/b"], serde_json::json!({"type": "binary", "content": "/wA="}));
    assert_eq!(dumped["dirs"], serde_json::json!(["/", "/d", "/empty"]));

    std::fs::write(place.path("bad.json"), &state[..40]).expect("written");
    #[cfg(target_os = "linux")]
    assert!(place.fails(1, &["import", "--json-state", "/dev/zero", "/new"]).contains("no state of memfs"));
    place.with_input(&["import", "--json-state", "-", "/piped"], state).success();
    assert_eq!(place.ok(&["cat", "/piped/a.txt"]), "one");
    place.ok(&["rm", "-r", "/piped"]);
    let error = place.fails(1, &["import", "--json-state", "bad.json", "/new"]);
    assert!(error.contains("no state of memfs"), "{error}");
    assert_eq!(place.json(&["dump", "--json-state"]), dumped);
}
