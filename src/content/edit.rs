//! The changeable state of a draft, and how a plan is carried out on it.

use std::ops::Range;
use std::sync::Arc;

use super::Content;
use super::blocks::Buffer;
use super::chunk::{CHUNK, Chunk};
use super::extents::Extents;
use super::plan::Plan;
use crate::charge::{Account, Charge, ChunkCharge};
use crate::error::Result;

/// Extents, and a tail that grows.
///
/// Invariants:
/// * A chunk is the draft's own exactly if it carries the draft's stamp. Nobody else ever had it,
///   so it can be edited in place; every other chunk counts as shared, whoever holds it, and is
///   copied when it is touched. What a write costs so depends on no one else's timing.
/// * `own` is the sum of the receipts of the draft's own chunks and its tail.
/// * The tail has 1 to `CHUNK - 1` bytes. Without a tail, the last extent is full or shared.
/// * Chunks in the index are exact; only the tail has room to grow.
pub struct Edit {
    pub extents: Extents,
    pub tail: Option<Tail>,
    pub own: u64,
    pub stamp: u64,
}

/// The last bytes of a file, which follow its extents.
pub struct Tail {
    pub bytes: Buffer,
    pub receipt: ChunkCharge,
}

/// New chunks, and where they start.
type Built = Vec<(u64, Buffer)>;

/// Bytes laid over a file; where it did not reach, there are zeros before them.
#[derive(Clone, Copy)]
pub struct Overlay<'a> {
    pub offset: u64,
    pub bytes: &'a [u8],
}

impl Overlay<'_> {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// The part that falls on `from..to`, and where it begins.
    fn part(&self, from: u64, to: u64) -> Option<(u64, &[u8])> {
        let (from, to) = (from.max(self.offset), to.min(self.end()));
        (from < to).then(|| (from, &self.bytes[(from - self.offset) as usize..(to - self.offset) as usize]))
    }
}

impl Edit {
    /// Starts from `base`, sharing all its chunks.
    #[must_use]
    pub fn open(base: &Content) -> Self {
        let extents = base.to_extents();
        let stamp = extents.stamp + 1;
        Self { extents, tail: None, own: 0, stamp }
    }

    #[inline]
    pub fn len(&self) -> u64 {
        self.extents.len + self.tail.as_ref().map_or(0, |tail| tail.bytes.len() as u64)
    }

    pub fn tail_charged(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.receipt.amount())
    }

    #[inline]
    pub fn owns(&self, chunk: &Chunk) -> bool {
        chunk.stamp() == self.stamp
    }

    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        let done = self.extents.read_at(buf, offset)?;
        let Some(tail) = &self.tail else { return Ok(done) };
        let at = offset + done as u64;
        if at < self.extents.len || done == buf.len() {
            return Ok(done);
        }
        let from = (at - self.extents.len).min(tail.bytes.len() as u64) as usize;
        let n = (tail.bytes.len() - from).min(buf.len() - done);
        buf[done..done + n].copy_from_slice(&tail.bytes[from..from + n]);
        Ok(done + n)
    }

    /// Writes where only one chunk of the draft's own is touched, or its tail, else answers false.
    #[inline]
    pub fn write_within_own(&mut self, overlay: Overlay<'_>) -> bool {
        if overlay.offset < self.extents.len {
            return self.write_over_chunk(overlay, true);
        }
        let from = (overlay.offset - self.extents.len) as usize;
        let room = self.tail.as_mut().and_then(|tail| tail.bytes.get_mut(from..));
        let Some(room) = room.and_then(|room| room.get_mut(..overlay.bytes.len())) else { return false };
        room.copy_from_slice(overlay.bytes);
        true
    }

    /// Whether `offset..end` lies in one chunk of the draft's own, or in its tail.
    #[inline]
    pub fn owns_all(&self, offset: u64, end: u64) -> bool {
        if offset >= self.extents.len {
            return end <= self.len();
        }
        let found = self.extents.index.floor(offset);
        found.is_some_and(|(start, chunk)| self.owns(chunk) && end <= start + chunk.len() as u64)
    }

    /// Writes the part of `overlay` that falls on the chunk where it begins, if that is the
    /// draft's own; with `whole`, only if that is all of it. Otherwise answers false.
    ///
    /// Nodes of the index on the way become the draft's own in any case: those above a shared chunk
    /// that a write touches would be copied soon after.
    #[inline]
    fn write_over_chunk(&mut self, overlay: Overlay<'_>, whole: bool) -> bool {
        let Some((start, chunk)) = self.extents.index.floor_mut(overlay.offset) else { return false };
        // What carries another stamp may be unique as well, but does not count as the draft's own.
        let Some(chunk) = Arc::get_mut(chunk).filter(|chunk| chunk.stamp() == self.stamp) else {
            return false;
        };
        let at = (overlay.offset - start) as usize;
        let n = overlay.bytes.len().min(chunk.len() - at);
        if whole && n < overlay.bytes.len() {
            return false;
        }
        chunk.own_bytes_mut()[at..at + n].copy_from_slice(&overlay.bytes[..n]);
        true
    }

    /// Carries out a plan made for `overlay` and a file that is at least `end` long afterwards.
    /// `charge` is at least what the plan costs; what it exceeds it by is given back.
    ///
    /// # Errors
    ///
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed); then nothing has changed.
    pub fn execute(
        &mut self,
        plan: Plan,
        overlay: Overlay<'_>,
        end: u64,
        mut pool: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<()> {
        let old_len = self.len();
        let grows = end > old_len;
        let rebuilds_end = grows && plan.end_from < self.extents.len;

        // First all that can fail.
        let mut built = Built::new();
        for run in &plan.runs {
            self.build(overlay, run.start, run.end, &mut built)?;
        }
        let mut extended = old_len;
        if rebuilds_end {
            self.build(overlay, plan.end_from, end, &mut built)?;
        } else if grows {
            if let Some(tail) = &mut self.tail {
                let n = (end - old_len).min((CHUNK - tail.bytes.len()) as u64);
                tail.grow(n as usize, old_len >= CHUNK as u64)?;
                extended = old_len + n;
            }
            self.build(overlay, extended, end, &mut built)?;
        }

        // Then all that is in place.
        self.write_in_place(overlay);
        for run in plan.runs {
            self.take_out(run);
        }
        if rebuilds_end {
            self.take_out(plan.end_from..self.extents.len);
            self.extents.len = plan.end_from;
            if let Some(mut tail) = self.tail.take() {
                self.own -= tail.receipt.amount();
                pool.merge(tail.receipt.split(tail.receipt.amount()));
            }
        } else if extended > old_len
            && let Some(tail) = &mut self.tail
        {
            fill_new(overlay, old_len, extended, &mut tail.bytes);
            tail.receipt.merge(pool.split(extended - old_len));
            self.own += extended - old_len;
            self.push_full_tail();
        }
        self.put(built, pool, account, chunk_overhead);
        Ok(())
    }

    /// Puts new chunks where there is nothing; what `pool` has more than they cost is given back.
    fn put(&mut self, built: Built, mut pool: Charge, account: &Arc<Account>, chunk_overhead: u64) {
        for (start, bytes) in built {
            let receipt = ChunkCharge::new(pool.split(bytes.len() as u64 + chunk_overhead), account);
            self.own += receipt.amount();
            if start == self.extents.len && bytes.len() < CHUNK {
                self.tail = Some(Tail { bytes, receipt });
            } else {
                self.insert(start, bytes, receipt);
            }
        }
        self.settle();
    }

    /// Appends the new chunks for `from..to`, and where they start, to `built`.
    fn build(&self, overlay: Overlay<'_>, from: u64, to: u64, built: &mut Built) -> Result<()> {
        let old_len = self.len();
        let mut at = from;
        while at < to {
            let next = to.min(at + CHUNK as u64);
            let mut bytes = Buffer::with_room((next - at) as usize)?;
            let (over, under) = (overlay.offset.clamp(at, next), overlay.end().clamp(at, next));
            self.copy_out(at, over.min(old_len), &mut bytes)?;
            fill_new(overlay, at + bytes.len() as u64, under, &mut bytes);
            self.copy_out(at + bytes.len() as u64, next.min(old_len), &mut bytes)?;
            bytes.extend_with_zeros((next - at) as usize - bytes.len()); // a file set longer
            built.push((at, bytes));
            at = next;
        }
        Ok(())
    }

    fn copy_out(&self, from: u64, to: u64, out: &mut Buffer) -> Result<()> {
        let border = self.extents.len;
        self.extents.copy_out(from, to.min(border), &mut |bytes| out.extend_from_slice(bytes))?;
        if to > from.max(border)
            && let Some(tail) = &self.tail
        {
            out.extend_from_slice(&tail.bytes[(from.max(border) - border) as usize..(to - border) as usize]);
        }
        Ok(())
    }

    /// Writes what falls on chunks of the draft's own.
    fn write_in_place(&mut self, overlay: Overlay<'_>) {
        let mut at = overlay.offset;
        while at < overlay.end().min(self.extents.len) {
            let Some((start, chunk)) = self.extents.index.floor(at) else { break };
            let next = start + chunk.len() as u64;
            if self.owns(chunk) {
                let bytes = &overlay.bytes[(at - overlay.offset) as usize..];
                let written = self.write_over_chunk(Overlay { offset: at, bytes }, false);
                debug_assert!(written, "a draft's own chunk is held by someone else");
            }
            at = next;
        }
        let border = self.extents.len;
        if let Some(tail) = &mut self.tail
            && let Some((at, part)) = overlay.part(border, border + tail.bytes.len() as u64)
        {
            let at = (at - border) as usize;
            tail.bytes[at..at + part.len()].copy_from_slice(part);
        }
    }

    /// Takes out what there is in a range.
    fn take_out(&mut self, range: Range<u64>) {
        let (own, stamp) = (&mut self.own, self.stamp);
        self.extents.take_out(range, |chunk| {
            if chunk.stamp() == stamp {
                *own -= chunk.charged();
            }
        });
    }

    fn insert(&mut self, start: u64, bytes: Buffer, receipt: ChunkCharge) {
        self.extents.charged = self.extents.charged.saturating_add(receipt.amount());
        self.extents.stamp = self.stamp;
        self.extents.len = self.extents.len.max(start + bytes.len() as u64);
        let chunk = Chunk::paid(bytes, receipt, self.stamp);
        self.extents.index.insert(start, Arc::new(chunk));
    }

    /// Shortens the file to `len`. `charge` pays for the [plan](Self::plan_cut) of that.
    ///
    /// # Errors
    ///
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed); then nothing has changed.
    pub fn cut(&mut self, len: u64, charge: Charge, account: &Arc<Account>, overhead: u64) -> Result<()> {
        let plan = self.plan_cut(len, overhead);
        let (mut built, nothing) = (Built::new(), Overlay { offset: len, bytes: &[] });
        for run in &plan.runs {
            self.build(nothing, run.start, run.end, &mut built)?;
        }
        self.build(nothing, plan.end_from, len, &mut built)?;

        if len <= self.extents.len
            && let Some(tail) = self.tail.take()
        {
            self.own -= tail.receipt.amount();
        }
        for run in plan.runs {
            self.take_out(run);
        }
        while let Some((start, _)) = self.extents.index.last().filter(|_| plan.end_from < self.extents.len) {
            if start < plan.end_from {
                self.pop_tail(); // the draft's own: it is cut below
                break;
            }
            self.take_out(start..self.extents.len);
            self.extents.len = start;
        }
        if let Some(tail) = &mut self.tail {
            let dropped = tail.bytes.len() - (len - self.extents.len) as usize;
            tail.bytes.truncate(tail.bytes.len() - dropped);
            drop(tail.receipt.split(dropped as u64));
            self.own -= dropped as u64;
        }
        self.put(built, charge, account, overhead);
        Ok(())
    }

    /// Everything as content that others may see. Afterwards nothing is the draft's own.
    ///
    /// Never fails: if the tail cannot be copied to exact memory, it keeps the one it has.
    pub fn publish(&mut self) -> Content {
        if let Some(Tail { bytes, receipt }) = self.tail.take() {
            let bytes = if bytes.is_exact() { bytes } else { Buffer::copied(&bytes).unwrap_or(bytes) };
            self.insert(self.extents.len, bytes, receipt);
        }
        self.own = 0;
        self.stamp = self.extents.stamp + 1;
        Content::from_extents(self.extents.clone())
    }

    fn push_full_tail(&mut self) {
        if let Some(Tail { bytes, receipt }) = self.tail.take_if(|tail| tail.bytes.len() == CHUNK) {
            self.insert(self.extents.len, bytes, receipt);
        }
    }

    /// Makes the last extent the tail if it can grow.
    fn settle(&mut self) {
        if self.tail.is_none()
            && let Some((_, chunk)) = self.extents.index.last()
            && self.owns(chunk)
            && chunk.len() < CHUNK
        {
            self.pop_tail();
        }
    }

    /// Makes the last extent, which is the draft's own, the tail.
    fn pop_tail(&mut self) {
        let Some((start, _)) = self.extents.index.last() else { return };
        let Some(chunk) = self.extents.index.remove(start).and_then(Arc::into_inner) else { return };
        self.extents.len = start;
        self.extents.charged = self.extents.charged.saturating_sub(chunk.charged());
        if let Some((bytes, receipt)) = chunk.into_own() {
            self.tail = Some(Tail { bytes, receipt });
        }
    }

    /// Checks the invariants.
    ///
    /// # Errors
    ///
    /// Which one is broken.
    #[cfg(test)]
    pub fn check_consistent(&self) -> Result<(), String> {
        self.extents.check_consistent(false)?;
        let chunks = self.extents.index.from(0).filter(|(_, chunk)| self.owns(chunk));
        let own = self.tail_charged() + chunks.map(|(_, chunk)| chunk.charged()).sum::<u64>();
        if own != self.own {
            return Err(format!("own chunks are charged {own}, recorded is {}", self.own));
        }
        match &self.tail {
            Some(tail) if tail.bytes.is_empty() || tail.bytes.len() >= CHUNK => {
                Err(format!("the tail has {} bytes", tail.bytes.len()))
            }
            None if self.extents.index.last().is_some_and(|(_, c)| self.owns(c) && c.len() < CHUNK) => {
                Err("the last extent should be the tail".into())
            }
            _ => Ok(()),
        }
    }
}

impl Tail {
    /// Room for `additional` bytes, and for as many again, up to a chunk: for a whole one at once in a file
    /// that is `long`, which nearly always goes on growing.
    fn grow(&mut self, additional: usize, long: bool) -> Result<()> {
        let wanted = self.bytes.len() + additional;
        if wanted <= self.bytes.capacity() {
            return Ok(());
        }
        let capacity = if long { CHUNK } else { wanted.max(2 * self.bytes.capacity()).min(CHUNK) };
        let more = capacity - self.bytes.len();
        self.bytes.reserve(more)
    }
}

/// Appends what `overlay` puts at `from..to`, where the file had nothing or had it overwritten.
fn fill_new(overlay: Overlay<'_>, from: u64, to: u64, out: &mut Buffer) {
    if from >= to {
        return;
    }
    let zeros = overlay.offset.min(to).saturating_sub(from);
    out.extend_with_zeros(zeros as usize);
    if let Some((_, part)) = overlay.part(from, to) {
        out.extend_from_slice(part);
    }
}
