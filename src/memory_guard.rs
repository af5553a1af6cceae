//! The memory guard: a second gate that compares growth with the memory that the machine has left.
//!
//! A [`MemoryGuard`] is the user's choice; the [`Guard`] made from it does the work of one
//! filesystem. It knows amounts, and nothing of quota, receipts or what grows.

mod reading;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
pub use reading::Reading;
use reading::Throttle;

/// Says how much memory can still be had.
///
/// It is asked in the middle of operations, so it must not change the filesystem that it guards:
/// that may wait for ever. Where it panics, the operation has not happened.
pub trait MemorySource: Send + Sync + fmt::Debug {
    /// Bytes available now; `None` if that cannot be known, and then nothing is checked.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arcfs::{GuardAction, MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct Unknown;
    ///
    /// impl MemorySource for Unknown {
    ///     fn available(&self) -> Option<u64> {
    ///         None
    ///     }
    /// }
    ///
    /// let guard = MemoryGuard::at_init(GuardAction::Refuse).with_source(Arc::new(Unknown));
    /// assert!(MemFs::builder().memory_guard(guard).build().is_ok());
    /// ```
    fn available(&self) -> Option<u64>;
}

/// What the memory guard does about growth that the machine has no memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardAction {
    /// Warns through `tracing` and lets it pass.
    Warn,
    /// Answers `ErrorKind::MemoryGuard`, before anything is allocated.
    Refuse,
}

/// Whether growth is compared with the memory that the machine has available, beside the quota.
///
/// The quota limits what the filesystem holds; the guard asks whether there is memory to hold it
/// in, while a failed allocation can still be avoided. Overwrites, removals and reads that need no
/// new bytes are never checked.
///
/// What is available is the smaller of what the host has available and of what the control group
/// of this process, or one above it, has left. A control group counts the page cache as used, so
/// it may have more to give than this says; memory that was granted but not yet written to is not
/// seen by the next reading, so it may have less.
///
/// A reading takes about 0.2 ms on Linux, and `per_write` makes at most one per `interval`. Between
/// readings it adds a look at the clock and one atomic operation to a write, about 40 ns.
///
/// ```
/// use std::time::Duration;
/// use arcfs::{GuardAction, MemFs, MemoryGuard};
///
/// let guard = MemoryGuard::per_write(GuardAction::Warn, Duration::from_secs(1));
/// let fs = MemFs::builder().memory_guard(guard).build()?;
/// assert!(fs.write("/a", b"1").is_ok()); // warned of at most
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MemoryGuard {
    mode: Mode,
    source: Arc<dyn MemorySource>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    AtInit(GuardAction),
    PerWrite(GuardAction, Duration),
}

impl MemoryGuard {
    /// No guard: the quota alone decides.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arcfs::{MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct Nothing;
    ///
    /// impl MemorySource for Nothing {
    ///     fn available(&self) -> Option<u64> {
    ///         Some(0)
    ///     }
    /// }
    ///
    /// let guard = MemoryGuard::off().with_source(Arc::new(Nothing));
    /// let fs = MemFs::builder().memory_guard(guard).build()?;
    /// assert!(fs.write("/a", [0; 1000]).is_ok());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self::with_mode(Mode::Off)
    }

    /// Checks once, when the filesystem is built, that the whole quota is available.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arcfs::{ErrorKind, GuardAction, MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct Budget(u64);
    ///
    /// impl MemorySource for Budget {
    ///     fn available(&self) -> Option<u64> {
    ///         Some(self.0)
    ///     }
    /// }
    ///
    /// let source = Arc::new(Budget(1000));
    /// let guard = MemoryGuard::at_init(GuardAction::Refuse).with_source(source);
    /// let builder = MemFs::builder().memory_guard(guard);
    /// let error = builder.clone().max_quota(1001).build().unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::MemoryGuard { requested: 1001, available: 1000 });
    /// assert!(builder.max_quota(1000).build().is_ok());
    /// ```
    #[must_use]
    pub fn at_init(action: GuardAction) -> Self {
        Self::with_mode(Mode::AtInit(action))
    }

    /// Checks like [`at_init`](Self::at_init), and then all growth against a reading that is at
    /// most `interval` old.
    ///
    /// Growth that is granted is taken off the reading at once, so a burst within one interval
    /// cannot exceed it; bytes given back count again from the next reading on. With
    /// [`GuardAction::Warn`] there is at most one warning per interval.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::Duration;
    /// use arcfs::{ErrorKind, GuardAction, MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct Available(AtomicU64);
    ///
    /// impl MemorySource for Available {
    ///     fn available(&self) -> Option<u64> {
    ///         Some(self.0.load(Ordering::Relaxed))
    ///     }
    /// }
    ///
    /// let memory = Arc::new(Available(AtomicU64::new(1 << 20)));
    /// let guard = MemoryGuard::per_write(GuardAction::Refuse, Duration::ZERO).with_source(memory.clone());
    /// let fs = MemFs::builder().max_quota(1 << 20).memory_guard(guard).build()?;
    /// fs.write("/a", [0; 1000])?;
    ///
    /// memory.0.store(500, Ordering::Relaxed); // others have taken the rest
    /// let error = fs.write("/b", [0; 1000]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::MemoryGuard { available: 500, .. }));
    /// fs.remove_file("/a")?; // needs no memory
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn per_write(action: GuardAction, interval: Duration) -> Self {
        Self::with_mode(Mode::PerWrite(action, interval))
    }

    /// The same guard with another source of readings, for tests and for programs that know their
    /// budget better than the operating system does.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arcfs::{ErrorKind, GuardAction, MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct Budget(u64);
    ///
    /// impl MemorySource for Budget {
    ///     fn available(&self) -> Option<u64> {
    ///         Some(self.0)
    ///     }
    /// }
    ///
    /// let at_most = |bytes| MemoryGuard::at_init(GuardAction::Refuse).with_source(Arc::new(Budget(bytes)));
    /// assert!(MemFs::builder().memory_guard(at_most(256 << 20)).build().is_ok());
    /// let error = MemFs::builder().memory_guard(at_most(64 << 20)).build().unwrap_err();
    /// let (requested, available) = (256 << 20, 64 << 20);
    /// assert_eq!(error.kind(), &ErrorKind::MemoryGuard { requested, available });
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn MemorySource>) -> Self {
        self.source = source;
        self
    }

    fn with_mode(mode: Mode) -> Self {
        Self { mode, source: Arc::new(SystemMemory) }
    }
}

impl Default for MemoryGuard {
    fn default() -> Self {
        Self::off()
    }
}

/// The memory of this machine, as the host and the control group of this process see it.
///
/// Each reading starts afresh (a handful of small files on Linux), so there is nothing to keep
/// between two of them and nothing to go stale in a forked process.
#[derive(Debug, Clone, Copy)]
struct SystemMemory;

impl MemorySource for SystemMemory {
    fn available(&self) -> Option<u64> {
        use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

        let mut system = System::new().ok()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let host = (system.total_memory() > 0).then(|| system.available_memory());

        let own_group = sysinfo::get_current_pid().ok().and_then(|pid| {
            let kind = ProcessRefreshKind::nothing().without_tasks();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
            system.process(pid)?.cgroup_limits()
        });
        // No limit on the way up from this process: look where containers mount theirs.
        let group = own_group.or_else(|| system.cgroup_limits()).map(|limits| limits.free_memory);

        [host, group].into_iter().flatten().min()
    }
}

/// The memory guard of one filesystem.
#[derive(Debug)]
pub struct Guard {
    /// `None` unless writes are checked.
    gate: Option<Box<Gate>>,
}

#[derive(Debug)]
struct Gate {
    action: GuardAction,
    interval: u64,
    source: Arc<dyn MemorySource>,
    clock: Arc<dyn Clock>,
    reading: Reading,
    warnings: Throttle,
}

impl Guard {
    /// A guard that lets everything pass.
    #[must_use]
    pub const fn off() -> Self {
        Self { gate: None }
    }

    /// Does what `guard` asks for at the building of a filesystem of `max_quota` bytes, and returns
    /// what is left to do for its writes.
    ///
    /// # Errors
    ///
    /// `MemoryGuard` if less than `max_quota` is available and the action is to refuse.
    pub fn at_build(guard: &MemoryGuard, max_quota: u64, clock: &Arc<dyn Clock>) -> Result<Self> {
        let (action, interval) = match guard.mode {
            Mode::Off => return Ok(Self::off()),
            Mode::AtInit(action) => (action, None),
            Mode::PerWrite(action, interval) => (action, Some(interval)),
        };
        let now = nanos(clock.elapsed());
        let available = guard.source.available();
        if let Some(available) = available
            && available < max_quota
        {
            match action {
                GuardAction::Refuse => {
                    return Err(refusal(max_quota, available)
                        .because("the quota is larger than the memory available"));
                }
                GuardAction::Warn => tracing::warn!(
                    requested = max_quota,
                    available,
                    "the quota of {max_quota} bytes exceeds the {available} bytes of memory available"
                ),
            }
        }
        let gate = interval.map(|interval| {
            Box::new(Gate {
                action,
                interval: nanos(interval),
                source: Arc::clone(&guard.source),
                clock: Arc::clone(clock),
                reading: Reading::new(available, now),
                warnings: Throttle::new(),
            })
        });
        Ok(Self { gate })
    }

    /// Lets growth by `amount` bytes pass, or refuses it and changes nothing.
    ///
    /// # Errors
    ///
    /// `MemoryGuard`, with what was left of the reading.
    #[inline]
    pub fn admit(&self, amount: u64) -> Result<()> {
        match &self.gate {
            None => Ok(()),
            Some(gate) => gate.admit(amount),
        }
    }
}

impl Gate {
    fn admit(&self, amount: u64) -> Result<()> {
        let now = nanos(self.clock.elapsed());
        if self.reading.is_due(now, self.interval) {
            self.reading.refresh(now, self.interval, || self.source.available());
        }
        match self.reading.take(amount) {
            Ok(()) => Ok(()),
            Err(available) => self.violation(amount, available, now),
        }
    }

    #[cold]
    fn violation(&self, amount: u64, available: u64, now: u64) -> Result<()> {
        match self.action {
            GuardAction::Refuse => Err(refusal(amount, available)),
            GuardAction::Warn => {
                self.reading.exhaust(available);
                if self.warnings.claim(now, self.interval) {
                    tracing::warn!(
                        requested = amount,
                        available,
                        "growth by {amount} bytes exceeds the {available} bytes of memory available"
                    );
                }
                Ok(())
            }
        }
    }
}

#[cold]
fn refusal(requested: u64, available: u64) -> Error {
    Error::new(ErrorKind::MemoryGuard { requested, available })
}

/// Enough for 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
