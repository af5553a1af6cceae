//! What pax and GNU headers say of the entry after them.

use std::io;
use std::time::{Duration, SystemTime};

use super::sparse::PaxSparse;
use crate::archive::invalid;

/// The values of extended headers that matter here; all others are passed over.
#[derive(Debug, Default)]
pub struct Extended {
    /// Its name.
    pub name: Option<Vec<u8>>,
    /// The bytes that it has in the archive.
    pub size: Option<u64>,
    /// When it was modified.
    pub modified: Option<SystemTime>,
    /// Where it has holes.
    pub sparse: PaxSparse,
    /// Whether there was any header.
    seen: bool,
    /// Whether the name is the one that sparse files have beside a made-up one.
    is_sparse_name: bool,
}

impl Extended {
    /// Whether there was no header at all.
    pub fn is_empty(&self) -> bool {
        !self.seen
    }

    /// Takes the name of a GNU header, unless a pax header has given one.
    pub fn set_long_name(&mut self, body: &[u8]) {
        let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
        self.name.get_or_insert_with(|| body[..end].to_vec());
        self.seen = true;
    }

    /// Takes the records of a pax header: a length, a space, a key, `=`, a value, a line break. The
    /// length counts all of that, so a value may have any bytes.
    ///
    /// # Errors
    ///
    /// `InvalidData`.
    pub fn read_pax(&mut self, mut body: &[u8]) -> io::Result<()> {
        self.seen = true;
        while body.first().is_some_and(|byte| *byte != 0) {
            let (record, rest) = split_record(body).ok_or_else(|| {
                invalid("an extended header is damaged: one of its records has a wrong length")
            })?;
            body = rest;
            let equals = record.iter().position(|byte| *byte == b'=');
            let (key, value) =
                record.split_at(equals.ok_or_else(|| {
                    invalid("an extended header is damaged: one of its records has no value")
                })?);
            self.take(key, &value[1..])?;
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        match key {
            b"path" if !self.is_sparse_name => self.name = Some(value.to_vec()),
            b"GNU.sparse.name" => (self.name, self.is_sparse_name) = (Some(value.to_vec()), true),
            b"size" => self.size = Some(number(value).ok_or_else(|| wrong("size", value))?),
            b"mtime" => self.modified = Some(time(value).ok_or_else(|| wrong("mtime", value))?),
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    let key = String::from_utf8_lossy(key);
                    self.sparse.take(&key, value)?.ok_or_else(|| wrong(&key, value))?;
                }
            }
        }
        Ok(())
    }
}

fn wrong(key: &str, value: &[u8]) -> io::Error {
    let value = String::from_utf8_lossy(value);
    invalid(format!("an extended header is damaged: {key} is {value:?}"))
}

/// A record without its length and line break, and what comes after it.
fn split_record(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = body.iter().position(|byte| *byte == b' ')?;
    let len = usize::try_from(number(&body[..space])?).ok()?;
    let (record, rest) = body.split_at_checked(len)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    Some((record, rest))
}

/// A decimal number.
pub fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Seconds since 1970, perhaps negative, perhaps with a fraction. What is finer than a nanosecond
/// is cut.
fn time(text: &[u8]) -> Option<SystemTime> {
    let (text, negative) = text.strip_prefix(b"-").map_or((text, false), |text| (text, true));
    let dot = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let (whole, fraction) = text.split_at(dot);
    let fraction = fraction.strip_prefix(b".").unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanos =
        (0..9).fold(0, |nanos, at| nanos * 10 + u32::from(fraction.get(at).map_or(0, |digit| digit - b'0')));
    let distance = Duration::new(number(whole)?, nanos);
    match negative {
        true => SystemTime::UNIX_EPOCH.checked_sub(distance),
        false => SystemTime::UNIX_EPOCH.checked_add(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> io::Result<Extended> {
        let mut extended = Extended::default();
        extended.read_pax(body)?;
        Ok(extended)
    }

    #[test]
    fn values_may_have_line_breaks_and_equals_signs() {
        let extended = read(b"16 path=a\nb=c/d\n19 size=0000012345\n").unwrap();
        assert_eq!(extended.name.as_deref(), Some(&b"a\nb=c/d"[..]));
        assert_eq!(extended.size, Some(12_345));
    }

    #[test]
    fn times_have_fractions_and_signs() {
        let at = |secs: u64, nanos| Duration::new(secs, nanos);
        let after = |text| time(text).and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        assert_eq!(after(b"1700000000"), Some(at(1_700_000_000, 0)));
        assert_eq!(after(b"1.5"), Some(at(1, 500_000_000)));
        assert_eq!(after(b"0.0000000019"), Some(at(0, 1)));
        let before = SystemTime::UNIX_EPOCH.duration_since(time(b"-1.25").unwrap());
        assert_eq!(before.unwrap(), at(1, 250_000_000));
        for wrong in [&b""[..], b"x", b"1.x", b"--1", b"99999999999999999999"] {
            assert_eq!(time(wrong), None);
        }
    }

    #[test]
    fn damaged_records_are_errors() {
        for body in [&b"6 a=b"[..], b"7 a=b\n", b"5 a=b\n", b"a=b\n", b"4 a\n", b"99 a=b\n", b"10 size=x\n"] {
            assert!(read(body).is_err(), "{body:?}");
        }
        assert!(read(b"6 a=b\n\0\0").is_ok());
    }

    #[test]
    fn a_pax_name_wins_over_a_gnu_name() {
        let mut extended = read(b"9 path=a\n").unwrap();
        extended.set_long_name(b"b\0");
        assert_eq!(extended.name.as_deref(), Some(&b"a"[..]));
    }
}
