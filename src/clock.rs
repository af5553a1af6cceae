//! Where times come from: the wall clock for the times of files, a monotonic one for the memory
//! guard's intervals.
//!
//! Nothing else asks a clock: deadlines of locks are the lock's own affair, and the tree and the
//! contents are handed finished times.

#[cfg(any(test, feature = "internals", feature = "testing"))]
mod manual;

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

#[cfg(any(test, feature = "internals", feature = "testing"))]
pub use manual::ManualClock;

/// A source of times, so that tests can bring their own.
///
/// It is asked in the middle of operations, so it must not call the filesystem that it serves: that
/// may wait for ever. Where it panics, the operation has not happened.
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, SystemTime};
/// use arcfs::{Clock, MemFs};
///
/// /// A clock that stands still.
/// #[derive(Debug)]
/// struct Fixed(SystemTime);
///
/// impl Clock for Fixed {
///     fn now(&self) -> SystemTime {
///         self.0
///     }
///     fn elapsed(&self) -> Duration {
///         Duration::ZERO
///     }
/// }
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
/// let fs = MemFs::builder().clock(Arc::new(Fixed(time))).build()?;
/// fs.write("/a", b"1")?;
/// assert_eq!((fs.metadata("/a")?.created(), fs.metadata("/a")?.modified()), (time, time));
/// # Ok::<(), arcfs::Error>(())
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, for the times of files. It may jump in either direction.
    ///
    /// ```
    /// use arcfs::{Clock, SystemClock};
    ///
    /// assert!(SystemClock::new().now() > std::time::SystemTime::UNIX_EPOCH);
    /// ```
    fn now(&self) -> SystemTime;

    /// Time passed since an arbitrary start; it never runs backwards.
    ///
    /// ```
    /// use arcfs::{Clock, SystemClock};
    ///
    /// let clock = SystemClock::new();
    /// let before = clock.elapsed();
    /// assert!(clock.elapsed() >= before);
    /// ```
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
///
/// A call of either method costs about 25 ns where the kernel serves time without a system call
/// (measured on Linux with the `tsc` clock source); about as much as two uncontended atomic
/// read-modify-writes, so callers take one time for an operation and not one for each node.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use arcfs::{MemFs, SystemClock};
///
/// let before = SystemTime::now();
/// let fs = MemFs::builder().clock(Arc::new(SystemClock::new())).build()?; // the default, too
/// fs.write("/a", b"1")?;
/// assert!(fs.metadata("/a")?.modified() >= before);
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose [`elapsed`](Clock::elapsed) starts now.
    ///
    /// ```
    /// use std::time::Instant;
    /// use arcfs::{Clock, SystemClock};
    ///
    /// let before = Instant::now();
    /// let clock = SystemClock::new();
    /// assert!(clock.elapsed() <= before.elapsed());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_tells_the_time_of_day_and_never_runs_backwards() {
        let clock = SystemClock::new();
        let (before, now, after) = (SystemTime::now(), clock.now(), SystemTime::now());
        assert!(before <= now && now <= after);

        let mut last = clock.elapsed();
        for _ in 0..1000 {
            let elapsed = clock.elapsed();
            assert!(elapsed >= last);
            last = elapsed;
        }
    }
}
