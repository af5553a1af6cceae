//! What single edits do where random ones seldom get.

use std::sync::Arc;

use super::support::*;
use crate::charge::Account;
use crate::content::Content;
use crate::error::ErrorKind;
use crate::tree::check::check_consistent;
use crate::tree::counted::apply::{apply, apply_in_place};
use crate::tree::counted::node::Paid;
use crate::tree::edit::{Create, Edit, Hold, PutRule, Removal, Seen};
use crate::tree::examine::Refusal;
use crate::tree::lookup::find;
use crate::tree::metadata::Metadata;
use crate::tree::node::{Dir, FileNode, NewFile, NewTree, NodeRef};
use crate::tree::root::{Limits, Root};

const LONG: &str = "/a name of more than twenty-three bytes";

fn file<'a>(root: &'a Root, path: &str) -> &'a FileNode {
    match find(&root.tree, path).expect("exists").found {
        NodeRef::File(file) => file,
        NodeRef::Dir(_) => panic!("{path} is a directory"),
    }
}

fn metadata(root: &Root, path: &str) -> Metadata {
    Metadata::of(find(&root.tree, path).expect("exists"))
}

fn hold(account: &Arc<Account>, path: &str, atomic: bool, truncate: bool) -> Edit {
    Edit::Hold(Hold {
        path: path.into(),
        name: long_name(account, path),
        shared: false,
        create: Create::IfMissing,
        truncate,
        atomic,
        blank: Some(new_file(account, Content::default())),
        now: at(9),
        base: None,
    })
}

#[test]
fn replacing_keeps_the_long_name_that_is_there() {
    let account = Account::new();
    let root = root_of(&account, &["/f", LONG]);
    let edit = Edit::Move { from: "/f".into(), to: LONG.into(), name: None, replace: true, now: at(2) };
    let replaced = done(&root, vec![edit]);
    drop(root);
    assert_eq!(paths(&replaced.tree), [LONG]);
    assert_eq!(replaced.tree.meta.modified, at(2));
    drop(replaced);
    assert_eq!(account.used(), 0);
}

#[test]
fn no_node_limit_refuses_a_restore() {
    let account = Account::new();
    let full = root_of(&account, &["/a", "/b", "/c"]);
    let empty = done(&full, vec![Edit::Clear { now: at(2) }]);
    let limits = Limits { max_nodes: 2, max_depth: 8, chunk_overhead: CHUNK };
    let tree = full.tree.clone();
    let applied = apply(&empty, &mut [Edit::Restore { tree, purse: crate::charge::Charge::none() }], &limits)
        .expect("restores");
    assert!(applied.root.tree.ptr_eq(&full.tree));
    let refused = apply(&applied.root, &mut [put(&account, "/d", content(1), 3)], &limits);
    assert!(
        matches!(refused, Err(Refusal::Failed(error)) if matches!(error.kind(), ErrorKind::NodeLimit { .. }))
    );
}

#[test]
fn an_edit_refused_in_place_leaves_the_root_as_it_was() {
    let account = Account::new();
    let mut root = done(&root_of(&account, &["/f"]), vec![hold(&account, "/f", false, false)]);
    let before = root.clone();
    let refused = apply_in_place(&mut root, &mut remove_file("/f"), &LIMITS);
    assert!(matches!(refused, Err(Refusal::Held(path)) if &*path == "/f"));
    assert_eq!(root.version, before.version);
    assert!(root.tree.ptr_eq(&before.tree));
}

fn remove_file(path: &str) -> Edit {
    Edit::Remove { path: path.into(), what: Removal::File, now: at(3) }
}

#[test]
fn a_hold_can_be_applied_again_to_another_root() {
    let account = Account::new();
    let without = root_of(&account, &[]);
    let with = root_of(&account, &["/f"]);
    let mut edits = [hold(&account, "/f", false, true)];
    drop(apply(&without, &mut edits, &LIMITS).expect("creates"));
    let applied = apply(&with, &mut edits, &LIMITS).expect("empties");
    let Edit::Hold(hold) = &edits[0] else { unreachable!() };
    assert!(hold.base.as_ref().expect("a base").ptr_eq(&file(&applied.root, "/f").content));
    let metadata = metadata(&applied.root, "/f");
    assert_eq!((metadata.len(), metadata.generation()), (0, 2));
    assert_eq!(metadata.created(), at(1).into());
    assert_eq!(metadata.modified(), at(9).into());
}

#[test]
fn appending_nothing_is_no_publication() {
    let account = Account::new();
    let root = root_of(&account, &["/f"]);
    let base = file(&root, "/f").content.clone();
    let mut edit = put(&account, "/f", base.clone(), 7);
    let Edit::Put { rule, .. } = &mut edit else { unreachable!() };
    *rule = PutRule::Append { base: Some(base) };
    let root = done(&root, vec![edit]);
    assert_eq!(metadata(&root, "/f").generation(), 1);
    assert_eq!(metadata(&root, "/f").modified(), at(1).into());
}

#[test]
fn a_file_that_went_away_is_not_held_without_its_name() {
    // Planned while it was there; what is published later would have no name to bind.
    let path = "/a name that is longer than twenty-three bytes";
    let hold = Hold {
        path: path.into(),
        name: None,
        shared: false,
        create: Create::IfMissing,
        truncate: false,
        atomic: true,
        blank: None,
        now: at(2),
        base: None,
    };
    let held = apply(&Root::new(at(0)), &mut [Edit::Hold(hold)], &LIMITS);
    assert!(matches!(held, Err(Refusal::Stale)), "{held:?}");
}

#[test]
fn an_error_of_two_paths_names_both() {
    let account = Account::new();
    let root = root_of(&account, &["/d/e/f", "/x/", "/file"]);
    let limits = Limits { max_nodes: 100, max_depth: 3, chunk_overhead: CHUNK };
    for edit in [
        shift(&account, "/d", "/x/d", false, 2),
        Edit::Exchange { a: "/d".into(), b: "/x/y".into(), now: at(2) },
    ] {
        let root = match edit {
            Edit::Exchange { .. } => done(&root, vec![make_dir(&account, "/x/y", 2)]),
            _ => root.clone(),
        };
        let (from, to) = (edit.path().to_owned(), if edit.path() == "/d" { "/x" } else { "" });
        let Err(Refusal::Failed(error)) = apply(&root, &mut [edit], &limits) else { panic!("applied") };
        assert_eq!(error.kind(), &ErrorKind::InvalidPath);
        assert_eq!(error.path(), Some(&*from));
        assert!(error.other_path().is_some_and(|other| other.starts_with(to) && other != from));
    }
    let named = |kind, a: &str, b: &str| (kind, Some(a.to_owned()), Some(b.to_owned()));
    let moved = |from, to| refused(&root, shift(&account, from, to, false, 2));
    assert_eq!(moved("/no", "/x/y"), named(ErrorKind::NotFound, "/no", "/x/y"));
    assert_eq!(moved("/d", "/no/y"), named(ErrorKind::NotFound, "/d", "/no/y"));
    assert_eq!(moved("/d", "/file/y"), named(ErrorKind::NotADirectory, "/d", "/file/y"));
    assert_eq!(moved("/d", "/file"), named(ErrorKind::AlreadyExists, "/d", "/file"));
    assert_eq!(moved("/d", "/d"), named(ErrorKind::AlreadyExists, "/d", "/d"));
    assert_eq!(moved("/d", "/d/e/g"), named(ErrorKind::InvalidInput, "/d", "/d/e/g"));
}

#[test]
fn arguments_are_judged_before_existence() {
    let account = Account::new();
    let root = root_of(&account, &["/f"]);
    for (a, b) in [("/no", "/no/x"), ("/f", "/f/x"), ("/f", "/f/x/y")] {
        assert_eq!(refused(&root, shift(&account, a, b, true, 2)).0, ErrorKind::InvalidInput);
        for (a, b) in [(a, b), (b, a)] {
            let exchange = Edit::Exchange { a: a.into(), b: b.into(), now: at(2) };
            assert_eq!(refused(&root, exchange).0, ErrorKind::InvalidInput);
        }
    }
}

#[test]
fn a_directory_moves_to_where_it_was_above_and_below() {
    let account = Account::new();
    let root = root_of(&account, &["/a/b/c/f"]);
    let root = done(&root, vec![shift(&account, "/a/b/c", "/c", false, 2)]);
    let root = done(&root, vec![shift(&account, "/a", "/c/a", false, 3)]);
    assert_eq!(paths(&root.tree), ["/c", "/c/a", "/c/a/b", "/c/f"]);
    let root = done(&root, vec![shift(&account, "/c/f", "/c/a/b/f", false, 4)]);
    assert_eq!(refused(&root, shift(&account, "/c/a/b", "/c", true, 5)).0, ErrorKind::DirectoryNotEmpty);
    assert_eq!(refused(&root, shift(&account, "/c/a/b/f", "/c", true, 5)).0, ErrorKind::IsADirectory);
}

#[test]
fn an_empty_directory_is_replaced_and_a_full_one_is_not() {
    let account = Account::new();
    let root = root_of(&account, &["/full/f", "/empty/", "/f"]);
    assert_eq!(refused(&root, shift(&account, "/empty", "/full", true, 2)).0, ErrorKind::DirectoryNotEmpty);
    assert_eq!(refused(&root, shift(&account, "/empty", "/f", true, 2)).0, ErrorKind::NotADirectory);
    assert_eq!(refused(&root, shift(&account, "/f", "/empty", true, 2)).0, ErrorKind::IsADirectory);
    let root = done(&root, vec![shift(&account, "/full", "/empty", true, 2)]);
    assert_eq!(paths(&root.tree), ["/empty", "/empty/f", "/f"]);
    assert_eq!(metadata(&root, "/empty").created(), at(1).into());
}

#[test]
fn the_exact_height_decides_and_is_stored() {
    let account = Account::new();
    let limits = Limits { max_nodes: 100, max_depth: 4, chunk_overhead: CHUNK };
    let root = root_of(&account, &["/d/e/f/", "/x/y/"]);
    let root = done(&root, vec![remove("/d/e/f", 2)]);
    let NodeRef::Dir(dir) = find(&root.tree, "/d").unwrap().found else { panic!() };
    assert_eq!(dir.totals.height, 2, "an upper bound: exactly 1");
    let mut edits = [shift(&account, "/d", "/x/y/d", false, 3)];
    let root = apply(&root, &mut edits, &limits).expect("four deep").root;
    check_consistent(&root, CHUNK).unwrap();
    let NodeRef::Dir(dir) = find(&root.tree, "/x/y/d").unwrap().found else { panic!() };
    assert_eq!(dir.totals.height, 1);
    assert_eq!(root.tree.totals.height, 4);
}

#[test]
fn more_nodes_than_can_be_counted_are_a_node_limit() {
    let account = Account::new();
    let mut huge = Dir::new(at(0), Some(Arc::new(pay(&account, NODE))));
    huge.totals.files = u32::MAX;
    let graft =
        |tree: Dir| Edit::Graft { path: "/g".into(), name: None, tree: NewTree::new(tree), now: at(2) };
    let (kind, ..) = refused(&root_of(&account, &["/f"]), graft(huge.clone()));
    assert!(matches!(kind, ErrorKind::NodeLimit { .. }), "{kind:?}");
    huge.totals.files = 1;
    huge.totals.bytes = (1 << 63) - 1;
    assert_eq!(refused(&root_of(&account, &["/f"]), graft(huge)).0, ErrorKind::InvalidInput);
}

#[test]
fn setting_a_time_detaches_one_node_and_keeps_the_version() {
    let account = Account::new();
    let root = root_of(&account, &["/d/f"]);
    let before = (metadata(&root, "/d/f").version(), metadata(&root, "/d").version());
    let file = Some(new_file(&account, Content::default()));
    let mut edits = [Edit::SetModified { path: "/d/f".into(), file, time: at(0) }];
    let applied = apply(&root, &mut edits, &LIMITS).unwrap();
    assert_eq!(applied.detached, 1, "the content goes on");
    let root = applied.root;
    assert_eq!((metadata(&root, "/d/f").version(), metadata(&root, "/d").version()), before);
    assert_eq!(metadata(&root, "/d/f").modified(), at(0).into());
    assert_eq!((metadata(&root, "/d/f").len(), metadata(&root, "/d/f").generation()), (3, 1));
}

#[test]
fn a_version_without_a_receipt_is_paid_by_the_one_before() {
    let account = Account::new();
    let first = root_of(&account, &["/f"]);
    let (paid, charged) = (account.used(), first.tree.totals.charged);
    let set = |root: &Root, secs| {
        let file = Some(NewFile::same_content(None));
        done(root, vec![Edit::SetModified { path: "/f".into(), file, time: at(secs) }])
    };
    let payer = |root: &Root| match find(&root.tree, "/f").unwrap().found {
        NodeRef::File(file) => match &file.paid {
            Paid::By(payer) => std::ptr::from_ref(&**payer).addr(),
            Paid::Own(_) | Paid::Previous => std::ptr::from_ref(file).addr(),
        },
        NodeRef::Dir(_) => panic!("a file"),
    };
    let original = payer(&first);
    let second = set(&first, 1);
    let third = set(&second, 2);
    drop(first);
    drop(second);
    assert_eq!((account.used(), third.tree.totals.charged), (paid, charged));
    assert_eq!(original, payer(&third), "one version pays, however many follow it");
    // One that brings a receipt lets go of it.
    let file = Some(new_file(&account, Content::default()));
    let own = done(&third, vec![Edit::SetModified { path: "/f".into(), file, time: at(3) }]);
    assert_eq!(account.used(), paid + NODE);
    drop(third);
    assert_eq!((account.used(), own.tree.totals.charged), (paid, charged));
    let written = done(&set(&own, 4), vec![put(&account, "/f", content(3), 5)]);
    drop(own);
    assert_eq!((account.used(), written.tree.totals.charged), (paid, charged));
    drop(written);
    assert_eq!(account.used(), 0);
}

#[test]
fn what_was_read_is_compared() {
    let account = Account::new();
    let root = root_of(&account, &["/d/f", "/d/e/g"]);
    let NodeRef::Dir(dir) = find(&root.tree, "/d").unwrap().found else { panic!() };
    let seen = [
        Seen::node_at(&root.tree, "/d/f"),
        Seen::node_at(&root.tree, "/d"),
        Seen::DirMeta(dir.meta),
        Seen::Listing(root.tree.clone(), "/d".into()),
        Seen::Subtree(root.tree.clone(), "/d".into()),
    ];
    let stands = |root: &Root| {
        let path = |at| if at == 0 { "/d/f" } else { "/d" };
        let stands = |(at, seen): (usize, &Seen)| seen.still_stands(&root.tree, path(at));
        seen.iter().enumerate().map(stands).collect::<Vec<_>>()
    };
    assert_eq!(stands(&root), [true; 5]);
    let elsewhere = done(&root, vec![put(&account, "/x", content(1), 2)]);
    assert_eq!(stands(&elsewhere), [true; 5]);
    let deeper = done(&root, vec![put(&account, "/d/e/g", content(1), 2)]);
    assert_eq!(stands(&deeper), [true, true, true, true, false]);
    let rewritten = done(&root, vec![put(&account, "/d/f", content(1), 2)]);
    assert_eq!(stands(&rewritten), [false, true, true, false, false]);
    let listed = done(&root, vec![put(&account, "/d/h", content(1), 2)]);
    assert_eq!(stands(&listed), [true, true, false, false, false]);
    assert!(Seen::node_at(&root.tree, "/d/h").still_stands(&root.tree, "/d/h"));
    assert!(!Seen::node_at(&root.tree, "/d/h").still_stands(&listed.tree, "/d/h"));
    let refused = apply(&listed, &mut [Edit::Expect { path: "/d/h".into(), seen: Seen::Absent }], &LIMITS);
    assert!(matches!(refused, Err(Refusal::Stale)));
}

#[test]
fn a_node_filled_in_for_another_root_is_not_published() {
    let account = Account::new();
    let one = root_of(&account, &["/f"]);
    let other = done(&one, vec![put(&account, "/f", content(5), 2)]);
    let file = Some(new_file(&account, Content::default()));
    let time = Edit::SetModified { path: "/f".into(), file, time: at(0) };
    for mut edit in [time, put(&account, "/f", content(1), 3)] {
        let kept = apply(&one, std::slice::from_mut(&mut edit), &LIMITS).expect("applies");
        let again = apply(&other, std::slice::from_mut(&mut edit), &LIMITS);
        assert!(matches!(again, Err(Refusal::Stale)), "the first attempt still holds the node");
        drop(kept);
        apply(&other, std::slice::from_mut(&mut edit), &LIMITS).expect("the first attempt is gone");
    }
}
