//! The hard limits on growth: bytes and nodes.
//!
//! A [`Quota`] is policy over an [`Account`], the only byte counter: what the limit is, what is
//! asked before a refusal, and who has a say after the account agreed. A [`NodeLimit`] is the same
//! for files and directories, whose number the tree itself knows. Every growth passes
//! [`Quota::reserve`] or the check of nodes at each commit, and limits are judged nowhere else.
//!
//! Neither knows what the bytes are for, nor how anything is given up.

use std::fmt;
use std::sync::Arc;

use crate::charge::{Account, Charge};
use crate::error::{Error, ErrorKind, Result};
use crate::fault::{self, Fault};
use crate::memory_guard::Guard;
use crate::sync::atomic::{AtomicU64, Ordering};
#[cfg(arcfs_loom)]
use crate::sync::breaks::{self, Break};

/// What can be given up so that a reservation fits after all.
pub trait Relief {
    /// Gives up what it can, `wanted` bytes if possible, and says whether that was anything.
    ///
    /// It is called while the reservation holds nothing: no lock, no part of the bytes.
    fn relieve(&self, wanted: u64) -> bool;
}

/// Nothing can be given up.
#[cfg(any(test, feature = "internals", feature = "image"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRelief;

#[cfg(any(test, feature = "internals", feature = "image"))]
impl Relief for NoRelief {
    fn relieve(&self, _: u64) -> bool {
        false
    }
}

/// A limit that can be changed while it is in force.
///
/// Ordering: relaxed. A limit publishes nothing: whoever reads it before a change acts under the
/// old one, as if it had come earlier. A thread that has seen a change keeps seeing it, because
/// one location never goes back in time. Model: `a_lowered_limit_binds_all_who_read_it`.
struct Limit(AtomicU64);

impl Limit {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, limit: u64) {
        self.0.store(limit, Ordering::Relaxed);
    }
}

/// The bytes that one filesystem may hold.
///
/// Invariant: a reservation is granted only while the sum stays at or below the limit that it read.
pub struct Quota {
    account: Arc<Account>,
    limit: Limit,
    guard: Guard,
}

impl Quota {
    /// A quota of `limit` bytes with nothing reserved. `guard` is asked after the account agreed.
    #[must_use]
    pub fn new(limit: u64, guard: Guard) -> Self {
        Self { account: Account::new(), limit: Limit(AtomicU64::new(limit)), guard }
    }

    /// The counter that the reservations are drawn on.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.account.used()
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.get()
    }

    /// Bytes that could be reserved now: 0 where the limit lies below what is reserved.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.limit().saturating_sub(self.used())
    }

    /// Changes the limit for the reservations to come. Below what is reserved it takes nothing
    /// away and only stops growth.
    pub fn set_limit(&self, limit: u64) {
        self.limit.set(limit);
    }

    /// Reserves `amount` bytes, or changes nothing.
    ///
    /// Where they do not fit, `relief` is asked once for what is missing and the account once more,
    /// whatever the answer: another thread may have given something back meanwhile. The memory
    /// guard has the last word. Zero bytes are granted without asking anyone, `u64::MAX`, which
    /// stands for all that is too much to be counted, never.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded` with the bytes that were free at the second look, or `MemoryGuard`.
    pub fn reserve(&self, amount: u64, relief: &dyn Relief) -> Result<Charge> {
        if amount == 0 {
            return Ok(Charge::none());
        }
        if fault::strikes(Fault::Charge) {
            return Err(exceeded(amount, self.free()));
        }
        // Sums that would not fit saturate; what cannot be counted cannot be granted either.
        if amount == u64::MAX {
            return Err(exceeded(amount, self.free()));
        }
        let charge = match self.try_reserve(amount) {
            Ok(charge) => charge,
            Err(_) => self.reserve_after_relief(amount, relief)?,
        };
        self.guard.admit(amount)?; // a refusal drops the charge
        Ok(charge)
    }

    #[cold]
    fn reserve_after_relief(&self, amount: u64, relief: &dyn Relief) -> Result<Charge> {
        let missing = self.used().saturating_add(amount).saturating_sub(self.limit());
        relief.relieve(missing);
        self.try_reserve(amount).map_err(|available| exceeded(amount, available))
    }

    fn try_reserve(&self, amount: u64) -> Result<Charge, u64> {
        let limit = self.limit();
        #[cfg(arcfs_loom)]
        if breaks::is(Break::QuotaChecksThenActs) {
            let available = limit.saturating_sub(self.used());
            return if amount > available {
                Err(available)
            } else {
                self.account.try_reserve(amount, u64::MAX)
            };
        }
        self.account.try_reserve(amount, limit)
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota")
            .field("used", &self.used())
            .field("limit", &self.limit())
            .field("guard", &self.guard)
            .finish()
    }
}

#[cold]
fn exceeded(requested: u64, available: u64) -> Error {
    Error::new(ErrorKind::QuotaExceeded { requested, available })
}

/// The number of files and directories, root included, that one filesystem may hold.
pub struct NodeLimit(Limit);

impl NodeLimit {
    /// No filesystem holds more nodes than this.
    pub const CEILING: u64 = (1 << 32) - 1;

    /// A limit of `limit` nodes, at most [`CEILING`](Self::CEILING).
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Limit(AtomicU64::new(limit.min(Self::CEILING))))
    }

    /// The limit.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }

    /// Changes the limit for the growth to come, to at most [`CEILING`](Self::CEILING).
    pub fn set(&self, limit: u64) {
        self.0.set(limit.min(Self::CEILING));
    }
}

impl Default for NodeLimit {
    fn default() -> Self {
        Self::new(Self::CEILING)
    }
}

impl fmt::Debug for NodeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeLimit({})", self.get())
    }
}

#[cfg(test)]
mod tests;
