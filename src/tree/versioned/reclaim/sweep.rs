//! Judging what died, and freeing what nobody can reach, in slices.

use super::super::arena::OutOfMemory;
use super::super::dead::{Dead, Kind, Value};
use super::super::map;
use super::super::planted::planted;
use super::{Announced, Directory, Kinds, Store, Work};

/// With fewer objects in the queue than this, a reader that stands in the way of all is waited for.
const PATIENCE: usize = if cfg!(test) { 16 } else { 1024 };

impl<K: Kinds> Store<K> {
    /// Judges up to `budget` objects and frees up to `budget`, of those that died or that dropped snapshots left;
    /// `announced` are the readers. Returns whether there is more that it could do at once: the rest waits for
    /// readers or, if memory is so short that nothing can be noted, for memory.
    ///
    /// About 20 ns an object. When a reader stalls, the queue is searched as a whole each time that it has doubled.
    ///
    /// # Safety
    ///
    /// `announced` has everybody who reads a version and holds no snapshot of it: whoever is missing will read
    /// the last published version or a newer one.
    pub unsafe fn sweep(&mut self, announced: &[Announced], budget: usize) -> bool {
        let announced = if planted!(IgnoresReaders) { &[] } else { announced };
        let counts = |reader: &&Announced| !(reader.exact && planted!(IgnoresExact));
        let oldest =
            announced.iter().filter(counts).map(|reader| reader.version).min().unwrap_or(self.version);
        // SAFETY: as the caller warrants; what is judged is in one of the lists, hence was not freed (I6).
        unsafe {
            let mut left = budget;
            while left > 0
                && let Some(judged) = self.judge_next(oldest)
            {
                if judged.is_err() {
                    break;
                }
                left -= 1;
            }
            let freed = self.free_retired(announced, oldest, budget);
            left == 0 && !(self.work.is_empty() && self.dropped.is_empty()) || freed == budget
        }
    }

    /// Judges one object, if there is one. On an error it is still to be judged.
    ///
    /// # Safety
    ///
    /// As [`sweep`](Self::sweep).
    unsafe fn judge_next(&mut self, oldest: u64) -> Option<Result<(), OutOfMemory>> {
        // SAFETY: as `sweep`.
        unsafe {
            if let Some(work) = self.work.pop() {
                return Some(self.judge(work, oldest).inspect_err(|_| self.work.push(work)));
            }
            let dropped = self.dropped.last_mut()?;
            let Some(object) = dropped.dead.pop() else {
                self.dropped.pop();
                return Some(Ok(()));
            };
            let work = Work { object, below: dropped.version, death: dropped.death };
            if dropped.dead.is_empty() {
                // Its room is given back before anything else is noted: the entry itself is gone with the last.
                dropped.dead = Vec::new();
            }
            let at = self.dropped.len() - 1;
            Some(self.judge(work, oldest).inspect_err(|_| self.dropped[at].dead.push(object)))
        }
    }

    /// Gives an object to the snapshot that needs it, or what is below it to the work and itself to the retired.
    ///
    /// Nothing changes on an error.
    ///
    /// # Safety
    ///
    /// As [`sweep`](Self::sweep).
    unsafe fn judge(&mut self, work: Work, oldest: u64) -> Result<(), OutOfMemory> {
        let Work { object, below, death } = work;
        // SAFETY: as `sweep`; the parts of an object are read before it is freed.
        unsafe {
            let birth = object.birth();
            if birth <= self.floor && !planted!(IgnoresFloor) {
                return Ok(());
            }
            if let Some(needed) = self.newest_before(below)
                && birth <= self.snapshots[needed].version
                && !planted!(DropIgnoresOlder)
                && !(below == death && planted!(SliceIgnoresSnapshots))
            {
                self.snapshots[needed].dead.try_reserve(1)?;
                self.snapshots[needed].dead.push(object);
                return Ok(());
            }
            self.retired.try_reserve(1)?;
            let alone = match object.kind() {
                Kind::Nodes => {
                    self.work.try_reserve(2 * map::FAN)?;
                    let list = &mut self.work;
                    map::below(object.object(), |object| list.push(Work { object, below, death }));
                    Dead::new(Kind::Node, object.object())
                }
                Kind::Tree => {
                    self.work.try_reserve(2)?;
                    let directory = object.object::<K::Directory>().as_ref();
                    let parts = [directory.entries().whole(), directory.receipt().map(Value::alone)];
                    self.work.extend(parts.into_iter().flatten().map(|object| Work { object, below, death }));
                    Dead::new(Kind::Directory, object.object())
                }
                _ => object,
            };
            if death <= oldest || birth == death {
                self.free(alone);
            } else {
                self.retired.push(alone, death);
            }
            Ok(())
        }
    }

    /// Frees retired objects, oldest first (I8), or wherever they are if a reader holds up too many (I9).
    ///
    /// # Safety
    ///
    /// As [`sweep`](Self::sweep).
    unsafe fn free_retired(&mut self, announced: &[Announced], oldest: u64, budget: usize) -> usize {
        let mut queue = std::mem::take(&mut self.retired);
        let freed = queue.pop_until(oldest, budget, |object| {
            // SAFETY: no announcement is less than the death, so nobody reads a version that reached it (I3, I8).
            unsafe { self.free(object) };
        });
        self.retired = queue;
        if freed < budget && self.retired.len() > (2 * self.searched).max(PATIENCE) {
            // SAFETY: as said in I9.
            unsafe { self.search(announced) };
        } else if self.retired.len() < self.searched / 2 {
            self.searched = self.retired.len();
        }
        freed
    }

    /// Frees all retired objects that no announced version reaches.
    ///
    /// # Safety
    ///
    /// As [`sweep`](Self::sweep).
    unsafe fn search(&mut self, announced: &[Announced]) {
        let mut queue = std::mem::take(&mut self.retired);
        queue.retain(|object, death| {
            // SAFETY: retired objects were not freed; no reader stands in the way of those that are (I9).
            unsafe {
                let birth = object.birth();
                let needed = announced.iter().any(|reader| {
                    let may_reach = !reader.exact || birth <= reader.version && !planted!(IgnoresExact);
                    may_reach && reader.version < death
                });
                if !needed {
                    self.free(object);
                }
                needed
            }
        });
        self.searched = queue.len();
        self.retired = queue;
    }
}
