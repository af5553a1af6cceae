//! Reading a map in order.

use super::super::dead::Value;
use super::super::name::Name;
use super::path::Path;

/// Entries of a map, in order.
#[derive(Clone)]
pub struct Iter<'a>(Option<Path<'a>>);

impl<'a> Iter<'a> {
    pub(super) fn new(at: Option<Path<'a>>) -> Self {
        Self(at)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Name, Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let path = self.0.as_mut()?;
        let (leaf, slot) = path.last();
        let entry = (leaf.name(slot), leaf.value(slot));
        if !path.next() {
            self.0 = None;
        }
        Some(entry)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}

impl std::fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
