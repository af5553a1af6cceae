//! The commands that work on the filesystem alone.

mod support;

use serde_json::json;
use support::Place;

/// A place with `/d/a` ("one"), `/d/sub/b` ("two") and `/top` ("three").
fn sample() -> Place {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/d/sub"]);
    place.ok(&["write", "/d/a", "one"]);
    place.ok(&["write", "/d/sub/b", "two"]);
    place.ok(&["write", "/top", "three"]);
    place
}

#[test]
fn ls_lists_directories_files_and_snapshots() {
    let place = sample();
    assert_eq!(place.ok(&["ls"]), "d/\ntop\n");
    assert_eq!(place.ok(&["ls", "/d", "/top"]), "/d:\na\nsub/\n\n/top:\ntop\n");
    let long = place.ok(&["ls", "-l"]);
    let lines: Vec<&str> = long.lines().collect();
    assert!(lines[0].starts_with("d 0 20") && lines[0].ends_with(" d/"), "{long}");
    assert!(lines[1].starts_with("- 5 20") && lines[1].ends_with(" top"), "{long}");
    assert!(place.ok(&["ls", "-lH", "/top"]).starts_with("- 5 B 20"));

    let nodes = place.json(&["ls", "--json", "/d"]);
    assert_eq!(nodes[0]["path"], "/d/a");
    assert_eq!((&nodes[0]["type"], &nodes[0]["size"]), (&json!("file"), &json!(3)));
    assert_eq!(nodes[1]["type"], "directory");
    assert_eq!(place.json(&["ls", "--json", "/d/sub/b"]).as_array().map(Vec::len), Some(1));

    let error = place.fails(1, &["ls", "/d", "/missing"]);
    assert!(error.contains("\"/missing\"") && !error.contains("/d/a"), "{error}");
}

#[test]
fn cat_prints_files_exactly_and_read_adds_a_line_end() {
    let place = sample();
    assert_eq!(place.ok(&["cat", "/d/a", "/top"]), "onethree");
    assert_eq!(place.ok(&["read", "/d/a"]), "one\n");
    assert_eq!(place.ok(&["read", "--raw", "/d/a"]), "one");
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    place.with_input(&["write", "/bin", "-"], &bytes).success().stdout("Wrote to: /bin\n");
    assert_eq!(place.bytes(&["cat", "/bin"]), bytes);
    assert_eq!(place.bytes(&["read", "--raw", "/bin"]), bytes);
    place.run(&["cat", "/d/a", "/d"]).code(1).stdout("");
}

#[test]
fn append_adds_and_creates() {
    let place = Place::new();
    assert_eq!(place.ok(&["append", "/log", "one"]), "Appended to: /log\n");
    place.with_input(&["append", "/log", "-"], "\ntwo").success();
    place.ok(&["append", "/log", "-5"]);
    assert_eq!(place.ok(&["cat", "/log"]), "one\ntwo-5");
}

#[test]
fn a_missing_content_is_misuse_and_empties_nothing() {
    let place = Place::new();
    place.ok(&["write", "/conf", "precious"]);
    for command in ["write", "append"] {
        let assert = place.with_input(&[command, "/conf"], "").code(2);
        let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(error.contains("<CONTENT>"), "{command}: {error}");
    }
    assert_eq!(place.ok(&["cat", "/conf"]), "precious");
    place.ok(&["write", "/conf", ""]);
    assert_eq!(place.ok(&["cat", "/conf"]), "", "given as empty, it is");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changes() {
    let place = Place::new();
    place.ok(&["init", "--quota", "10K"]);
    place.ok(&["write", "/a", "kept"]);
    let assert = place.with_input(&["write", "/a", "-"], vec![b'x'; 20_000]).code(1);
    let error = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(error.contains("the quota") && error.contains("arcfs quota"), "{error}");
    let error = place.fails(1, &["append", "/a", &"x".repeat(10_200)]);
    assert!(error.contains("the quota has no room"), "{error}");
    assert_eq!(place.ok(&["cat", "/a"]), "kept");
    assert!(place.fails(2, &["init", "--quota", "lots"]).contains("64MiB"));
}

#[test]
fn cp_copies_files_and_directories() {
    let place = sample();
    assert_eq!(place.ok(&["cp", "/top", "/copy"]), "Copied /top to /copy\n");
    place.ok(&["cp", "/top", "/d"]);
    assert_eq!(place.ok(&["cat", "/copy", "/d/top"]), "threethree");
    assert!(place.fails(1, &["cp", "/d", "/e"]).contains("-r"));
    place.ok(&["cp", "-r", "/d", "/e"]);
    assert_eq!(place.ok(&["tree", "/e"]), "e\n    sub\n        b\n    a\n    top\n");

    // Into a directory that has one of that name: merged, files replaced.
    place.ok(&["write", "/e/a", "other"]);
    place.ok(&["write", "/d/new", "new"]);
    place.ok(&["mkdir", "/into"]);
    place.ok(&["cp", "-r", "/e", "/into"]);
    place.ok(&["mv", "/into/e", "/into/d"]);
    place.ok(&["cp", "-r", "/d", "/into"]);
    assert_eq!(place.ok(&["cat", "/into/d/a", "/into/d/new", "/into/d/sub/b"]), "onenewtwo");

    assert!(place.fails(1, &["cp", "/top", "/top"]).contains("same file"));
    assert!(place.fails(1, &["cp", "/top", "/missing/"]).contains("not a directory"));
    assert!(place.fails(1, &["cp", "/top", "/copy", "/nowhere"]).contains("not a directory"));
    place.ok(&["cp", "-r", "/d", "/d/within"]);
    place.ok(&["cp", "-r", "/d", "/d"]); // to /d/d
    assert!(place.fails(1, &["cp", "-r", "/d", "/d"]).contains("within")); // merged with itself
    let before = place.json(&["stats", "--json"])["payload_bytes"].clone();
    place.fails(1, &["cp", "/top", "/missing", "/into"]);
    assert_eq!(place.json(&["stats", "--json"])["payload_bytes"], before, "all or nothing");
}

#[test]
fn mv_moves_and_replaces_and_rename_does_not() {
    let place = sample();
    assert_eq!(place.ok(&["mv", "/top", "/d/a"]), "Moved /top to /d/a\n");
    assert_eq!(place.ok(&["cat", "/d/a"]), "three");
    place.ok(&["touch", "/x", "/y"]);
    place.ok(&["mv", "/x", "/y", "/d/sub"]);
    assert_eq!(place.ok(&["ls", "/d/sub"]), "b\nx\ny\n");
    assert!(place.fails(1, &["rename", "/d/a", "/d/sub"]).contains("already exists"));
    assert_eq!(place.ok(&["rename", "/d/a", "/d/z"]), "Renamed /d/a to /d/z\n");
    assert!(place.fails(1, &["mv", "/d", "/d/sub/d"]).starts_with("Error: "));
}

#[test]
fn a_copy_is_not_dirty() {
    let place = sample();
    place.ok(&["cp", "/top", "/copy"]);
    place.ok(&["cp", "-r", "/d", "/e"]);
    place.ok(&["mkdir", "-p", "/into/d"]);
    place.ok(&["cp", "-r", "/d", "/into"]);
    let generation = |path: &str| place.json(&["stat", "--json", path])[0]["generation"].clone();
    for path in ["/copy", "/e/a", "/into/d/sub/b"] {
        assert_eq!(generation(path), 0, "{path}");
    }
    place.ok(&["cp", "/top", "/d/a"]);
    assert!(generation("/d/a").as_u64() > Some(1), "one that is replaced was written to");
}

#[test]
fn two_sources_of_one_name_are_refused_before_one_is_lost() {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/a/dir", "/b/dir", "/d"]);
    place.ok(&["write", "/a/x", "of a"]);
    place.ok(&["write", "/b/x", "of b"]);
    let before = place.ok(&["tree"]);
    for args in [
        &["mv", "/a/x", "/b/x", "/d"][..],
        &["cp", "/a/x", "/b/x", "/d"],
        &["mv", "/a/x", "/b/../b/x", "/d/"],
        &["mv", "/a/x", "/a/x", "/d"],
        &["cp", "-r", "/a/dir", "/b/dir", "/d"],
        &["mv", "/a/dir", "/b/dir", "/d"],
    ] {
        let error = place.fails(1, args);
        assert!(error.contains("same name"), "{args:?}: {error}");
        assert_eq!(place.ok(&["tree"]), before, "{args:?}");
    }
    assert_eq!(place.ok(&["cat", "/a/x", "/b/x"]), "of aof b");
}

#[test]
fn rm_removes_all_that_is_named_or_nothing() {
    let place = sample();
    assert!(place.fails(1, &["rm", "/top", "/d"]).contains("-r"));
    assert!(place.fails(1, &["rm", "/top", "/missing"]).contains("/missing"));
    assert_eq!(place.ok(&["ls"]), "d/\ntop\n", "nothing was removed");
    assert_eq!(place.ok(&["rm", "-f", "/top", "/missing"]), "Removed file: /top\n");
    assert!(place.fails(1, &["rmdir", "/d"]).contains("not empty"));
    assert_eq!(place.ok(&["rm", "-r", "/d"]), "Removed directory: /d\n");
    place.ok(&["mkdir", "/e"]);
    assert_eq!(place.ok(&["rmdir", "/e"]), "Removed directory: /e\n");
    assert!(place.fails(1, &["rm", "-r", "/"]).starts_with("Error: "));
    assert_eq!(place.ok(&["ls"]), "");
}

#[test]
fn find_takes_names_and_paths() {
    let place = sample();
    place.ok(&["touch", "/d/x.txt", "/d/sub/y.txt", "/d/odd[1]"]);
    assert_eq!(place.ok(&["find", "*.txt"]), "/d/sub/y.txt\n/d/x.txt\n");
    assert_eq!(place.ok(&["find", "*.txt", "/d/sub"]), "/d/sub/y.txt\n");
    assert_eq!(place.ok(&["find", "d/*.txt"]), "/d/x.txt\n");
    assert_eq!(place.ok(&["find", "/d/**", "-t", "d"]), "/d/sub\n");
    assert_eq!(place.ok(&["find", "b", "--type", "f"]), "/d/sub/b\n");
    assert_eq!(place.ok(&["find", "nothing*"]), "");
    assert_eq!(place.ok(&["find", "./d/./*.txt"]), "/d/x.txt\n");
    assert_eq!(place.ok(&["find", "./*.txt", "/d"]), "/d/x.txt\n");
    assert_eq!(place.ok(&["find", "/d/./x.txt"]), "/d/x.txt\n");
    assert!(place.fails(1, &["find", "d/../top"]).contains("PATH"));
    for nothing in [".", "./", "/", ""] {
        assert!(place.fails(1, &["find", nothing]).contains("'*'"), "{nothing:?}");
    }
    place.ok(&["rename", "/d/sub", "/d/[s]*"]);
    assert_eq!(place.ok(&["find", "*.txt", "/d/[s]*"]), "/d/[s]*/y.txt\n");
    assert_eq!(place.json(&["find", "--json", "x.txt"])[0]["path"], "/d/x.txt");
    assert!(place.fails(1, &["find", "[a"]).contains("pattern"));
    assert!(place.fails(1, &["find", "*", "/missing"]).contains("/missing"));
}

#[test]
fn du_adds_up_from_below() {
    let place = sample();
    assert_eq!(place.ok(&["du"]), "3\t/d/sub\n6\t/d\n11\t/\n");
    assert_eq!(place.ok(&["du", "-s", "/d", "/top"]), "6\t/d\n5\t/top\n");
    assert_eq!(place.ok(&["du", "-sH", "/d"]), "6 B\t/d\n");
    assert_eq!(
        place.json(&["du", "--json", "-s", "/d"]),
        json!([{"path": "/d", "bytes": 6, "files": 2, "directories": 2}])
    );
}

#[test]
fn stat_and_stats_tell_what_is_known() {
    let place = sample();
    let shown = place.ok(&["stat", "/top"]);
    let labels: Vec<&str> = shown.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(labels, ["Path", "Type", "Size", "Created", "Modified", "Generation", "Version"]);
    assert!(shown.contains("Size: 5\n") && shown.contains("Generation: 1\n"), "{shown}");
    let node = &place.json(&["stat", "--json", "/d"])[0];
    assert_eq!((&node["type"], &node["generation"]), (&json!("directory"), &json!(0)));

    let stats = place.json(&["stats", "--json"]);
    assert_eq!((&stats["file_count"], &stats["dir_count"]), (&json!(3), &json!(3)));
    assert_eq!((&stats["payload_bytes"], &stats["quota_bytes"]), (&json!(11), &json!(256 << 20)));
    assert!(place.ok(&["stats"]).contains("file_count: 3\n"));
}

#[test]
fn the_quota_is_shown_set_and_kept() {
    let place = sample();
    assert_eq!(place.ok(&["quota", "64MiB"]), "Set quota: 67108864 bytes (64.0 MiB)\n");
    let quota = place.json(&["quota", "--json"]);
    assert_eq!(quota["quota_bytes"], 64 << 20);
    let used = quota["used_bytes"].as_u64().expect("a number");
    assert_eq!(quota["free_bytes"], (64 << 20) - used);
    assert!(place.ok(&["quota"]).starts_with("Quota: 67108864 bytes (64.0 MiB)\nUsed: "));
    // Below what is used: nothing is lost, and nothing more fits.
    place.ok(&["quota", "1"]);
    assert_eq!(place.ok(&["cat", "/top"]), "three");
    assert!(place.fails(1, &["write", "/more", "x"]).contains("quota"));
    place.ok(&["rm", "/top"]);
    place.fails(2, &["quota", "64Mib2"]);
}

#[test]
fn snapshots_are_kept_shown_compared_and_brought_back() {
    let place = sample();
    assert_eq!(place.ok(&["snapshot", "save", "first"]), "Saved snapshot: first\n");
    assert!(place.fails(1, &["snapshot", "save", "first"]).contains("--force"));
    place.ok(&["write", "/top", "changed"]);
    place.ok(&["rm", "-r", "/d/sub"]);
    place.ok(&["touch", "/new"]);
    assert_eq!(place.ok(&["snapshot", "diff", "first"]), "- /d/sub\n- /d/sub/b\n+ /new\n~ /top\n");
    assert_eq!(
        place.json(&["snapshot", "diff", "--json", "first"])[2],
        json!({"change": "created", "path": "/new"})
    );
    place.ok(&["snapshot", "save", "second"]);
    assert_eq!(place.ok(&["snapshot", "diff", "second"]), "");
    assert_eq!(place.ok(&["snapshot", "diff", "second", "first"]).lines().count(), 4);

    assert_eq!(place.ok(&["cat", "--at", "first", "/top"]), "three");
    assert_eq!(place.ok(&["snapshot", "show", "first", "/top"]), "three");
    assert_eq!(place.ok(&["snapshot", "show", "first", "/d"]), "d\n    sub\n        b\n    a\n");
    let shown = place.ok(&["snapshot", "show", "first"]);
    assert!(
        shown.starts_with("Snapshot: first\n")
            && shown.ends_with("\n/\n    d\n        sub\n            b\n        a\n    top\n"),
        "{shown}"
    );
    let list = place.json(&["snapshot", "list", "--json"]);
    assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("first"), &json!("second")));
    assert_eq!((&list[0]["files"], &list[0]["bytes"]), (&json!(3), &json!(11)));
    assert!(place.ok(&["snapshot", "list"]).starts_with("first   20"));

    assert_eq!(place.ok(&["snapshot", "restore", "first"]), "Restored snapshot: first\n");
    assert_eq!(place.ok(&["cat", "/top", "/d/sub/b"]), "threetwo");
    assert_eq!(place.ok(&["snapshot", "diff", "first"]), "");
    assert!(place.fails(1, &["snapshot", "restore", "third"]).contains("snapshot list"));
    assert!(place.fails(1, &["snapshot", "delete", "first", "third"]).contains("third"));
    assert_eq!(place.ok(&["snapshot", "delete", "first"]), "Deleted snapshot: first\n");
    assert!(place.fails(1, &["cat", "--at", "first", "/top"]).contains("first"));
    assert!(place.fails(1, &["snapshot", "save", "a\nb"]).contains("name"));
}

#[test]
fn quiet_says_nothing_of_what_was_done() {
    let place = Place::new();
    assert_eq!(place.ok(&["-q", "write", "/a", "x"]), "");
    assert_eq!(place.ok(&["cat", "/a", "--quiet"]), "x");
    assert_eq!(place.ok(&["init", "-q"]), "");
}

#[test]
fn paths_that_climb_out_are_refused() {
    let place = Place::new();
    for path in ["/../a", "..", "/d/../../a"] {
        assert!(place.fails(1, &["write", path, "x"]).contains("path"), "{path}");
    }
    place.ok(&["write", "d/../a", "x"]);
    assert_eq!(place.ok(&["cat", r"\a"]), "x");
}

#[test]
fn depth_costs_no_stack() {
    let place = Place::new();
    let path = "/d".repeat(512);
    place.ok(&["mkdir", "-p", &path]);
    assert_eq!(place.ok(&["tree"]).lines().count(), 513);
    assert_eq!(place.ok(&["du"]).lines().count(), 513);
    assert_eq!(place.json(&["tree", "--json"]).as_array().map(Vec::len), Some(513));
    place.ok(&["cp", "-r", "/d", "/e"]);
    place.ok(&["rm", "-r", "/d"]);
}
