//! The bytes of files: chunks that own the receipts they are paid with, and what is built of them.
//!
//! | module | one idea |
//! |---|---|
//! | `blocks` | the memory of payloads: the one place that allocates it |
//! | `chunk` | at most 64 KiB of payload, and its receipt |
//! | `index` | which chunk covers an offset: persistent, ordered |
//! | `extents` | chunks that lie end to end |
//! | `build` | new content from bytes, and taking in content from elsewhere |
//! | `append` | content with bytes added at its end |
//! | `assembly` | content put together of chunks as they are read |
//! | `parts` | content as the chunks that it is made of, to write what is shared once |
//! | `sharing` | parts of chunks, which a file shares with other versions and has written the rest of anew |
//! | `plan`, `edit`, `draft` | what a write handle changes until it publishes |
//! | `reader` | content as a stream of chunks or as `std::io` |
//!
//! All of it is pure: it is handed paid receipts and never decides whether there is room. It knows
//! nothing of paths, threads or time.

mod append;
mod assembly;
mod blocks;
mod build;
mod chunk;
mod draft;
mod edit;
mod extents;
mod index;
#[cfg(feature = "image")]
mod parts;
mod plan;
mod reader;
mod sharing;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use assembly::Assembly;
pub use blocks::{Buffer, ContentMemory};
pub use chunk::{CHUNK, MAX_LEN, allocate, end_of, reserve};
pub use draft::Draft;
#[cfg(feature = "image")]
pub use parts::Parts;
pub use reader::{Chunks, ContentReader};

#[cfg(feature = "image")]
pub use chunk::Chunk;
#[cfg(not(feature = "image"))]
use chunk::Chunk;
#[cfg(feature = "archive")]
pub use chunk::copied;
use extents::Extents;
use reader::Piece;

use crate::charge::{Account, Charge};
use crate::error::{Error, ErrorKind, Result};

/// The bytes of a file at one instant: immutable, and cheap to clone.
///
/// `Content` is what a filesystem hands out without copying, and what it takes in: it is made from
/// byte vectors, slices, strings and [`Bytes`]. It stays valid for ever, and keeps the bytes
/// that it is made of, and what they are charged, until the last clone is gone.
///
/// Whatever yields bytes returns a `Result`, and no method lends them for longer than a call.
///
/// ```
/// use arcfs::Content;
///
/// let content = Content::from("some bytes");
/// assert_eq!(content.len(), 10);
/// assert_eq!(content.to_vec()?, b"some bytes");
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Clone)]
pub struct Content(Repr);

/// The flag says whether the file has become random-access.
#[derive(Clone)]
enum Repr {
    Empty(bool),
    /// Bytes that no filesystem has taken in and nobody is charged for.
    Detached(Arc<Loose>, bool),
    /// One chunk, and its length, so that asking for it does not touch the chunk.
    One(Arc<Chunk>, bool, u32),
    /// Two chunks or more.
    Many(Arc<Extents>, bool),
}

/// Bytes as a caller brought them. Never empty.
enum Loose {
    Vec(Vec<u8>),
    Bytes(Bytes),
    /// So many bytes that there was no memory to copy them.
    Unallocated(u64),
}

impl Loose {
    fn len(&self) -> u64 {
        match self {
            Self::Vec(bytes) => bytes.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Unallocated(len) => *len,
        }
    }

    fn bytes(&self) -> Result<&[u8]> {
        match self {
            Self::Vec(bytes) => Ok(bytes),
            Self::Bytes(bytes) => Ok(bytes),
            Self::Unallocated(len) => Err(Error::new(ErrorKind::AllocationFailed { requested: *len })),
        }
    }
}

const _: () = assert!(size_of::<Content>() == 16);

impl Repr {
    fn one(chunk: Arc<Chunk>) -> Self {
        let len = u32::try_from(chunk.len()).expect("a chunk has at most 64 KiB");
        Self::One(chunk, false, len)
    }
}

impl Content {
    /// The number of bytes.
    ///
    /// ```
    /// assert_eq!(arcfs::Content::from(b"abc").len(), 3);
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Repr::Empty(_) => 0,
            Repr::Detached(loose, _) => loose.len(),
            Repr::One(_, _, len) => u64::from(*len),
            Repr::Many(extents, _) => extents.len,
        }
    }

    /// Whether there are no bytes.
    ///
    /// ```
    /// assert!(arcfs::Content::default().is_empty());
    /// assert!(!arcfs::Content::from("a").is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Repr::Empty(_))
    }

    /// The bytes in order, in slices that share them and stay valid for ever.
    ///
    /// No bytes are copied. How the bytes are cut is not specified; no slice is empty. Each step is
    /// O(log n) in the number of chunks.
    ///
    /// # Errors
    ///
    /// Of the items: [`ErrorKind::AllocationFailed`] if the content was made from a slice for
    /// whose copy there was no memory. The iterator ends after an error.
    ///
    /// ```
    /// let content = arcfs::Content::from("some bytes");
    /// let chunks: Vec<bytes::Bytes> = content.chunks().collect::<arcfs::Result<_>>()?;
    /// assert_eq!(chunks.concat(), b"some bytes");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn chunks(&self) -> Chunks {
        Chunks::new(self.clone())
    }

    /// Copies bytes from `offset` on into `buf`, and returns how many: as many as fit, or all
    /// that there are; 0 at the end and after it.
    ///
    /// O(log n) in the number of chunks, and the copy.
    ///
    /// # Errors
    ///
    /// As for [`chunks`](Self::chunks).
    ///
    /// ```
    /// let content = arcfs::Content::from("some bytes");
    /// let mut buf = [0; 8];
    /// assert_eq!(content.read_at(&mut buf, 5)?, 5);
    /// assert_eq!(&buf[..5], b"bytes");
    /// assert_eq!(content.read_at(&mut buf, 10)?, 0);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[inline]
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let bytes = match &self.0 {
            Repr::Empty(_) => return Ok(0),
            Repr::Detached(loose, _) => loose.bytes()?,
            Repr::One(chunk, ..) => chunk.bytes()?,
            Repr::Many(extents, _) => return extents.read_at(buf, offset),
        };
        let bytes = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        Ok(n)
    }

    /// Appends the bytes from `offset` on to `out`, and returns how many that were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`] if there is no memory for them. `out` is as before then.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>, offset: u64) -> Result<usize> {
        let requested = self.len().saturating_sub(offset);
        let room = usize::try_from(requested).ok().and_then(|len| out.try_reserve(len).ok());
        room.ok_or_else(|| Error::new(ErrorKind::AllocationFailed { requested }))?;
        let before = out.len();
        let bytes = match &self.0 {
            Repr::Empty(_) => &[],
            Repr::Detached(loose, _) => loose.bytes()?,
            Repr::One(chunk, ..) => chunk.bytes()?,
            Repr::Many(extents, _) => {
                extents.copy_out(offset, extents.len, &mut |bytes| out.extend_from_slice(bytes))?;
                &[]
            }
        };
        let bytes = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        out.extend_from_slice(bytes);
        Ok(out.len() - before)
    }

    /// A copy of all bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`] if there is no memory for it.
    ///
    /// ```
    /// assert_eq!(arcfs::Content::from(b"abc").to_vec()?, [b'a', b'b', b'c']);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        let requested = self.len();
        let len =
            usize::try_from(requested).map_err(|_| Error::new(ErrorKind::AllocationFailed { requested }))?;
        let mut bytes = allocate(len)?;
        self.copy_into(&mut bytes)?;
        Ok(bytes)
    }

    /// All bytes as one slice: shared if they are one chunk already, else copied.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`] if there is no memory for a copy.
    ///
    /// ```
    /// assert_eq!(arcfs::Content::from(b"abc").to_bytes()?, &b"abc"[..]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Bytes> {
        match &self.0 {
            Repr::Many(..) => self.to_vec().map(Bytes::from),
            _ => self.piece_at(0)?.map_or_else(|| Ok(Bytes::new()), |(_, piece)| Ok(piece.into_bytes())),
        }
    }

    /// The bytes as a [`Read`](std::io::Read), [`BufRead`](std::io::BufRead) and
    /// [`Seek`](std::io::Seek).
    ///
    /// ```
    /// use std::io::{BufRead, Seek, SeekFrom};
    ///
    /// let mut reader = arcfs::Content::from("one\ntwo\n").reader();
    /// reader.seek(SeekFrom::Start(4))?;
    /// assert_eq!(reader.lines().collect::<Result<Vec<_>, _>>()?, ["two"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn reader(&self) -> ContentReader {
        ContentReader::new(self.clone())
    }

    /// Whether both are the same bytes in memory. Empty content is the same as any other.
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Empty(_), Repr::Empty(_)) => true,
            (Repr::Detached(a, _), Repr::Detached(b, _)) => Arc::ptr_eq(a, b),
            (Repr::One(a, ..), Repr::One(b, ..)) => Arc::ptr_eq(a, b),
            (Repr::Many(a, _), Repr::Many(b, _)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The sum of the receipts of its chunks, O(1). Nothing before it is taken in.
    pub(crate) fn charged(&self) -> u64 {
        match &self.0 {
            Repr::Empty(_) | Repr::Detached(..) => 0,
            Repr::One(chunk, ..) => chunk.charged(),
            Repr::Many(extents, _) => extents.charged,
        }
    }

    /// The number of chunks, O(1).
    pub(crate) fn chunk_count(&self) -> u64 {
        match &self.0 {
            Repr::Empty(_) => 0,
            Repr::Detached(..) | Repr::One(..) => 1,
            Repr::Many(extents, _) => extents.index.len() as u64,
        }
    }

    /// Whether the file has become random-access.
    pub(crate) fn is_random(&self) -> bool {
        match &self.0 {
            Repr::Empty(random)
            | Repr::Detached(_, random)
            | Repr::One(_, random, _)
            | Repr::Many(_, random) => *random,
        }
    }

    /// The same bytes, with the flag set or cleared.
    #[must_use]
    pub(crate) fn with_random(mut self, to: bool) -> Self {
        match &mut self.0 {
            Repr::Empty(random)
            | Repr::Detached(_, random)
            | Repr::One(_, random, _)
            | Repr::Many(_, random) => *random = to,
        }
        self
    }

    /// Appends all bytes to `out`, which has room for them.
    pub(crate) fn copy_into(&self, out: &mut Vec<u8>) -> Result<()> {
        match &self.0 {
            Repr::Empty(_) => {}
            Repr::Detached(loose, _) => out.extend_from_slice(loose.bytes()?),
            Repr::One(chunk, ..) => out.extend_from_slice(chunk.bytes()?),
            Repr::Many(extents, _) => {
                extents.copy_out(0, extents.len, &mut |bytes| out.extend_from_slice(bytes))?;
            }
        }
        Ok(())
    }

    /// The piece that covers `offset`, and where it starts; `None` at the end and after it.
    fn piece_at(&self, offset: u64) -> Result<Option<(u64, Piece)>> {
        if offset >= self.len() {
            return Ok(None);
        }
        match &self.0 {
            Repr::Empty(_) => Ok(None),
            Repr::Detached(loose, _) => Piece::loose(loose).map(|piece| Some((0, piece))),
            Repr::One(chunk, ..) => Piece::chunk(chunk).map(|piece| Some((0, piece))),
            Repr::Many(extents, _) => {
                let found = extents.index.floor(offset);
                found.map(|(start, chunk)| Ok((start, Piece::chunk(chunk)?))).transpose()
            }
        }
    }

    /// Its chunks, shared, as something that can be edited.
    fn to_extents(&self) -> Extents {
        let mut extents = Extents::default();
        match &self.0 {
            Repr::Empty(_) => {}
            Repr::Detached(loose, _) => {
                debug_assert!(false, "content must be taken in before it is edited");
                for bytes in loose.bytes().unwrap_or_default().chunks(CHUNK) {
                    extents.push(Arc::new(Chunk::new(
                        bytes.to_vec().into(),
                        Charge::none(),
                        &Account::new(),
                        0,
                    )));
                }
            }
            Repr::One(chunk, ..) => extents.push(Arc::clone(chunk)),
            Repr::Many(many, _) => extents = Extents::clone(many),
        }
        extents
    }

    fn from_extents(extents: Extents) -> Self {
        match (extents.index.len(), extents.index.last()) {
            (1, Some((_, chunk))) => Self(Repr::one(Arc::clone(chunk))),
            (0, _) | (_, None) => Self::default(),
            _ => Self(Repr::Many(Arc::new(extents), false)),
        }
    }

    /// Checks that the chunks are as published chunks must be, lie end to end, and sum up.
    ///
    /// # Errors
    ///
    /// What is wrong.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn check_consistent(&self) -> Result<(), String> {
        match &self.0 {
            Repr::Empty(_) => Ok(()),
            Repr::Detached(loose, _) if loose.len() == 0 => Err("detached content is empty".into()),
            Repr::Detached(..) => Ok(()),
            Repr::One(chunk, ..) => chunk.check_consistent(),
            Repr::Many(extents, _) if extents.index.len() < 2 => Err("one chunk has an index".into()),
            Repr::Many(extents, _) => extents.check_consistent(true),
        }
    }
}

impl Default for Content {
    /// No bytes.
    fn default() -> Self {
        Self(Repr::Empty(false))
    }
}

impl fmt::Debug for Content {
    /// The length and the number of chunks, never the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("len", &self.len()).field("chunks", &self.chunk_count()).finish()
    }
}
