//! New content put together piece by piece, as a source yields it.

use std::sync::Arc;

use super::Content;
use super::blocks::Buffer;
use super::chunk::{CHUNK, Chunk};
use super::extents::Extents;
use crate::charge::{Account, Charge};

/// Content that is being read from elsewhere. What it holds is paid for; dropping it gives all of
/// that back.
#[derive(Default)]
pub struct Assembly(Extents);

impl Assembly {
    /// Adds a chunk: 1 to [`CHUNK`] bytes in memory of exactly that length, not copied.
    /// `charge` is from `account` and amounts to the bytes and the overhead of a chunk.
    pub fn push(&mut self, bytes: Buffer, charge: Charge, account: &Arc<Account>) {
        debug_assert!((1..=CHUNK).contains(&bytes.len()) && bytes.is_exact());
        self.0.push(Arc::new(Chunk::new(bytes, charge, account, 0)));
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> Content {
        Content::from_extents(self.0)
    }
}
