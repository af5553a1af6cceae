//! The ordered, persistent map of one directory's entries.
//!
//! How a directory stores and shares its entries is decided here and nowhere else. This first
//! map is `imbl::OrdMap`, a persistent B+tree: a clone is one count, an edit copies one node a
//! level, an edit of what nobody else holds happens in place.

use std::fmt;

use imbl::ordmap::DiffItem;

use super::node::Entry;
use crate::tree::name::{Key, Name};
use crate::tree::node::EntryRef;

/// Name to entry, in bytewise order of names.
#[derive(Clone, Default)]
pub struct DirMap(imbl::OrdMap<Name, Entry>);

/// A name as it stands in a directory.
pub type NameRef<'a> = &'a Name;

/// The entries of a map, in order.
#[derive(Clone)]
pub struct Iter<'a>(<&'a imbl::OrdMap<Name, Entry> as IntoIterator>::IntoIter);

impl<'a> Iterator for Iter<'a> {
    type Item = (NameRef<'a>, EntryRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, entry)| (name, entry.as_ref()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

/// A name, what stood there and what stands there now.
pub type Difference<'a> = (NameRef<'a>, Option<EntryRef<'a>>, Option<EntryRef<'a>>);

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
    pub fn get(&self, name: &str) -> Option<EntryRef<'_>> {
        self.0.get(&Key::new(name)).map(Entry::as_ref)
    }

    /// The entry of that name with the name as it is stored. O(log n).
    #[must_use]
    pub fn get_key_value(&self, name: &str) -> Option<(NameRef<'_>, EntryRef<'_>)> {
        self.0.get_key_value(&Key::new(name)).map(|(name, entry)| (name, entry.as_ref()))
    }

    /// The entry of that name with the node that it owns, and the name as it is stored. O(log n).
    #[must_use]
    pub fn get_stored(&self, name: &str) -> Option<(&Name, &Entry)> {
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
        Iter(self.0.iter())
    }

    /// The names at which this map differs from `older`, in order, with what stands there in
    /// `older` and here. Parts that both maps share are skipped: O(differences × log n) between
    /// versions of one directory.
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = Difference<'a>> {
        older.0.diff(&self.0).map(|item| match item {
            DiffItem::Add(name, new) => (name, None, Some(new.as_ref())),
            DiffItem::Update { old: (_, old), new: (name, new) } => {
                (name, Some(old.as_ref()), Some(new.as_ref()))
            }
            DiffItem::Remove(name, old) => (name, Some(old.as_ref()), None),
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
