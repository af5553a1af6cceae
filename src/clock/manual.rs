//! A clock for tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::Clock;

/// A clock that stands still until it is moved, for tests of whatever depends on times.
///
/// It is handed to [`MemFsBuilder::clock`](crate::MemFsBuilder::clock) in an [`Arc`](std::sync::Arc), of
/// which the test keeps another. Moving it never waits for the filesystem, and may be done from any
/// thread. Lock time-outs do not ask it: they run by the machine's clock.
///
/// ```
/// use std::sync::Arc;
/// use std::time::{Duration, SystemTime};
/// use arcfs::MemFs;
/// use arcfs::testing::ManualClock;
///
/// let clock = Arc::new(ManualClock::new());
/// let fs = MemFs::builder().clock(clock.clone()).build()?;
/// fs.write("/a", b"1")?;
/// clock.advance(Duration::from_secs(60));
/// fs.write("/b", b"2")?;
/// let age = fs.metadata("/b")?.modified().duration_since(fs.metadata("/a")?.modified());
/// assert_eq!(age.unwrap(), Duration::from_secs(60));
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    /// Behind `std`'s lock also in the loom build: the models do not examine it.
    times: Mutex<(SystemTime, Duration)>,
}

impl ManualClock {
    /// A clock at the Unix epoch, for which no time has passed.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use arcfs::{Clock, testing::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// assert_eq!((clock.now(), clock.elapsed()), (SystemTime::UNIX_EPOCH, Duration::ZERO));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::at(SystemTime::UNIX_EPOCH)
    }

    /// A clock at this time of day, for which no time has passed.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use arcfs::{Clock, testing::ManualClock};
    ///
    /// let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(12 * 3600);
    /// assert_eq!(ManualClock::at(noon).now(), noon);
    /// ```
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self { times: Mutex::new((now, Duration::ZERO)) }
    }

    /// Moves both times on: the time of day and the time that has passed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::{Clock, testing::ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// clock.advance(Duration::from_millis(1500));
    /// clock.advance(Duration::from_millis(500));
    /// assert_eq!(clock.elapsed(), Duration::from_secs(2));
    /// ```
    ///
    /// # Panics
    ///
    /// If a time would be beyond what its type can hold.
    pub fn advance(&self, by: Duration) {
        let mut times = self.times();
        times.0 += by;
        times.1 += by;
    }

    /// Sets the time of day, forwards or backwards, as a machine's may be set. The time that has
    /// passed does not notice. A filesystem never lets the time of a file go backwards.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::{Duration, SystemTime};
    /// use arcfs::{MemFs, testing::ManualClock};
    ///
    /// let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    /// let clock = Arc::new(ManualClock::at(later));
    /// let fs = MemFs::builder().clock(clock.clone()).build()?;
    /// fs.write("/a", b"1")?;
    /// clock.set_now(SystemTime::UNIX_EPOCH);
    /// fs.append("/a", b"2")?;
    /// assert_eq!(fs.metadata("/a")?.modified(), later);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn set_now(&self, now: SystemTime) {
        self.times().0 = now;
    }

    fn times(&self) -> MutexGuard<'_, (SystemTime, Duration)> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.times().0
    }

    fn elapsed(&self) -> Duration {
        self.times().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new();
        assert_eq!((clock.now(), clock.elapsed()), (SystemTime::UNIX_EPOCH, Duration::ZERO));

        clock.advance(Duration::from_secs(3));
        clock.set_now(SystemTime::UNIX_EPOCH);
        assert_eq!((clock.now(), clock.elapsed()), (SystemTime::UNIX_EPOCH, Duration::from_secs(3)));
    }
}
