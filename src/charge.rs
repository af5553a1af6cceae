//! The byte counter and the receipts drawn on it.
//!
//! An [`Account`] counts the bytes reserved; a [`Charge`] is a receipt for some of them and gives
//! them back when it is dropped, exactly once. Whoever holds memory holds the receipt that pays
//! for it, so no error path can forget to give anything back. What the limit is and what happens
//! before a refusal is policy, and lives in `quota`.

use std::fmt;
use std::sync::Arc;

use crate::sync::atomic::{AtomicU64, Ordering};
#[cfg(arcfs_loom)]
use crate::sync::breaks::{self, Break};
use crate::sync::model_has_failed;

/// Bytes reserved in one filesystem, and the chunks alive that were paid from it.
///
/// Invariant: a reservation is granted only if the sum stays at or below the limit it was granted
/// under, so the counter never passes the limit, not even for an instant.
///
/// Ordering: relaxed throughout. The counters publish nothing (trees are published by the root
/// swap); that each read-modify-write is atomic is all that keeps the sums exact.
/// Models: `loom-tests/tests/quota.rs`.
pub struct Account {
    used: AtomicU64,
    chunks: AtomicU64,
}

impl Account {
    /// An account with nothing reserved.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), chunks: AtomicU64::new(0) })
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Chunks alive that were paid from this account.
    #[must_use]
    pub fn chunks_alive(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }

    /// Reserves `amount` bytes if they fit under `limit`; otherwise says how many were free and
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// The bytes that were available at the instant of the refusal.
    pub fn try_reserve(self: &Arc<Self>, amount: u64, limit: u64) -> Result<Charge, u64> {
        if amount == 0 {
            return Ok(Charge::none());
        }
        #[cfg(arcfs_loom)]
        if breaks::is(Break::ReserveAddsFirst) {
            let before = self.used.fetch_add(amount, Ordering::Relaxed);
            if before.saturating_add(amount) <= limit {
                return Ok(Charge { account: Some(Arc::clone(self)), amount });
            }
            self.used.fetch_sub(amount, Ordering::Relaxed);
            return Err(limit.saturating_sub(before));
        }
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let available = limit.saturating_sub(used);
            if amount > available {
                return Err(available);
            }
            #[cfg(arcfs_loom)]
            if breaks::is(Break::ReserveStoresBlindly) {
                self.used.store(used + amount, Ordering::Relaxed);
                return Ok(Charge { account: Some(Arc::clone(self)), amount });
            }
            match self.used.compare_exchange_weak(used, used + amount, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(Charge { account: Some(Arc::clone(self)), amount }),
                Err(actual) => used = actual,
            }
        }
    }

    /// Gives back what receipts were for that were [absorbed](Charge::absorb).
    #[cfg(not(arcfs_tree = "counted"))]
    pub fn settle(&self, amount: u64) {
        if amount > 0 {
            self.give_back(amount);
        }
    }

    fn give_back(&self, amount: u64) {
        if model_has_failed() {
            return;
        }
        #[cfg(arcfs_loom)]
        if breaks::is(Break::GiveBackStoresBlindly) {
            let used = self.used.load(Ordering::Relaxed);
            self.used.store(used.wrapping_sub(amount), Ordering::Relaxed);
            return;
        }
        let before = self.used.fetch_sub(amount, Ordering::Relaxed);
        debug_assert!(before >= amount, "more was given back than reserved");
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("used", &self.used()).field("chunks", &self.chunks_alive()).finish()
    }
}

/// A receipt for reserved bytes; dropping it gives them back to the account they came from.
#[derive(Default)]
pub struct Charge {
    /// `None` exactly when `amount` is 0.
    account: Option<Arc<Account>>,
    amount: u64,
}

impl Charge {
    /// A receipt for nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { account: None, amount: 0 }
    }

    /// The bytes that this receipt stands for.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Whether the bytes were reserved from `account`. A receipt for nothing is from every account.
    #[must_use]
    pub fn is_from(&self, account: &Arc<Account>) -> bool {
        self.account.as_ref().is_none_or(|own| Arc::ptr_eq(own, account))
    }

    /// Takes `amount` out of this receipt into one of its own. The sum stays the same.
    ///
    /// # Panics
    ///
    /// If the receipt stands for less: the caller planned wrongly.
    #[must_use]
    pub fn split(&mut self, amount: u64) -> Charge {
        assert!(amount <= self.amount, "a charge of {} cannot give {amount}", self.amount);
        if amount == self.amount {
            return std::mem::take(self);
        }
        if amount == 0 {
            return Charge::none();
        }
        self.amount -= amount;
        Charge { account: self.account.clone(), amount }
    }

    /// Ends the receipt without giving anything back: from now on somebody else owes the amount, see
    /// [`Account::settle`].
    #[cfg(not(arcfs_tree = "counted"))]
    pub fn absorb(mut self) {
        self.account = None;
        self.amount = 0;
    }

    /// Adds `other`, of the same account, to this receipt.
    pub fn merge(&mut self, mut other: Charge) {
        let (account, amount) = (other.account.take(), std::mem::take(&mut other.amount));
        match (&self.account, account) {
            (_, None) => {}
            (None, account) => *self = Charge { account, amount },
            (Some(own), Some(account)) => {
                debug_assert!(Arc::ptr_eq(own, &account), "charges of two accounts cannot be merged");
                self.amount += amount;
            }
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(account) = &self.account {
            account.give_back(self.amount);
        }
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({})", self.amount)
    }
}

/// The receipt of one chunk: a [`Charge`] that is also counted among the chunks alive.
pub struct ChunkCharge {
    /// Kept even when `amount` is 0: the chunk is counted here.
    account: Arc<Account>,
    amount: u64,
}

impl ChunkCharge {
    /// Turns a receipt from `account` into that of a chunk.
    #[must_use]
    pub fn new(charge: Charge, account: &Arc<Account>) -> Self {
        account.chunks.fetch_add(1, Ordering::Relaxed);
        let mut chunk = Self { account: Arc::clone(account), amount: 0 };
        chunk.merge(charge);
        chunk
    }

    /// The bytes that this receipt stands for.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Whether the chunk is paid from `account`.
    #[must_use]
    pub fn is_from(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }

    /// Adds `other`, of the same account, to this receipt.
    pub fn merge(&mut self, mut other: Charge) {
        debug_assert!(other.is_from(&self.account), "a chunk is paid from one account");
        self.amount += std::mem::take(&mut other.amount);
        other.account = None;
    }

    /// Takes `amount` out of this receipt into one of its own.
    ///
    /// # Panics
    ///
    /// If the receipt stands for less: the caller planned wrongly.
    #[must_use]
    pub fn split(&mut self, amount: u64) -> Charge {
        assert!(amount <= self.amount, "a charge of {} cannot give {amount}", self.amount);
        if amount == 0 {
            return Charge::none();
        }
        self.amount -= amount;
        Charge { account: Some(Arc::clone(&self.account)), amount }
    }
}

impl Drop for ChunkCharge {
    fn drop(&mut self) {
        if model_has_failed() {
            return;
        }
        self.account.chunks.fetch_sub(1, Ordering::Relaxed);
        if self.amount > 0 {
            self.account.give_back(self.amount);
        }
    }
}

impl fmt::Debug for ChunkCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkCharge({})", self.amount)
    }
}
