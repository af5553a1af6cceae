//! One map with its versions, behind a safe face: for tests, benches and fuzz targets.

use super::arena::Arena;
use super::arena::OutOfMemory;
use super::dead::Value;
use super::map::{Changes, Iter, Map, Tally};
use super::name::Name;
use super::reclaim::{Directory, Kinds, Object, Store};
use std::ptr::NonNull;

/// No objects: values are numbers.
#[derive(Debug)]
enum Nothing {}

// SAFETY: there is none.
unsafe impl Object<()> for Nothing {
    unsafe fn free(_: NonNull<Self>, _: &mut Arena, (): &mut ()) {}
}

// SAFETY: there is none.
unsafe impl Directory<()> for Nothing {
    fn entries(&self) -> &Map {
        match *self {}
    }
}

#[derive(Debug)]
struct Numbers;

impl Kinds for Numbers {
    type File = Nothing;
    type Directory = Nothing;
    type Remains = ();
}

/// A map of numbers with its versions: the current one, and those that were kept.
#[derive(Debug)]
pub struct Lone {
    store: Store<Numbers>,
    map: Map,
    /// As it was published.
    published: Map,
    kept: Vec<(u64, Map)>,
}

impl Drop for Lone {
    /// Its values are no objects, so it is not taken apart as a tree is.
    fn drop(&mut self) {
        if std::thread::panicking() || self.commit().is_err() {
            return;
        }
        while !self.kept.is_empty() {
            self.forget(0);
        }
        // SAFETY: no version is left but this one, all of which was born here.
        unsafe { std::mem::take(&mut self.map).free(&mut self.store.edit()) };
    }
}

impl Default for Lone {
    fn default() -> Self {
        Self { store: Store::new(0), map: Map::new(), published: Map::new(), kept: Vec::new() }
    }
}

impl Lone {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Map::get`].
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<(&Name, Value)> {
        self.map.get(name)
    }

    /// The version under construction.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The store.
    #[must_use]
    pub fn arena(&self) -> &Arena {
        self.store.arena()
    }

    /// Lets the allocation after so many more fail, and all that follow.
    #[cfg(test)]
    pub fn fail_in(&mut self, allocations: Option<u64>) {
        self.store.arena_mut().fails_in = allocations;
    }

    /// As [`Map::insert`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn insert(&mut self, name: &str, number: u32) -> Result<Option<Value>, OutOfMemory> {
        // SAFETY: only the version under construction of this store is edited here, and in what follows.
        let mut cx = unsafe { self.store.edit() };
        self.map.insert(&mut cx, name, Value::number(number))
    }

    /// As [`Map::get_mut`], writing this number.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn overwrite(&mut self, name: &str, number: u32) -> Result<bool, OutOfMemory> {
        // SAFETY: as in `insert`.
        let mut cx = unsafe { self.store.edit() };
        let value = self.map.get_mut(&mut cx, name)?;
        Ok(value.map(|value| *value = Value::number(number)).is_some())
    }

    /// As [`Map::remove`].
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn remove(&mut self, name: &str) -> Result<Option<Value>, OutOfMemory> {
        // SAFETY: as in `insert`.
        let mut cx = unsafe { self.store.edit() };
        self.map.remove(&mut cx, name)
    }

    /// Replaces an empty map by that of these entries.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    ///
    /// # Panics
    ///
    /// If it is not empty, or the names do not ascend.
    pub fn fill<'n>(&mut self, entries: impl IntoIterator<Item = (&'n str, u32)>) -> Result<(), OutOfMemory> {
        assert!(self.map.is_empty());
        // SAFETY: as in `insert`.
        let mut cx = unsafe { self.store.edit() };
        let entries = entries.into_iter().map(|(name, number)| (name, Value::number(number)));
        self.map = Map::from_sorted(&mut cx, entries)?;
        Ok(())
    }

    /// Publishes the version under construction, and frees what nobody needs.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn commit(&mut self) -> Result<(), OutOfMemory> {
        self.store.prepare()?;
        // SAFETY: the maps that are read are the current one and the kept ones, which the store knows.
        unsafe {
            self.published = self.map.alias();
            self.store.commit();
            self.store.sweep(&[], usize::MAX);
        }
        Ok(())
    }

    /// Keeps the published version, and returns which of the kept ones it is.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    ///
    /// # Panics
    ///
    /// If a version is under construction.
    pub fn keep(&mut self) -> Result<usize, OutOfMemory> {
        assert!(self.map.same(&self.published), "commit first");
        // SAFETY: the copy is only read, as long as the store keeps the version.
        self.kept.push(unsafe { (self.store.take()?, self.published.alias()) });
        Ok(self.kept.len() - 1)
    }

    /// The versions that were kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// One of them.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn version(&self, at: usize) -> &Map {
        &self.kept[at].1
    }

    /// Forgets one of them; the last takes its place.
    ///
    /// # Panics
    ///
    /// If there is none, or a version is under construction.
    pub fn forget(&mut self, at: usize) {
        assert!(self.map.same(&self.published), "commit first");
        let (version, _) = self.kept.swap_remove(at);
        // SAFETY: its map is gone; the others are known to the store.
        unsafe {
            self.store.drop_snapshot(version);
            self.store.sweep(&[], usize::MAX);
        }
    }

    /// Entries in order, after a name or from one on.
    #[must_use]
    pub fn iter_after(&self, name: &str) -> Iter<'_> {
        self.map.iter_after(name)
    }

    /// What changed since a kept version.
    ///
    /// # Panics
    ///
    /// If there is no such.
    #[must_use]
    pub fn changes_since(&self, at: usize) -> Changes<'_> {
        self.map.changes_since(&self.kept[at].1)
    }

    /// The invariants of the version under construction.
    ///
    /// # Errors
    ///
    /// The one that is broken.
    pub fn check(&self) -> Result<Tally, String> {
        self.map.check(self.store.version() + 1)
    }

    /// Gives free memory back.
    pub fn trim(&mut self) {
        self.store.arena_mut().trim();
    }
}
