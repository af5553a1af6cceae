//! The state of the model: trees as maps of paths, and everything in them that is paid for.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::SystemTime;

use crate::paths;

pub const CHUNK: u64 = 64 << 10;

/// Something that is charged once, as long as anything holds it: the bytes of a file, a version of
/// a file, a directory, a long name.
#[derive(Debug, Clone)]
pub struct Item(pub Rc<Charged>);

#[derive(Debug)]
pub struct Charged {
    pub uid: u64,
    /// Bytes that grew out of other bytes may share chunks with them: those of one lineage
    /// together take at least what the largest takes, and at most the sum.
    pub lineage: u64,
    /// The filesystem that it is charged to.
    pub fs: usize,
    pub lo: u64,
    pub hi: u64,
}

/// How much something is charged, at least and at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    pub lo: u64,
    pub hi: u64,
}

impl Range {
    pub fn exactly(amount: u64) -> Self {
        Self { lo: amount, hi: amount }
    }

    pub fn up_to(hi: u64) -> Self {
        Self { lo: 0, hi }
    }

    pub fn plus(self, other: Self) -> Self {
        Self { lo: self.lo.saturating_add(other.lo), hi: self.hi.saturating_add(other.hi) }
    }
}

/// The bytes of a file at one instant.
#[derive(Debug, Clone)]
pub struct Data {
    pub item: Item,
    pub bytes: Rc<Vec<u8>>,
    /// Whether the file has become random-access, where that is known.
    pub random: Option<bool>,
}

/// The version that last changed a node or put it at its path.
#[derive(Debug, Clone, PartialEq)]
pub enum Version {
    Known(u64),
    /// That of the publication which has just been made.
    Current,
    /// One of these, or that of the publication which has just been made.
    CurrentOr(Vec<u64>),
}

#[derive(Debug, Clone)]
pub struct Node {
    /// Charged for a long name.
    pub name: Option<Item>,
    pub version: Version,
    pub created: SystemTime,
    pub modified: SystemTime,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Dir { item: Item },
    File { item: Item, data: Data, generation: u64 },
}

impl Node {
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Dir { .. })
    }

    pub fn data(&self) -> Option<&Data> {
        match &self.kind {
            Kind::Dir { .. } => None,
            Kind::File { data, .. } => Some(data),
        }
    }

    pub fn len(&self) -> u64 {
        self.data().map_or(0, |data| data.bytes.len() as u64)
    }

    pub fn generation(&self) -> u64 {
        match self.kind {
            Kind::Dir { .. } => 0,
            Kind::File { generation, .. } => generation,
        }
    }
}

/// Paths and what stands there; the root is always there.
pub type Tree = BTreeMap<String, Node>;

/// The paths of a tree at or below one, in tree order.
pub fn subtree(tree: &Tree, at: &str) -> Vec<String> {
    let mut paths: Vec<String> = tree.keys().filter(|path| paths::at_or_below(path, at)).cloned().collect();
    paths.sort_by(|a, b| paths::tree_order(a, b));
    paths
}

/// The names in a directory, in tree order.
pub fn children(tree: &Tree, dir: &str) -> Vec<String> {
    let mut names: Vec<String> = tree
        .keys()
        .filter(|path| *path != "/" && paths::parent(path) == dir)
        .map(|path| paths::name(path).to_owned())
        .collect();
    names.sort();
    names
}

/// Makes what is charged.
#[derive(Debug, Default)]
pub struct Mint {
    next: Cell<u64>,
}

impl Mint {
    pub fn unique(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    pub fn item(&self, fs: usize, range: Range) -> Item {
        let lineage = self.unique();
        self.related(lineage, fs, range)
    }

    pub fn related(&self, lineage: u64, fs: usize, range: Range) -> Item {
        Item(Rc::new(Charged { uid: self.unique(), lineage, fs, lo: range.lo, hi: range.hi }))
    }
}

/// What is alive, and what that is charged.
#[derive(Debug, Default)]
pub struct Ledger {
    lineages: BTreeMap<u64, BTreeMap<u64, Rc<Charged>>>,
}

impl Ledger {
    pub fn add(&mut self, item: &Item) {
        self.lineages.entry(item.0.lineage).or_default().insert(item.0.uid, Rc::clone(&item.0));
    }

    pub fn add_tree(&mut self, tree: &Tree) {
        for node in tree.values() {
            node.name.iter().for_each(|name| self.add(name));
            match &node.kind {
                Kind::Dir { item } => self.add(item),
                Kind::File { item, data, .. } => {
                    self.add(item);
                    self.add(&data.item);
                }
            }
        }
    }

    /// What one filesystem is charged. Nobody knows who pays how much of a mixed lineage.
    pub fn charged_to(&self, fs: usize, mixed: &BTreeSet<u64>) -> Range {
        let mut sum = Range::default();
        for (lineage, items) in &self.lineages {
            if mixed.contains(lineage) {
                sum.hi += items.values().map(|item| item.hi).sum::<u64>();
            } else if items.values().all(|item| item.fs == fs) {
                sum.lo += items.values().map(|item| item.lo).max().unwrap_or(0);
                sum.hi += items.values().map(|item| item.hi).sum::<u64>();
            }
        }
        sum
    }
}
