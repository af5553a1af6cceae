//! Trees as they are to be: files and directories by number, as whoever saved them had them.
//!
//! A plan is data. Who makes one sees to it that numbers refer back only, that sums and heights are right,
//! and that each tree that is asked for is one: within it, every node has one parent. Then each of the ways to
//! keep the value makes trees of it, without a chance to fail but for memory.
//!
//! Every file that pays for itself, every receipt and every long name is paid for once, by the purse, however
//! many trees it is in.

use std::cmp::Ordering;
use std::iter::Peekable;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::meta::{DirMeta, FileMeta};
use super::node::Totals;
use crate::charge::Charge;
use crate::content::Content;

/// A file or a directory of a plan, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// The directory of this number.
    Dir(u32),
    /// The file of this number.
    File(u32),
}

/// What is to stand under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The node.
    pub node: Planned,
    /// See [`EntryRef::placed`](super::node::EntryRef::placed).
    pub placed: u64,
    /// The number of the name, if it is long.
    pub long: Option<u32>,
}

/// A name, and what is to stand there.
pub type Entry<'m> = (&'m str, Place);

/// A name, what stands there in one directory, and what in another.
pub type Difference<'m> = (&'m str, Option<Place>, Option<Place>);

/// The entries of a directory, in order of names.
#[derive(Debug, Clone)]
pub enum Entries<'m> {
    /// One after the other.
    Listed(Box<[Entry<'m>]>),
    /// In a map that shares what it has in common with that of another directory.
    Shared(OrdMap<&'m str, Place>),
}

/// A file.
#[derive(Debug)]
pub struct FilePlan {
    /// Its bytes.
    pub content: Content,
    /// Its times and counters.
    pub meta: FileMeta,
    /// The file with the same content that pays for it, and for itself; `None` if it pays for itself.
    pub payer: Option<u32>,
}

/// A directory.
#[derive(Debug)]
pub struct DirPlan<'m> {
    /// Its entries.
    pub entries: Entries<'m>,
    /// Their sums.
    pub totals: Totals,
    /// Its times and counters.
    pub meta: DirMeta,
    /// What pays for it, by number: all versions of a directory have the same. `None` for a root.
    pub receipt: Option<u32>,
    /// The directory before it that it shares most with.
    #[cfg_attr(not(arcfs_tree = "counted"), allow(dead_code, reason = "that tree finds out what is shared"))]
    pub base: Option<u32>,
}

/// Some trees, and what pays for them.
#[derive(Debug)]
pub struct Plan<'m> {
    /// Names over 23 bytes.
    pub longs: Vec<&'m str>,
    /// How many receipts of directories there are.
    pub receipts: usize,
    /// All files.
    pub files: Vec<FilePlan>,
    /// All directories, each after those in it.
    pub dirs: Vec<DirPlan<'m>>,
    /// Charged for each file that pays for itself, and for each receipt.
    pub node_overhead: u64,
    /// Charged for each long name on top of its length.
    pub chunk_overhead: u64,
    /// Pays for all of that once.
    pub purse: Charge,
}

impl<'m> Entries<'m> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Listed(entries) => entries.len(),
            Self::Shared(entries) => entries.len(),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'m>> + '_ {
        let (listed, shared) = match self {
            Self::Listed(entries) => (Some(entries.iter().copied()), None),
            Self::Shared(entries) => (None, Some(entries.iter().map(|(name, place)| (*name, *place)))),
        };
        listed.into_iter().flatten().chain(shared.into_iter().flatten())
    }

    /// The names at which this one differs from `older`, in order. What both share is skipped, where they
    /// are maps of which one was made from the other.
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Box<dyn Iterator<Item = Difference<'m>> + 'a> {
        match (older, self) {
            (Self::Shared(older), Self::Shared(newer)) => {
                Box::new(older.diff(newer).map(|item| match item {
                    DiffItem::Add(name, new) => (*name, None, Some(*new)),
                    DiffItem::Update { old: (_, old), new: (name, new) } => (*name, Some(*old), Some(*new)),
                    DiffItem::Remove(name, old) => (*name, Some(*old), None),
                }))
            }
            _ => Box::new(Merged { older: older.iter().peekable(), newer: self.iter().peekable() }),
        }
    }
}

/// The differences of two lists.
struct Merged<O: Iterator, N: Iterator> {
    older: Peekable<O>,
    newer: Peekable<N>,
}

impl<'m, O, N> Iterator for Merged<O, N>
where
    O: Iterator<Item = Entry<'m>>,
    N: Iterator<Item = Entry<'m>>,
{
    type Item = Difference<'m>;

    fn next(&mut self) -> Option<Difference<'m>> {
        loop {
            let order = match (self.older.peek(), self.newer.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.cmp(new),
            };
            let old = if order.is_le() { self.older.next() } else { None };
            let new = if order.is_ge() { self.newer.next() } else { None };
            let (name, _) = new.or(old)?;
            let (old, new) = (old.map(|(_, place)| place), new.map(|(_, place)| place));
            if old != new {
                return Some((name, old, new));
            }
        }
    }
}

impl Plan<'_> {
    /// What a node adds to its directory, its name not included; `None` if there is no such node.
    #[must_use]
    pub fn totals_of(&self, node: Planned) -> Option<Totals> {
        Some(match node {
            Planned::File(number) => {
                let content = &self.files.get(number as usize)?.content;
                Totals {
                    bytes: content.len(),
                    charged: content.charged().wrapping_add(self.node_overhead),
                    chunks: content.chunk_count(),
                    files: 1,
                    dirs: 0,
                    height: 1,
                }
            }
            Planned::Dir(number) => {
                let DirPlan { totals, receipt, .. } = self.dirs.get(number as usize)?;
                let charged = if receipt.is_some() { self.node_overhead } else { 0 };
                Totals {
                    charged: totals.charged.wrapping_add(charged),
                    dirs: totals.dirs.saturating_add(1),
                    height: totals.height + 1,
                    ..*totals
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

    fn entries() -> impl Strategy<Value = BTreeMap<&'static str, Place>> {
        let place = (0..3_u32, 0..2_u64).prop_map(|(file, placed)| Place {
            node: Planned::File(file),
            placed,
            long: None,
        });
        prop::collection::btree_map(prop::sample::select(&NAMES[..]), place, 0..12)
    }

    proptest! {
        #[test]
        fn differences_are_the_same_however_entries_are_kept(older in entries(), newer in entries()) {
            let both = |entries: &BTreeMap<&'static str, Place>| {
                let all = || entries.iter().map(|(name, place)| (*name, *place));
                [Entries::Listed(all().collect()), Entries::Shared(all().collect())]
            };
            let expected: Vec<Difference<'_>> = NAMES
                .into_iter()
                .map(|name| (name, older.get(name).copied(), newer.get(name).copied()))
                .filter(|(_, old, new)| old != new)
                .collect();
            for older in both(&older) {
                for newer in both(&newer) {
                    prop_assert!(newer.iter().count() == newer.len());
                    prop_assert_eq!(newer.changes_since(&older).collect::<Vec<_>>(), &expected[..]);
                }
            }
        }
    }
}
