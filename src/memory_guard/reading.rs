//! What a guard remembers between two looks at the machine. All its atomics are here.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(arcfs_loom)]
use crate::sync::breaks::{self, Break};

/// The latest reading: what is left of it, how old it is, and whose turn it is to replace it.
///
/// Invariant: between two refreshments the takings sum up to at most the reading, and takings
/// during a refreshment are taken off the new reading as well, which may not have seen them.
///
/// | field | orderings |
/// |---|---|
/// | `left` | Relaxed: each read-modify-write is exact by itself. Models: `takings_never_exceed_the_reading`, `takings_during_a_refreshment_are_not_forgotten` |
/// | `read_at` | stored with Release after `left`, loaded with Acquire: who finds the reading young also finds its bytes. Model: `who_finds_a_young_reading_finds_its_bytes` |
/// | `refreshing` | cleared with Release, set with Acquire: who gets the turn next sees that the last one made the reading young. Model: `a_reading_falls_due_once` |
#[derive(Debug)]
pub struct Reading {
    /// Bytes that nobody has taken yet, or [`UNKNOWN`].
    left: AtomicU64,
    /// When it was made, in nanoseconds of the clock.
    read_at: AtomicU64,
    refreshing: AtomicBool,
}

/// Stands for a reading that the source could not make. It is never taken from.
pub const UNKNOWN: u64 = u64::MAX;

impl Reading {
    /// A reading made at `now`.
    #[must_use]
    pub fn new(available: Option<u64>, now: u64) -> Self {
        Self {
            left: AtomicU64::new(available.unwrap_or(UNKNOWN)),
            read_at: AtomicU64::new(now),
            refreshing: AtomicBool::new(false),
        }
    }

    /// Whether the reading is `interval` old at `now`, or older.
    #[must_use]
    pub fn is_due(&self, now: u64, interval: u64) -> bool {
        now.saturating_sub(self.read_at.load(Ordering::Acquire)) >= interval
    }

    /// Takes `amount` bytes off the reading.
    ///
    /// # Errors
    ///
    /// What was left, if that was less; nothing is changed then.
    pub fn take(&self, amount: u64) -> Result<(), u64> {
        let mut left = self.left.load(Ordering::Relaxed);
        loop {
            if left == UNKNOWN {
                return Ok(());
            }
            if amount > left {
                return Err(left);
            }
            #[cfg(arcfs_loom)]
            if breaks::is(Break::GuardTakesBlindly) {
                self.left.store(left - amount, Ordering::Relaxed);
                return Ok(());
            }
            match self.left.compare_exchange_weak(left, left - amount, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(actual) => left = actual,
            }
        }
    }

    /// Takes all of the `left` bytes that a failed [`take`](Self::take) saw, unless somebody else
    /// has changed them since.
    pub fn exhaust(&self, left: u64) {
        let _ = self.left.compare_exchange(left, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Replaces the reading by what `read` says, unless somebody else is at it or has just done it.
    /// Never waits.
    pub fn refresh(&self, now: u64, interval: u64, read: impl FnOnce() -> Option<u64>) {
        if self.refreshing.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        let _turn = Turn(&self.refreshing);
        let young = !self.is_due(now, interval);
        #[cfg(arcfs_loom)]
        let young = young && !breaks::is(Break::GuardRefreshesUnchecked);
        if young {
            return;
        }
        let before = self.left.load(Ordering::Relaxed);
        let fresh = read().unwrap_or(UNKNOWN);
        self.install(before, fresh);

        let order = Ordering::Release;
        #[cfg(arcfs_loom)]
        let order = if breaks::is(Break::GuardPublishesRelaxed) { Ordering::Relaxed } else { order };
        self.read_at.store(now, order);
    }

    /// Puts `fresh` in the place of a reading of which `before` was left when the new one began.
    ///
    /// Only the owner of the turn raises `left`, so what it fell by since is what was taken. Where
    /// the earlier reading was unknown, nothing was counted.
    fn install(&self, before: u64, fresh: u64) {
        #[cfg(arcfs_loom)]
        if breaks::is(Break::GuardInstallsBlindly) {
            self.left.store(fresh, Ordering::Relaxed);
            return;
        }
        let mut left = self.left.load(Ordering::Relaxed);
        loop {
            let next = match fresh {
                UNKNOWN => UNKNOWN,
                fresh => fresh.saturating_sub(before.saturating_sub(left)),
            };
            match self.left.compare_exchange_weak(left, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(actual) => left = actual,
            }
        }
    }
}

/// The turn to refresh; it ends even if the source panics.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Lets one caller through per interval.
///
/// Ordering: relaxed; it publishes nothing, and of several claims on the same value only one
/// exchange succeeds.
#[derive(Debug)]
pub struct Throttle {
    last: AtomicU64,
}

impl Throttle {
    const NEVER: u64 = u64::MAX;

    /// One that lets the first caller through.
    #[must_use]
    pub fn new() -> Self {
        Self { last: AtomicU64::new(Self::NEVER) }
    }

    /// Whether this caller, at `now`, is the one of its interval.
    pub fn claim(&self, now: u64, interval: u64) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        if last != Self::NEVER && now.saturating_sub(last) < interval {
            return false;
        }
        self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
