//! The entries of a directory, as they are lent to who reads.

use std::fmt;

use super::node::node;
use crate::tree::name::{INLINE, Name};
use crate::tree::node::{EntryRef, NodeRef};
use crate::tree::versioned::{self, Map, Value};

/// Name to node, in bytewise order of names. Every value of the map is a node (O2 in `node`).
#[derive(Default)]
#[repr(transparent)]
pub struct DirMap(Map);

/// A name as it stands in a directory.
pub type NameRef<'a> = &'a versioned::Name;

/// A name, what stood there and what stands there now.
pub type Difference<'a> = (NameRef<'a>, Option<EntryRef<'a>>, Option<EntryRef<'a>>);

impl versioned::Name {
    /// The name for who takes it out of the tree. A long one is copied.
    #[must_use]
    pub(crate) fn to_name(&self) -> Name {
        Name::new(self.as_str(), crate::charge::Charge::none())
    }

    /// Whether the name is over 23 bytes, and so is paid for.
    #[must_use]
    pub(crate) fn is_long(&self) -> bool {
        self.as_str().len() > INLINE
    }

    /// The bytes of the name.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }

    /// What this name is charged in a filesystem that charges each chunk so much.
    #[must_use]
    #[inline]
    pub(crate) fn charged_at(&self, _chunk_overhead: u64) -> u64 {
        self.charged()
    }

    /// Whether it gives back itself what it is charged.
    #[cfg(feature = "image")]
    #[must_use]
    pub(crate) fn is_owed(&self) -> bool {
        self.owes()
    }

    /// Where a name over 23 bytes is kept: the same in all versions that share it.
    #[cfg(feature = "image")]
    #[must_use]
    pub(crate) fn kept_at(&self) -> Option<usize> {
        (self.as_str().len() > INLINE).then(|| std::ptr::from_ref(self).addr())
    }
}

/// The entries of a directory, in order.
#[derive(Clone)]
pub struct Iter<'a> {
    entries: versioned::Iter<'a>,
    left: usize,
}

// SAFETY: it only reads what is lent, which any thread may.
unsafe impl Send for Iter<'_> {}
// SAFETY: as above.
unsafe impl Sync for Iter<'_> {}

impl<'a> Iterator for Iter<'a> {
    type Item = (NameRef<'a>, EntryRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.entries.next()?;
        self.left -= 1;
        // SAFETY: the value is of the map that is borrowed.
        Some((name, unsafe { entry(value) }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.left).finish()
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
        self.get_key_value(name).map(|(_, entry)| entry)
    }

    /// The entry of that name with the name as it is stored. O(log n).
    #[must_use]
    #[inline]
    pub fn get_key_value(&self, name: &str) -> Option<(NameRef<'_>, EntryRef<'_>)> {
        let (name, value) = self.0.get(name)?;
        // SAFETY: the value is of this map, which is borrowed.
        Some((name, unsafe { entry(value) }))
    }

    /// All entries, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { entries: self.0.iter(), left: self.0.len() }
    }

    /// The names at which this map differs from `older`, in order, with what stands there in
    /// `older` and here. Parts that both maps share are skipped: O(differences × log n) between
    /// versions of one directory.
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = Difference<'a>> {
        self.0.changes_since(&older.0).map(|change| {
            // SAFETY: the values are of these two maps, which are borrowed.
            let lent = |value: Option<Value>| value.map(|value| unsafe { entry(value) });
            (change.name, lent(change.old), lent(change.new))
        })
    }

    /// Whether both are the same map by pointer: never true for different entries.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }

    /// The map of values.
    pub(super) fn map(&self) -> &Map {
        &self.0
    }

    /// The map of values, to be edited. Only nodes may be put there.
    pub(super) fn map_mut(&mut self) -> &mut Map {
        &mut self.0
    }

    /// The same entries once more.
    ///
    /// # Safety
    ///
    /// As for [`Map::alias`].
    pub(super) unsafe fn alias(&self) -> Self {
        // SAFETY: as the caller warrants.
        Self(unsafe { self.0.alias() })
    }
}

/// The entry that a value makes.
///
/// # Safety
///
/// As for [`node`].
#[inline]
unsafe fn entry<'a>(value: Value) -> EntryRef<'a> {
    // SAFETY: as the caller warrants.
    let node = unsafe { node(value) };
    let placed = match node {
        NodeRef::Dir(dir) => dir.placed,
        NodeRef::File(file) => file.placed,
    };
    EntryRef { node, placed }
}

impl fmt::Debug for DirMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
