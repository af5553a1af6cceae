//! The tools for tests as users have them: by their paths, without what they need being imported.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[test]
fn macros_need_nothing_but_their_names() {
    let content = arcfs::Content::from("shared");
    let name = String::from("named/by/a/string");
    let fs = arcfs::mem_fs! { "a" => content.clone(), "b" => &b"bytes"[..], name.clone() => name, "dir/" };
    arcfs::assert_tree_eq!(fs, {
        "named/by/a/string" => "named/by/a/string",
        "dir/",
        "b" => "bytes",
        "a" => "shared",
    });
    let clone = fs.snapshot();
    arcfs::testing::assert_tree_eq!(clone, &fs, "a snapshot and a {}", "reference");
}

#[test]
#[should_panic(expected = "mem_fs!: list \"b\": an argument is not valid (a file needs content")]
fn a_list_that_is_wrong_says_so() {
    let _ = arcfs::mem_fs! { "a" => "", "b" };
}

#[test]
#[should_panic(
    expected = "the trees differ in 1 place (-: left only, +: right only)\n~ \"/a\"\n     1 - left"
)]
fn trees_that_differ_say_where() {
    arcfs::assert_tree_eq!({ "a" => "left" }, { "a" => "right" });
}

#[test]
fn a_list_that_does_not_fit_leaves_the_filesystem_as_it_was() {
    let fs = arcfs::mem_fs! { in arcfs::MemFs::with_quota(10_000); "kept" => "1" };
    let used = fs.stats().used_bytes;
    let other = fs.clone();
    let plant = move || arcfs::mem_fs! { in &other; "small" => "", "large" => vec![0; 20_000] };
    let planted = std::thread::spawn(plant).join();
    assert!(planted.is_err());
    arcfs::assert_tree_eq!(fs, { "kept" => "1" });
    assert_eq!(fs.stats().used_bytes, used);
}

#[test]
fn a_fixture_is_clean_until_it_is_changed() {
    let fs = arcfs::mem_fs! { "a" => "1", "b" => "2" };
    fs.append("/b", "3").unwrap();
    let dirty = fs.export_tree("/", arcfs::ExportOptions { only_dirty: true }).unwrap();
    assert_eq!(dirty.into_iter().collect::<Vec<_>>(), [("/b".to_owned(), b"23".to_vec())]);
}

#[test]
fn times_are_those_of_a_clock_that_is_moved_by_hand() {
    let clock = Arc::new(arcfs::testing::ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(5)));
    let fs = arcfs::MemFs::builder().clock(clock.clone()).build().unwrap();
    arcfs::mem_fs! { in &fs; "a" => "" };
    let created = fs.metadata("/a").unwrap().created();
    assert_eq!(created, SystemTime::UNIX_EPOCH + Duration::from_secs(5));
    clock.advance(Duration::from_secs(1));
    fs.append("/a", "x").unwrap();
    let metadata = fs.metadata("/a").unwrap();
    assert_eq!((metadata.created(), metadata.modified()), (created, created + Duration::from_secs(1)));
}
