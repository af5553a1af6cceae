//! When directories were last modified, whatever comes into them later.

use std::time::{Duration, SystemTime};

use arcfs::{MemFs, import_archive, import_archive_streaming};

use crate::archives::*;
use crate::support::*;

#[test]
fn times_of_directories_survive_what_comes_into_them() -> TestResult {
    let entries: &[(&str, &[u8])] =
        &[("d/", b""), ("d/e/", b""), ("d/e/a", b"1"), ("d/b", b"2"), ("implied/c", b"3")];
    for bytes in [deflated(entries), tar_of_files(entries)] {
        both(MemFs::new, |fs, import| {
            import(fs, bytes.clone(), "/", options()).unwrap();
            for path in ["/d", "/d/e", "/d/e/a"] {
                assert_eq!(fs.metadata(path).unwrap().modified(), usual_time(), "{path}");
            }
            assert_ne!(fs.metadata("/implied").unwrap().modified(), usual_time());
        });
        // What stands there already is not the archive's.
        let fs = MemFs::new();
        fs.create_dir("/d")?;
        import_archive(&fs, bytes, "/", options())?;
        assert_ne!(fs.metadata("/d")?.modified(), usual_time());
    }
    Ok(())
}

#[test]
fn directories_that_are_listed_after_what_is_in_them_get_their_times() {
    let dated = |path: &str, seconds: u64| {
        let mut dir = header(path.as_bytes(), b'5', 0);
        dir[136..147].copy_from_slice(format!("{seconds:011o}").as_bytes());
        with_checksum(dir)
    };
    let tar = tar_of(&[
        member(b"d/e/a", b'0', b"1"),
        dated("d/e", 1000),
        dated("d", 1),
        dated("d", 2000),
        dated("x/y", 3000),
        dated("x", 4000),
        dated("there", 5000),
    ]);
    let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let furnished = || {
        let fs = MemFs::new();
        fs.create_dir_all("/to/there").unwrap();
        fs
    };
    both(furnished, |fs, import| {
        let before = fs.metadata("/to/there").unwrap().modified();
        import(fs, tar.clone(), "/to", options()).unwrap();
        for (path, seconds) in [("/to/d/e", 1000), ("/to/d", 2000), ("/to/x/y", 3000), ("/to/x", 4000)] {
            assert_eq!(fs.metadata(path).unwrap().modified(), after(seconds), "{path}");
        }
        assert_eq!(fs.metadata("/to/there").unwrap().modified(), before, "it is not the archive's");
    });
}

#[test]
fn directories_get_their_times_also_where_a_later_entry_fails() {
    let tar = tar_of(&[member(b"d/", b'5', b""), member(b"d/a", b'0', b"1"), member(b"../x", b'0', b"1")]);
    let fs = MemFs::new();
    assert!(import_archive_streaming(&fs, tar, "/", options()).is_err());
    assert_eq!(fs.metadata("/d").unwrap().modified(), usual_time());
    assert_eq!(fs.read("/d/a").unwrap(), b"1");
}

#[test]
fn times_of_directories_are_not_given_to_what_stands_there_instead() {
    let tar = tar_of(&[member(b"d/", b'5', b""), member(b"e/", b'5', b""), member(b"f/", b'5', b"")]);
    let fs = MemFs::new();
    let other = fs.clone();
    let meddle = move |done: arcfs::ImportProgress| {
        if done.entries == 3 && other.is_dir("/d") {
            other.remove_dir("/d").unwrap();
            other.write("/d", b"a file").unwrap();
            other.remove_dir("/e").unwrap();
        }
    };
    let report = import_archive_streaming(&fs, tar, "/", options().progress(meddle)).unwrap();
    assert_eq!(report.dirs, 3);
    assert_ne!(fs.metadata("/d").unwrap().modified(), usual_time());
    assert_eq!(fs.metadata("/f").unwrap().modified(), usual_time());
    assert!(!fs.exists("/e"));
}
