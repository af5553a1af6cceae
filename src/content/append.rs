//! Content with bytes added at its end, for appends that do without a handle.

use std::sync::Arc;

use super::chunk::end_of;
use super::edit::{Edit, Overlay};
use super::{Content, Repr};
use crate::charge::{Account, Charge};
use crate::error::Result;

impl Content {
    /// What it costs to append `n` bytes: `(merged, plain)`.
    ///
    /// Merged, small extents at the end are copied together with the new bytes, so that many small
    /// appends leave few chunks; plain is for when there is no room for such copies.
    pub(crate) fn append_plan(&self, n: u64, chunk_overhead: u64) -> (u64, u64) {
        let Ok(end) = end_of(self.len(), n) else { return (u64::MAX, u64::MAX) };
        let plain = Self::cost(n, chunk_overhead);
        if n == 0 || matches!(self.0, Repr::Empty(_) | Repr::Detached(..)) {
            return (plain, plain);
        }
        (Edit::open(self).plan(self.len(), end, chunk_overhead, true, false).cost, plain)
    }

    /// This content with `bytes` at its end. Everything but what is merged is shared.
    ///
    /// `charge` is from `account` and amounts to that part of [`append_plan`](Self::append_plan)
    /// that `merge` selects.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file would be too long,
    /// [`AllocationFailed`](crate::ErrorKind::AllocationFailed).
    pub(crate) fn appended(
        &self,
        bytes: &[u8],
        charge: Charge,
        account: &Arc<Account>,
        chunk_overhead: u64,
        merge: bool,
    ) -> Result<Self> {
        let end = end_of(self.len(), bytes.len() as u64)?;
        if bytes.is_empty() {
            return Ok(self.clone());
        }
        if self.is_empty() {
            let built = Self::build(bytes, charge, account, chunk_overhead)?;
            return Ok(built.with_random(self.is_random()));
        }
        let mut edit = Edit::open(self);
        let plan = edit.plan(self.len(), end, chunk_overhead, merge, false);
        debug_assert!(charge.amount() >= plan.cost, "{} do not pay {}", charge.amount(), plan.cost);
        edit.execute(plan, Overlay { offset: self.len(), bytes }, end, charge, account, chunk_overhead)?;
        Ok(edit.publish().with_random(self.is_random()))
    }
}
