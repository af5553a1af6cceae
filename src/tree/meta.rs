//! What is known of a node beside its content: times and counters, as plain values.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A point in time, to the nanosecond, in 12 bytes that need no clock to compare. They are three
/// words of four, so that two timestamps stand in a node without a gap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// The upper half of the whole seconds since the Unix epoch, rounded down; negative before it.
    high: i32,
    low: u32,
    nanos: u32,
}

const _: () = assert!(size_of::<Timestamp>() == 12);

impl Timestamp {
    const fn new(secs: i64, nanos: u32) -> Self {
        Self { high: (secs >> 32) as i32, low: secs as u32, nanos }
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        ((self.high as i64) << 32) | self.low as i64
    }

    /// Nanoseconds since the last whole second.
    #[must_use]
    pub const fn nanos(self) -> u32 {
        self.nanos
    }
}

#[cfg(feature = "image")]
impl Timestamp {
    /// The time so many seconds, rounded down, and nanoseconds after the epoch; `None` if that is
    /// no time that the host can tell.
    #[must_use]
    pub fn from_parts(secs: i64, nanos: u32) -> Option<Self> {
        let whole = Duration::from_secs(secs.unsigned_abs());
        let told = if secs >= 0 {
            SystemTime::UNIX_EPOCH.checked_add(whole)
        } else {
            SystemTime::UNIX_EPOCH.checked_sub(whole)
        };
        told?.checked_add(Duration::from_nanos(nanos.into()))?;
        (nanos < 1_000_000_000).then(|| Self::new(secs, nanos))
    }

    /// Seconds since the Unix epoch, rounded down, and nanoseconds after those.
    #[must_use]
    pub const fn parts(self) -> (i64, u32) {
        (self.secs(), self.nanos)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({} s, {} ns)", self.secs(), self.nanos)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::new(i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                let whole = 0_i64.saturating_sub_unsigned(before.as_secs());
                match before.subsec_nanos() {
                    0 => Self::new(whole, 0),
                    nanos => Self::new(whole.saturating_sub(1), 1_000_000_000 - nanos),
                }
            }
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let nanos = Duration::from_nanos(u64::from(time.nanos));
        let secs = time.secs();
        let whole = Duration::from_secs(secs.unsigned_abs());
        if secs >= 0 {
            SystemTime::UNIX_EPOCH + whole + nanos
        } else {
            SystemTime::UNIX_EPOCH - whole + nanos
        }
    }
}

/// What is known of a file beside its bytes. Built in one place, so that it has room to grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileMeta {
    /// When the file was created; moving and overwriting it do not change this.
    pub created: Timestamp,
    /// When its content last changed.
    pub modified: Timestamp,
    /// Publications that wrote content; 0 for a file that is empty, imported or copied.
    pub generation: u64,
}

impl FileMeta {
    /// The meta of a file that appears now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { created: now, modified: now, generation: 0 }
    }
}

/// What is known of a directory beside its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirMeta {
    /// When the directory appeared at its path.
    pub created: Timestamp,
    /// When an entry last appeared, disappeared or was renamed.
    pub modified: Timestamp,
    /// The version that last made an entry appear, disappear or change its name.
    pub listed: u64,
}

impl DirMeta {
    /// The meta of a directory that appears now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { created: now, modified: now, listed: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_round_trip_on_both_sides_of_the_epoch() {
        for nanos in [0_u64, 1, 999_999_999, 1_000_000_000, 1_500_000_001, 1_700_000_000_123_456_789] {
            let offset = Duration::from_nanos(nanos);
            for time in [SystemTime::UNIX_EPOCH + offset, SystemTime::UNIX_EPOCH - offset] {
                assert_eq!(SystemTime::from(Timestamp::from(time)), time);
            }
        }
    }

    #[cfg(feature = "image")]
    #[test]
    fn parts_are_put_together_again_where_they_are_a_time() {
        for (secs, nanos) in [(0, 0), (-2, 500_000_000), (1 << 33, 1), (i64::from(i32::MIN), 999_999_999)] {
            assert_eq!(Timestamp::from_parts(secs, nanos).map(Timestamp::parts), Some((secs, nanos)));
        }
        assert_eq!(Timestamp::from_parts(0, 1_000_000_000), None);
        for extreme in [i64::MIN, i64::MAX] {
            // Whatever the host can tell, the conversion does not panic.
            let _ = Timestamp::from_parts(extreme, 999_999_999).map(SystemTime::from);
        }
    }

    #[test]
    fn order_is_that_of_time() {
        let at = Timestamp::new;
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(Timestamp::from(before), at(-2, 500_000_000));
        assert!(Timestamp::from(before) < Timestamp::default());
        assert!(at(-2, 500_000_000) < at(-1, 0));
        let secs = [i64::MIN, -1 << 32, (-1 << 32) + 1, -1, 0, 1, (1 << 32) - 1, 1 << 32, i64::MAX];
        assert_eq!(secs.map(|secs| at(secs, 7).secs()), secs);
        assert!(secs.windows(2).all(|pair| at(pair[0], 8) < at(pair[1], 7)));
    }
}
