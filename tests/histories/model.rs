//! The sequential model: what each call does and answers if nothing else runs.
//!
//! Written from the contract, naively: the tree is a map of paths. Locks are part of the state;
//! a call that would wait for one cannot happen there.

use std::collections::BTreeMap;
use std::rc::Rc;

use arcfs::ErrorKind;
use arcfs::ErrorKind::{
    AlreadyExists, DirectoryNotEmpty, InvalidInput, IsADirectory, NotADirectory, NotFound,
};

use crate::history::{Answer, BUSY, Create, Meta, Node, Op, Opening, Outcome, THREADS, Tree};

/// One state of the filesystem and of what the threads hold in their hands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    tree: Rc<Tree>,
    holds: BTreeMap<&'static str, Hold>,
    threads: [Rc<Local>; THREADS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Hold {
    Shared(u8),
    Exclusive,
}

/// What belongs to one thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Local {
    handle: Option<Handle>,
    saved: Rc<Tree>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Handle {
    path: &'static str,
    /// The content at open, or the draft.
    bytes: Vec<u8>,
    writer: Option<Writer>,
    holds: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Writer {
    cursor: usize,
    append: bool,
    atomic: bool,
    /// Whether there is something to publish.
    unpublished: bool,
}

/// Why a call does not succeed in a state.
enum Stop {
    Fails(ErrorKind),
    /// It waits for a lock.
    Waits,
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Stop::Fails(kind)
    }
}

type Step<T = Answer> = Result<T, Stop>;

fn fail<T>(kind: ErrorKind) -> Step<T> {
    Err(Stop::Fails(kind))
}

fn parent(path: &str) -> &str {
    let at = path.rfind('/').expect("paths are absolute");
    if at == 0 { "/" } else { &path[..at] }
}

/// Whether `path` is `above` or below it.
fn is_within(path: &str, above: &str) -> bool {
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_below(path: &str, above: &str) -> bool {
    path != above && is_within(path, above)
}

/// Sorts like the filesystem does: by component.
fn in_tree_order<T>(mut items: Vec<T>, path: impl Fn(&T) -> &str) -> Vec<T> {
    items.sort_by(|a, b| path(a).split('/').cmp(path(b).split('/')));
    items
}

fn meta_of(node: &Node) -> Meta {
    match node {
        Node::File { bytes, generation, modified } => {
            Meta { is_dir: false, len: bytes.len() as u64, generation: *generation, modified: *modified }
        }
        Node::Dir { modified } => Meta { is_dir: true, len: 0, generation: 0, modified: *modified },
    }
}

/// What stands at a path; `None` for the root.
fn find<'t>(tree: &'t Tree, path: &str) -> Result<Option<&'t Node>, ErrorKind> {
    if path == "/" {
        return Ok(None);
    }
    match (find(tree, parent(path))?, tree.get(path)) {
        (Some(Node::File { .. }), _) => Err(NotADirectory),
        (_, None) => Err(NotFound),
        (_, node) => Ok(node),
    }
}

/// What stands at a path that could have something, that is, whose parent is a directory.
fn slot<'t>(tree: &'t Tree, path: &str) -> Result<Option<&'t Node>, ErrorKind> {
    match find(tree, parent(path))? {
        Some(Node::File { .. }) => Err(NotADirectory),
        _ => Ok(tree.get(path)),
    }
}

fn is_empty_dir(tree: &Tree, path: &str) -> bool {
    !tree.keys().any(|other| is_below(other, path))
}

/// Takes out what is at a path and below it, by what follows the path.
fn take(tree: &mut Tree, path: &str) -> Vec<(String, Node)> {
    let paths: Vec<String> = tree.keys().filter(|other| is_within(other, path)).cloned().collect();
    paths
        .into_iter()
        .map(|full| (full[path.len()..].to_owned(), tree.remove(&full).expect("listed")))
        .collect()
}

fn put_back(tree: &mut Tree, path: &str, nodes: Vec<(String, Node)>) {
    tree.extend(nodes.into_iter().map(|(ending, node)| ([path, &ending].concat(), node)));
}

/// A copy of what is at a path and below it, as good as new.
fn copied(tree: &Tree, path: &str) -> Vec<(String, Node)> {
    let fresh = |node: &Node| match node {
        Node::File { bytes, .. } => Node::File { bytes: bytes.clone(), generation: 0, modified: 0 },
        Node::Dir { .. } => Node::Dir { modified: 0 },
    };
    let nodes = tree.iter().filter(|(other, _)| is_within(other, path));
    nodes.map(|(full, node)| (full[path.len()..].to_owned(), fresh(node))).collect()
}

/// The directories on the way to `path`, itself included, that do not exist, from the top; an
/// error where one is a file.
fn missing_dirs<'p>(tree: &Tree, path: &'p str) -> Result<Vec<&'p str>, ErrorKind> {
    if path == "/" {
        return Ok(Vec::new());
    }
    let mut missing = missing_dirs(tree, parent(path)).map_err(|_| NotADirectory)?;
    match tree.get(path) {
        Some(Node::File { .. }) => return Err(AlreadyExists),
        Some(Node::Dir { .. }) => {}
        None => missing.push(path),
    }
    Ok(missing)
}

impl State {
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The paths that are held, for people.
    pub fn held(&self) -> String {
        self.holds.iter().map(|(path, hold)| format!("{path} {hold:?}")).collect::<Vec<_>>().join(", ")
    }

    /// Performs one call. `None`: here it would wait.
    pub fn perform(&mut self, thread: usize, op: &Op) -> Option<Outcome> {
        match self.step(thread, op) {
            Ok(answer) => Some(Ok(answer)),
            Err(Stop::Fails(kind)) => Some(Err(kind)),
            Err(Stop::Waits) => None,
        }
    }

    /// Whether the contract also allows the call to be `Busy` here: a shared lock that is free to
    /// readers is refused to those who do not wait while a writer waits for it.
    pub fn may_be_busy(&self, op: &Op) -> bool {
        match op {
            Op::Open(path, Opening::Shared { wait: false }) => {
                matches!(self.holds.get(path), Some(Hold::Shared(_)))
                    && matches!(find(&self.tree, path), Ok(Some(Node::File { .. })))
            }
            _ => false,
        }
    }

    fn tree_mut(&mut self) -> &mut Tree {
        Rc::make_mut(&mut self.tree)
    }

    fn is_held(&self, path: &str) -> bool {
        self.holds.keys().any(|held| is_within(held, path))
    }

    /// Refuses what would touch a held path.
    fn not_held(&self, paths: &[&str]) -> Step<()> {
        if paths.iter().any(|path| self.is_held(path)) { fail(BUSY) } else { Ok(()) }
    }

    fn file(&self, path: &str) -> Step<&Vec<u8>> {
        match find(&self.tree, path)? {
            Some(Node::File { bytes, .. }) => Ok(bytes),
            _ => fail(IsADirectory),
        }
    }

    /// Publishes content as writes do.
    fn publish(&mut self, path: &str, bytes: Vec<u8>) {
        let node = match self.tree.get(path) {
            Some(Node::File { bytes: old, generation, modified }) => {
                let wrote = !(old.is_empty() && bytes.is_empty());
                Node::File { bytes, generation: generation + u64::from(wrote), modified: *modified }
            }
            _ => {
                let generation = u64::from(!bytes.is_empty());
                Node::File { bytes, generation, modified: 0 }
            }
        };
        self.tree_mut().insert(path.to_owned(), node);
    }

    /// The content that a one-shot write would replace, where it need not wait.
    fn writable(&self, path: &str) -> Step<Option<&Vec<u8>>> {
        let old = match slot(&self.tree, path)? {
            Some(Node::Dir { .. }) => return fail(IsADirectory),
            Some(Node::File { bytes, .. }) => Some(bytes),
            None => None,
        };
        if self.is_held(path) { Err(Stop::Waits) } else { Ok(old) }
    }

    /// The checks of a place that something new shall take.
    fn vacant(&self, path: &str) -> Step<()> {
        match slot(&self.tree, path)? {
            Some(_) => fail(AlreadyExists),
            None => Ok(()),
        }
    }

    fn make_dirs(&mut self, paths: &[&str]) {
        for path in paths {
            self.tree_mut().insert((*path).to_owned(), Node::Dir { modified: 0 });
        }
    }

    fn shift(&mut self, from: &str, to: &str) {
        let tree = self.tree_mut();
        let nodes = take(tree, from);
        tree.remove(to);
        put_back(tree, to, nodes);
    }

    fn step(&mut self, thread: usize, op: &Op) -> Step {
        match op {
            Op::Write(path, bytes) => {
                self.writable(path)?;
                self.publish(path, bytes.clone().into());
                Ok(Answer::Unit)
            }
            Op::Append(path, bytes) => {
                let old = self.writable(path)?;
                if old.is_none() || !bytes.is_empty() {
                    let new = [old.map_or(&[][..], |old| old), bytes.as_bytes()].concat();
                    self.publish(path, new);
                }
                Ok(Answer::Unit)
            }
            Op::Read(path) | Op::Content(path) => Ok(Answer::Bytes(self.file(path)?.clone())),
            Op::RemoveFile(path) | Op::RemoveDir(path) | Op::RemoveDirAll(path) => self.remove(op, path),
            Op::CreateDir(path) => {
                self.vacant(path)?;
                self.not_held(&[path])?;
                self.make_dirs(&[path]);
                Ok(Answer::Unit)
            }
            Op::CreateDirAll(path) => {
                let missing = missing_dirs(&self.tree, path)?;
                self.not_held(&missing)?;
                self.make_dirs(&missing);
                Ok(Answer::Unit)
            }
            Op::Clear => {
                self.not_held(&["/"])?;
                self.tree_mut().clear();
                Ok(Answer::Unit)
            }
            Op::Rename(from, to) => self.rename(from, to, false),
            Op::Replace(from, to) => self.rename(from, to, true),
            Op::Exchange(a, b) => self.exchange(a, b),
            Op::MovePath(from, to) => self.move_path(from, to),
            Op::Copy(from, to) => {
                let bytes = self.file(from)?.clone();
                self.vacant(to)?;
                self.not_held(&[to])?;
                let len = bytes.len() as u64;
                self.tree_mut().insert((*to).to_owned(), Node::File { bytes, generation: 0, modified: 0 });
                Ok(Answer::Len(len))
            }
            Op::CopyDirAll(from, to) => {
                if let Some(Node::File { .. }) = find(&self.tree, from)? {
                    return fail(NotADirectory);
                }
                self.graft(&Rc::clone(&self.tree), from, to)?;
                Ok(Answer::Unit)
            }
            Op::CopyFrom(from, to) => {
                let saved = Rc::clone(&self.threads[thread].saved);
                find(&saved, from)?;
                self.graft(&saved, from, to).map(Answer::Len)
            }
            Op::Metadata(path) => {
                let node = find(&self.tree, path)?;
                Ok(Answer::Meta(meta_of(node.unwrap_or(&Node::Dir { modified: 0 }))))
            }
            Op::SetModified(path, time) => {
                find(&self.tree, path)?;
                match self.tree_mut().get_mut(*path).expect("found") {
                    Node::File { modified, .. } | Node::Dir { modified } => *modified = *time,
                }
                Ok(Answer::Unit)
            }
            Op::Import(files) => self.import(files),
            Op::ReadDir(_) | Op::Glob | Op::Walk | Op::Export | Op::Usage => self.read_tree(op),
            Op::Snapshot => {
                Rc::make_mut(&mut self.threads[thread]).saved = Rc::clone(&self.tree);
                Ok(Answer::Tree(Tree::clone(&self.tree)))
            }
            Op::Restore => {
                self.not_held(&["/"])?;
                self.tree = Rc::clone(&self.threads[thread].saved);
                Ok(Answer::Unit)
            }
            Op::Open(path, opening) => self.open(thread, path, *opening),
            Op::HandleWrite(_)
            | Op::HandleSetLen(_)
            | Op::HandleRead
            | Op::Flush
            | Op::Commit
            | Op::Close
            | Op::Discard
            | Op::DropHandle => self.use_handle(thread, op),
            Op::Transaction(steps) => self.transact(thread, steps),
        }
    }

    fn remove(&mut self, op: &Op, path: &str) -> Step {
        let Some(node) = slot(&self.tree, path)? else { return fail(NotFound) };
        match (node, op) {
            (Node::File { .. }, Op::RemoveFile(_)) => {}
            (Node::Dir { .. }, Op::RemoveFile(_)) => return fail(IsADirectory),
            (Node::File { .. }, _) => return fail(NotADirectory),
            (Node::Dir { .. }, Op::RemoveDir(_)) if !is_empty_dir(&self.tree, path) => {
                return fail(DirectoryNotEmpty);
            }
            (Node::Dir { .. }, _) => {}
        }
        self.not_held(&[path])?;
        take(self.tree_mut(), path);
        Ok(Answer::Unit)
    }

    fn rename(&mut self, from: &str, to: &str, replace: bool) -> Step {
        if is_below(to, from) {
            return fail(InvalidInput);
        }
        let Some(source) = slot(&self.tree, from)? else { return fail(NotFound) };
        if from == to {
            return if replace { Ok(Answer::Unit) } else { fail(AlreadyExists) };
        }
        match (slot(&self.tree, to)?, source) {
            (None, _) => {}
            (Some(_), _) if !replace => return fail(AlreadyExists),
            (Some(Node::File { .. }), Node::File { .. }) => {}
            (Some(Node::File { .. }), Node::Dir { .. }) => return fail(NotADirectory),
            (Some(Node::Dir { .. }), Node::File { .. }) => return fail(IsADirectory),
            (Some(Node::Dir { .. }), Node::Dir { .. }) if is_empty_dir(&self.tree, to) => {}
            (Some(Node::Dir { .. }), Node::Dir { .. }) => return fail(DirectoryNotEmpty),
        }
        self.not_held(&[from, to])?;
        self.shift(from, to);
        Ok(Answer::Unit)
    }

    fn exchange(&mut self, a: &str, b: &str) -> Step {
        if is_below(a, b) || is_below(b, a) {
            return fail(InvalidInput);
        }
        for path in [a, b] {
            if slot(&self.tree, path)?.is_none() {
                return fail(NotFound);
            }
        }
        if a != b {
            self.not_held(&[a, b])?;
            let tree = self.tree_mut();
            let (from_a, from_b) = (take(tree, a), take(tree, b));
            put_back(tree, a, from_b);
            put_back(tree, b, from_a);
        }
        Ok(Answer::Unit)
    }

    fn move_path(&mut self, from: &str, to: &str) -> Step {
        if is_below(to, from) {
            return fail(InvalidInput);
        }
        find(&self.tree, from)?;
        let missing = missing_dirs(&self.tree, parent(to)).map_err(|_| NotADirectory)?;
        if self.tree.contains_key(to) {
            return fail(AlreadyExists);
        }
        self.not_held(&[from, to])?;
        self.not_held(&missing)?;
        self.make_dirs(&missing);
        self.shift(from, to);
        Ok(Answer::Unit)
    }

    /// Binds a copy of what is in `source`; answers its length.
    fn graft(&mut self, source: &Tree, from: &str, to: &str) -> Step<u64> {
        self.vacant(to)?;
        self.not_held(&[to])?;
        let nodes = copied(source, from);
        let len = nodes.iter().map(|(_, node)| meta_of(node).len).sum();
        put_back(self.tree_mut(), to, nodes);
        Ok(len)
    }

    fn import(&mut self, files: &[(&'static str, String)]) -> Step {
        for (at, (one, _)) in files.iter().enumerate() {
            if files[at + 1..].iter().any(|(other, _)| one == other) {
                return fail(AlreadyExists);
            }
        }
        if files.iter().any(|(one, _)| files.iter().any(|(other, _)| is_below(one, other))) {
            return fail(NotADirectory);
        }
        let mut missing = Vec::new();
        for (path, _) in files {
            missing.extend(missing_dirs(&self.tree, parent(path)).map_err(|_| NotADirectory)?);
        }
        if files.iter().any(|(path, _)| matches!(self.tree.get(*path), Some(Node::Dir { .. }))) {
            return fail(IsADirectory);
        }
        self.not_held(&missing)?;
        for (path, _) in files {
            self.not_held(&[path])?;
        }
        self.make_dirs(&missing);
        for (path, bytes) in files {
            let node = Node::File { bytes: bytes.clone().into(), generation: 0, modified: 0 };
            self.tree_mut().insert((*path).to_owned(), node);
        }
        Ok(Answer::Unit)
    }

    fn read_tree(&self, op: &Op) -> Step {
        let tree = &self.tree;
        let children = |path: &str| -> Vec<(&str, &Node)> {
            let of = tree.iter().filter(|(other, _)| parent(other) == path);
            of.map(|(other, node)| (&other[other.rfind('/').expect("absolute") + 1..], node)).collect()
        };
        Ok(match op {
            Op::ReadDir(path) => {
                if let Some(Node::File { .. }) = find(tree, path)? {
                    return fail(NotADirectory);
                }
                let entry = |(name, node): (&str, &Node)| (name.to_owned(), meta_of(node));
                Answer::Entries(children(path).into_iter().map(entry).collect())
            }
            Op::Glob => Answer::Paths(tree.keys().cloned().collect()),
            Op::Walk => {
                let dirs = tree.iter().filter(|(_, node)| matches!(node, Node::Dir { .. }));
                let dirs = std::iter::once("/").chain(dirs.map(|(path, _)| path.as_str())).collect();
                let steps = in_tree_order(dirs, |path: &&str| path.trim_end_matches('/'));
                let step = |path: &str| {
                    let names = |dirs: bool| {
                        let of = children(path).into_iter();
                        of.filter(|(_, node)| matches!(node, Node::Dir { .. }) == dirs)
                            .map(|(name, _)| name.to_owned())
                            .collect()
                    };
                    (path.to_owned(), names(true), names(false))
                };
                Answer::Walk(steps.into_iter().map(step).collect())
            }
            Op::Export => {
                let file = |(path, node): (&String, &Node)| match node {
                    Node::File { bytes, .. } => Some((path.clone(), bytes.clone())),
                    Node::Dir { .. } => None,
                };
                Answer::Files(in_tree_order(tree.iter().filter_map(file).collect(), |(path, _)| path))
            }
            _ => Answer::Usage {
                bytes: tree.values().map(|node| meta_of(node).len).sum(),
                files: tree.values().filter(|node| matches!(node, Node::File { .. })).count() as u64,
                dirs: 1 + tree.values().filter(|node| matches!(node, Node::Dir { .. })).count() as u64,
            },
        })
    }

    fn open(&mut self, thread: usize, path: &'static str, opening: Opening) -> Step {
        let (create, truncate, append, atomic, wait, shared) = match opening {
            Opening::Read => {
                let bytes = self.file(path)?.clone();
                let handle = Handle { path, bytes, writer: None, holds: false };
                Rc::make_mut(&mut self.threads[thread]).handle = Some(handle);
                return Ok(Answer::Unit);
            }
            Opening::Shared { wait } => (Create::Never, false, false, false, wait, true),
            Opening::Write { create, truncate, append, atomic, wait } => {
                (create, truncate, append, atomic, wait, false)
            }
        };
        let old = match (slot(&self.tree, path)?, create) {
            (Some(Node::Dir { .. }), _) => return fail(IsADirectory),
            (Some(Node::File { .. }), Create::New) => return fail(AlreadyExists),
            (None, Create::Never) => return fail(NotFound),
            (Some(Node::File { bytes, .. }), _) => Some(bytes.clone()),
            (None, _) => None,
        };
        let readers = match self.holds.get(path) {
            None => 0,
            Some(Hold::Shared(readers)) if shared => *readers,
            Some(_) => return if wait { Err(Stop::Waits) } else { fail(BUSY) },
        };
        self.holds.insert(path, if shared { Hold::Shared(readers + 1) } else { Hold::Exclusive });
        let missing = old.is_none();
        let mut bytes = old.unwrap_or_default();
        let empties = truncate && !bytes.is_empty();
        if truncate {
            bytes.clear();
        }
        if (missing || empties) && !atomic {
            self.publish(path, Vec::new());
        }
        let unpublished = (missing || empties) && atomic;
        let writer = (!shared).then_some(Writer { cursor: 0, append, atomic, unpublished });
        Rc::make_mut(&mut self.threads[thread]).handle = Some(Handle { path, bytes, writer, holds: true });
        Ok(Answer::Unit)
    }

    fn use_handle(&mut self, thread: usize, op: &Op) -> Step {
        let mut handle = self.threads[thread].handle.clone().expect("the thread has a handle");
        let mut stays = true;
        match (op, &mut handle.writer) {
            (Op::HandleRead, _) => return Ok(Answer::Bytes(handle.bytes)),
            (Op::HandleWrite(_) | Op::HandleSetLen(_), None) => return fail(ErrorKind::Unsupported),
            (Op::HandleWrite(new), Some(writer)) if !new.is_empty() => {
                let start = if writer.append { handle.bytes.len() } else { writer.cursor };
                let end = start + new.len();
                handle.bytes.resize(handle.bytes.len().max(end), 0);
                handle.bytes[start..end].copy_from_slice(new.as_bytes());
                (writer.cursor, writer.unpublished) = (end, true);
            }
            (Op::HandleSetLen(len), Some(writer)) if usize::from(*len) != handle.bytes.len() => {
                handle.bytes.resize(usize::from(*len), 0);
                writer.unpublished = true;
            }
            (Op::Flush | Op::Commit | Op::Close | Op::Discard | Op::DropHandle, writer) => {
                stays = matches!(op, Op::Flush | Op::Commit);
                let publishes = writer.as_ref().is_some_and(|writer| match op {
                    Op::Commit | Op::Close => writer.unpublished,
                    Op::Flush | Op::DropHandle => writer.unpublished && !writer.atomic,
                    _ => false,
                });
                if publishes {
                    writer.iter_mut().for_each(|writer| writer.unpublished = false);
                    self.publish(handle.path, handle.bytes.clone());
                }
            }
            _ => {}
        }
        if !stays && handle.holds {
            match self.holds.get_mut(handle.path) {
                Some(Hold::Shared(readers)) if *readers > 1 => *readers -= 1,
                _ => drop(self.holds.remove(handle.path)),
            }
        }
        Rc::make_mut(&mut self.threads[thread]).handle = stays.then_some(handle);
        Ok(Answer::Unit)
    }

    fn transact(&mut self, thread: usize, steps: &[Op]) -> Step {
        let mut private = self.clone();
        let mut answers = Vec::new();
        for step in steps {
            match private.step(thread, step) {
                Ok(answer) => answers.push(Ok(answer)),
                Err(Stop::Waits | Stop::Fails(ErrorKind::Busy { .. })) => return fail(BUSY),
                Err(Stop::Fails(kind)) => answers.push(Err(kind)),
            }
        }
        *self = private;
        Ok(Answer::Many(answers))
    }
}
