//! The private state of a write handle.

use std::fmt;
use std::sync::Arc;

use super::chunk::end_of;
use super::edit::{Edit, Overlay};
use super::plan::Plan;
use super::{Content, MAX_LEN};
use crate::charge::{Account, Charge};
use crate::error::Result;

/// What a write takes, as a draft says before it.
#[must_use]
pub struct Write {
    offset: u64,
    /// `None` where all that is touched is the draft's own, and costs nothing.
    plain: Option<Plan>,
    /// Of a file that grows: with small extents at its end merged.
    merged: Option<Plan>,
    /// Whether no file can be that long.
    is_long: bool,
}

impl Write {
    /// What it costs: `(merged, plain)`. Plain is the least. Where there is nothing to merge both
    /// are equal.
    #[must_use]
    pub fn costs(&self) -> (u64, u64) {
        if self.is_long {
            return (u64::MAX, u64::MAX);
        }
        let cost = |plan: &Option<Plan>| plan.as_ref().map_or(0, |plan| plan.cost);
        let plain = cost(&self.plain);
        (cost(&self.merged).max(plain), plain)
    }
}

/// The content of a file as its writer sees it, until it is published.
///
/// What only the draft holds is edited in place; pages that it shares are copied when they are first
/// touched. Costs are functions of the draft alone: whoever pays what one of them names, and
/// changes nothing in between, has paid for the call that goes with it.
pub struct Draft {
    edit: Edit,
    /// What was published last, or started from, while nothing has changed since.
    base: Option<Content>,
    random: bool,
    /// Where the last write ended.
    written_to: u64,
}

impl Draft {
    /// A draft of `base`, which a filesystem has taken in.
    #[must_use]
    pub fn new(base: Content) -> Self {
        let random = base.is_random();
        Self { edit: Edit::open(&base), base: Some(base), random, written_to: u64::MAX }
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.edit.len()
    }

    /// Copies bytes from `offset` on into `buf`; gives how many, 0 at the end and after it.
    ///
    /// # Errors
    ///
    /// None today; see [`Content::read_at`].
    #[inline]
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.edit.read_at(buf, offset)
    }

    /// The least that a write of `len` bytes at `offset` costs; `u64::MAX` where no file can be
    /// that long. What [`write_plan`](Self::write_plan) says is found without this.
    #[cfg(test)]
    pub fn write_cost(&self, offset: u64, len: usize, chunk_overhead: u64) -> u64 {
        let Ok(end) = end_of(offset, len as u64) else { return u64::MAX };
        if len == 0 || self.edit.owns_all(offset, end) {
            return 0;
        }
        self.edit.plan(offset, end, chunk_overhead, false, self.goes_on(offset)).cost
    }

    /// What a write takes. To be carried out by [`write`](Self::write), with nothing changed in between.
    pub fn write_plan(&self, offset: u64, len: usize, chunk_overhead: u64) -> Write {
        let Ok(end) = end_of(offset, len as u64) else {
            return Write { offset, merged: None, plain: None, is_long: true };
        };
        let plan = |merge| self.edit.plan(offset, end, chunk_overhead, merge, self.goes_on(offset));
        let plain = (len > 0 && !self.edit.owns_all(offset, end)).then(|| plan(false));
        let merged = (len > 0 && end > self.len()).then(|| plan(true));
        Write { offset, plain, merged, is_long: false }
    }

    /// Writes `bytes`, which are as many as `write` is for. A gap between the end of the file and its
    /// offset is filled with zeros. Small extents at the end of the file, where it grows, are merged if the
    /// charge is more than plain and enough for that. `charge` is from `account` and one of the two
    /// of `write`, or more; what is not needed is given back.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file would be too long,
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed). Nothing is stored then.
    pub fn write(
        &mut self,
        write: Write,
        bytes: &[u8],
        charge: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<()> {
        let (merged, plain) = write.costs();
        let offset = write.offset;
        let end = end_of(offset, bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let randomises = self.would_randomise(offset, bytes.len());
        let overlay = Overlay { offset, bytes };
        debug_assert!(charge.amount() >= plain, "{} do not pay {plain}", charge.amount());
        match write.merged.filter(|_| merged > plain && charge.amount() >= merged).or(write.plain) {
            Some(plan) => self.edit.execute(plan, overlay, end, charge, account, chunk_overhead)?,
            None => {
                let written = self.edit.write_within_own(overlay);
                debug_assert!(written, "the write is for another draft");
            }
        }
        self.random |= randomises;
        self.written_to = end;
        self.base = None;
        Ok(())
    }

    /// What [`set_len`](Self::set_len) costs: growth, or the copy of a shared chunk that is cut.
    #[must_use]
    pub fn set_len_cost(&self, len: u64, chunk_overhead: u64) -> u64 {
        if len > MAX_LEN {
            u64::MAX
        } else if len > self.len() {
            self.edit.plan(len, len, chunk_overhead, false, false).cost
        } else if len < self.len() {
            self.edit.plan_cut(len, chunk_overhead).cost
        } else {
            0
        }
    }

    /// Cuts the file, or fills it with zeros, to `len` bytes. `charge` is from `account` and amounts
    /// to [`set_len_cost`](Self::set_len_cost).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if no file can be that long,
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed). Nothing has changed then.
    pub fn set_len(
        &mut self,
        len: u64,
        charge: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
    ) -> Result<()> {
        end_of(0, len)?;
        if len > self.len() {
            let plan = self.edit.plan(len, len, chunk_overhead, false, false);
            let nothing = Overlay { offset: len, bytes: &[] };
            self.edit.execute(plan, nothing, len, charge, account, chunk_overhead)?;
        } else if len < self.len() {
            self.edit.cut(len, charge, account, chunk_overhead)?;
        } else {
            return Ok(());
        }
        self.base = None;
        Ok(())
    }

    /// The content as others may see it from now on. Later writes copy what they touch. If nothing
    /// has changed since the last time, it is the same, by pointer.
    pub fn publish(&mut self) -> Content {
        let (edit, random) = (&mut self.edit, self.random);
        self.base.get_or_insert_with(|| edit.publish().with_random(random)).clone()
    }

    /// Whether anything was written or cut since the last publication.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.base.is_none()
    }

    /// What is charged for bytes that only the draft holds.
    #[must_use]
    pub fn own_charged(&self) -> u64 {
        self.edit.own
    }

    /// The most that writes which end at or before `up_to_len` can cost until the next publication,
    /// in any order, each paid with exactly what it costs plain: merging is not
    /// provided for. 0 for what is there already and the draft's own.
    #[must_use]
    pub fn reserve_cost(&self, up_to_len: u64, chunk_overhead: u64) -> u64 {
        self.edit.reserve_cost(up_to_len, chunk_overhead)
    }

    /// Whether the file has become random-access.
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.random
    }

    /// Whether a write would make it so: it lands anywhere but the end, and no write did before.
    #[must_use]
    pub fn would_randomise(&self, offset: u64, len: usize) -> bool {
        !self.random && self.lands_off_end(offset, len)
    }

    /// Whether a write lands anywhere but the end. One of no bytes lands nowhere.
    #[must_use]
    pub fn lands_off_end(&self, offset: u64, len: usize) -> bool {
        len > 0 && offset != self.len()
    }

    /// Whether a write at `offset` begins where the last one ended.
    fn goes_on(&self, offset: u64) -> bool {
        offset == self.written_to
    }

    /// Checks the invariants of the draft.
    ///
    /// # Errors
    ///
    /// Which one is broken.
    #[cfg(test)]
    pub fn check_consistent(&self) -> Result<(), String> {
        self.edit.check_consistent()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("len", &self.len())
            .field("own_charged", &self.own_charged())
            .field("changed", &self.is_changed())
            .finish()
    }
}
