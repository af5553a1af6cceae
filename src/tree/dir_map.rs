//! The ordered, persistent map of one directory's entries.
//!
//! How a directory stores and shares its entries is decided here and nowhere else. This first
//! map is `imbl::OrdMap`, a persistent B+tree: a clone is one count, an edit copies one node a
//! level, an edit of what nobody else holds happens in place.

use std::fmt;
use std::ops::Bound;

use imbl::ordmap::DiffItem;

use super::name::{Key, Name};
use super::node::Entry;

/// Name to entry, in bytewise order of names.
#[derive(Clone, Default)]
pub struct DirMap(imbl::OrdMap<Name, Entry>);

/// The entries of a map, in order.
pub type Iter<'a> = <&'a imbl::OrdMap<Name, Entry> as IntoIterator>::IntoIter;

impl fmt::Debug for DirMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl DirMap {
    /// Entries in the directory. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entry of that name. O(log n).
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(&Key::new(name))
    }

    /// The entry of that name with the name as it is stored. O(log n).
    #[must_use]
    pub fn get_key_value(&self, name: &str) -> Option<(&Name, &Entry)> {
        self.0.get_key_value(&Key::new(name))
    }

    /// The entry of that name, for an edit in place; map nodes that are shared are copied.
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.0.get_mut(&Key::new(name))
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, name: Name, entry: Entry) -> Option<Entry> {
        self.0.insert(name, entry)
    }

    /// Takes an entry out, with its name.
    pub fn remove(&mut self, name: &str) -> Option<(Name, Entry)> {
        self.0.remove_with_key(&Key::new(name))
    }

    /// All entries, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter()
    }

    /// The entries after `name`, in order; all of them for `None`. O(log n) to start.
    pub fn iter_after<'a>(&'a self, name: Option<&Name>) -> impl Iterator<Item = (&'a Name, &'a Entry)> {
        let start = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range::<_, Name>((start, Bound::Unbounded))
    }

    /// The first entry after `name`, or the first of all. O(log n).
    #[must_use]
    pub fn next_after(&self, name: Option<&Name>) -> Option<(&Name, &Entry)> {
        self.iter_after(name).next()
    }

    /// The names at which this map differs from `older`, in order, with what stands there in
    /// `older` and here. Parts that both maps share are skipped: O(differences × log n) between
    /// versions of one directory.
    pub fn changes_since<'a>(
        &'a self,
        older: &'a Self,
    ) -> impl Iterator<Item = (&'a Name, Option<&'a Entry>, Option<&'a Entry>)> {
        older.0.diff(&self.0).map(|item| match item {
            DiffItem::Add(name, new) => (name, None, Some(new)),
            DiffItem::Update { old: (_, old), new: (name, new) } => (name, Some(old), Some(new)),
            DiffItem::Remove(name, old) => (name, Some(old), None),
        })
    }

    /// Whether both are the same map by pointer: never true for different entries.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl FromIterator<(Name, Entry)> for DirMap {
    fn from_iter<I: IntoIterator<Item = (Name, Entry)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
