//! Where the trees differ on purpose, each difference with its figures.
//!
//! A node is charged 100 bytes here, and a chunk 10 beside its own. Each function gives what is used after each of
//! its steps.

macro_rules! figures {
    ($module:ident, $engine:ident) => {
        mod $module {
            use std::time::{Duration, SystemTime};

            use $engine::MemFs;
            use $engine::testing::Injected;

            pub const VERSIONED: bool = $engine::internals::VERSIONED;

            fn fs() -> MemFs {
                let fs = MemFs::builder().max_quota(10_000).node_overhead(100).chunk_overhead(10);
                let fs = fs.build().unwrap();
                fs.write("/f", [1; 90]).unwrap();
                fs
            }

            fn used(fs: &MemFs) -> u64 {
                fs.stats().used_bytes
            }

            pub fn fork() -> Vec<u64> {
                let origin = fs();
                let fork = MemFs::from_snapshot(&origin.snapshot(), MemFs::builder()).unwrap();
                origin.clear().unwrap();
                let shown = used(&origin);
                fork.clear().unwrap();
                let cleared = used(&origin);
                drop(fork);
                vec![shown, cleared, used(&origin)]
            }

            pub fn restore() -> Vec<u64> {
                let fs = fs();
                let snapshot = fs.snapshot();
                fs.clear().unwrap();
                let cleared = used(&fs);
                fs.restore(&snapshot).unwrap();
                let restored = used(&fs);
                drop(snapshot);
                vec![cleared, restored, used(&fs)]
            }

            pub fn restore_without_room() -> Vec<u64> {
                let fs = fs();
                let snapshot = fs.snapshot();
                fs.clear().unwrap();
                fs.set_max_quota(200);
                fs.restore(&snapshot).unwrap();
                let restored = used(&fs);
                drop(snapshot);
                vec![restored, used(&fs)]
            }

            pub fn rename() -> Vec<u64> {
                let fs = fs();
                let snapshot = fs.snapshot();
                fs.rename("/f", "/g").unwrap();
                let renamed = used(&fs);
                fs.remove_file("/g").unwrap();
                let removed = used(&fs);
                drop(snapshot);
                vec![renamed, removed, used(&fs)]
            }

            pub fn time_without_room() -> Vec<u64> {
                let fs = fs();
                let snapshot = fs.snapshot();
                let full = Injected::charge(1);
                fs.set_modified("/f", SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
                drop(full);
                let set = used(&fs);
                fs.write("/f", [1; 90]).unwrap();
                let written = used(&fs);
                drop(snapshot);
                vec![set, written, used(&fs)]
            }

            pub fn same_after_a_restore() -> bool {
                let fs = fs();
                let snapshot = fs.snapshot();
                fs.write("/f", b"").unwrap();
                fs.restore(&snapshot).unwrap();
                assert_eq!(fs.snapshot().diff(&snapshot).count(), 0);
                fs.snapshot().same_as(&snapshot)
            }
        }
    };
}

figures!(left, arcfs);
figures!(right, arcfs_twin);

/// What a function gives with the counted tree, and with the one over versions.
macro_rules! each {
    ($figures:ident) => {
        if left::VERSIONED {
            (right::$figures(), left::$figures())
        } else {
            (left::$figures(), right::$figures())
        }
    };
}

#[test]
fn the_sides_have_different_trees() {
    const { assert!(left::VERSIONED != right::VERSIONED, "built with a tree chosen for all") };
}

#[test]
fn a_fork_keeps_the_version_that_it_grew_from() {
    assert_eq!(each!(fork), (vec![200, 0, 0], vec![200, 200, 0]));
}

#[test]
fn a_restore_makes_nodes_anew_which_are_charged_if_there_is_room() {
    assert_eq!(each!(restore), (vec![200, 200, 200], vec![200, 300, 200]));
    assert_eq!(each!(restore_without_room), (vec![200, 200], vec![200, 100]));
}

#[test]
fn versions_that_differ_in_their_place_share_a_charge_that_the_newest_owes() {
    assert_eq!(each!(rename), (vec![200, 200, 0], vec![200, 100, 0]));
}

#[test]
fn so_do_those_that_differ_in_a_time_that_was_set_without_room() {
    assert_eq!(each!(time_without_room), (vec![200, 400, 200], vec![200, 300, 200]));
}

#[test]
fn what_was_restored_is_the_same_tree_only_where_nodes_are_shared() {
    assert_eq!(each!(same_after_a_restore), (true, false));
}
