//! The preconditions of edits: what an edit would do to a root, or why it cannot.
//!
//! Operations examine an edit on a root that they loaded, before anything is reserved; a commit
//! examines it again on the exact root that it replaces.

use super::dir_map::NameRef;
use super::edit::{Create, Edit, Hold, PutRule, Removal, Seen, new_levels};
use super::lookup::{Miss, find, find_dir, occupant};
use super::meta::FileMeta;
use super::name::INLINE;
use super::node::{Dir, EntryRef, FileNode, NewDir, NodeRef, PaidName, Totals};
use super::root::{Limits, Root};
use crate::error::{Error, ErrorKind};
use crate::path;
use crate::sync::broken;

/// Why an edit cannot be applied to a root.
#[derive(Debug)]
pub enum Refusal {
    /// The root is not the one that the edit was planned for; plan again.
    Stale,
    /// This path is open under a lock.
    Held(Box<str>),
    /// It fails, and would fail again.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failed(error)
    }
}

/// What an edit would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Nodes that it brings.
    pub gains: u64,
    /// Nodes that it takes away.
    pub loses: u64,
    /// Whether it is refused as long as a path that it touches is held.
    pub held: bool,
    /// The file that a put, a hold or a release finds at its path.
    pub old: Option<OldFile>,
}

/// What is kept of a file that is about to be replaced, so that it need not be looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldFile {
    /// Its times and generation.
    pub meta: FileMeta,
    /// Whether it has no bytes.
    pub empty: bool,
    /// What it adds to the sums of the directories above.
    pub sums: Sums,
}

/// What an entry adds to the sums of the directories above it, and the part that is its name's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// All of it.
    pub totals: Totals,
    /// What its name is charged.
    pub name_charged: u64,
}

impl Sums {
    /// Those of one entry.
    #[must_use]
    pub fn of(name: NameRef<'_>, node: NodeRef<'_>, limits: &Limits) -> Self {
        let name_charged = name.charged_at(limits.chunk_overhead);
        Self { totals: Totals::of_entry(name_charged, node), name_charged }
    }
}

impl OldFile {
    /// What is kept of what stands there, if it is a file.
    fn at(target: Option<(NameRef<'_>, EntryRef<'_>)>, limits: &Limits) -> Option<Self> {
        let (name, entry) = target?;
        let NodeRef::File(file) = entry.node else { return None };
        Some(Self {
            meta: file.meta,
            empty: file.content.is_empty(),
            sums: Sums::of(name, entry.node, limits),
        })
    }
}

impl Effect {
    const NOTHING: Effect = Effect { gains: 0, loses: 0, held: false, old: None };
}

fn fail<T>(kind: impl Into<ErrorKind>, at: &str) -> Result<T, Refusal> {
    Err(Refusal::Failed(Error::at(kind.into(), at)))
}

/// That a path leads nowhere.
pub fn missed(miss: Miss, at: &str) -> Refusal {
    Refusal::Failed(Error::at(miss.into(), at))
}

impl Edit {
    /// What this edit would do to `root`. `Effect::held` says that it would have to wait.
    ///
    /// # Errors
    ///
    /// Why it cannot be applied; never [`Refusal::Held`].
    pub fn examine(&self, root: &Root, limits: &Limits) -> Result<Effect, Refusal> {
        match self {
            Edit::Expect { path, seen } => {
                if broken!(CommitIgnoresExpectations) || seen.still_stands(&root.tree, path) {
                    Ok(Effect::NOTHING)
                } else {
                    Err(Refusal::Stale)
                }
            }
            Edit::MakeDirs { path, new, .. } => examine_make_dirs(root, path, new),
            Edit::Put { path, name, rule, .. } => examine_put(root, path, name.as_ref(), rule, limits),
            Edit::Graft { path, name, tree, .. } => {
                let target = occupant(&root.tree, path).map_err(|miss| missed(miss, path))?;
                if target.is_some() {
                    return fail(ErrorKind::AlreadyExists, path);
                }
                fits_depth(tree, path, limits).map_err(|error| error.on(path))?;
                require_name(path, name.as_ref())?;
                let gains = 1 + tree.totals.nodes();
                Ok(Effect { gains, loses: 0, held: root.holds.at_or_below(path).is_some(), old: None })
            }
            Edit::Remove { path, what, .. } => examine_remove(root, path, *what),
            Edit::Clear { .. } => Ok(Effect {
                gains: 0,
                loses: root.tree.totals.nodes(),
                held: !root.holds.is_empty(),
                old: None,
            }),
            Edit::Move { from, to, name, replace, .. } => {
                examine_move(root, from, to, name.as_ref(), *replace, limits)
            }
            Edit::Exchange { a, b, .. } => examine_exchange(root, a, b, limits),
            Edit::SetModified { path, file, .. } => match find(&root.tree, path) {
                Err(miss) => Err(missed(miss, path)),
                Ok(at) if matches!(at.found, NodeRef::File(_)) && file.is_none() => Err(Refusal::Stale),
                Ok(_) => Ok(Effect::NOTHING),
            },
            Edit::Restore { tree, .. } => Ok(Effect {
                gains: tree.totals.nodes(),
                loses: root.tree.totals.nodes(),
                held: !root.holds.is_empty() && !broken!(RestoreIgnoresHolds),
                old: None,
            }),
            Edit::Hold(hold) => examine_hold(root, hold, limits),
            Edit::Release { path, name, publish, .. } => {
                if root.holds.at(path).is_none() {
                    return Err(Refusal::Stale);
                }
                if publish.is_none() {
                    return Ok(Effect::NOTHING);
                }
                let target = occupant(&root.tree, path).map_err(|miss| missed(miss, path))?;
                if target.is_none() {
                    require_name(path, name.as_ref())?;
                }
                Ok(Effect {
                    gains: u64::from(target.is_none()),
                    old: OldFile::at(target, limits),
                    ..Effect::NOTHING
                })
            }
        }
    }
}

fn examine_make_dirs(root: &Root, path: &str, new: &[NewDir]) -> Result<Effect, Refusal> {
    let (top, names) = new_levels(path, new.len());
    if occupant(&root.tree, top).map_err(|miss| missed(miss, top))?.is_some() {
        return fail(ErrorKind::AlreadyExists, top);
    }
    if names.zip(new).any(|(text, new)| text.len() > INLINE && new.name.is_none()) {
        return Err(Refusal::Stale);
    }
    let held = root.holds.at_or_below(top).is_some();
    Ok(Effect { gains: new.len() as u64, loses: 0, held, old: None })
}

fn examine_put(
    root: &Root,
    path: &str,
    name: Option<&PaidName>,
    rule: &PutRule,
    limits: &Limits,
) -> Result<Effect, Refusal> {
    let target = occupant(&root.tree, path).map_err(|miss| missed(miss, path))?;
    let old = admit_put(path, name, rule, target.map(|(_, entry)| entry.node))?;
    let held = is_held(root, path);
    Ok(Effect { gains: u64::from(old.is_none()), loses: 0, held, old: OldFile::at(target, limits) })
}

/// Whether a hold stands in the way of a file that is put at `path`.
#[must_use]
pub fn is_held(root: &Root, path: &str) -> bool {
    root.holds.at_or_below(path).is_some() && !broken!(WriteIgnoresHold)
}

/// Whether a file may be put where `found` stands; gives the version of it that is there.
///
/// # Errors
///
/// Why not; [`Refusal::Stale`] if it was not planned for that.
pub fn admit_put<'a>(
    path: &str,
    name: Option<&PaidName>,
    rule: &PutRule,
    found: Option<NodeRef<'a>>,
) -> Result<Option<&'a FileNode>, Refusal> {
    let old = match found {
        Some(_) if matches!(rule, PutRule::Create) => return fail(ErrorKind::AlreadyExists, path),
        Some(NodeRef::Dir(_)) => return fail(ErrorKind::IsADirectory, path),
        Some(NodeRef::File(_)) if matches!(rule, PutRule::Import { replace: false, .. }) => {
            return fail(ErrorKind::AlreadyExists, path);
        }
        Some(NodeRef::File(file)) => Some(file),
        None => None,
    };
    match (rule, old) {
        (PutRule::Append { base: Some(base) }, Some(old)) if base.ptr_eq(&old.content) => {}
        (PutRule::Append { base: None }, None) => {}
        (PutRule::Append { .. }, _) if broken!(AppendIgnoresBase) => {}
        (PutRule::Append { .. }, _) => return Err(Refusal::Stale),
        _ => {}
    }
    if old.is_none() {
        require_name(path, name)?;
    }
    Ok(old)
}

fn examine_remove(root: &Root, path: &str, what: Removal) -> Result<Effect, Refusal> {
    let target = occupant(&root.tree, path).map_err(|miss| missed(miss, path))?;
    let Some((_, entry)) = target else { return fail(ErrorKind::NotFound, path) };
    let loses = match (entry.node, what) {
        (NodeRef::File(_), Removal::File) => 1,
        (NodeRef::Dir(_), Removal::File) => return fail(ErrorKind::IsADirectory, path),
        (NodeRef::File(_), _) => return fail(ErrorKind::NotADirectory, path),
        (NodeRef::Dir(dir), Removal::EmptyDir) if !dir.entries.is_empty() => {
            return fail(ErrorKind::DirectoryNotEmpty, path);
        }
        (NodeRef::Dir(dir), _) => 1 + dir.totals.nodes(),
    };
    Ok(Effect { gains: 0, loses, held: root.holds.at_or_below(path).is_some(), old: None })
}

fn examine_move(
    root: &Root,
    from: &str,
    to: &str,
    name: Option<&PaidName>,
    replace: bool,
    limits: &Limits,
) -> Result<Effect, Refusal> {
    let pair = |error: Error| Refusal::Failed(error.on(from).with_other(to));
    if from != to && path::starts_with(to, from) {
        let error = Error::new(ErrorKind::InvalidInput);
        return Err(pair(error.because("nothing can be moved to below itself")));
    }
    let source = occupant(&root.tree, from).map_err(|miss| pair(Error::new(miss.into())))?;
    let Some((_, source)) = source else { return Err(pair(Error::new(ErrorKind::NotFound))) };
    if from == to {
        return if replace {
            Ok(Effect::NOTHING)
        } else {
            Err(pair(Error::new(ErrorKind::AlreadyExists).because("source and destination are the same")))
        };
    }
    let target = occupant(&root.tree, to).map_err(|miss| {
        let parent = path::split_last(to).map_or("/", |(parent, _)| parent);
        pair(Error::new(miss.into()).because(format!("of the destination's parent {parent:?}")))
    })?;
    let mut loses = 0;
    match (target.map(|(_, entry)| entry.node), source.node) {
        (None, _) => require_name(to, name)?,
        (Some(_), _) if !replace => {
            return Err(pair(Error::new(ErrorKind::AlreadyExists).because("the destination exists")));
        }
        (Some(NodeRef::File(_)), NodeRef::File(_)) => loses = 1,
        (Some(NodeRef::File(_)), NodeRef::Dir(_)) => {
            let error = Error::new(ErrorKind::NotADirectory);
            return Err(pair(error.because("a directory cannot replace a file")));
        }
        (Some(NodeRef::Dir(_)), NodeRef::File(_)) => {
            let error = Error::new(ErrorKind::IsADirectory);
            return Err(pair(error.because("a file cannot replace a directory")));
        }
        (Some(NodeRef::Dir(old)), NodeRef::Dir(_)) if old.entries.is_empty() => loses = 1,
        (Some(NodeRef::Dir(_)), NodeRef::Dir(_)) => {
            let error = Error::new(ErrorKind::DirectoryNotEmpty);
            return Err(pair(error.because("only an empty directory can be replaced")));
        }
    }
    if let NodeRef::Dir(dir) = source.node {
        fits_depth(dir, to, limits).map_err(pair)?;
    }
    let held = root.holds.at_or_below(from).is_some() || root.holds.at_or_below(to).is_some();
    Ok(Effect { gains: 0, loses, held, old: None })
}

fn examine_exchange(root: &Root, a: &str, b: &str, limits: &Limits) -> Result<Effect, Refusal> {
    let pair = |error: Error| Refusal::Failed(error.on(a).with_other(b));
    if a != b && (path::starts_with(a, b) || path::starts_with(b, a)) {
        return Err(pair(Error::new(ErrorKind::InvalidInput).because("one is below the other")));
    }
    let mut nodes = Vec::with_capacity(2);
    for path in [a, b] {
        let missing = |kind| pair(Error::new(kind).because(format!("of {path:?}")));
        let place = occupant(&root.tree, path).map_err(|miss| missing(miss.into()))?;
        let (_, entry) = place.ok_or_else(|| missing(ErrorKind::NotFound))?;
        nodes.push(entry.node);
    }
    if a == b {
        return Ok(Effect::NOTHING);
    }
    for (node, to) in [(nodes[0], b), (nodes[1], a)] {
        if let NodeRef::Dir(dir) = node {
            fits_depth(dir, to, limits).map_err(pair)?;
        }
    }
    let held = root.holds.at_or_below(a).is_some() || root.holds.at_or_below(b).is_some();
    Ok(Effect { gains: 0, loses: 0, held, old: None })
}

fn examine_hold(root: &Root, hold: &Hold, limits: &Limits) -> Result<Effect, Refusal> {
    let path = &*hold.path;
    let target = occupant(&root.tree, path).map_err(|miss| missed(miss, path))?;
    let gains = match target.map(|(_, entry)| entry.node) {
        Some(NodeRef::Dir(_)) => return fail(ErrorKind::IsADirectory, path),
        Some(NodeRef::File(_)) if hold.create == Create::New => return fail(ErrorKind::AlreadyExists, path),
        Some(NodeRef::File(_)) => {
            if hold.truncate && !hold.atomic && hold.blank.is_none() {
                return Err(Refusal::Stale);
            }
            0
        }
        None if hold.create == Create::Never => return fail(ErrorKind::NotFound, path),
        None => {
            if !hold.atomic && hold.blank.is_none() {
                return Err(Refusal::Stale);
            }
            require_name(path, hold.name.as_ref())?; // also for the publication that is to come
            1
        }
    };
    let held = !root.holds.admits(path, hold.shared);
    Ok(Effect { gains, loses: 0, held, old: OldFile::at(target, limits) })
}

/// A long name must have been paid for when the edit was planned.
fn require_name(path: &str, name: Option<&PaidName>) -> Result<(), Refusal> {
    let (_, text) = path::split_last(path).expect("the root is not bound");
    if text.len() > INLINE && name.is_none() { Err(Refusal::Stale) } else { Ok(()) }
}

/// Whether `dir` at path `to` keeps everything below it within the depth limit. The recorded
/// height is an upper bound; where it refuses, the exact one decides.
///
/// # Errors
///
/// `InvalidPath`.
pub fn fits_depth(dir: &Dir, to: &str, limits: &Limits) -> Result<(), Error> {
    let depth = path::depth(to);
    if depth + dir.totals.height as usize <= limits.max_depth
        || depth + super::height::exact_height(dir) as usize <= limits.max_depth
    {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidPath).because(format!(
        "what is below it would be deeper at {to:?} than the limit of {} components",
        limits.max_depth
    )))
}

impl Seen {
    /// Reads at `path` what a later commit can compare with: kind only for a directory.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn node_at(tree: &Dir, path: &str) -> Self {
        match find(tree, path).map(|at| at.found) {
            Ok(NodeRef::File(file)) => Seen::File(super::edit::SeenFile::of(file)),
            Ok(NodeRef::Dir(_)) => Seen::IsDir,
            Err(_) => Seen::Absent,
        }
    }

    /// Whether the same stands at `path` in `tree`.
    #[must_use]
    pub fn still_stands(&self, tree: &Dir, path: &str) -> bool {
        match self {
            Seen::Absent => find(tree, path).is_err(),
            Seen::File(seen) => {
                matches!(find(tree, path), Ok(at) if matches!(at.found, NodeRef::File(file) if seen.is(file)))
            }
            Seen::IsDir => find_dir(tree, path).is_ok(),
            Seen::DirMeta(seen) => find_dir(tree, path).is_ok_and(|dir| dir.meta == *seen),
            Seen::Listing(earlier, at) => same_dirs(tree, path, earlier, at, same_listing),
            Seen::Subtree(earlier, at) => same_dirs(tree, path, earlier, at, |dir, seen| {
                std::ptr::eq(dir, seen) || dir.entries.ptr_eq(&seen.entries)
            }),
        }
    }
}

/// Whether there are directories at both places, and they are `same`.
fn same_dirs(now: &Dir, path: &str, earlier: &Dir, at: &str, same: impl Fn(&Dir, &Dir) -> bool) -> bool {
    find_dir(now, path).is_ok_and(|dir| find_dir(earlier, at).is_ok_and(|seen| same(dir, seen)))
}

/// Whether a listing of both, with the metadata of what is listed, reads the same.
fn same_listing(a: &Dir, b: &Dir) -> bool {
    let same = |a: NodeRef<'_>, b: NodeRef<'_>| match (a, b) {
        (NodeRef::File(a), NodeRef::File(b)) => std::ptr::eq(a, b),
        (NodeRef::Dir(a), NodeRef::Dir(b)) => a.meta == b.meta,
        _ => false,
    };
    a.entries.ptr_eq(&b.entries)
        || a.entries.len() == b.entries.len()
            && a.entries.changes_since(&b.entries).all(|(_, old, new)| match (old, new) {
                (Some(old), Some(new)) => old.placed == new.placed && same(old.node, new.node),
                _ => false,
            })
}
