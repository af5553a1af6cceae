//! Models of open files: holds are part of the root, so that whether a path is open is judged in the
//! very root that a commit replaces. They run the production engine through its public calls.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test holds
//! ```
//!
//! What they do not show: anything beyond the bound on preemptions; anything inside `ArcSwap`,
//! whose atomics loom cannot see, and for which a mutex stands in (`src/root/counted/cell.rs`); anything
//! about time: a timeout of zero only tries, every other one waits for ever. A bound is not
//! exhaustive; without one, some of these models take more than minutes.
#![cfg(arcfs_loom)]

use std::io::{Read, Write};
use std::time::Duration;

use arcfs::internals::breaks::Break;
use arcfs::{ErrorKind, File, MemFs, OpenOptions, Result};
use arcfs_loom_tests::models;
use loom::thread;

models! {
    an_open_file_cannot_be_renamed within 5 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    the_parent_of_an_open_file_cannot_be_renamed within 5 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    an_open_file_cannot_be_removed within 5 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    the_parent_of_an_open_file_cannot_be_removed within 5 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    a_created_file_is_held_from_its_first_root within 5 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    nothing_is_restored_over_an_open_file within 5 breaks with
        RestoreIgnoresHolds: "pulled from under its handle";
    a_write_to_an_open_file_waits_for_its_close within 5 breaks with
        WriteIgnoresHold: "a write was lost";
    an_append_to_an_open_file_waits_for_its_close within 5 breaks with
        HoldChecksBesideRoot: "a write was lost";
    an_emptied_file_stays_empty_until_its_handle_publishes within 5 breaks with
        WriteIgnoresHold: "written under an open handle";
    a_shared_lock_keeps_writers_out within 5 breaks with
        WriteIgnoresHold: "written under an open handle";
    two_that_share_a_file_and_one_that_moves_it within 3 breaks with
        HoldChecksBesideRoot: "pulled from under its handle";
    the_second_opener_sees_what_the_first_published within 5 breaks with
        HoldKeepsEarlierContent: "a write was lost",
        OpenersShareTheLock: "nothing is replaced while others wait";
    a_lock_is_passed_on_after_its_hold_has_ended within 5 breaks with
        TurnPassedBeforeRelease: "nothing is replaced while others wait";
    content_and_the_end_of_its_hold_are_one_root within 5 breaks with
        ReleaseInTwoRoots: "free and old";
    no_directory_is_made_at_the_path_of_a_file_without_a_name within 5 breaks with
        HoldChecksBesideRoot: "took the path of a held file";
    nothing_is_imported_at_the_path_of_a_file_without_a_name within 5 breaks with
        HoldChecksBesideRoot: "took the path of a held file";
    nothing_is_moved_to_the_path_of_a_file_without_a_name within 5 breaks with
        HoldChecksBesideRoot: "took the path of a held file";
    a_file_without_a_name_keeps_room_for_itself within 5 breaks with
        HoldReservesNoNode: "a promised file has no room";
    a_hold_that_has_ended_makes_nobody_busy within 5 breaks with
        LeavingOwnerIsBusy: "busy, and nobody holds it";
    a_hold_that_never_begins_makes_nobody_busy within 5 breaks with
        LeavingOwnerIsBusy: "busy, and nobody holds it";
}

/// A filesystem in which only bytes are charged, so that a model has few steps.
fn tiny() -> MemFs {
    MemFs::builder().node_overhead(0).chunk_overhead(0).build().unwrap()
}

/// With one file in a directory.
fn with_file() -> MemFs {
    let fs = tiny();
    fs.import_tree([("/d/f", "0")]).unwrap();
    fs
}

/// Runs `a` on another thread and `b` on this one; returns what they say.
fn both<A: 'static, B>(
    fs: &MemFs,
    a: impl FnOnce(&MemFs) -> A + 'static,
    b: impl FnOnce(&MemFs) -> B,
) -> (A, B) {
    let other = fs.clone();
    let a = thread::spawn(move || a(&other));
    let b = b(fs);
    (a.join().unwrap(), b)
}

fn appending() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    options
}

/// Opens the file, adds a byte and closes it. `None` if there is no file.
fn edit(fs: &MemFs, path: &str, options: &OpenOptions) -> Option<()> {
    let mut file = match options.open(fs, path) {
        Ok(file) => file,
        Err(error) if error.kind() == &ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    file.write_all(b"1").unwrap();
    assert!(fs.exists(path), "a file was pulled from under its handle");
    assert!(file.close().is_ok(), "a file was pulled from under its handle");
    Some(())
}

/// Whether a call that must not wait for anybody succeeded.
fn unless_busy<T>(outcome: Result<T>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) if matches!(error.kind(), ErrorKind::Busy { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

fn is_busy<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| matches!(error.kind(), ErrorKind::Busy { .. }))
}

/// The whole file is either where it was or where it went, with all that was written.
fn renamed(from: &'static str, to: &'static str, old: &str, new: &str) {
    let fs = with_file();
    let (moved, edited) =
        both(&fs, move |fs| unless_busy(fs.rename(from, to)), |fs| edit(fs, "/d/f", &appending()));
    let (there, gone) = if moved { (new, old) } else { (old, new) };
    assert!(fs.exists(there) && !fs.exists(gone), "a file was pulled from under its handle");
    let expected: &[u8] = if edited.is_some() { b"01" } else { b"0" };
    assert_eq!(fs.read(there).unwrap(), expected, "a file was pulled from under its handle");
    assert!(moved || edited.is_some());
}

fn an_open_file_cannot_be_renamed() {
    renamed("/d/f", "/d/g", "/d/f", "/d/g");
}

fn the_parent_of_an_open_file_cannot_be_renamed() {
    renamed("/d", "/e", "/d/f", "/e/f");
}

fn removed(remove: fn(&MemFs) -> Result<()>) {
    let fs = with_file();
    let (removed, edited) = both(&fs, move |fs| unless_busy(remove(fs)), |fs| edit(fs, "/d/f", &appending()));
    assert_eq!(fs.exists("/d/f"), !removed, "a file was pulled from under its handle");
    assert!(removed || fs.read("/d/f").unwrap() == b"01");
    assert!(removed || edited.is_some());
    assert_eq!(fs.stats().used_bytes, if removed { 0 } else { 2 });
}

fn an_open_file_cannot_be_removed() {
    removed(|fs| fs.remove_file("/d/f"));
}

fn the_parent_of_an_open_file_cannot_be_removed() {
    removed(|fs| fs.remove_dir_all("/d"));
}

/// Created by opening it: between its first root and its close nobody can remove its parent.
fn a_created_file_is_held_from_its_first_root() {
    let fs = tiny();
    fs.create_dir("/d").unwrap();
    let mut options = appending();
    options.create(true);
    let (removed, edited) =
        both(&fs, |fs| unless_busy(fs.remove_dir_all("/d")), |fs| edit(fs, "/d/f", &options));
    assert_eq!(fs.exists("/d/f"), !removed, "a file was pulled from under its handle");
    assert!(removed || edited.is_some());
}

fn nothing_is_restored_over_an_open_file() {
    let fs = tiny();
    let empty = fs.snapshot();
    fs.write("/f", b"0").unwrap();
    let (restored, edited) =
        both(&fs, move |fs| unless_busy(fs.restore(&empty)), |fs| edit(fs, "/f", &appending()));
    assert_eq!(fs.exists("/f"), !restored, "a file was pulled from under its handle");
    assert!(restored || edited.is_some());
    assert_eq!(fs.stats().open_handles, 0);
}

/// A handle adds to what it found: the write comes before it opens or after it has closed.
fn a_write_to_an_open_file_waits_for_its_close() {
    let fs = with_file();
    both(&fs, |fs| fs.write("/d/f", b"w").unwrap(), |fs| edit(fs, "/d/f", &appending()).unwrap());
    let bytes = fs.read("/d/f").unwrap();
    assert!(bytes == b"w1" || bytes == b"w", "a write was lost");
}

fn an_append_to_an_open_file_waits_for_its_close() {
    let fs = with_file();
    both(&fs, |fs| fs.append("/d/f", b"w").unwrap(), |fs| edit(fs, "/d/f", &appending()).unwrap());
    let bytes = fs.read("/d/f").unwrap();
    assert!(bytes == b"0w1" || bytes == b"01w", "a write was lost");
    assert_eq!(fs.stats().used_bytes, 3);
}

/// A handle that empties the file does so in the root in which its hold begins.
fn an_emptied_file_stays_empty_until_its_handle_publishes() {
    let fs = with_file();
    both(
        &fs,
        |fs| fs.write("/d/f", b"w").unwrap(),
        |fs| {
            let mut file = fs.create("/d/f").unwrap();
            file.write_all(b"1").unwrap();
            assert_eq!(fs.read("/d/f").unwrap(), b"", "written under an open handle");
            file.close().unwrap();
        },
    );
    let bytes = fs.read("/d/f").unwrap();
    assert!(bytes == b"1" || bytes == b"w");
}

fn a_shared_lock_keeps_writers_out() {
    let fs = with_file();
    both(
        &fs,
        |fs| fs.write("/d/f", b"w").unwrap(),
        |fs| {
            let mut file = OpenOptions::new().read(true).shared_lock(true).open(fs, "/d/f").unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            assert_eq!(fs.read("/d/f").unwrap(), bytes, "written under an open handle");
            file.close().unwrap();
        },
    );
    assert_eq!(fs.read("/d/f").unwrap(), b"w");
}

/// A writer may come in between two that share the file, but not beside one of them.
fn two_that_share_a_file_and_one_that_moves_it() {
    let fs = with_file();
    let reader = |fs: &MemFs| match OpenOptions::new().read(true).shared_lock(true).open(fs, "/d/f") {
        Ok(file) => {
            assert!(fs.exists("/d/f"), "a file was pulled from under its handle");
            assert!(file.close().is_ok());
        }
        Err(error) => assert_eq!(error.kind(), &ErrorKind::NotFound),
    };
    let readers = [(); 2].map(|()| {
        let fs = fs.clone();
        thread::spawn(move || reader(&fs))
    });
    let moved = unless_busy(fs.rename("/d/f", "/g"));
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(fs.exists("/d/f"), !moved);
    assert!(moved || unless_busy(fs.rename("/d/f", "/g")), "a hold has no end");
}

fn the_second_opener_sees_what_the_first_published() {
    let fs = with_file();
    let add = |fs: &MemFs| edit(fs, "/d/f", &appending()).unwrap();
    both(&fs, add, add);
    assert_eq!(fs.read("/d/f").unwrap(), b"011", "a write was lost");
}

fn a_lock_is_passed_on_after_its_hold_has_ended() {
    let fs = with_file();
    let file = appending().open(&fs, "/d/f").unwrap();
    both(&fs, move |_| file.discard(), |fs| appending().open(fs, "/d/f").unwrap().discard());
    assert_eq!(fs.stats().open_handles, 0);
}

/// A third party that finds the path free finds the new content.
fn content_and_the_end_of_its_hold_are_one_root() {
    let fs = with_file();
    let mut file = appending().open(&fs, "/d/f").unwrap();
    file.write_all(b"1").unwrap();
    both(
        &fs,
        |_| file.close().unwrap(),
        |fs| {
            if unless_busy(fs.rename("/d/f", "/g")) {
                assert_eq!(fs.read("/g").unwrap(), b"01", "the path was free and old");
            }
        },
    );
}

fn open_atomically(fs: &MemFs) -> Result<File> {
    OpenOptions::new().write(true).create(true).atomic(true).open(fs, "/f")
}

/// Created when it is closed: until then nothing stands at its path, and nothing can.
fn path_of_a_file_without_a_name(take: fn(&MemFs) -> Result<()>) {
    let fs = tiny();
    fs.create_dir("/d").unwrap();
    let (taken, created) = both(&fs, take, |fs| {
        let mut file = open_atomically(fs)?;
        file.write_all(b"1").unwrap();
        assert!(!fs.exists("/f"), "something took the path of a held file");
        assert!(file.close().is_ok(), "something took the path of a held file");
        Ok::<(), arcfs::Error>(())
    });
    assert!(taken.is_ok() != created.is_ok(), "something took the path of a held file, or nobody did");
    assert_eq!(fs.is_file("/f"), created.is_ok());
}

fn no_directory_is_made_at_the_path_of_a_file_without_a_name() {
    path_of_a_file_without_a_name(|fs| fs.create_dir("/f"));
}

fn nothing_is_imported_at_the_path_of_a_file_without_a_name() {
    path_of_a_file_without_a_name(|fs| fs.import_tree([("/f/g", "2")]));
}

fn nothing_is_moved_to_the_path_of_a_file_without_a_name() {
    path_of_a_file_without_a_name(|fs| fs.rename("/d", "/f"));
}

/// There is room for one file.
fn a_file_without_a_name_keeps_room_for_itself() {
    let fs = tiny();
    fs.set_max_nodes(2);
    let (other, own) = both(
        &fs,
        |fs| fs.write("/g", b""),
        |fs| {
            let file = open_atomically(fs)?;
            assert!(file.close().is_ok(), "a promised file has no room");
            Ok(())
        },
    );
    let refused = match (other, own) {
        (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
        both => panic!("there is room for one: {both:?}"),
    };
    assert!(matches!(refused.kind(), ErrorKind::NodeLimit { .. }), "{refused}");
}

/// Whoever has seen what a close published knows that the hold has ended, and is not turned away.
fn a_hold_that_has_ended_makes_nobody_busy() {
    let fs = with_file();
    let mut file = appending().open(&fs, "/d/f").unwrap();
    file.write_all(b"1").unwrap();
    both(
        &fs,
        |_| file.close().unwrap(),
        |fs| {
            let ended = fs.read("/d/f").unwrap() == b"01";
            let tried = appending().lock_timeout(Some(Duration::ZERO)).open(fs, "/d/f");
            assert!(!ended || !is_busy(&tried), "busy, and nobody holds it");
        },
    );
}

/// One has the lock of the file, but no room for what it wants, and goes without having held it.
fn a_hold_that_never_begins_makes_nobody_busy() {
    let fs = with_file();
    fs.set_max_quota(2);
    both(
        &fs,
        |fs| appending().preallocate(100).open(fs, "/d/f").unwrap_err(),
        |fs| {
            let tried = appending().lock_timeout(Some(Duration::ZERO)).open(fs, "/d/f");
            assert!(tried.is_ok(), "busy, and nobody holds it");
        },
    );
}
