//! A payload: at most a chunk of bytes, in a block or in an allocation of its own.

#![allow(unsafe_code, reason = "bytes lie in memory that is handed out as pointers")]

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

use super::central::Place;
use super::class::Class;
use super::shard;
use crate::content::CHUNK;
use crate::error::{Error, ErrorKind, Result};
use crate::fault::{self, Fault};

/// Up to [`CHUNK`] bytes that grow in place up to their capacity.
///
/// Invariants:
/// * B1 `start` is the start of `capacity` bytes that this alone has: a block that was taken from
///   [`shard`] in `origin`'s slab and class, or the allocation of a vector of that capacity. Of a buffer that
///   was [lent](Self::lend) they are somebody else's, and are neither written nor given back.
/// * B2 `len <= capacity`, and the first `len` bytes were written through this since it has them: what
///   somebody else left in a block is never read.
pub struct Buffer {
    start: NonNull<u8>,
    len: u32,
    origin: Origin,
}

/// Where memory is from, in 32 bits: of a vector its capacity; of a block its class and its slab; or that it
/// is lent.
#[derive(Clone, Copy)]
struct Origin(u32);

const VECTOR: u32 = 1 << 31;
/// A vector that there cannot be.
const LENT: u32 = u32::MAX;
const SLAB_BITS: u32 = 24;

const _: () = assert!(CHUNK < (LENT & !VECTOR) as usize && size_of::<Buffer>() == 16);

impl Origin {
    fn block(class: Class, slab: u32) -> Self {
        assert!(slab < 1 << SLAB_BITS, "32 TiB of slabs are the most");
        Self((class.number() as u32) << SLAB_BITS | slab)
    }

    fn vector(capacity: usize) -> Self {
        Self(VECTOR | capacity as u32)
    }

    #[inline]
    fn class(self) -> Option<Class> {
        (self.0 & VECTOR == 0).then(|| Class::numbered((self.0 >> SLAB_BITS) as usize))
    }

    #[inline]
    fn capacity(self) -> usize {
        self.class().map_or((self.0 & !VECTOR) as usize, Class::size)
    }
}

// SAFETY: by B1 the bytes belong to this alone, and nothing binds them to a thread.
unsafe impl Send for Buffer {}
// SAFETY: through a shared reference the bytes can only be read.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// No bytes, and room for `len`: the place where the payload of chunks is allocated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`].
    #[inline]
    pub fn with_room(len: usize) -> Result<Self> {
        debug_assert!(len <= CHUNK);
        if fault::strikes(Fault::Allocation) {
            return Err(Error::new(ErrorKind::AllocationFailed { requested: len as u64 }));
        }
        if let Some(class) = Class::of(len)
            && let Some(Place { start, slab }) = shard::take(class)
        {
            // B1: the block is out, and no other place is the same until it is given back.
            return Ok(Self { start, len: 0, origin: Origin::block(class, slab) });
        }
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(len).is_err() {
            return Err(Error::new(ErrorKind::AllocationFailed { requested: len as u64 }));
        }
        Ok(Self::from(bytes))
    }

    /// A copy of `bytes`, at most a chunk, in memory of exactly their length.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`].
    #[inline]
    pub fn copied(bytes: &[u8]) -> Result<Self> {
        let mut copy = Self::with_room(bytes.len())?;
        copy.extend_from_slice(bytes);
        Ok(copy)
    }

    /// Some of the bytes as a buffer.
    ///
    /// # Safety
    ///
    /// * While the result lives, this buffer is neither changed nor dropped.
    /// * Nobody changes the result: not its bytes, nor their number.
    ///
    /// # Panics
    ///
    /// If there are no such bytes.
    #[must_use]
    pub unsafe fn lend(&self, range: Range<usize>) -> Self {
        let bytes = &self[range];
        Self { start: NonNull::from(bytes).cast(), len: bytes.len() as u32, origin: Origin(LENT) }
    }

    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.origin.capacity()
    }

    /// Whether no smaller block or allocation would do. What is lent takes none.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        match self.origin.class() {
            None if self.origin.0 == LENT => true,
            Some(class) => Class::of(self.len()) == Some(class),
            None => self.len() == self.capacity(),
        }
    }

    /// Makes room for `additional` more bytes, and for no more of them than a block has room for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AllocationFailed`]; then it is as it was.
    pub fn reserve(&mut self, additional: usize) -> Result<()> {
        if self.capacity() - self.len() < additional {
            let mut larger = Self::with_room(self.len() + additional)?;
            larger.extend_from_slice(self);
            *self = larger;
        }
        Ok(())
    }

    /// Appends bytes for which there is room.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let len = self.len();
        assert!(bytes.len() <= self.capacity() - len, "a payload is longer than its memory");
        // SAFETY: by B1 and the check `len..len + bytes.len()` is memory of this alone, so it does not
        // overlap with `bytes`. Afterwards it is written, as B2 wants.
        unsafe { self.start.add(len).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        self.len += bytes.len() as u32;
    }

    /// Appends zeros for which there is room.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn extend_with_zeros(&mut self, n: usize) {
        let len = self.len();
        assert!(n <= self.capacity() - len, "a payload is longer than its memory");
        // SAFETY: as in `extend_from_slice`.
        unsafe { self.start.add(len).write_bytes(0, n) };
        self.len += n as u32;
    }

    /// Forgets all bytes but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len as u32); // less than before keeps B2
    }
}

/// Takes the allocation as it is.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        assert!(bytes.capacity() < (LENT & !VECTOR) as usize, "a payload is at most a chunk");
        let mut bytes = ManuallyDrop::new(bytes);
        let (len, origin) = (bytes.len() as u32, Origin::vector(bytes.capacity()));
        let start = NonNull::new(bytes.as_mut_ptr()).expect("a vector points somewhere");
        Self { start, len, origin }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: by B1 and B2 these bytes are written, and nobody writes them while this is borrowed.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and nobody else reads them while this is borrowed to be changed.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len as usize) }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        if let Some(class) = self.origin.class() {
            if cfg!(debug_assertions) {
                self.fill(0xdd); // who reads it after this sees so
            }
            shard::give(class, Place { start: self.start, slab: self.origin.0 & ((1 << SLAB_BITS) - 1) });
        } else if self.origin.0 != LENT {
            // SAFETY: by B1 this is the allocation of a vector of this capacity, which comes back here for
            // the first time, because `self` is not used again.
            drop(unsafe { Vec::from_raw_parts(self.start.as_ptr(), 0, self.capacity()) });
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} of {})", self.len, self.capacity())
    }
}
