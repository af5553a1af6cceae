//! Import and export: files, directories and archives of the host.

mod support;

use std::fs;
use std::time::{Duration, SystemTime};

use support::Place;

#[test]
fn files_come_and_go_with_bytes_and_times() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    fs::write(place.path("in.bin"), &bytes).expect("written");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    fs::File::options()
        .write(true)
        .open(place.path("in.bin"))
        .and_then(|file| file.set_modified(time))
        .expect("set");

    assert_eq!(place.ok(&["import", "in.bin"]), "Imported 1 file, 684 KiB, from in.bin\n");
    place.ok(&["mkdir", "/d"]);
    place.ok(&["import", "in.bin", "/d"]);
    place.ok(&["import", "in.bin", "/d/other"]);
    assert_eq!(place.ok(&["find", "*", "-t", "f"]), "/d/in.bin\n/d/other\n/in.bin\n");
    assert_eq!(place.json(&["stat", "--json", "/d/other"])[0]["modified"], "2020-09-13T12:26:40Z");

    assert_eq!(place.ok(&["export", "/in.bin", "out.bin"]), "Exported 1 file, 684 KiB, to out.bin\n");
    assert_eq!(fs::read(place.path("out.bin")).expect("read"), bytes);
    assert_eq!(fs::metadata(place.path("out.bin")).and_then(|data| data.modified()).expect("known"), time);
    fs::create_dir(place.path("dir")).expect("made");
    place.ok(&["export", "/in.bin", "dir"]);
    assert_eq!(place.names("dir"), ["in.bin"]);
    assert_eq!(place.bytes(&["export", "/in.bin", "-"]), bytes);
    assert!(place.fails(1, &["export", "/missing", "x"]).contains("/missing"));
    assert!(place.fails(1, &["export", "/in.bin", "missing/x"]).contains("missing/x"));
    assert!(place.fails(1, &["import", "missing"]).contains("missing"));
}

#[test]
fn conflicts_are_settled_as_asked() {
    let place = Place::new();
    fs::write(place.path("f"), "new").expect("written");
    place.ok(&["write", "/f", "old"]);
    assert!(place.fails(1, &["import", "f", "--on-conflict", "error"]).contains("exists"));
    assert_eq!(
        place.ok(&["import", "f", "--on-conflict=skip"]),
        "Imported 0 files, 0 B, from f, 1 existed and were kept\n"
    );
    assert_eq!(place.ok(&["cat", "/f"]), "old");
    place.ok(&["import", "f"]);
    assert_eq!(place.ok(&["cat", "/f"]), "new");
}

#[test]
fn standard_input_becomes_a_file() {
    let place = Place::new();
    place.with_input(&["import", "-", "/piped"], b"\0\xff").success();
    assert_eq!(place.bytes(&["cat", "/piped"]), b"\0\xff");
    assert!(place.fails(1, &["import", "-"]).contains("DEST"));
}

#[test]
fn directories_come_and_go() {
    let place = Place::new();
    fs::create_dir_all(place.path("src/sub")).expect("made");
    fs::write(place.path("src/a"), "1").expect("written");
    fs::write(place.path("src/sub/b"), "22").expect("written");
    assert_eq!(place.ok(&["import", "src", "/new/place"]), "Imported 2 files, 3 B, from src\n");
    assert_eq!(place.ok(&["tree", "/new"]), "new\n    place\n        sub\n            b\n        a\n");
    assert_eq!(place.ok(&["export", "/new", "out"]), "Exported 2 files, 3 B, to out\n");
    assert_eq!(fs::read(place.path("out/place/sub/b")).expect("read"), b"22");
    assert!(place.fails(1, &["export", "/new", "-"]).contains("--format"));
    assert!(place.fails(1, &["import", "src", "--on-conflict", "skip"]).contains("--on-conflict"));
    assert!(place.fails(1, &["import", "--unpack", "src"]).contains("directory"));
}

#[cfg(unix)]
#[test]
fn what_is_left_out_is_named() {
    let place = Place::new();
    fs::create_dir(place.path("src")).expect("made");
    fs::write(place.path("src/good"), "1").expect("written");
    std::os::unix::fs::symlink("good", place.path("src/link")).expect("linked");
    let assert = place.run(&["import", "src", "/d"]).success().stdout("Imported 1 file, 1 B, from src\n");
    let remark = String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8");
    assert!(remark.contains("src/link") && remark.contains("symbolic link"), "{remark}");

    // What was meant to be brought and could not be is more than a remark.
    fs::write(place.path("src/back\\slash"), "1").expect("written");
    let assert = place.run(&["import", "src", "/e"]).code(3).stdout("Imported 1 file, 1 B, from src\n");
    let error = String::from_utf8(assert.get_output().stderr.clone()).expect("UTF-8");
    assert!(error.contains("slash") && error.ends_with("Error: one entry was left out\n"), "{error}");
    assert_eq!(place.ok(&["ls", "/e"]), "good\n", "the rest is there");

    fs::create_dir_all(place.path("out/good")).expect("made");
    let error = place.fails(3, &["export", "/e", "out"]);
    assert!(error.contains("a directory stands in its place"), "{error}");
}

#[test]
fn archives_go_out_and_come_back() {
    let place = Place::new();
    place.ok(&["mkdir", "-p", "/src/empty"]);
    place.ok(&["write", "/src/a.txt", &"text ".repeat(1000)]);
    place.with_input(&["write", "/src/sub\u{e9}", "-"], b"\0\xff").success();
    let tree = place.ok(&["tree", "/src"]);
    for name in ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.zst", "A.TAR.ZST"] {
        let said = place.ok(&["export", "/src", name]);
        assert!(said.starts_with("Exported 2 files, 4.9 KiB, to "), "{said}");
        place.ok(&["rm", "-rf", "/back"]);
        let said = place.ok(&["import", name, "/back/src"]);
        assert!(said.starts_with("Imported 2 files, 4.9 KiB, from "), "{said}");
        assert_eq!(place.ok(&["tree", "/back/src"]), tree, "{name}");
        assert_eq!(
            place.bytes(&["cat", "/back/src/a.txt", "/back/src/sub\u{e9}"]),
            place.bytes(&["cat", "/src/a.txt", "/src/sub\u{e9}"])
        );
        let modified = |path: &str| {
            place.json(&["stat", "--json", path])[0]["modified"].as_str().expect("text")[..19].to_owned()
        };
        assert_eq!(modified("/back/src/a.txt"), modified("/src/a.txt"), "{name}");
    }
    assert_eq!(&fs::read(place.path("a.zip")).expect("read")[..2], b"PK");
    assert_eq!(&fs::read(place.path("a.tgz")).expect("read")[..2], b"\x1f\x8b");
    assert!(
        fs::metadata(place.path("a.tgz")).expect("there").len()
            < fs::metadata(place.path("a.tar")).expect("there").len() / 2
    );

    // One file in an archive, an archive that is one already, and one kept as a file.
    place.ok(&["export", "/src/a.txt", "one.zip"]);
    place.ok(&["import", "one.zip", "/one"]);
    assert_eq!(place.ok(&["ls", "/one"]), "a.txt\n");
    place.ok(&["import", "--file", "one.zip"]);
    assert_eq!(place.bytes(&["cat", "/one.zip"]), fs::read(place.path("one.zip")).expect("read"));
    place.ok(&["export", "/one.zip", "copy.zip"]);
    assert_eq!(
        fs::read(place.path("copy.zip")).expect("read"),
        fs::read(place.path("one.zip")).expect("read")
    );

    // Through pipes.
    let tar = place.bytes(&["export", "/src", "-", "--format", "tar.gz", "--level", "9"]);
    place.with_input(&["import", "--unpack", "-", "/piped"], &tar).success();
    assert_eq!(place.ok(&["ls", "/piped"]), place.ok(&["ls", "/src"]));
    assert!(place.fails(1, &["export", "/src", "b.zip", "--level", "30"]).contains("level"));
    assert!(!place.path("b.zip").exists());
    assert!(place.fails(1, &["export", "/src/a.txt", "a", "--level", "3"]).contains("archives"));
}

#[test]
fn an_archive_that_cannot_be_written_is_refused() {
    let place = Place::new();
    place.ok(&["mkdir", "/src"]);
    place.ok(&["write", "/src/a", "1"]);
    for name in ["x.tar.xz", "x.txz", "x.tar.bz2", "X.TBZ2"] {
        for source in ["/src", "/src/a"] {
            let error = place.fails(1, &["export", source, name]);
            assert!(error.contains(name) && error.contains(".tar.zst"), "{error}");
            assert!(!place.path(name).exists(), "{source} {name}");
        }
    }
    // One that is one already goes out as it is, and whoever says what is wanted gets it.
    place.ok(&["write", "/old.tar.xz", "xz"]);
    place.ok(&["export", "/old.tar.xz", "copy.txz"]);
    assert_eq!(fs::read(place.path("copy.txz")).expect("read"), b"xz");
    assert!(place.fails(1, &["export", "/old.tar.xz", "copy.tbz2"]).contains("bzip2"));
    place.ok(&["export", "/src", "x.tar.xz", "--format", "zip"]);
    assert!(fs::read(place.path("x.tar.xz")).expect("read").starts_with(b"PK"));
    fs::create_dir(place.path("dir.txz")).expect("made");
    place.ok(&["export", "/src/a", "dir.txz"]);
    assert_eq!(place.names("dir.txz"), ["a"]);
}

#[test]
fn an_archive_is_imported_as_a_whole_or_not_at_all() {
    let place = Place::new();
    place.ok(&["write", "/src/../a", "1"]);
    place.ok(&["mkdir", "/s"]);
    place.ok(&["write", "/s/a", "new"]);
    place.ok(&["write", "/s/b", "new"]);
    place.ok(&["export", "/s", "s.tar"]);
    place.ok(&["mkdir", "/d"]);
    place.ok(&["write", "/d/b", "old"]);
    assert!(place.fails(1, &["import", "s.tar", "/d", "--on-conflict", "error"]).contains("/d/b"));
    assert_eq!(place.ok(&["ls", "/d"]), "b\n");
    let said = place.ok(&["import", "s.tar", "/d", "--on-conflict", "skip"]);
    assert!(said.contains("1 file") && said.contains("1 existed and were kept"), "{said}");
    assert_eq!(place.ok(&["cat", "/d/a", "/d/b"]), "newold");
    place.ok(&["import", "s.tar", "/d"]);
    assert_eq!(place.ok(&["cat", "/d/b"]), "new");

    let whole = fs::read(place.path("s.tar")).expect("read");
    fs::write(place.path("cut.tar"), &whole[..700]).expect("written");
    assert!(place.fails(1, &["import", "cut.tar", "/cut"]).starts_with("Error: "));
    fs::write(place.path("no.zip"), "not a zip").expect("written");
    assert!(place.fails(1, &["import", "no.zip", "/cut"]).starts_with("Error: "));
    place.fails(1, &["ls", "/cut"]);
}

#[test]
fn entries_that_climb_out_are_refused_or_rerooted() {
    let place = Place::new();
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in [("top/good", &b"1"[..]), ("top/../../evil", b"2")] {
        let mut header = tar::Header::new_ustar();
        // The crate refuses such names, so they are written where it would.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).expect("appended");
    }
    fs::write(place.path("evil.tar"), builder.into_inner().expect("finished")).expect("written");
    let error = place.fails(1, &["import", "evil.tar", "/in"]);
    assert!(error.contains("evil"), "{error}");
    assert_eq!(place.ok(&["ls"]), "");
    place.ok(&["import", "evil.tar", "/in", "--reroot"]);
    assert_eq!(place.ok(&["find", "*", "-t", "f"]), "/in/evil\n/in/top/good\n");
    place.fails(1, &["import", "evil.tar", "/in", "--json-state"]);
    assert!(
        place.fails(1, &["import", "--file", "evil.tar", "--strip-components", "1"]).contains("archives")
    );
}

#[test]
fn a_file_of_the_host_is_replaced_when_the_new_one_is_complete() {
    let place = Place::new();
    place.ok(&["write", "/a", "x"]);
    fs::write(place.path("out.zip"), "old").expect("written");
    place.fails(1, &["export", "/", "out.zip", "--level", "99"]);
    assert_eq!(fs::read(place.path("out.zip")).expect("read"), b"old");
    place.ok(&["export", "/", "out.zip"]);
    assert!(fs::read(place.path("out.zip")).expect("read").starts_with(b"PK"));
    assert!(place.names(".").iter().all(|name| !name.starts_with(".arcfs-")), "{:?}", place.names("."));
}
