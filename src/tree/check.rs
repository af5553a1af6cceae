//! The invariants of a root, checked from scratch. For tests: O(nodes).

use std::collections::HashSet;

use super::dir_map::NameRef;
use super::holds::Hold;
use super::lookup::{find, find_dir};
use super::node::{Dir, NodeRef, Totals};
use super::root::Root;
use super::trail::Trail;
use crate::path;

/// Checks every invariant of a root, and of its version of the tree, in a filesystem that charges each
/// chunk so much.
///
/// # Errors
///
/// Which one is broken, and where.
pub fn check_consistent(root: &Root, chunk_overhead: u64) -> Result<(), String> {
    if root.tree.receipt().is_some() {
        return Err("the root directory is charged".to_owned());
    }
    check_tree(&root.tree, root.version, chunk_overhead)?;
    check_holds(root)
}

/// A directory and where it is.
struct Visit<'a> {
    dir: &'a Dir,
    /// The visit of the directory that it is in; itself for the first.
    parent: usize,
    name: Option<NameRef<'a>>,
}

fn check_tree(tree: &Dir, version: u64, chunk_overhead: u64) -> Result<(), String> {
    // Each directory comes after the one that it is in, so that the way back is from the leaves up.
    let mut visits = vec![Visit { dir: tree, parent: 0, name: None }];
    let mut seen = HashSet::new();
    let mut at = 0;
    while let Some(&Visit { dir, .. }) = visits.get(at) {
        let fail = |what: String| Err(format!("{what}, in {:?}", path_of(&visits, at)));
        if !seen.insert(std::ptr::from_ref(dir).cast::<()>()) {
            return fail("a directory with two parents".to_owned());
        }
        if dir.receipt().is_some_and(|receipt| !seen.insert(receipt)) {
            return fail("two directories with one charge".to_owned());
        }
        if dir.meta.listed > version {
            return fail(format!("listed in {}, after {version}", dir.meta.listed));
        }
        let (mut sum, mut before, mut found) = (Totals::default(), None::<NameRef<'_>>, Vec::new());
        for (name, entry) in dir.entries.iter() {
            check_name(name).or_else(&fail)?;
            if before.is_some_and(|before| before.as_bytes() >= name.as_bytes()) {
                return fail(format!("{name:?} out of order"));
            }
            before = Some(name);
            if entry.placed > version {
                return fail(format!("{name:?} placed in {}, after {version}", entry.placed));
            }
            match entry.node {
                NodeRef::Dir(below) => found.push(Visit { dir: below, parent: at, name: Some(name) }),
                NodeRef::File(file) => {
                    if !seen.insert(std::ptr::from_ref(file).cast::<()>()) {
                        return fail(format!("{name:?}, a file with two parents"));
                    }
                    let paid = file.check_paid(&mut |payer| seen.insert(payer));
                    paid.or_else(|what| fail(format!("{name:?} {what}")))?;
                    file.content.check_consistent().or_else(|what| fail(format!("{name:?}: {what}")))?;
                }
            }
            sum = match sum
                .exchanged(&Totals::default(), &Totals::of_entry(name.charged_at(chunk_overhead), entry.node))
            {
                Some(sum) => sum,
                None => return fail("sums too large".to_owned()),
            };
        }
        if dir.entries.len() != dir.entries.iter().count() {
            return fail(format!("{} entries counted", dir.entries.len()));
        }
        sum.height = dir.totals.height;
        if sum != dir.totals {
            return fail(format!("the sums are {sum:?}, recorded are {:?}", dir.totals));
        }
        visits.extend(found);
        at += 1;
    }
    check_heights(&visits)
}

fn check_heights(visits: &[Visit<'_>]) -> Result<(), String> {
    let mut exact = vec![0; visits.len()];
    for (at, Visit { dir, parent, .. }) in visits.iter().enumerate().rev() {
        exact[at] = exact[at].max(u32::from(!dir.entries.is_empty()));
        if dir.totals.height < exact[at] {
            let (path, exact) = (path_of(visits, at), exact[at]);
            return Err(format!("the height of {path:?} is {exact}, recorded is {}", dir.totals.height));
        }
        if at > 0 {
            exact[*parent] = exact[*parent].max(exact[at] + 1);
        }
    }
    Ok(())
}

fn check_name(name: NameRef<'_>) -> Result<(), String> {
    let text = name.as_str();
    let valid = !matches!(text, "" | "." | "..")
        && text.len() <= path::MAX_NAME
        && !text.contains(['/', '\\', '\0'])
        && text.len() == name.as_bytes().len();
    if valid { Ok(()) } else { Err(format!("the name {name:?} is not valid")) }
}

fn check_holds(root: &Root) -> Result<(), String> {
    let mut reserved = 0;
    for (at, hold) in root.holds.iter() {
        let fail = |what: &str| Err(format!("{hold:?} at {at:?}: {what}"));
        let Some((parent, _)) = path::split_last(at) else { return fail("the root is held") };
        if find_dir(&root.tree, parent).is_err() {
            return fail("its parent is no directory");
        }
        let file = matches!(find(&root.tree, at).map(|at| at.found), Ok(NodeRef::File(_)));
        let absent = find(&root.tree, at).is_err();
        match hold {
            Hold::Shared(0) => return fail("held by none"),
            Hold::Exclusive { reserves_node: true } if absent => reserved += 1,
            Hold::Exclusive { reserves_node: true } => return fail("room is kept for what exists"),
            _ if file => {}
            _ => return fail("there is no file"),
        }
    }
    if reserved != root.holds.reserved_nodes() {
        return Err(format!("holds reserve {reserved} nodes, recorded are {}", root.holds.reserved_nodes()));
    }
    Ok(())
}

/// The path of a directory that was visited.
fn path_of(visits: &[Visit<'_>], mut at: usize) -> String {
    let mut names = Vec::new();
    while let Some(name) = visits[at].name {
        names.push(name);
        at = visits[at].parent;
    }
    let mut trail = Trail::default();
    names.into_iter().rev().for_each(|name| trail.push(name.as_str()));
    trail.path()
}
