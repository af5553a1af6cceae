//! Whole subtrees: copied to another place, or put back as they were.
//!
//! Within one version an object has one parent, and what died is never linked again (I3). So both make objects
//! of their own over contents that they share.

use std::ptr::NonNull;

use super::apply::Work;
use super::new::NewTree;
use super::node::{Dir, FileNode, FileParts, make_dir, make_file, make_receipt};
use super::tree::Tree;
use crate::content::Content;
use crate::error::{Error, ErrorKind};
use crate::tree::examine::Refusal;
use crate::tree::meta::FileMeta;
use crate::tree::name::Name as Text;
use crate::tree::node::{NodeRef, Totals};
use crate::tree::versioned::{Map, Name, OutOfMemory, Value};

/// A directory whose copy is being made.
struct Level<'a> {
    /// The directory, and its name in the one above; `None` for the first.
    of: (&'a Dir, Option<&'a Name>),
    src: super::dir_map::Iter<'a>,
    copied: Vec<(&'a Name, Value)>,
    totals: Totals,
}

impl<'a> Level<'a> {
    fn new(name: Option<&'a Name>, dir: &'a Dir) -> Self {
        let copied = Vec::with_capacity(dir.entries.len());
        Self { of: (dir, name), src: dir.entries.iter(), copied, totals: Totals::default() }
    }
}

/// How copies differ from what they are copies of.
#[derive(Clone, Copy)]
enum Manner<'a> {
    /// New nodes that were paid for.
    Afresh(&'a NewTree),
    /// The very same beside what is pinned by a snapshot.
    AsItWas,
}

/// Makes what an edit brings.
///
/// # Errors
///
/// `InvalidInput` if the sums would be too large; `AllocationFailed`.
pub(super) fn copy(work: &mut Work<'_>, tree: &NewTree) -> Result<Value, Refusal> {
    let mut contents = tree.contents.as_ref().map(|contents| contents.iter());
    let content = &mut |of: &Content| match &mut contents {
        None => of.clone(),
        Some(contents) => contents.next().cloned().unwrap_or_default(),
    };
    copy_in(work, tree, Manner::Afresh(tree), content)
}

fn copy_in(
    work: &mut Work<'_>,
    dir: &Dir,
    manner: Manner<'_>,
    content: &mut dyn FnMut(&Content) -> Content,
) -> Result<Value, Refusal> {
    let mut levels = Vec::new();
    let mut level = Level::new(None, dir);
    loop {
        let made = match level.src.next() {
            Some((name, entry)) => match entry.node {
                NodeRef::Dir(below) => {
                    levels.push(std::mem::replace(&mut level, Level::new(Some(name), below)));
                    continue;
                }
                NodeRef::File(file) => {
                    let content = content(&file.content);
                    let made = match manner {
                        Manner::Afresh(tree) => {
                            let (meta, charged) = (FileMeta::new(tree.now), tree.node_overhead);
                            let parts = FileParts { placed: 0, content, meta, charged, owes: true };
                            make_file(work.store.arena_mut(), work.birth, parts)
                        }
                        Manner::AsItWas => as_it_was(work, file, content),
                    };
                    made.map_err(Refusal::from).map(|made| (name, Value::file(made)))
                }
            },
            None => {
                let copy = close(work, &mut level, manner).map_err(Refusal::from);
                let name = level.of.1;
                match (copy, levels.pop()) {
                    (Ok(copy), Some(above)) => {
                        level = above;
                        Ok((name.expect("it is in a directory"), copy))
                    }
                    (Ok(copy), None) => return Ok(copy),
                    (Err(error), above) => {
                        levels.extend(above);
                        Err(error)
                    }
                }
            }
        };
        let added = made.and_then(|made| add(work, &mut level, made, manner));
        if let Err(error) = added {
            levels.push(level);
            for (_, value) in levels.iter().flat_map(|level| &level.copied) {
                work.disown(*value);
            }
            return Err(error);
        }
    }
}

fn add<'a>(
    work: &mut Work<'_>,
    level: &mut Level<'a>,
    (name, value): (&'a Name, Value),
    manner: Manner<'_>,
) -> Result<(), Refusal> {
    // A copy is charged by what the filesystem charges that it is made in, not by the other's.
    let charged = match manner {
        Manner::Afresh(tree) => Text::cost(name.as_str(), tree.chunk_overhead),
        Manner::AsItWas => name.charged(),
    };
    level.copied.push((name, value));
    let added = Totals::of_entry(charged, work.lent(value));
    let sum = level.totals.exchanged(&Totals::default(), &added).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput).because("the sums of the copy would be too large")
    })?;
    level.totals = Totals { height: level.totals.height.max(added.height), ..sum };
    Ok(())
}

/// The copy of a directory whose entries were copied. On an error they are left to the caller.
fn close(work: &mut Work<'_>, level: &mut Level<'_>, manner: Manner<'_>) -> Result<Value, OutOfMemory> {
    let (of, birth) = (level.of.0, work.birth);
    let entries = level.copied.iter().map(|(name, value)| (name.as_str(), *value));
    // SAFETY: the map is new, and its values are of this version.
    let mut map = Map::from_sorted(&mut unsafe { work.store.edit() }, entries)?;
    let receipt = match (manner, of.receipt_object()) {
        (Manner::Afresh(tree), _) => make_receipt(work.store.arena_mut(), birth, tree.node_overhead, true),
        (Manner::AsItWas, Some(paid)) => receipt_as_it_was(work, paid),
        (Manner::AsItWas, None) => make_receipt(work.store.arena_mut(), birth, 0, false),
    };
    let made = receipt.and_then(|receipt| {
        let now = match manner {
            Manner::Afresh(tree) => tree.now,
            Manner::AsItWas => of.meta.created,
        };
        make_dir(work.store.arena_mut(), birth, 0, now, Some(receipt))
            .inspect_err(|_| work.disown(Value::file(receipt)))
    });
    let mut made = match made {
        Ok(made) => made,
        Err(error) => {
            // Its values are the caller's; the nodes and names alone are given up.
            // SAFETY: the map is of this version, and nobody has it.
            unsafe { map.dissolve(&mut work.store.edit()) };
            return Err(error);
        }
    };
    // SAFETY: it is of this version.
    let dir = unsafe { made.as_mut() };
    *dir.entries.map_mut() = map;
    dir.totals = level.totals;
    if let Manner::AsItWas = manner {
        (dir.meta, dir.placed) = (of.meta, of.placed);
        dir.totals.height = of.totals.height;
        dir.entries.iter().for_each(|(name, _)| work.pay_name(name));
    }
    level.copied.clear();
    Ok(Value::directory(made))
}

/// Whether both are versions of a file between which nothing that can be read differs.
fn reads_the_same(a: NodeRef<'_>, b: NodeRef<'_>) -> bool {
    match (a, b) {
        (NodeRef::File(a), NodeRef::File(b)) => {
            (a.meta, a.placed) == (b.meta, b.placed) && a.content.ptr_eq(&b.content)
        }
        _ => false,
    }
}

/// A file as it was in a version that is held.
fn as_it_was(
    work: &mut Work<'_>,
    file: &FileNode,
    content: Content,
) -> Result<NonNull<FileNode>, OutOfMemory> {
    let (placed, meta, charged) = (file.placed, file.meta, file.charged());
    let owes = work.pay(charged);
    let parts = FileParts { placed, content, meta, charged, owes };
    make_file(work.store.arena_mut(), work.birth, parts)
}

/// What pays for a directory as it was in a version that is held.
fn receipt_as_it_was(work: &mut Work<'_>, paid: NonNull<FileNode>) -> Result<NonNull<FileNode>, OutOfMemory> {
    // SAFETY: it lives as long as the directory.
    let charged = unsafe { paid.as_ref() }.charged();
    let owes = work.pay(charged);
    make_receipt(work.store.arena_mut(), work.birth, charged, owes)
}

/// Makes the directory `top`, which is of the version under construction, what the root of `tree` is. O(difference
/// × log entries).
///
/// # Errors
///
/// `AllocationFailed`.
pub(super) fn restore(work: &mut Work<'_>, top: NonNull<Dir>, tree: &Tree) -> Result<(), Refusal> {
    let mut pending: Vec<(NonNull<Dir>, &Dir)> = vec![(top, tree)];
    while let Some((mut own, then)) = pending.pop() {
        // SAFETY: it is of this version, and nobody else has it now.
        let dir = unsafe { own.as_mut() };
        // The values may be replaced while they are gone through, so they are noted first.
        let changes = then.entries.map().changes_since(dir.entries.map());
        let changes: Vec<(Box<str>, Option<Value>, Option<Value>)> =
            changes.map(|change| (change.name.as_str().into(), change.new, change.old)).collect();
        for (name, was, is) in changes {
            let name = &*name;
            match (was, is) {
                (Some(was), Some(is)) if was.is_directory() && is.is_directory() => {
                    let next = work.own(is)?;
                    // SAFETY: the map is of this version.
                    let slot = dir.entries.map_mut().get_mut(&mut unsafe { work.store.edit() }, name)?;
                    *slot.expect("it is there") = Value::directory(next);
                    let NodeRef::Dir(was) = work.lent(was) else { unreachable!("it is a directory") };
                    pending.push((next, was));
                }
                (Some(was), Some(is)) if reads_the_same(work.lent(was), work.lent(is)) => {}
                (Some(was), _) => {
                    let made = match work.lent(was) {
                        NodeRef::Dir(was) => copy_in(work, was, Manner::AsItWas, &mut Content::clone)?,
                        NodeRef::File(file) => Value::file(as_it_was(work, file, file.content.clone())?),
                    };
                    // SAFETY: the map is of this version.
                    let replaced =
                        dir.entries.map_mut().insert(&mut unsafe { work.store.edit() }, name, made);
                    match replaced {
                        Ok(Some(gone)) => work.bury(gone)?,
                        Ok(None) => {
                            work.pay_name(dir.entries.get_key_value(name).expect("just put there").0);
                        }
                        Err(error) => {
                            work.disown(made);
                            return Err(error.into());
                        }
                    }
                }
                (None, Some(_)) => {
                    // SAFETY: the map is of this version.
                    let gone = dir.entries.map_mut().remove(&mut unsafe { work.store.edit() }, name)?;
                    work.bury(gone.expect("it is there"))?;
                }
                (None, None) => {}
            }
        }
        dir.totals = then.totals;
        dir.meta = then.meta;
        dir.placed = then.placed;
    }
    Ok(())
}
