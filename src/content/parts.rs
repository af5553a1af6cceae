//! Content as the chunks that it is made of, so that what is shared is written once and shared
//! again.

use std::sync::Arc;

use super::chunk::Chunk;
use super::extents::Extents;
use super::{Content, Repr};

/// What some content is made of.
pub enum Parts<'a> {
    /// Nothing.
    None,
    /// One chunk, which is the content.
    One(&'a Arc<Chunk>),
    /// Two chunks or more.
    Many(Many<'a>),
}

/// Two chunks or more, which contents share as a whole.
pub struct Many<'a>(&'a Arc<Extents>);

impl<'a> Many<'a> {
    /// Where they are kept: the same for contents that are the same by pointer, and only for those.
    #[must_use]
    pub fn kept_at(&self) -> usize {
        Arc::as_ptr(self.0).addr()
    }

    /// The chunks, in order. O(log n) each.
    pub fn chunks(&self) -> impl Iterator<Item = &'a Arc<Chunk>> + use<'a> {
        let extents: &'a Extents = self.0;
        extents.index.from(0).map(|(_, chunk)| chunk)
    }
}

impl Content {
    /// What it is made of. Bytes that no filesystem has taken in count as nothing.
    pub(crate) fn parts(&self) -> Parts<'_> {
        match &self.0 {
            Repr::Empty(_) => Parts::None,
            Repr::Detached(..) => {
                debug_assert!(false, "what is in a tree was taken in");
                Parts::None
            }
            Repr::One(chunk, ..) => Parts::One(chunk),
            Repr::Many(extents, _) => Parts::Many(Many(extents)),
        }
    }

    /// Content of one chunk, shared.
    pub(crate) fn of_chunk(chunk: &Arc<Chunk>) -> Self {
        Self(Repr::one(Arc::clone(chunk)))
    }

    /// Content of some chunks in order, shared.
    pub(crate) fn of_chunks<'a>(chunks: impl Iterator<Item = &'a Arc<Chunk>>) -> Self {
        let mut extents = Extents::default();
        for chunk in chunks {
            extents.push(Arc::clone(chunk));
        }
        Self::from_extents(extents)
    }
}
