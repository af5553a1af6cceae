//! Instants as programs and as people read them.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What stands in for an instant that no calendar holds.
fn timestamp(time: SystemTime) -> Timestamp {
    let beyond = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(beyond)
}

/// RFC 3339 in UTC, to the nanosecond: for programs.
pub fn exact(time: SystemTime) -> String {
    timestamp(time).to_string()
}

/// To the second, in the time zone of the user: for people.
pub fn local(time: SystemTime) -> String {
    timestamp(time).to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn programs_get_utc_to_the_nanosecond() {
        assert_eq!(exact(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
        assert_eq!(exact(time), "2001-09-09T01:46:40.000000005Z");
    }

    #[test]
    fn instants_that_no_calendar_holds_are_clamped() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 60);
        assert!(exact(far).starts_with("9999-"));
        assert!(!local(far).is_empty());
    }
}
