//! Finding nodes by path. Iterative, and without allocation.

use std::sync::Arc;

use super::name::Name;
use super::node::{Dir, Entry, FileNode, Node};
use crate::error::ErrorKind;
use crate::{path, slowed};

/// What stands at a path, borrowed from a tree.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A directory.
    Dir(&'a Arc<Dir>),
    /// A file.
    File(&'a Arc<FileNode>),
}

/// What stands at a path, and the version that put it there or last changed it.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// The node.
    pub found: Found<'a>,
    /// The largest version on the way from the root, see [`Entry::placed`].
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
pub fn find<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<At<'a>, Miss> {
    let (found, placed) = find_placed(tree, path)?;
    Ok(match found {
        Found::Dir(dir) => At { found, version: placed.max(dir.meta.listed) },
        Found::File(_) => At { found, version: placed },
    })
}

/// As [`find`], with the largest [`Entry::placed`] on the way alone: what the versions of
/// entries below a directory start from.
///
/// # Errors
///
/// [`Miss`].
#[inline]
pub fn find_placed<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<(Found<'a>, u64), Miss> {
    slowed::look_up();
    let (mut found, mut placed) = (Found::Dir(tree), 0);
    for component in path::components(path) {
        let Found::Dir(dir) = found else { return Err(Miss::NotADirectory) };
        let entry = dir.entries.get(component).ok_or(Miss::NotFound)?;
        placed = placed.max(entry.placed);
        found = match &entry.node {
            Node::Dir(dir) => Found::Dir(dir),
            Node::File(file) => Found::File(file),
        };
    }
    Ok((found, placed))
}

/// Finds the directory at a normalised path.
///
/// # Errors
///
/// [`Miss`]; a file at the path itself is [`Miss::NotADirectory`].
pub fn find_dir<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<&'a Arc<Dir>, Miss> {
    match find(tree, path)?.found {
        Found::Dir(dir) => Ok(dir),
        Found::File(_) => Err(Miss::NotADirectory),
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
pub fn occupant<'a>(tree: &'a Arc<Dir>, path: &str) -> Result<Option<(&'a Name, &'a Entry)>, Miss> {
    let (parent, name) = path::split_last(path).expect("the root has no place in a parent");
    let parent = find_dir(tree, parent)?;
    Ok(parent.entries.get_key_value(name))
}
