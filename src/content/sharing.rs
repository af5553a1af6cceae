//! Parts of chunks: what a file keeps of a chunk of which something else was written anew.
//!
//! A write into a chunk that is shared makes anew the pages that it touches, and keeps the rest as parts of
//! that chunk, without copying it. A part keeps the whole chunk in memory, and the chunk stays charged in
//! full, so what was written anew is there twice for as long. Invariants of the extents of a file:
//!
//! * S1 Parts of one chunk lie where they lay in it: all begin as far after where the chunk began in the file.
//! * S2 They are at least half of it. Where less would be left, that is made anew as well, and the file has
//!   nothing of the chunk any more. So no more bytes are copied beside a write, over all, than were written
//!   into the chunk before; and a file is charged for at most twice its bytes: of each chunk half is lost at
//!   most.
//! * S3 Chunks of up to [`UNCUT`] bytes have no parts.
//! * S4 A draft's own chunks have no parts in it.

use std::ops::Range;
use std::sync::Arc;

use super::chunk::Chunk;
use super::extents::Extents;

/// What is written into shared chunks is made anew in whole pages of the file.
pub const PAGE: u64 = 4096;

/// A chunk that is not longer is made anew whole: its parts would be few and short.
pub const UNCUT: usize = 4 * PAGE as usize;

/// A chunk that a file has a part of, or all, and where it would begin if there were all.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub whole: &'a Arc<Chunk>,
    pub start: u64,
}

impl<'a> Place<'a> {
    /// Of the extent `chunk` at `start`.
    pub fn of(start: u64, chunk: &'a Arc<Chunk>) -> Self {
        match chunk.whole() {
            (None, _) => Self { whole: chunk, start },
            (Some(whole), from) => Self { whole, start: start - from as u64 },
        }
    }

    fn end(self) -> u64 {
        self.start + self.whole.len() as u64
    }

    fn is(self, other: Self) -> bool {
        Arc::ptr_eq(self.whole, other.whole)
    }
}

impl Extents {
    /// Hands on what there is of a chunk, in order.
    fn parts(&self, place: Place<'_>, found: &mut impl FnMut(Range<u64>)) {
        self.index.around(place.start..place.end(), &mut |start, chunk| {
            if Place::of(start, chunk).is(place) {
                found(start..start + chunk.len() as u64);
            }
        });
    }

    /// Whether there is any part of a chunk.
    pub fn has_of(&self, place: Place<'_>) -> bool {
        let mut any = false;
        self.parts(place, &mut |_| any = true);
        any
    }

    /// Appends to `runs` what must not stay when `lost` goes, by S2: what else there is of chunks that lose
    /// something and have less than half left. `lost` is in order and disjoint. Chunks of the stamp `own` are
    /// the draft's own.
    pub fn must_follow(&self, lost: &[Range<u64>], own: u64, runs: &mut Vec<Range<u64>>) {
        let mut last: Option<Place<'_>> = None;
        for range in lost {
            let mut at = range.start;
            while at < range.end.min(self.len) {
                let Some((start, chunk)) = self.index.floor(at) else { break };
                let (from, end) = (at, start + chunk.len() as u64);
                at = end;
                let (place, is_whole) = (Place::of(start, chunk), chunk.whole().0.is_none());
                let all = is_whole && from == start && end <= range.end;
                if all || chunk.stamp() == own || last.is_some_and(|last| last.is(place)) {
                    continue;
                }
                last = Some(place);
                let before = runs.len();
                let mut left = 0;
                let mut keep = |part| {
                    without(part, lost, |rest| {
                        left += rest.end - rest.start;
                        runs.push(rest);
                    });
                };
                if is_whole {
                    keep(start..end);
                } else {
                    self.parts(place, &mut keep);
                }
                if left >= (place.whole.len() as u64).div_ceil(2) {
                    runs.truncate(before);
                }
            }
        }
    }

    /// Takes out what there is in `range`. Of the extents at its ends parts stay; what goes is handed to
    /// `gone`, extent by extent.
    pub fn take_out(&mut self, range: Range<u64>, mut gone: impl FnMut(&Arc<Chunk>)) {
        let mut at = range.start;
        while at < range.end {
            let Some((start, chunk)) = self.index.floor_mut(at) else { break };
            let (len, mut stays) = (chunk.len(), false);
            let end = start + len as u64;
            let right =
                (end > range.end).then(|| Arc::new(Chunk::part(chunk, (range.end - start) as usize..len)));
            let chunk = if start < at {
                stays = true;
                let left = Arc::new(Chunk::part(chunk, 0..(at - start) as usize));
                std::mem::replace(chunk, left)
            } else {
                let Some(chunk) = self.index.remove(start) else { break };
                chunk
            };
            if let Some(right) = right {
                stays = true;
                self.index.insert(range.end, right);
            }
            if !(stays || chunk.whole().0.is_some() && self.has_of(Place::of(start, &chunk))) {
                self.charged = self.charged.saturating_sub(chunk.charged());
            }
            gone(&chunk);
            at = end;
        }
    }

    /// Checks S1 to S3; gives the sum of what the chunks are charged.
    ///
    /// # Errors
    ///
    /// Which one is broken.
    #[cfg(any(test, feature = "internals"))]
    pub fn check_sharing(&self) -> Result<u64, String> {
        let mut wholes: std::collections::HashMap<usize, (u64, u64, &Arc<Chunk>)> = Default::default();
        let mut charged = 0;
        for (start, chunk) in self.index.from(0) {
            if chunk.whole().0.is_none() {
                charged += chunk.charged();
            } else {
                let place = Place::of(start, chunk);
                let known = wholes.entry(Arc::as_ptr(place.whole).addr());
                let (begins, left, _) = known.or_insert((place.start, 0, place.whole));
                *left += chunk.len() as u64;
                if *begins != place.start {
                    return Err(format!("the part at {start} has moved against others of its chunk"));
                }
            }
        }
        for (start, left, whole) in wholes.into_values() {
            charged += whole.charged();
            if whole.len() <= UNCUT || left * 2 < whole.len() as u64 || left >= whole.len() as u64 {
                return Err(format!("of the {} bytes of a chunk at {start} there are {left}", whole.len()));
            }
        }
        Ok(charged)
    }
}

/// Hands on what is left of `range` without `lost`, which is in order and disjoint.
fn without(range: Range<u64>, lost: &[Range<u64>], mut rest: impl FnMut(Range<u64>)) {
    let mut at = range.start;
    for gone in &lost[lost.partition_point(|gone| gone.end <= range.start)..] {
        if gone.start >= range.end {
            break;
        }
        if at < gone.start {
            rest(at..gone.start);
        }
        at = gone.end;
    }
    if at < range.end {
        rest(at..range.end);
    }
}

/// Brings ranges in order and joins those that touch.
pub fn join(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, before| {
        let touch = next.start <= before.end;
        if touch {
            before.end = before.end.max(next.end);
        }
        touch
    });
}
