//! New content: from what callers bring, from bytes that are paid for, from another filesystem.

use std::sync::Arc;

use bytes::Bytes;

use super::blocks::Buffer;
use super::chunk::{CHUNK, Chunk, copied, end_of};
use super::extents::Extents;
use super::{Content, Loose, Repr};
use crate::charge::{Account, Charge};
use crate::error::Result;

impl Content {
    /// What new content of `len` bytes is charged: its bytes, and the overhead of each chunk.
    #[inline]
    pub(crate) fn cost(len: u64, chunk_overhead: u64) -> u64 {
        len.div_ceil(CHUNK as u64).saturating_mul(chunk_overhead).saturating_add(len)
    }

    /// New content of `bytes`. `charge` is from `account` and amounts to [`cost`](Self::cost).
    ///
    /// # Errors
    ///
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed).
    pub(crate) fn build(
        bytes: &[u8],
        mut charge: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<Self> {
        debug_assert_eq!(charge.amount(), Self::cost(bytes.len() as u64, chunk_overhead));
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if bytes.len() <= CHUNK {
            let chunk = Chunk::new(Buffer::copied(bytes)?, charge, account, 0);
            return Ok(Self(Repr::one(Arc::new(chunk))));
        }
        end_of(0, bytes.len() as u64)?;
        let mut extents = Extents::default();
        for piece in bytes.chunks(CHUNK) {
            let piece = Buffer::copied(piece)?;
            let receipt = charge.split(piece.len() as u64 + chunk_overhead);
            extents.push(Arc::new(Chunk::new(piece, receipt, account, 0)));
        }
        Ok(Self::from_extents(extents))
    }

    /// What [`adopt`](Self::adopt) needs: nothing for chunks paid from `account`, and for others
    /// what new ones cost. O(chunks).
    pub(crate) fn adoption_cost(&self, account: &Arc<Account>, chunk_overhead: u64) -> u64 {
        match &self.0 {
            Repr::Empty(_) => 0,
            Repr::Detached(loose, _) => Self::cost(loose.len(), chunk_overhead),
            Repr::One(chunk, ..) => chunk.adoption_cost(account, chunk_overhead),
            Repr::Many(extents, _) => extents
                .index
                .from(0)
                .map(|(_, chunk)| chunk.adoption_cost(account, chunk_overhead))
                .fold(0, u64::saturating_add),
        }
    }

    /// The same bytes, charged to `account`: chunks paid from it are shared, others are copied. The
    /// content itself is returned if nothing has to be copied, and a vector of at most a chunk
    /// that nobody else holds is taken as it is.
    ///
    /// `charge` is from `account` and amounts to [`adoption_cost`](Self::adoption_cost).
    ///
    /// # Errors
    ///
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed).
    pub(crate) fn adopt(
        self,
        mut charge: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<Self> {
        let random = self.is_random();
        let adopted = match self.0 {
            Repr::Empty(_) => Self::default(),
            Repr::Detached(loose, _) => match Arc::try_unwrap(loose) {
                Ok(Loose::Vec(bytes)) if bytes.len() <= CHUNK && bytes.capacity() == bytes.len() => {
                    Self(Repr::one(Arc::new(Chunk::new(Buffer::from(bytes), charge, account, 0))))
                }
                Ok(loose) => Self::build(loose.bytes()?, charge, account, chunk_overhead)?,
                Err(shared) => Self::build(shared.bytes()?, charge, account, chunk_overhead)?,
            },
            Repr::One(chunk, ..) => Self(Repr::one(chunk.adopted(&mut charge, account, chunk_overhead)?)),
            Repr::Many(extents, _) => {
                if extents.index.from(0).all(|(_, chunk)| chunk.is_paid_from(account)) {
                    return Ok(Self(Repr::Many(extents, random)));
                }
                let mut adopted = Extents::default();
                for (_, chunk) in extents.index.from(0) {
                    adopted.push(Arc::clone(chunk).adopted(&mut charge, account, chunk_overhead)?);
                }
                Self::from_extents(adopted)
            }
        };
        Ok(adopted.with_random(random))
    }

    /// These bytes so many times, end to end, in the same chunks each time: more than the memory holds.
    #[cfg(feature = "internals")]
    pub(crate) fn repeated(&self, times: usize) -> Self {
        let (once, mut extents) = (self.to_extents(), Extents::default());
        for _ in 0..times {
            once.index.from(0).for_each(|(_, chunk)| extents.push(Arc::clone(chunk)));
        }
        Self::from_extents(extents)
    }

    fn detached(loose: Loose) -> Self {
        if loose.len() == 0 { Self::default() } else { Self(Repr::Detached(Arc::new(loose), false)) }
    }
}

impl Chunk {
    fn adoption_cost(&self, account: &Arc<Account>, chunk_overhead: u64) -> u64 {
        if self.is_paid_from(account) { 0 } else { Content::cost(self.len() as u64, chunk_overhead) }
    }

    fn adopted(
        self: Arc<Self>,
        charge: &mut Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<Arc<Self>> {
        if self.is_paid_from(account) {
            return Ok(self);
        }
        let bytes = Buffer::copied(self.bytes()?)?;
        let receipt = charge.split(self.adoption_cost(account, chunk_overhead));
        Ok(Arc::new(Self::new(bytes, receipt, account, self.stamp())))
    }
}

/// Takes the vector without copying it.
impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::detached(Loose::Vec(bytes))
    }
}

/// Takes the bytes without copying them.
impl From<Box<[u8]>> for Content {
    fn from(bytes: Box<[u8]>) -> Self {
        Self::from(bytes.into_vec())
    }
}

/// Takes the string without copying it.
impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

/// Shares the bytes without copying them.
impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::detached(Loose::Bytes(bytes))
    }
}

/// Copies the bytes. If there is no memory for it, whoever asks for the bytes is told so.
impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::detached(copied(bytes).map_or(Loose::Unallocated(bytes.len() as u64), Loose::Vec))
    }
}

/// Copies the bytes, as from a slice.
impl<const N: usize> From<&[u8; N]> for Content {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

/// Copies the bytes, as from a slice.
impl From<&Vec<u8>> for Content {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::from(bytes.as_slice())
    }
}

/// Copies the bytes, as from a slice.
impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

/// Copies the bytes, as from a slice.
impl From<&String> for Content {
    fn from(text: &String) -> Self {
        Self::from(text.as_bytes())
    }
}
