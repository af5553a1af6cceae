//! Numbers of bytes as people write and read them.

use std::fmt;
use std::str::FromStr;

/// A number of bytes: `1000`, `64MiB`, `1.5G`, `500kB`.
///
/// Units as the coreutils have them, in any case: `K`, `M`, `G`, `T`, `P`, `E` and `KiB`, `MiB`, …
/// are powers of 1,024, `KB`, `MB`, … powers of 1,000, `B` is one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "{text:?} is no number of bytes; write one such as 1000000, 64MiB, 1.5G (1 K = 1 KiB = 1024) or 500kB"
            )
        };
        let trimmed = text.trim();
        let unit_at = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
        let (number, unit) = (trimmed[..unit_at].trim_end(), &trimmed[unit_at..]);
        let factor = factor(unit).ok_or_else(invalid)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: String = [whole, fraction].concat().replace('_', "");
        let wrong = |part: &str| part.starts_with('_') || part.ends_with('_');
        if whole.is_empty() || wrong(whole) || wrong(fraction) || number.ends_with('.') {
            return Err(invalid());
        }
        let places = fraction.bytes().filter(u8::is_ascii_digit).count() as u32;
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid());
        }
        let scaled = || {
            let digits: u128 = digits.parse().ok()?;
            let bytes = digits.checked_mul(factor)? / 10u128.checked_pow(places)?;
            u64::try_from(bytes).ok()
        };
        scaled().map(Self).ok_or_else(|| format!("{text:?} is more bytes than there can be"))
    }
}

/// How many bytes a unit is.
fn factor(unit: &str) -> Option<u128> {
    let unit = unit.to_ascii_lowercase();
    let (prefix, base) = match unit.as_bytes() {
        [] | [b'b'] => return Some(1),
        [prefix] | [prefix, b'i', b'b'] => (*prefix, 1024u128),
        [prefix, b'b'] => (*prefix, 1000u128),
        _ => return None,
    };
    let power = b"kmgtpe".iter().position(|&letter| letter == prefix)?;
    Some(base.pow(power as u32 + 1))
}

/// A number of bytes for people, to three figures.
#[derive(Debug, Clone, Copy)]
pub struct Human(pub u64);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        for next in units {
            if value < 1023.5 {
                break;
            }
            (value, unit) = (value / 1024.0, next);
        }
        let places = if unit == "B" || value >= 99.95 { 0 } else { 1 };
        let text = format!("{value:.places$} {unit}");
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_coreutils_read_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("1_000", 1000),
            ("12b", 12),
            ("1k", 1024),
            ("1K", 1024),
            ("1kB", 1000),
            ("1 KiB", 1024),
            ("64MiB", 64 << 20),
            ("1.5g", 3 << 29),
            ("0.5k", 512),
            ("2EB", 2_000_000_000_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in
            ["", "k", "-1", "1x", "1kk", "1.", ".5", "1..5", "1.5.5", "0x10", "1e3", "1kib2", "_1", "1_"]
        {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.contains("no number of bytes"), "{text}: {error}");
        }
        for text in ["16E", "18446744073709551616", "99999999999999999999999999999999999999999"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.contains("more bytes than there can be"), "{text}: {error}");
        }
    }

    #[test]
    fn people_read_three_figures() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (102_348, "99.9 KiB"),
            (102_400, "100 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (64 << 20, "64.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Human(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>9}", Human(5)), "      5 B");
    }
}
