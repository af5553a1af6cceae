//! The headers that a tar is made of: POSIX ustar, with pax headers for what does not fit into it.

use std::fmt::Display;

use tar::{EntryType, Header};

use crate::tree::meta::Timestamp;

/// Everything in a tar starts at a multiple of this.
pub const RECORD: usize = 512;

/// The largest size, and the largest time, that eleven octal digits can say.
const MAX_OCTAL: u64 = (1 << 33) - 1;

/// Appends all headers of an entry: that of a directory has a name that ends in `/`.
pub fn put_headers(out: &mut Vec<u8>, name: &str, modified: Timestamp, len: u64) {
    let mut pax = Vec::new();
    let (prefix, rest) = split(name).unwrap_or_else(|| {
        put_pax(&mut pax, "path", &name);
        ("", &name[..name.floor_char_boundary(100)])
    });
    let seconds = u64::try_from(modified.secs()).ok().filter(|seconds| *seconds <= MAX_OCTAL);
    if seconds.is_none() || modified.nanos() > 0 {
        put_pax(&mut pax, "mtime", &decimal(modified));
    }
    if len > MAX_OCTAL {
        put_pax(&mut pax, "size", &len);
    }
    if !pax.is_empty() {
        let header = header(EntryType::XHeader, "", "PaxHeader", 0, pax.len() as u64);
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(&pax);
        out.resize(out.len() + padding(pax.len() as u64), 0);
    }
    let kind = if name.ends_with('/') { EntryType::Directory } else { EntryType::Regular };
    out.extend_from_slice(header(kind, prefix, rest, seconds.unwrap_or(0), len).as_bytes());
}

/// The bytes after the content of an entry until the next one starts.
pub fn padding(len: u64) -> usize {
    (len.next_multiple_of(RECORD as u64) - len) as usize
}

fn header(kind: EntryType, prefix: &str, name: &str, mtime: u64, len: u64) -> Header {
    let mut header = Header::new_ustar();
    let fields = header.as_ustar_mut().expect("it was made one");
    fields.name[..name.len()].copy_from_slice(name.as_bytes());
    fields.prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(len); // in binary, if eleven octal digits do not do: many readers know it
    header.set_cksum();
    header
}

/// The name in the two parts that a header has for it, if they can hold it: a directory, and what
/// comes after the `/`.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    // The first place that leaves a short enough rest is the one with the shortest directory.
    let from = name.len() - 101;
    let at = from + name.as_bytes()[from..name.len() - 1].iter().position(|byte| *byte == b'/')?;
    ((1..=155).contains(&at)).then(|| (&name[..at], &name[at + 1..]))
}

/// Appends one pax record: its own length, a space, `key=value`, a line break.
fn put_pax(out: &mut Vec<u8>, key: &str, value: &impl Display) {
    let rest = format!(" {key}={value}\n");
    let mut len = rest.len() + 1;
    while len != rest.len() + len.to_string().len() {
        len = rest.len() + len.to_string().len();
    }
    out.extend_from_slice(len.to_string().as_bytes());
    out.extend_from_slice(rest.as_bytes());
}

/// Seconds since the start of 1970 as a decimal number, exactly.
fn decimal(time: Timestamp) -> String {
    let (seconds, nanos) = (time.secs(), time.nanos());
    let (sign, whole, part) = match (seconds < 0, nanos) {
        (false, _) => ("", seconds.unsigned_abs(), nanos),
        (true, 0) => ("-", seconds.unsigned_abs(), 0),
        // Whole seconds are rounded down, so that -1.5 is -2 and half a second.
        (true, _) => ("-", seconds.unsigned_abs() - 1, 1_000_000_000 - nanos),
    };
    let text = format!("{sign}{whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use super::*;

    fn time(millis: i64) -> Timestamp {
        let span = Duration::from_millis(millis.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        Timestamp::from(if millis < 0 { epoch - span } else { epoch + span })
    }

    #[test]
    fn times_are_decimal_on_both_sides_of_1970() {
        let texts = [0, 1, 1500, -1, -500, -1500, -2000, 20_000].map(|millis| decimal(time(millis)));
        assert_eq!(texts, ["0", "0.001", "1.5", "-0.001", "-0.5", "-1.5", "-2", "20"]);
    }

    #[test]
    fn the_length_of_a_pax_record_counts_itself() {
        for len in (0..120).chain(980..1010) {
            let mut record = Vec::new();
            put_pax(&mut record, "k", &"v".repeat(len));
            let text = str::from_utf8(&record).expect("text");
            let (said, _) = text.split_once(' ').expect("a space");
            assert_eq!(said.parse(), Ok(record.len()));
        }
    }

    #[test]
    fn sizes_that_octal_digits_cannot_say_are_in_both_headers() {
        for (len, records) in [(0, 1), (MAX_OCTAL, 1), (MAX_OCTAL + 1, 3), (1 << 50, 3)] {
            let mut out = Vec::new();
            put_headers(&mut out, "a", time(0), len);
            assert_eq!(out.len(), records * RECORD);
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(&out[out.len() - RECORD..]);
            assert_eq!(header.entry_size().expect("valid"), len);
            if records > 1 {
                let record = format!(" size={len}\n");
                assert!(str::from_utf8(&out[RECORD..2 * RECORD]).expect("text").contains(&record));
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_is_split_so_that_it_comes_together_again(
            names in prop::collection::vec("[a-zä]{1,60}", 1..8), is_dir: bool,
        ) {
            let name = names.join("/") + if is_dir { "/" } else { "" };
            match split(&name) {
                Some(("", rest)) => prop_assert_eq!(rest, &name),
                Some((prefix, rest)) => {
                    prop_assert_eq!(format!("{prefix}/{rest}"), name.as_str());
                    prop_assert!(prefix.len() <= 155 && rest.len() <= 100 && !rest.is_empty());
                }
                None => prop_assert!(name.len() > 100),
            }
        }
    }
}
