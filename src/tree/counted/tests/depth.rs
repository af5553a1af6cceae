//! Trees that are very deep or very large, on little stack.

use std::sync::Arc;
use std::thread;

use super::support::*;
use crate::charge::Account;
use crate::content::Content;
use crate::path;
use crate::pattern::Pattern;
use crate::tree::check::check_consistent;
use crate::tree::copy::copy_cost;
use crate::tree::counted::copy::copy_tree;
use crate::tree::counted::node::Entry;
use crate::tree::diff::{Change, Diff};
use crate::tree::edit::Edit;
use crate::tree::files::Files;
use crate::tree::glob::glob;
use crate::tree::height::exact_height;
use crate::tree::held::Tree;
use crate::tree::lookup::find;
use crate::tree::name::Name;
use crate::tree::node::{Dir, NewFile, NewTree, Totals};
use crate::tree::root::Root;
use crate::tree::walk::Walk;

const DEEP: usize = 4096;

fn on_little_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(test).expect("a thread");
    thread.join().expect("no panic");
}

/// A root of directories that each contain the next, and a file in the last.
fn chain(account: &Arc<Account>) -> Root {
    let deepest = "/d".repeat(DEEP - 1);
    let dirs = make_dirs(account, &deepest, DEEP - 1, 1);
    done(&Root::new(at(0)), vec![dirs, put(account, &format!("{deepest}/f"), content(1), 1)])
}

#[test]
fn depth_costs_no_stack() {
    on_little_stack(|| {
        let account = Account::new();
        let root = chain(&account);
        assert_eq!(root.tree.totals.height as usize, DEEP);
        assert_eq!(exact_height(&root.tree) as usize, DEEP);

        let walked = Walk::new(root.tree.clone(), "/").unwrap().last().expect("some");
        assert_eq!((path::depth(&walked.path), walked.files.len()), (DEEP - 1, 1));
        assert_eq!(glob(&root.tree, &Pattern::new("**/f").unwrap()).len(), 1);
        assert_eq!(glob(&root.tree, &Pattern::new("**").unwrap()).len(), DEEP);
        assert_eq!(Files::new(root.tree.clone(), "/", false).unwrap().count(), 1);

        let deepest = format!("{}/f", "/d".repeat(DEEP - 1));
        let changed = done(&root, vec![put(&account, &deepest, content(2), 2)]);
        let changes: Vec<Change> = Diff::new(changed.tree.clone(), root.tree.clone()).collect();
        assert_eq!(changes, [Change::Modified(deepest)]);
        let cleared = done(&changed, vec![Edit::Clear { now: at(3) }]);
        assert_eq!(Diff::new(cleared.tree.clone(), changed.tree.clone()).count(), DEEP);
        assert_eq!(Diff::new(changed.tree.clone(), cleared.tree.clone()).count(), DEEP);
        drop((root, cleared));

        let mut purse = pay(&account, copy_cost(&changed.tree, NODE, CHUNK));
        let mut split = |amount| purse.split(amount);
        let copy = copy_tree(&changed.tree, NODE, CHUNK, at(4), &mut split, &mut |c| Ok(c.clone())).unwrap();
        assert_eq!(copy.totals.height as usize, DEEP);
        drop(changed);
        drop(copy);
        drop(purse);
        assert_eq!(account.used(), 0);
    });
}

/// A directory of so many empty files.
fn wide(files: usize) -> Dir {
    let mut dir = Dir::new(at(0), None);
    let file = || {
        let charge = crate::charge::Charge::none();
        NewFile::new(Content::default(), charge).to_node()
    };
    let entry = |n| (Name::short(&format!("file-{n:07}")).expect("short"), Entry { node: file(), placed: 0 });
    dir.entries = (0..files).map(entry).collect();
    dir.totals = Totals { files: files as u32, height: u32::from(files > 0), ..Totals::default() };
    dir
}

#[test]
fn a_million_files_are_dropped() {
    on_little_stack(|| {
        let (mut tree, dirs) = (Dir::new(at(0), None), 64);
        for n in 0..dirs {
            let node = NewTree::new(wide(1_000_000 / dirs)).to_node();
            tree.entries.insert(Name::short(&format!("dir-{n}")).unwrap(), Entry { node, placed: 0 });
        }
        tree.totals = Totals { files: 1_000_000, dirs: dirs as u32, height: 2, ..Totals::default() };
        let root = Root { tree: Tree::new(tree), ..Root::new(at(0)) };
        check_consistent(&root, CHUNK).unwrap();
        assert!(find(&root.tree, "/dir-7/file-0000007").unwrap().found.as_file().is_some());
        drop(root);
    });
}

#[test]
fn one_changed_file_among_many_is_found() {
    let account = Account::new();
    let root = Root { tree: Tree::new(wide(100_000)), ..Root::new(at(0)) };
    for file in ["/file-0000000", "/file-0050000", "/file-0099999"] {
        let changed = done(&root, vec![put(&account, file, content(1), 1)]);
        let changes: Vec<Change> = Diff::new(changed.tree.clone(), root.tree.clone()).collect();
        assert_eq!(changes, [Change::Modified(file.to_owned())]);
    }
}
