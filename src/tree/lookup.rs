//! Finding nodes by path. Iterative, and without allocation.

use super::dir_map::NameRef;
use super::node::{Dir, EntryRef, NodeRef};
use crate::error::ErrorKind;
use crate::{path, slowed};

/// What stands at a path, and the version that put it there or last changed it.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The node.
    pub found: NodeRef<'a>,
    /// The largest version on the way from the root, see [`EntryRef::placed`].
    pub version: u64,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The last component, or a directory on the way, does not exist.
    NotFound,
    /// A component on the way is a file.
    NotADirectory,
}

impl From<Miss> for ErrorKind {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::NotFound => ErrorKind::NotFound,
            Miss::NotADirectory => ErrorKind::NotADirectory,
        }
    }
}

/// Finds the node at a normalised path. O(depth × log entries).
///
/// # Errors
///
/// A `Miss`.
#[inline]
pub fn find<'a>(tree: &'a Dir, path: &str) -> Result<At<'a>, Miss> {
    let (found, placed) = find_placed(tree, path)?;
    Ok(match found {
        NodeRef::Dir(dir) => At { found, version: placed.max(dir.meta.listed) },
        NodeRef::File(_) => At { found, version: placed },
    })
}

/// As [`find`], with the largest [`EntryRef::placed`] on the way alone: what the versions of
/// entries below a directory start from.
///
/// # Errors
///
/// [`Miss`].
#[inline]
pub fn find_placed<'a>(tree: &'a Dir, path: &str) -> Result<(NodeRef<'a>, u64), Miss> {
    slowed::look_up();
    let (mut found, mut placed) = (NodeRef::Dir(tree), 0);
    for component in path::components(path) {
        let NodeRef::Dir(dir) = found else { return Err(Miss::NotADirectory) };
        let entry = dir.entries.get(component).ok_or(Miss::NotFound)?;
        placed = placed.max(entry.placed);
        found = entry.node;
    }
    Ok((found, placed))
}

/// Finds the deepest node on the way to a normalised path, and what of the path is left below it:
/// nothing if that node stands at the path. O(depth × log entries).
#[must_use]
pub fn find_deepest<'a, 'p>(tree: &'a Dir, path: &'p str) -> (NodeRef<'a>, &'p str) {
    slowed::look_up();
    let mut found = NodeRef::Dir(tree);
    let mut components = path::components(path);
    loop {
        let rest = components.rest();
        let Some(name) = components.next() else { return (found, "") };
        let NodeRef::Dir(dir) = found else { return (found, rest) };
        let Some(entry) = dir.entries.get(name) else { return (found, rest) };
        found = entry.node;
    }
}

/// Finds the directory at a normalised path.
///
/// # Errors
///
/// [`Miss`]; a file at the path itself is [`Miss::NotADirectory`].
pub fn find_dir<'a>(tree: &'a Dir, path: &str) -> Result<&'a Dir, Miss> {
    match find(tree, path)?.found {
        NodeRef::Dir(dir) => Ok(dir),
        NodeRef::File(_) => Err(Miss::NotADirectory),
    }
}

/// Finds what stands at a normalised path other than the root, with the name it is stored under.
///
/// # Errors
///
/// [`Miss`], of the parent directory.
///
/// # Panics
///
/// If the path is the root, which has no place in a parent.
pub fn occupant<'a>(tree: &'a Dir, path: &str) -> Result<Option<(NameRef<'a>, EntryRef<'a>)>, Miss> {
    let (parent, name) = path::split_last(path).expect("the root has no place in a parent");
    let parent = find_dir(tree, parent)?;
    Ok(parent.entries.get_key_value(name))
}
