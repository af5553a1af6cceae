//! What the tests of the tree share: edits in few words, and slow ways to read a tree.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::charge::{Account, Charge};
use crate::content::Content;
use crate::error::ErrorKind;
use crate::path;
use crate::tree::check::check_consistent;
use crate::tree::counted::apply::apply;
use crate::tree::edit::{Edit, PutRule, Removal};
use crate::tree::examine::Refusal;
use crate::tree::meta::Timestamp;
use crate::tree::name::{INLINE, Name};
use crate::tree::node::{Dir, NewFile, NodeRef};
use crate::tree::node::{NewDir, PaidName};
use crate::tree::root::{Limits, Root};

pub const LIMITS: Limits = Limits { max_nodes: u32::MAX as u64, max_depth: 4096, chunk_overhead: CHUNK };

/// What a node is charged in these tests.
pub const NODE: u64 = 100;
/// What a chunk is charged in these tests, beside its bytes.
pub const CHUNK: u64 = 10;

pub fn at(secs: u64) -> Timestamp {
    (SystemTime::UNIX_EPOCH + Duration::from_secs(secs)).into()
}

pub fn content(len: usize) -> Content {
    Content::from(vec![7; len])
}

/// Reserves from an account that has room for everything.
pub fn pay(account: &Arc<Account>, amount: u64) -> Charge {
    account.try_reserve(amount, u64::MAX).expect("room")
}

/// The name of the entry at `path`, if it is long, paid.
pub fn long_name(account: &Arc<Account>, path: &str) -> Option<PaidName> {
    let (_, text) = path::split_last(path)?;
    (text.len() > INLINE).then(|| PaidName::new(text, pay(account, Name::cost(text, CHUNK))))
}

pub fn new_file(account: &Arc<Account>, content: Content) -> NewFile {
    NewFile::new(content, pay(account, NODE))
}

pub fn make_dir(account: &Arc<Account>, path: &str, now: u64) -> Edit {
    make_dirs(account, path, 1, now)
}

/// The edit that makes the last `levels` directories of a path.
pub fn make_dirs(account: &Arc<Account>, path: &str, levels: usize, now: u64) -> Edit {
    let new_dir = |level| NewDir {
        name: long_name(account, path::ancestor(path, levels - 1 - level)),
        charge: Arc::new(pay(account, NODE)),
    };
    Edit::MakeDirs { path: path.into(), new: (0..levels).map(new_dir).collect(), now: at(now) }
}

pub fn put(account: &Arc<Account>, path: &str, content: Content, now: u64) -> Edit {
    Edit::Put {
        path: path.into(),
        name: long_name(account, path),
        file: new_file(account, content),
        rule: PutRule::Write,
        now: at(now),
    }
}

pub fn remove(path: &str, now: u64) -> Edit {
    Edit::Remove { path: path.into(), what: Removal::Tree, now: at(now) }
}

pub fn shift(account: &Arc<Account>, from: &str, to: &str, replace: bool, now: u64) -> Edit {
    Edit::Move { from: from.into(), to: to.into(), name: long_name(account, to), replace, now: at(now) }
}

/// Applies what must succeed, and checks the outcome.
pub fn done(root: &Root, mut edits: Vec<Edit>) -> Root {
    let applied = apply(root, &mut edits, &LIMITS).expect("applies");
    check_consistent(&applied.root, CHUNK).expect("consistent");
    applied.root
}

/// Applies what must fail, and says how.
pub fn refused(root: &Root, edit: Edit) -> (ErrorKind, Option<String>, Option<String>) {
    match apply(root, &mut [edit], &LIMITS) {
        Err(Refusal::Failed(error)) => {
            (error.kind().clone(), error.path().map(str::to_owned), error.other_path().map(str::to_owned))
        }
        other => panic!("not refused, but {other:?}"),
    }
}

/// A root with directories (ending in a slash) and files of three bytes, parents made as needed.
pub fn root_of(account: &Arc<Account>, paths: &[&str]) -> Root {
    let (mut edits, mut made) = (Vec::new(), HashSet::new());
    for path in paths {
        let (parents, file) = match path.strip_suffix('/') {
            Some(dir) => (dir, None),
            None => (path::split_last(path).expect("not the root").0, Some(path)),
        };
        let mut dir = String::new();
        for component in path::components(parents) {
            dir = path::join(if dir.is_empty() { "/" } else { &dir }, component);
            if made.insert(dir.clone()) {
                edits.push(make_dir(account, &dir, 1));
            }
        }
        edits.extend(file.map(|path| put(account, path, content(3), 1)));
    }
    done(&Root::new(at(0)), edits)
}

/// All nodes below the root with their paths, in tree order, found by recursion.
pub fn nodes(tree: &Dir) -> Vec<(String, NodeRef<'_>)> {
    fn visit<'a>(dir: &'a Dir, path: &str, found: &mut Vec<(String, NodeRef<'a>)>) {
        for (name, entry) in dir.entries.iter() {
            let path = path::join(path, name.as_str());
            found.push((path.clone(), entry.node));
            if let NodeRef::Dir(below) = entry.node {
                visit(below, &path, found);
            }
        }
    }
    let mut found = Vec::new();
    visit(tree, "/", &mut found);
    found
}

pub fn paths(tree: &Dir) -> Vec<String> {
    nodes(tree).into_iter().map(|(path, _)| path).collect()
}
