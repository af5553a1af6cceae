//! Trees: listed, copied, removed, and seen through a view.

use std::collections::{BTreeMap, BTreeSet};

use arcfs_harness::store::{Mode, Store};

use crate::{assert_content, assert_failed, bytes, expect, listing, on_every_store};

/// Writes what `content` says to each path.
fn write_all(store: &dyn Store, paths: &[&str], content: impl Fn(&str) -> Vec<u8>) {
    for path in paths {
        store.write(path, &content(path)).unwrap_or_else(|failure| panic!("{path}: {failure}"));
    }
}

#[test]
fn listing_has_files_and_directories_once() {
    on_every_store(|store, able| {
        for dir in ["/a/d/e", "/a/empty", "/ab"] {
            store.create_dir_all(dir).expect("made");
        }
        let paths = ["/top", "/a/1", "/a/2", "/a/d/3", "/a/d/4", "/a/d/e/5", "/ab/6"];
        write_all(store, &paths, |path| path.into());
        let of_a = if able.directories { vec!["1", "2", "d", "empty"] } else { vec!["1", "2", "d"] };
        assert_eq!(listing(store, "/a"), of_a);
        assert_eq!(listing(store, "/"), ["a", "ab", "top"]);
        assert_eq!(listing(store, "/a/d"), ["3", "4", "e"]);
        assert_eq!(listing(store, "/ab"), ["6"]);
        store.remove("/a/1").expect("removed");
        assert_eq!(listing(store, "/a"), of_a[1..]);
        if able.directories {
            assert_failed(store.list("/missing", &mut |_| ()));
        } else {
            assert!(listing(store, "/missing").is_empty());
        }
    });
}

/// In a store that shares values, changing one in place must not show through what holds it.
#[test]
fn an_update_of_a_copy_leaves_the_original() {
    on_every_store(|store, able| {
        if !able.updates {
            return;
        }
        store.create_dir_all("/from").expect("made");
        for (size, offset) in [(1000, 0), (1000, 990), (200_000, 100_000)] {
            let mut model = vec![1; size];
            store.write("/from/file", &model).expect("written");
            store.copy_dir_all("/from", "/to").expect("copied");
            let mut file = store.open("/to/file", Mode::Update).expect("opened");
            file.write_at(&[2; 50], offset as u64).expect("written");
            file.close().expect("closed");
            assert_content(store, "/from/file", &model);
            model.resize(size.max(offset + 50), 0);
            model[offset..offset + 50].fill(2);
            assert_content(store, "/to/file", &model);
            store.remove_dir_all("/to").expect("removed");
        }
    });
}

#[test]
fn trees_are_copied_and_removed_without_their_namesakes() {
    on_every_store(|store, _| {
        for dir in ["/a/d/e", "/ab/d", "/a-b", "/to"] {
            store.create_dir_all(dir).expect("made");
        }
        let inside = ["/a/1", "/a/d/2", "/a/d/e/3", "/a/empty file"];
        let outside = ["/ab/4", "/ab/d/5", "/a-b/6", "/b"];
        let content = |path: &str| if path.ends_with("empty file") { Vec::new() } else { path.into() };
        write_all(store, &inside, content);
        write_all(store, &outside, content);
        store.copy_dir_all("/a", "/to/copy").expect("copied");
        for path in inside {
            assert_content(store, &path.replacen("/a", "/to/copy", 1), &content(path));
        }
        assert_eq!(listing(store, "/to"), ["copy"]);
        assert_eq!(listing(store, "/to/copy"), listing(store, "/a"));

        // A copy does not follow its original, nor the original its copy.
        store.write("/a/1", b"changed").expect("written");
        store.write("/to/copy/d/2", b"changed too").expect("written");
        assert_content(store, "/to/copy/1", b"/a/1");
        assert_content(store, "/a/d/2", b"/a/d/2");

        store.remove_dir_all("/a").expect("removed");
        for path in inside {
            assert_failed(store.read(path, &mut Vec::new()));
        }
        for path in outside {
            assert_content(store, path, &content(path));
        }
        assert_eq!(listing(store, "/"), ["a-b", "ab", "b", "to"]);
        assert_content(store, "/to/copy/d/2", b"changed too");
    });
}

#[test]
fn a_view_walks_globs_and_exports_one_tree() {
    on_every_store(|store, able| {
        for dir in ["/a/d", "/b"] {
            store.create_dir_all(dir).expect("made");
        }
        let paths = ["/top.txt", "/a/1.txt", "/a/2.rs", "/a/d/3.txt", "/b/empty.rs"];
        let content = |path: &str| bytes(if path.contains("empty") { 0 } else { 70_000 }, path.len() as u8);
        write_all(store, &paths, content);
        let viewed = store.view();
        let Some(view) = expect(able.views, "show one instant", viewed) else { return };

        let mut walked = BTreeSet::new();
        let walk = view.walk(&mut |dir, name| {
            assert!(walked.insert((dir.to_owned(), name.to_owned())), "{dir} {name} came twice");
        });
        walk.expect("walked");
        let expected =
            [("/", "top.txt"), ("/a", "1.txt"), ("/a", "2.rs"), ("/a/d", "3.txt"), ("/b", "empty.rs")];
        assert_eq!(walked, expected.map(|(dir, name)| (dir.to_owned(), name.to_owned())).into());

        let patterns = [
            ("/**/*.txt", 3),
            ("/*.txt", 1),
            ("/a/*.txt", 1),
            ("/a/**/*.txt", 2),
            ("/*/*.rs", 2),
            ("/c/*", 0),
        ];
        for (pattern, count) in patterns {
            assert_eq!(view.glob(pattern).expect("a pattern"), count, "{pattern}");
        }

        let mut exported = BTreeMap::new();
        let export = view.export(&mut |path, bytes| {
            assert_eq!(exported.insert(path.to_owned(), bytes.to_vec()), None, "{path} came twice");
        });
        export.expect("exported");
        assert!(exported == paths.map(|path| (path.to_owned(), content(path))).into());
    });
}
