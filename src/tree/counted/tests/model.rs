//! A naive filesystem: a map from paths to nodes, and what each edit does to it by the contract.

use std::collections::BTreeMap;

use crate::content::Content;
use crate::error::ErrorKind;
use crate::path;
use crate::tree::edit::{Create, Edit, PutRule, Removal};
use crate::tree::examine::Refusal;
use crate::tree::meta::Timestamp;
use crate::tree::name::INLINE;
use crate::tree::node::NodeRef;
use crate::tree::root::Limits;

#[derive(Debug, Clone)]
pub struct Item {
    /// `None` for a directory.
    pub content: Option<Content>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub generation: u64,
    pub version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Shared(u32),
    Exclusive { reserves: bool },
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum No {
    Stale,
    Held,
    Failed(ErrorKind),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stale => No::Stale,
            Refusal::Held(_) => No::Held,
            Refusal::Failed(error) => No::Failed(error.kind().clone()),
        }
    }
}

fn no<T>(kind: ErrorKind) -> Result<T, No> {
    Err(No::Failed(kind))
}

#[derive(Debug, Clone)]
pub struct Model {
    /// The root directory is at `/`.
    pub items: BTreeMap<String, Item>,
    pub held: BTreeMap<String, Held>,
    pub version: u64,
}

impl Model {
    pub fn new(now: Timestamp) -> Self {
        let root = Item { content: None, created: now, modified: now, generation: 0, version: 0 };
        Self { items: BTreeMap::from([("/".to_owned(), root)]), held: BTreeMap::new(), version: 0 }
    }

    pub fn nodes(&self) -> u64 {
        let reserved = self.held.values().filter(|held| **held == Held::Exclusive { reserves: true });
        (self.items.len() + reserved.count()) as u64
    }

    /// Applies all edits or none.
    pub fn apply(&mut self, edits: &[Edit], limits: &Limits) -> Result<(), No> {
        let mut next = Self { version: self.version + 1, ..self.clone() };
        for edit in edits {
            next.step(edit, limits)?;
        }
        let (before, after) = (self.nodes(), next.nodes());
        if after > before && after > limits.max_nodes {
            return no(ErrorKind::NodeLimit { current: before, limit: limits.max_nodes });
        }
        *self = next;
        Ok(())
    }

    /// What is at a path, after a look at the directories above it.
    fn slot(&self, at: &str) -> Result<Option<&Item>, No> {
        let mut dir = "/".to_owned();
        let components: Vec<&str> = path::components(at).collect();
        for component in &components[..components.len().saturating_sub(1)] {
            dir = path::join(&dir, component);
            match self.items.get(&dir) {
                None => return no(ErrorKind::NotFound),
                Some(Item { content: Some(_), .. }) => return no(ErrorKind::NotADirectory),
                Some(_) => {}
            }
        }
        Ok(self.items.get(at))
    }

    fn existing(&self, at: &str) -> Result<&Item, No> {
        self.slot(at)?.ok_or(No::Failed(ErrorKind::NotFound))
    }

    /// A path and all below it.
    fn subtree(&self, at: &str) -> Vec<String> {
        self.items.keys().filter(|path| path::starts_with(path, at)).cloned().collect()
    }

    fn not_held(&self, at: &str) -> Result<(), No> {
        if self.held.keys().any(|path| path::starts_with(path, at)) { Err(No::Held) } else { Ok(()) }
    }

    fn listed(&mut self, at: &str, now: Timestamp) {
        let (parent, _) = path::split_last(at).expect("not the root");
        let version = self.version;
        let dir = self.items.get_mut(parent).expect("a parent");
        dir.modified = dir.modified.max(now);
        dir.version = version;
    }

    fn insert(&mut self, at: &str, item: Item, now: Timestamp) {
        let version = self.version;
        if self.items.insert(at.to_owned(), Item { version, ..item }).is_none() {
            self.listed(at, now);
        }
    }

    /// Takes a subtree out, with paths relative to it.
    fn take(&mut self, at: &str) -> Vec<(String, Item)> {
        let paths = self.subtree(at);
        let relative = |path: &String| path[at.len()..].to_owned();
        paths.iter().map(|path| (relative(path), self.items.remove(path).expect("there"))).collect()
    }

    fn bring(&mut self, at: &str, nodes: Vec<(String, Item)>) {
        let version = self.version;
        for (below, item) in nodes {
            self.items.insert(format!("{at}{below}"), Item { version, ..item });
        }
    }

    fn fits(&self, from: &str, to: &str, limits: &Limits) -> Result<(), No> {
        let deepest = self.subtree(from).iter().map(|path| path::depth(path)).max().expect("itself");
        if path::depth(to) + deepest - path::depth(from) > limits.max_depth {
            return no(ErrorKind::InvalidPath);
        }
        Ok(())
    }

    fn put(&mut self, at: &str, content: &Content, carried: Timestamp, rule: &PutRule, now: Timestamp) {
        let old = self.items.get(at).cloned();
        let old_empty = old.as_ref().is_none_or(|old| old.content.as_ref().expect("a file").is_empty());
        let wrote = !(old_empty && content.is_empty());
        let same = matches!(rule, PutRule::Append { base: Some(base) } if base.ptr_eq(content));
        let written = u64::from(wrote && !same);
        let (created, modified, generation) = match (rule, &old) {
            (PutRule::Keep, _) => (carried, carried, 0),
            (PutRule::Import { modified, .. }, Some(old)) => (old.created, *modified, 0),
            (PutRule::Import { modified, .. }, None) => (now, *modified, 0),
            (PutRule::Create, _) => (now, now, 0),
            (_, None) => (now, now, written),
            (_, Some(old)) if written == 0 => (old.created, old.modified, old.generation),
            (_, Some(old)) => (old.created, old.modified.max(now), old.generation + 1),
        };
        let content = Some(content.clone());
        self.insert(at, Item { content, created, modified, generation, version: 0 }, now);
    }

    fn step(&mut self, edit: &Edit, limits: &Limits) -> Result<(), No> {
        let unpaid = |at: &str, name: bool| path::split_last(at).expect("a name").1.len() > INLINE && !name;
        match edit {
            Edit::MakeDirs { path, new, now } => {
                let level = |at: usize| path::ancestor(path, new.len() - 1 - at);
                if self.slot(level(0))?.is_some() {
                    return no(ErrorKind::AlreadyExists);
                }
                if new.iter().enumerate().any(|(at, dir)| unpaid(level(at), dir.name.is_some())) {
                    return Err(No::Stale);
                }
                self.not_held(level(0))?;
                let item = Item { content: None, created: *now, modified: *now, generation: 0, version: 0 };
                (0..new.len()).for_each(|at| self.insert(level(at), item.clone(), *now));
            }
            Edit::Put { path, name, file, rule, now } => {
                let old = self.slot(path)?;
                if matches!(rule, PutRule::Create) && old.is_some() {
                    return no(ErrorKind::AlreadyExists);
                }
                if old.is_some_and(|old| old.content.is_none()) {
                    return no(ErrorKind::IsADirectory);
                }
                if matches!(rule, PutRule::Import { replace: false, .. }) && old.is_some() {
                    return no(ErrorKind::AlreadyExists);
                }
                match (rule, old) {
                    (PutRule::Append { base: Some(base) }, Some(old))
                        if base.ptr_eq(old.content.as_ref().expect("a file")) => {}
                    (PutRule::Append { base: None }, None) => {}
                    (PutRule::Append { .. }, _) => return Err(No::Stale),
                    _ => {}
                }
                if old.is_none() && unpaid(path, name.is_some()) {
                    return Err(No::Stale);
                }
                self.not_held(path)?;
                self.put(path, &file.content, file.meta.created, rule, *now);
            }
            Edit::Graft { path, name, tree, now } => {
                if self.slot(path)?.is_some() {
                    return no(ErrorKind::AlreadyExists);
                }
                let below = super::support::nodes(tree);
                let height = below.iter().map(|(path, _)| path::depth(path)).max().unwrap_or(0);
                if path::depth(path) + height > limits.max_depth {
                    return no(ErrorKind::InvalidPath);
                }
                if unpaid(path, name.is_some()) {
                    return Err(No::Stale);
                }
                self.not_held(path)?;
                let meta = tree.meta;
                let top = Item {
                    content: None,
                    created: meta.created,
                    modified: meta.modified,
                    generation: 0,
                    version: 0,
                };
                self.insert(path, top, *now);
                for (below, node) in below {
                    let item = match node {
                        NodeRef::Dir(dir) => Item {
                            content: None,
                            created: dir.meta.created,
                            modified: dir.meta.modified,
                            generation: 0,
                            version: 0,
                        },
                        NodeRef::File(file) => Item {
                            content: Some(file.content.clone()),
                            created: file.meta.created,
                            modified: file.meta.modified,
                            generation: file.meta.generation,
                            version: 0,
                        },
                    };
                    self.bring(path, vec![(below, item)]);
                }
            }
            Edit::Remove { path, what, now } => {
                let item = self.existing(path)?;
                match (item.content.is_some(), what) {
                    (true, Removal::File) => {}
                    (false, Removal::File) => return no(ErrorKind::IsADirectory),
                    (true, _) => return no(ErrorKind::NotADirectory),
                    (false, Removal::EmptyDir) if self.subtree(path).len() > 1 => {
                        return no(ErrorKind::DirectoryNotEmpty);
                    }
                    _ => {}
                }
                self.not_held(path)?;
                self.take(path);
                self.listed(path, *now);
            }
            Edit::Clear { now } => {
                self.not_held("/")?;
                if self.items.len() > 1 {
                    self.items.retain(|path, _| path == "/");
                    self.listed("/x", *now);
                }
            }
            Edit::Move { from, to, name, replace, now } => {
                if from != to && path::starts_with(to, from) {
                    return no(ErrorKind::InvalidInput);
                }
                let source_is_dir = self.existing(from)?.content.is_none();
                if from == to {
                    return if *replace { Ok(()) } else { no(ErrorKind::AlreadyExists) };
                }
                match self.slot(to)? {
                    None if unpaid(to, name.is_some()) => return Err(No::Stale),
                    None => {}
                    Some(_) if !*replace => return no(ErrorKind::AlreadyExists),
                    Some(target) => match (source_is_dir, target.content.is_none()) {
                        (true, false) => return no(ErrorKind::NotADirectory),
                        (false, true) => return no(ErrorKind::IsADirectory),
                        (true, true) if self.subtree(to).len() > 1 => {
                            return no(ErrorKind::DirectoryNotEmpty);
                        }
                        _ => {}
                    },
                }
                self.fits(from, to, limits)?;
                self.not_held(from)?;
                self.not_held(to)?;
                let nodes = self.take(from);
                self.take(to);
                self.bring(to, nodes);
                self.listed(from, *now);
                self.listed(to, *now);
            }
            Edit::Exchange { a, b, now } => {
                if a != b && (path::starts_with(a, b) || path::starts_with(b, a)) {
                    return no(ErrorKind::InvalidInput);
                }
                self.existing(a)?;
                self.existing(b)?;
                if a == b {
                    return Ok(());
                }
                self.fits(a, b, limits)?;
                self.fits(b, a, limits)?;
                self.not_held(a)?;
                self.not_held(b)?;
                let (from_a, from_b) = (self.take(a), self.take(b));
                self.bring(a, from_b);
                self.bring(b, from_a);
                self.listed(a, *now);
                self.listed(b, *now);
            }
            Edit::SetModified { path, file, time } => {
                let is_file = self.existing(path)?.content.is_some();
                if is_file && file.is_none() {
                    return Err(No::Stale);
                }
                self.items.get_mut(&**path).expect("there").modified = *time;
            }
            Edit::Hold(hold) => {
                let path = &*hold.path;
                let missing = match self.slot(path)? {
                    Some(Item { content: None, .. }) => return no(ErrorKind::IsADirectory),
                    Some(_) if hold.create == Create::New => return no(ErrorKind::AlreadyExists),
                    Some(_) => false,
                    None if hold.create == Create::Never => return no(ErrorKind::NotFound),
                    None => true,
                };
                let puts = !hold.atomic && (missing || hold.truncate);
                if puts && hold.blank.is_none() || missing && unpaid(path, hold.name.is_some()) {
                    return Err(No::Stale);
                }
                match self.held.get_mut(path) {
                    Some(Held::Shared(count)) if hold.shared => *count += 1,
                    Some(_) => return Err(No::Held),
                    None => {
                        let reserves = missing && hold.atomic;
                        let held = if hold.shared { Held::Shared(1) } else { Held::Exclusive { reserves } };
                        self.held.insert(path.to_owned(), held);
                    }
                }
                if puts {
                    let rule = if missing { PutRule::Create } else { PutRule::Write };
                    self.put(path, &Content::default(), hold.now, &rule, hold.now);
                }
            }
            Edit::Release { path, name, publish, keep, now } => {
                let path = &**path;
                let Some(held) = self.held.get(path).copied() else { return Err(No::Stale) };
                if let Some(file) = publish {
                    if self.slot(path)?.is_none() && unpaid(path, name.is_some()) {
                        return Err(No::Stale);
                    }
                    self.held.insert(path.to_owned(), Held::Exclusive { reserves: false });
                    self.put(path, &file.content, *now, &PutRule::Write, *now);
                }
                match held {
                    _ if *keep => {}
                    Held::Shared(count) if count > 1 => {
                        self.held.insert(path.to_owned(), Held::Shared(count - 1));
                    }
                    _ => {
                        self.held.remove(path);
                    }
                }
            }
            Edit::Restore { .. } | Edit::Expect { .. } => unreachable!("the test does these itself"),
        }
        Ok(())
    }

    /// What a restore of `older` does; the root refuses it while anything is held.
    pub fn restore(&mut self, older: &Model) -> Result<(), No> {
        self.not_held("/")?;
        self.items.clone_from(&older.items);
        self.version += 1;
        Ok(())
    }
}
