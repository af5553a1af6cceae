//! What a write changes: which chunks it makes anew, and what that costs.
//!
//! A plan is a pure function of the draft, so that a caller can learn the cost, pay it, and have
//! the write do exactly what was paid for.

use std::ops::Range;

use super::Content;
use super::chunk::CHUNK;
use super::edit::Edit;
use super::sharing::{PAGE, UNCUT, join};

/// The most extents that one write absorbs. Merging as it goes leaves fewer to absorb; there are more
/// where many writes could not pay for it.
const MOST_ABSORBED: usize = 64;

/// What a write makes anew. Everything else that it touches is the draft's own and edited in place.
pub struct Plan {
    /// What is shared inside the file and becomes new chunks: in order, disjoint, and shared throughout.
    pub runs: Vec<Range<u64>>,
    /// Of a file that grows: where its rebuilt end begins. The length of the index if nothing is
    /// rebuilt; then the tail is extended, or begun.
    pub end_from: u64,
    pub cost: u64,
}

/// What cutting a file makes anew.
pub struct Cut {
    /// As in [`Plan`].
    pub runs: Vec<Range<u64>>,
    /// From where on what stays is made anew. The new length if nothing is.
    pub end_from: u64,
    pub cost: u64,
}

/// What the ranges cost as new chunks.
fn cost_of(ranges: &[Range<u64>], chunk_overhead: u64) -> u64 {
    let each = ranges.iter().map(|range| Content::cost(range.end - range.start, chunk_overhead));
    each.fold(0, u64::saturating_add)
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
    /// Inside the file the pages that are touched are made anew, and what [`super::sharing`] does not let
    /// stay without them. With `onward`, the rest of the last extent is as well: then the writes come one after
    /// the other, and the next ones find it to be the draft's own.
    pub fn plan(&self, offset: u64, end: u64, chunk_overhead: u64, merge: bool, onward: bool) -> Plan {
        let extents = &self.extents;
        let mut runs = self.shared_runs(offset, end.min(extents.len), onward);
        let grows = end > self.len();
        let mut end_from = extents.len;
        if grows {
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
        self.complete(&mut runs, &mut end_from);
        let mut cost = cost_of(&runs, chunk_overhead);
        if grows {
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

    /// What it takes to cut the file to `len` bytes, which is less than it has: the end of a shared chunk that
    /// is cut is made anew, and what [`super::sharing`] does not let stay.
    pub fn plan_cut(&self, len: u64, chunk_overhead: u64) -> Cut {
        let within = self.extents.index.floor(len).filter(|_| len < self.extents.len);
        let cut = within.filter(|(start, chunk)| *start < len && !self.owns(chunk));
        let (mut runs, mut end_from) = (Vec::new(), cut.map_or(len, |(start, _)| start));
        if len < self.extents.len {
            self.complete(&mut runs, &mut end_from);
        }
        let cost =
            cost_of(&runs, chunk_overhead).saturating_add(Content::cost(len - end_from, chunk_overhead));
        Cut { runs, end_from, cost }
    }

    /// Adds to the runs, and to the end from `end_from` on, what must not stay without them.
    fn complete(&self, runs: &mut Vec<Range<u64>>, end_from: &mut u64) {
        let end = *end_from..self.extents.len;
        runs.extend((!end.is_empty()).then_some(end));
        let mut more = Vec::new();
        self.extents.must_follow(runs, self.stamp, &mut more);
        if *end_from < self.extents.len {
            runs.pop();
        }
        if more.is_empty() {
            return;
        }
        runs.append(&mut more);
        join(runs);
        if *end_from < self.extents.len
            && let Some(run) = runs.pop_if(|run| run.end == *end_from)
        {
            *end_from = run.start;
        }
    }

    /// The worst that writes below `end` can cost until the draft is published: each page of each shared
    /// extent is made anew for itself, and the file grows.
    pub fn reserve_cost(&self, end: u64, chunk_overhead: u64) -> u64 {
        let reach = end.saturating_add(CHUNK as u64); // of parts whose chunk loses something before the end
        let shared = self
            .extents
            .index
            .from(0)
            .take_while(|(start, _)| *start < reach)
            .filter(|(start, chunk)| !self.owns(chunk) && (*start < end || chunk.whole().0.is_some()))
            .map(|(start, chunk)| {
                let end = start + chunk.len() as u64;
                let pages = end.div_ceil(PAGE) - start / PAGE;
                pages.saturating_mul(chunk_overhead).saturating_add(end - start)
            })
            .fold(0, u64::saturating_add);
        let growth = end.saturating_sub(self.len());
        let room = self.tail.as_ref().map_or(0, |tail| (CHUNK - tail.bytes.len()) as u64).min(growth);
        shared.saturating_add(Content::cost(growth - room, chunk_overhead)).saturating_add(room)
    }

    /// What is shared of the pages that overlap `offset..end`, and with `onward` of the rest of the last
    /// extent; neighbours joined.
    fn shared_runs(&self, offset: u64, end: u64, onward: bool) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        let mut at = offset;
        while at < end {
            let Some((start, chunk)) = self.extents.index.floor(at) else { break };
            let from = start.max(at / PAGE * PAGE);
            at = start + chunk.len() as u64;
            if self.owns(chunk) {
                continue;
            }
            let is_short = chunk.whole().0.is_none() && chunk.len() <= UNCUT;
            let from = if is_short { start } else { from };
            let to = if is_short || onward { at } else { at.min(end.next_multiple_of(PAGE)) };
            match runs.last_mut() {
                Some(run) if run.end == from => run.end = to,
                _ => runs.push(from..to),
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
            if len == chunk || len > end - from || self.owns(previous) || previous.whole().0.is_some() {
                break;
            }
            from = start;
        }
        from
    }
}
