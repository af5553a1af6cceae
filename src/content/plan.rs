//! What a write changes: which chunks it makes anew, and what that costs.
//!
//! A plan is a pure function of the draft, so that a caller can learn the cost, pay it, and have
//! the write do exactly what was paid for.

use std::ops::Range;

use super::Content;
use super::chunk::CHUNK;
use super::edit::Edit;

/// The most extents that one write absorbs. Merging as it goes leaves fewer to absorb; there are more
/// where many writes could not pay for it.
const MOST_ABSORBED: usize = 64;

/// The least unit in which extents are cut that a random-access file shares; see [`unit`].
const LEAST_UNIT: usize = 4096;

/// In pieces of which length a write of `len` bytes makes shared extents anew; `random` says whether the
/// file was random-access when it was published last.
///
/// Where a write touches an extent that is shared, all of it is copied. A file that is written at its end
/// alone does so once for its last one, and has chunks as large as they can be. In one that is written
/// elsewhere each write touches other extents, and does so again after each publication: there the
/// pieces are about as long as the writes, so that the next one copies about what it writes.
#[must_use]
pub fn unit(len: usize, random: bool) -> usize {
    if random { len.checked_next_power_of_two().unwrap_or(CHUNK).clamp(LEAST_UNIT, CHUNK) } else { CHUNK }
}

/// What a write makes anew. Everything else that it touches is the draft's own and edited in place.
pub struct Plan {
    /// Shared extents inside the file, whole ones, which become new chunks.
    pub runs: Vec<Run>,
    /// Of a file that grows: where its rebuilt end begins. The length of the index if no extent is
    /// rebuilt; then the tail is extended, or begun.
    pub end_from: u64,
    pub cost: u64,
}

/// Shared extents that lie end to end, and the length of the pieces that they become.
pub struct Run {
    pub range: Range<u64>,
    pub unit: usize,
}

impl Run {
    fn cost(&self, chunk_overhead: u64) -> u64 {
        let len = self.range.end - self.range.start;
        len.div_ceil(self.unit as u64).saturating_mul(chunk_overhead).saturating_add(len)
    }
}

impl Edit {
    /// The plan of a write that ends at `end`, and touches what is there from `offset` on.
    ///
    /// With `merge`, a file that grows absorbs small extents before its end: while the extent
    /// before is not larger than all that follows it, and that is less than a chunk. Each byte is
    /// so copied at most once for each doubling of what it lies in, and the extents that remain
    /// at the end shrink at least by half each, but for one.
    ///
    /// Only shared extents are absorbed: those of the draft's own were paid for already.
    ///
    /// Inside the file extents become pieces of at most `unit` bytes. Single ones that are not much longer stay
    /// one.
    pub fn plan(&self, offset: u64, end: u64, chunk_overhead: u64, merge: bool, unit: usize) -> Plan {
        let extents = &self.extents;
        let mut runs = self.shared_runs(offset, end.min(extents.len));
        let mut end_from = extents.len;
        if end > self.len() {
            if self.tail.is_none() && runs.last().is_some_and(|run| run.end == extents.len) {
                end_from = runs.pop().map_or(end_from, |run| run.start);
            }
            if merge {
                end_from = self.absorbed_from(end_from, end);
                runs.retain_mut(|run| {
                    run.end = run.end.min(end_from);
                    run.start < run.end
                });
            }
        }
        let runs: Vec<Run> = runs
            .into_iter()
            .map(|range| {
                let first = extents.index.floor(range.start).map_or(0, |(_, chunk)| chunk.len());
                let single = first as u64 == range.end - range.start;
                Run { range, unit: if single && first <= 4 * unit { CHUNK } else { unit } }
            })
            .collect();
        let mut cost = runs.iter().map(|run| run.cost(chunk_overhead)).fold(0, u64::saturating_add);
        if end > self.len() {
            cost = cost.saturating_add(if end_from < extents.len {
                match Content::cost(end - end_from, chunk_overhead) {
                    u64::MAX => u64::MAX, // it cannot be counted, so nothing can be taken off
                    cost => cost.saturating_sub(self.tail_charged()),
                }
            } else {
                let growth = end - self.len();
                let room = self.tail.as_ref().map_or(0, |tail| (CHUNK - tail.bytes.len()) as u64).min(growth);
                Content::cost(growth - room, chunk_overhead).saturating_add(room)
            });
        }
        Plan { runs, end_from, cost }
    }

    /// The worst that writes below `end` can cost until the draft is published: each shared chunk
    /// is made anew in the smallest pieces, and the file grows.
    pub fn reserve_cost(&self, end: u64, chunk_overhead: u64) -> u64 {
        let shared = self
            .extents
            .index
            .from(0)
            .take_while(|(start, _)| *start < end)
            .filter(|(_, chunk)| !self.owns(chunk))
            .map(|(start, chunk)| Run { range: start..start + chunk.len() as u64, unit: LEAST_UNIT })
            .map(|run| run.cost(chunk_overhead))
            .fold(0, u64::saturating_add);
        let growth = end.saturating_sub(self.len());
        let room = self.tail.as_ref().map_or(0, |tail| (CHUNK - tail.bytes.len()) as u64).min(growth);
        shared.saturating_add(Content::cost(growth - room, chunk_overhead)).saturating_add(room)
    }

    /// The shared extents that overlap `offset..end`, neighbours joined.
    fn shared_runs(&self, offset: u64, end: u64) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        let mut at = offset;
        while at < end {
            let Some((start, chunk)) = self.extents.index.floor(at) else { break };
            at = start + chunk.len() as u64;
            if self.owns(chunk) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == start => run.end = at,
                _ => runs.push(start..at),
            }
        }
        runs
    }

    fn absorbed_from(&self, mut from: u64, end: u64) -> u64 {
        let chunk = CHUNK as u64;
        for _ in 0..MOST_ABSORBED {
            if from == 0 || end - from >= chunk {
                break;
            }
            let Some((start, previous)) = self.extents.index.floor(from - 1) else { break };
            let len = previous.len() as u64;
            if len == chunk || len > end - from || self.owns(previous) {
                break;
            }
            from = start;
        }
        from
    }
}
