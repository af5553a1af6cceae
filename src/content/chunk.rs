//! A chunk: some bytes of a file, and the receipt that pays for them.

use std::sync::Arc;

use super::blocks::{Buffer, Payload};
use crate::charge::{Account, Charge, ChunkCharge};
use crate::error::{Error, ErrorKind, Result};
use crate::fault::{self, Fault};

/// The most bytes in one chunk.
pub const CHUNK: usize = 64 * 1024;

/// The most bytes in one file.
pub const MAX_LEN: u64 = i64::MAX as u64;

/// The end of a write of `len` bytes at `offset`.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] if no file can be that long.
pub fn end_of(offset: u64, len: u64) -> Result<u64> {
    match offset.checked_add(len) {
        Some(end) if end <= MAX_LEN => Ok(end),
        _ => Err(Error::new(ErrorKind::InvalidInput).because("a file has at most 2^63 - 1 bytes")),
    }
}

/// Makes room for `additional` more bytes of what leaves the filesystem; chunks are allocated by
/// [`Buffer`](super::Buffer).
///
/// A vector that needs memory gets exactly what was asked for. On failure it is as it was.
///
/// # Errors
///
/// [`ErrorKind::AllocationFailed`].
pub fn reserve(bytes: &mut Vec<u8>, additional: usize) -> Result<()> {
    if bytes.capacity() - bytes.len() >= additional {
        return Ok(());
    }
    if fault::strikes(Fault::Allocation) || bytes.try_reserve_exact(additional).is_err() {
        let requested = bytes.len() as u64 + additional as u64;
        return Err(Error::new(ErrorKind::AllocationFailed { requested }));
    }
    Ok(())
}

/// An empty vector with room for exactly `len` bytes.
///
/// # Errors
///
/// [`ErrorKind::AllocationFailed`].
#[inline]
pub fn allocate(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, len)?;
    Ok(bytes)
}

/// A copy of `bytes` in an allocation of exactly their length.
///
/// # Errors
///
/// [`ErrorKind::AllocationFailed`].
#[inline]
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = allocate(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// At most [`CHUNK`] bytes of a file with the receipt that pays for them, or a part of such a chunk. Once
/// published it never changes and its memory is exact.
///
/// A part is how a file keeps what was not written of a chunk that it shares. It keeps the whole chunk, with
/// all that this is charged; how little of it may be left is in [`super::sharing`]. It is not charged itself.
///
/// The mark is a stamp: in which publication of its file the chunk was made. A draft makes chunks one above
/// all that it started from, and so knows its own; see [`super::edit::Edit`].
///
/// With the counts of its `Arc` it has 56 bytes, which is what an allocator hands out anyway for 41 and more.
pub type Chunk = Payload<ChunkCharge>;

const _: () = assert!(size_of::<Chunk>() == 40);

impl Chunk {
    /// A chunk paid by `charge`, which is from `account`.
    #[must_use]
    pub fn new(bytes: Buffer, charge: Charge, account: &Arc<Account>, stamp: u64) -> Self {
        Self::paid(bytes, ChunkCharge::new(charge, account), stamp)
    }

    #[must_use]
    pub fn paid(bytes: Buffer, receipt: ChunkCharge, stamp: u64) -> Self {
        debug_assert!(!bytes.is_empty() && bytes.len() <= CHUNK);
        Self::own(bytes, receipt, stamp)
    }

    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer().len()
    }

    /// The bytes. This is the guard through which all of them are reached: once a chunk can be
    /// somewhere else than in memory, fetching it may fail here.
    ///
    /// # Errors
    ///
    /// None today.
    #[inline]
    pub fn bytes(&self) -> Result<&[u8]> {
        Ok(self.buffer())
    }

    /// What is charged for the chunk; of a part that for the whole.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.receipt().amount()
    }

    /// Whether the chunk is paid from `account`.
    #[must_use]
    pub fn is_paid_from(&self, account: &Arc<Account>) -> bool {
        self.receipt().is_from(account)
    }

    #[inline]
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.mark()
    }

    /// Whether the chunk is as it must be once others can see it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    #[cfg(any(test, feature = "internals"))]
    pub fn check_consistent(&self) -> Result<(), String> {
        match self.len() {
            0 => Err("a chunk is empty".into()),
            len if len > CHUNK => Err(format!("a chunk has {len} bytes")),
            len if !self.buffer().is_exact() => {
                Err(format!("a chunk of {len} bytes has memory for {}", self.buffer().capacity()))
            }
            _ => Ok(()),
        }
    }
}
