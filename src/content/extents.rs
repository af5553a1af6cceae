//! The bytes of a file of several chunks.

use super::chunk::Chunk;
use super::index::Index;
use super::sharing::Place;
use crate::error::Result;

/// Chunks that lie end to end, from 0 to `len`. Their sizes differ where the file was appended to.
#[derive(Clone, Default)]
pub struct Extents {
    pub index: Index,
    pub len: u64,
    /// The sum of the receipts, that of each chunk once. Those of a fork are of several accounts, so it may
    /// saturate.
    pub charged: u64,
    /// No chunk has a higher one.
    pub stamp: u64,
}

impl Extents {
    /// Adds a chunk at the end.
    pub fn push(&mut self, chunk: std::sync::Arc<Chunk>) {
        let start = self.len;
        if chunk.whole().0.is_none() || !self.has_of(Place::of(start, &chunk)) {
            self.charged = self.charged.saturating_add(chunk.charged());
        }
        self.len += chunk.len() as u64;
        self.stamp = self.stamp.max(chunk.stamp());
        self.index.insert(start, chunk);
    }

    /// Fills `buf` from `offset`; gives the bytes that there were.
    #[inline]
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            let at = offset + done as u64;
            let Some((start, chunk)) = self.index.floor(at) else { break };
            let bytes = &chunk.bytes()?[(at - start) as usize..];
            let n = bytes.len().min(wanted - done);
            buf[done..done + n].copy_from_slice(&bytes[..n]);
            done += n;
        }
        Ok(done)
    }

    /// Hands the bytes from `from` to `to` to `out`, in order.
    pub fn copy_out(&self, from: u64, to: u64, out: &mut impl FnMut(&[u8])) -> Result<()> {
        let mut at = from;
        while at < to {
            let Some((start, chunk)) = self.index.floor(at) else { break };
            let bytes = &chunk.bytes()?[(at - start) as usize..];
            let n = (bytes.len() as u64).min(to - at);
            out(&bytes[..n as usize]);
            at += n;
        }
        Ok(())
    }

    /// Checks that the extents are contiguous and the sums right; published chunks must be exact.
    #[cfg(any(test, feature = "internals"))]
    pub fn check_consistent(&self, published: bool) -> Result<(), String> {
        self.index.check_consistent()?;
        let charged = self.check_sharing()?;
        let (mut end, mut count) = (0, 0);
        for (start, chunk) in self.index.from(0) {
            if start != end {
                return Err(format!("an extent starts at {start}, the one before it ends at {end}"));
            }
            if published {
                chunk.check_consistent()?;
            }
            if chunk.len() == 0 || chunk.len() > super::CHUNK || chunk.stamp() > self.stamp {
                return Err(format!("the extent at {start} has {} bytes, {}", chunk.len(), chunk.stamp()));
            }
            end += chunk.len() as u64;
            count += 1;
        }
        if (end, charged, count) != (self.len, self.charged, self.index.len()) {
            return Err(format!(
                "{count} extents end at {end} and are charged {charged}; recorded are {}, {}, {}",
                self.index.len(),
                self.len,
                self.charged
            ));
        }
        Ok(())
    }
}
