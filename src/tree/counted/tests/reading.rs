//! Listing, walking, matching, exporting and copying, against slow versions of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::support::*;
use crate::charge::Account;
use crate::error::{Error, ErrorKind};
use crate::path;
use crate::pattern::Pattern;
use crate::tree::check::check_consistent;
use crate::tree::copy::copy_cost;
use crate::tree::counted::copy::copy_tree;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::files::{Files, Nodes, Select};
use crate::tree::glob::glob;
use crate::tree::held::Tree;
use crate::tree::lookup::{Miss, find};
use crate::tree::metadata::Metadata;
use crate::tree::name::Name;
use crate::tree::node::NodeRef;
use crate::tree::read_dir::ReadDir;
use crate::tree::root::Root;
use crate::tree::walk::Walk;

fn some_paths() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        Just("a"),
        Just("ab"),
        Just("a!"),
        Just("b0"),
        Just("\u{e9}"),
        Just("."), // `.` ends in a file
        Just("a name of more than twenty-three bytes"),
    ];
    let path = prop::collection::vec(name, 1..6).prop_map(|names| {
        let dirs: Vec<&str> = names.iter().copied().filter(|name| *name != ".").collect();
        let slash = if dirs.len() == names.len() { "/" } else { "" };
        format!("/{}{slash}", dirs.join("/"))
    });
    prop::collection::vec(path, 0..40)
}

/// A root of those of the paths that do not contradict those before them.
fn some_root(account: &Arc<Account>) -> impl Strategy<Value = Root> + use<> {
    let account = Arc::clone(account);
    some_paths().prop_map(move |paths| {
        let (mut files, mut dirs, mut kept) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for path in &paths {
            let clean = path.trim_end_matches('/');
            let above: Vec<&str> = clean.match_indices('/').skip(1).map(|(at, _)| &clean[..at]).collect();
            let is_file = !path.ends_with('/');
            if clean.is_empty()
                || above.iter().any(|dir| files.contains(*dir))
                || files.contains(clean)
                || is_file && dirs.contains(clean)
            {
                continue;
            }
            dirs.extend(above);
            if is_file {
                files.insert(clean)
            } else {
                dirs.insert(clean)
            };
            kept.push(path.as_str());
        }
        root_of(&account, &kept)
    })
}

fn same(a: NodeRef<'_>, b: NodeRef<'_>) -> bool {
    match (a, b) {
        (NodeRef::Dir(a), NodeRef::Dir(b)) => std::ptr::eq(a, b),
        (NodeRef::File(a), NodeRef::File(b)) => std::ptr::eq(a, b),
        _ => false,
    }
}

fn children<'a>(tree: &'a Tree, dir: &str) -> Vec<(String, NodeRef<'a>)> {
    nodes(tree).into_iter().filter(|(at, _)| path::split_last(at).is_some_and(|(p, _)| p == dir)).collect()
}

fn check_dir(root: &Root, at: &str) -> Result<(), TestCaseError> {
    let expected = children(&root.tree, at);
    let listing = ReadDir::new(root.tree.clone(), at).expect("a directory");
    prop_assert_eq!(listing.len(), expected.len());
    let mut seen = 0;
    for (entry, (path, _)) in listing.zip(&expected) {
        prop_assert_eq!(entry.path(), path);
        prop_assert_eq!(entry.name(), path::split_last(path).expect("a name").1);
        prop_assert_eq!(entry.metadata(), Metadata::of(find(&root.tree, path).expect("there")));
        seen += 1;
    }
    prop_assert_eq!(seen, expected.len());
    Ok(())
}

fn check_walk(tree: &Tree, at: &str, skip: &str) -> Result<(), TestCaseError> {
    let mut walk = Walk::new(tree.clone(), at).expect("a directory");
    let mut walked = Vec::new();
    while let Some(step) = walk.next() {
        let names =
            |of: &[Name]| of.iter().map(|name| path::join(&step.path, name.as_str())).collect::<Vec<_>>();
        let (mut dirs, mut files) = (Vec::new(), Vec::new());
        for (path, node) in children(tree, &step.path) {
            if matches!(node, NodeRef::Dir(_)) { dirs.push(path) } else { files.push(path) }
        }
        prop_assert_eq!((names(&step.dirs), names(&step.files)), (dirs, files));
        if step.path.ends_with(skip) {
            walk.skip_current_dir();
            walk.skip_current_dir(); // once more does no more
        }
        walked.push(step.path);
    }
    let mut expected = vec![at.to_owned()];
    for (path, node) in nodes(tree) {
        let above = path::split_last(&path).expect("not the root").0.to_owned();
        if matches!(node, NodeRef::Dir(_)) && path::starts_with(&path, at) && path != at {
            let pruned = |dir: &str| dir.ends_with(skip) && path::starts_with(&path, dir) && dir != path;
            if !expected.iter().any(|dir| pruned(dir)) && expected.contains(&above) {
                expected.push(path);
            }
        }
    }
    prop_assert_eq!(walked, expected);
    Ok(())
}

/// Whether a pattern of whole components, `*` and `?` matches, by trying everything.
fn matches(pattern: &[&str], names: &[&str]) -> bool {
    fn one(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|at| one(rest, &name[at..])),
            [c, rest @ ..] => name.first().is_some_and(|n| *c == '?' || c == n) && one(rest, &name[1..]),
        }
    }
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    match pattern {
        [] => names.is_empty(),
        ["**"] => !names.is_empty(),
        ["**", rest @ ..] => (0..=names.len()).any(|at| matches(rest, &names[at..])),
        [part, rest @ ..] => {
            names.first().is_some_and(|name| one(&chars(part), &chars(name))) && matches(rest, &names[1..])
        }
    }
}

fn some_pattern() -> impl Strategy<Value = Vec<&'static str>> {
    let part = prop::sample::select(vec!["**", "*", "a", "a*", "?", "?!", "b0", "*e*", "\u{e9}", "zz"]);
    prop::collection::vec(part, 1..5)
}

proptest! {
    #[test]
    fn reading_agrees_with_slow_reading(
        root in some_root(&Account::new()),
        pattern in some_pattern(),
        skip in prop::sample::select(vec!["a", "!", "none"]),
    ) {
        check_dir(&root, "/")?;
        check_walk(&root.tree, "/", skip)?;
        for (path, node) in nodes(&root.tree) {
            if matches!(node, NodeRef::Dir(_)) {
                check_dir(&root, &path)?;
                check_walk(&root.tree, &path, skip)?;
            } else {
                prop_assert!(matches!(ReadDir::new(root.tree.clone(), &path), Err(Miss::NotADirectory)));
            }
        }

        let found = glob(&root.tree, &Pattern::new(&pattern.join("/")).expect("valid"));
        let mut expected = paths(&root.tree);
        expected.retain(|at| matches(&pattern, &path::components(at).collect::<Vec<_>>()));
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn exports_find_what_is_asked_for(root in some_root(&Account::new()), dirty in any::<u8>()) {
        let account = Account::new();
        // Some of the files are imported, which makes them clean.
        let mut edits = Vec::new();
        for (at, (path, node)) in nodes(&root.tree).into_iter().enumerate() {
            if let (NodeRef::File(_), 0) = (node, dirty >> (at % 8) & 1) {
                let mut edit = put(&account, &path, content(2), 2);
                let Edit::Put { rule, .. } = &mut edit else { unreachable!() };
                *rule = PutRule::Import { modified: super::support::at(1), replace: true };
                edits.push(edit);
            }
        }
        let root = done(&root, edits);
        let mut starts = paths(&root.tree);
        starts.push("/".to_owned());
        for start in &starts {
            for (only_dirty, dirs) in [(false, false), (true, false), (false, true), (true, true)] {
                let wanted = |node: &NodeRef<'_>| match node {
                    NodeRef::Dir(_) => dirs,
                    NodeRef::File(file) => !only_dirty || file.meta.generation > 0,
                };
                let mut expected = nodes(&root.tree);
                expected.insert(0, ("/".to_owned(), NodeRef::Dir(&root.tree)));
                expected.retain(|(path, node)| path::starts_with(path, start) && wanted(node));
                let got: Vec<_> = Nodes::new(&root.tree, start, Select { only_dirty, dirs }).expect("there").collect();
                prop_assert_eq!(got.len(), expected.len());
                prop_assert!(got.iter().zip(&expected).all(|(a, b)| a.0 == b.0 && same(a.1, b.1)));
                if !dirs {
                    let files: Vec<String> = Files::new(root.tree.clone(), start, only_dirty).expect("there").map(|(path, _)| path).collect();
                    prop_assert!(files.iter().eq(expected.iter().map(|(path, _)| path)));
                }
            }
        }
    }

    #[test]
    fn a_copy_has_nodes_of_its_own_and_content_in_common(root in some_root(&Account::new()), short in any::<bool>()) {
        let account = Account::new();
        let mut purse = pay(&account, copy_cost(&root.tree, NODE, CHUNK));
        let paid = account.used();
        let mut files = root.tree.totals.files;
        let copy = copy_tree(&root.tree, NODE, CHUNK, at(9), &mut |n| purse.split(n), &mut |content| {
            files -= 1;
            if short && files == 0 {
                return Err(Error::new(ErrorKind::QuotaExceeded { requested: 1, available: 0 }));
            }
            Ok(content.clone())
        });
        prop_assert_eq!(copy.is_err(), short && root.tree.totals.files > 0);
        let Ok(copy) = copy else {
            prop_assert_eq!(account.used(), purse.amount(), "what was spent came back");
            return Ok(());
        };
        prop_assert_eq!((purse.amount(), account.used()), (0, paid));
        prop_assert_eq!(copy.totals.charged + copy.charged(), paid);
        let totals = copy.totals;
        prop_assert_eq!((totals.bytes, totals.files, totals.dirs), {
            let of = root.tree.totals;
            (of.bytes, of.files, of.dirs)
        });
        let height = paths(&root.tree).iter().map(|path| path::depth(path)).max().unwrap_or(0);
        prop_assert_eq!(totals.height as usize, height);
        for ((a_path, a), (b_path, b)) in nodes(&root.tree).iter().zip(&nodes(&copy)) {
            prop_assert_eq!(a_path, b_path);
            match (a, b) {
                (NodeRef::File(a), NodeRef::File(b)) => {
                    prop_assert!(a.content.ptr_eq(&b.content) && !std::ptr::eq(*a, *b));
                    prop_assert_eq!((b.meta.created, b.meta.modified, b.meta.generation), (at(9), at(9), 0));
                }
                (NodeRef::Dir(_), NodeRef::Dir(b)) => prop_assert_eq!((b.meta.created, b.meta.modified), (at(9), at(9))),
                _ => prop_assert!(false, "{a_path} changed its kind"),
            }
        }
        // Beside the original in one tree, every invariant holds.
        let graft = Edit::Graft { path: "/copy".into(), name: None, tree: copy, now: at(9) };
        let both = done(&root, vec![graft]);
        prop_assert_eq!(check_consistent(&both, CHUNK), Ok(()));
        prop_assert_eq!(Metadata::of(find(&both.tree, "/copy").expect("there")).version(), both.version);
    }
}

#[test]
fn a_large_directory_is_listed() {
    let account = Account::new();
    for count in [0, 1, 15, 16, 17, 47, 48, 49, 1000] {
        let edits = (0..count).map(|n| put(&account, &format!("/{n:05}"), content(0), 1)).collect();
        let root = done(&Root::new(at(0)), edits);
        check_dir(&root, "/").unwrap();
    }
}

#[test]
fn a_listing_outlives_what_it_lists() {
    let account = Account::new();
    let root = root_of(&account, &["/d/a", "/d/b/c"]);
    let mut listing = ReadDir::new(root.tree.clone(), "/d").unwrap();
    let mut walk = Walk::new(root.tree.clone(), "/d").unwrap();
    drop(root);
    assert_eq!(listing.next().unwrap().path(), "/d/a");
    assert_eq!(listing.len(), 1);
    assert_eq!(walk.next().unwrap().path, "/d");
    assert_eq!(walk.next().unwrap().files[0], "c");
    assert!(walk.next().is_none() && walk.next().is_none());
    drop((listing, walk));
    assert_eq!(account.used(), 0);
}

#[test]
fn entries_below_what_was_moved_have_its_version() {
    let account = Account::new();
    let root = root_of(&account, &["/d/e/f", "/d/g"]);
    let root = done(&root, vec![shift(&account, "/d", "/m", false, 2)]);
    let versions = |at: &str| {
        ReadDir::new(root.tree.clone(), at).unwrap().map(|e| e.metadata().version()).collect::<Vec<_>>()
    };
    assert_eq!(versions("/m"), [2, 2]);
    assert_eq!(versions("/m/e"), [2]);
    let root = done(&root, vec![put(&account, "/m/new", content(1), 3)]);
    let versions: Vec<u64> =
        ReadDir::new(root.tree.clone(), "/m").unwrap().map(|e| e.metadata().version()).collect();
    assert_eq!(versions, [2, 2, 3]);
}

#[test]
fn a_reader_holds_the_tree() {
    let account = Account::new();
    let root = root_of(&account, &["/d/f"]);
    let tree = root.tree.clone();
    drop(root);
    assert!(tree.is_held_here_alone());
    let listing = ReadDir::new(tree.clone(), "/d").unwrap();
    let walk = Walk::new(tree.clone(), "/d").unwrap();
    let files = Files::new(tree.clone(), "/d", false).unwrap();
    drop((listing, walk));
    assert!(!tree.is_held_here_alone());
    drop(files);
    assert!(tree.is_held_here_alone());
}
