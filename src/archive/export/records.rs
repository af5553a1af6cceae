//! The records that a zip is made of, as in PKWARE's APPNOTE 6.3. All numbers are little-endian.
//!
//! A size, an offset or a count that its field cannot hold has all bits of the field set, and
//! stands in a zip64 record instead.

use crate::tree::meta::Timestamp;

/// The method of bytes as they are.
pub const STORED: u16 = 0;
/// The method of deflated bytes.
pub const DEFLATED: u16 = 8;

/// The largest length that no deflated size with sizes behind it can make too large for 32 bits.
pub const SURELY_NARROW: u64 = 0xe000_0000;

const NARROW: u64 = u32::MAX as u64;
/// Flags: the sizes stand behind the bytes; the name is UTF-8.
const SIZES_BEHIND: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
/// What a reader must know: deflate and directories; zip64.
const NEEDS_DEFLATE: u16 = 20;
const NEEDS_ZIP64: u16 = 45;
/// Made on Unix, by a program that knows zip64.
const MADE_BY: u16 = (3 << 8) | NEEDS_ZIP64;
/// Kinds of extra fields.
const ZIP64: u16 = 0x0001;
const NTFS: u16 = 0x000a;
const UNIX_TIME: u16 = 0x5455;
/// Modes as Unix writes them, and the mark of a directory as DOS does.
const MODE_FILE: u32 = 0o100_644 << 16;
const MODE_DIR: u32 = (0o040_755 << 16) | 0x10;

/// What the records of one entry say beside its sizes.
#[derive(Debug, Clone, Copy)]
pub struct Described<'e> {
    /// At most 65,535 bytes; that of a directory ends in `/`.
    pub name: &'e str,
    pub modified: Timestamp,
    pub method: u16,
    /// Whether the sizes stand behind the bytes.
    pub streamed: bool,
    /// Whether the sizes before or behind the bytes have 64 bits.
    pub wide: bool,
}

/// What is known of an entry once its bytes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The CRC-32 of the bytes.
    pub crc: u32,
    /// The number of bytes in the archive.
    pub packed: u64,
    /// The number of bytes.
    pub len: u64,
}

impl Described<'_> {
    fn flags(&self) -> u16 {
        let behind = if self.streamed { SIZES_BEHIND } else { 0 };
        behind | if self.name.is_ascii() { 0 } else { UTF8 }
    }

    /// What both records of the entry have between the versions and the lengths of what varies.
    fn put_common(&self, out: &mut Vec<u8>, sizes: &Sizes) {
        let (time, date) = dos(self.modified);
        put16(out, [self.flags(), self.method, time, date]);
        put32(out, [sizes.crc, narrow(sizes.packed), narrow(sizes.len)]);
    }
}

/// What stands before the bytes of an entry. If the sizes are behind them, those here are not
/// looked at.
pub fn put_local(out: &mut Vec<u8>, entry: &Described<'_>, sizes: &Sizes) {
    let mut extra = Vec::new();
    let known = if entry.streamed { Sizes::default() } else { *sizes };
    let mut fields = known;
    if entry.wide {
        put16(&mut extra, [ZIP64, 16]);
        put64(&mut extra, [known.len, known.packed]);
        (fields.len, fields.packed) = (u64::MAX, u64::MAX);
    }
    put_times(&mut extra, entry.modified);
    out.extend_from_slice(b"PK\x03\x04");
    put16(out, [if entry.wide { NEEDS_ZIP64 } else { NEEDS_DEFLATE }]);
    entry.put_common(out, &fields);
    put16(out, [entry.name.len() as u16, extra.len() as u16]);
    out.extend_from_slice(entry.name.as_bytes());
    out.extend_from_slice(&extra);
}

/// What stands behind the bytes of an entry if their sizes do.
pub fn put_descriptor(out: &mut Vec<u8>, entry: &Described<'_>, sizes: &Sizes) {
    out.extend_from_slice(b"PK\x07\x08");
    put32(out, [sizes.crc]);
    if entry.wide {
        put64(out, [sizes.packed, sizes.len]);
    } else {
        put32(out, [narrow(sizes.packed), narrow(sizes.len)]);
    }
}

/// What stands in the directory at the end of the archive for an entry that begins at `offset`.
pub fn put_central(out: &mut Vec<u8>, entry: &Described<'_>, sizes: &Sizes, offset: u64) {
    let mut extra = Vec::new();
    let wide: Vec<u64> =
        [sizes.len, sizes.packed, offset].into_iter().filter(|number| *number >= NARROW).collect();
    if !wide.is_empty() {
        put16(&mut extra, [ZIP64, 8 * wide.len() as u16]);
        wide.iter().for_each(|number| put64(&mut extra, [*number]));
    }
    put_times(&mut extra, entry.modified);
    let needs = if entry.wide || !wide.is_empty() { NEEDS_ZIP64 } else { NEEDS_DEFLATE };
    out.extend_from_slice(b"PK\x01\x02");
    put16(out, [MADE_BY, needs]);
    entry.put_common(out, sizes);
    put16(out, [entry.name.len() as u16, extra.len() as u16, 0, 0, 0]); // no comment, first disk
    put32(out, [if entry.name.ends_with('/') { MODE_DIR } else { MODE_FILE }, narrow(offset)]);
    out.extend_from_slice(entry.name.as_bytes());
    out.extend_from_slice(&extra);
}

/// What stands behind the directory, which has so many entries and bytes and begins at `offset`.
pub fn put_end(out: &mut Vec<u8>, entries: u64, len: u64, offset: u64) {
    let few = entries.min(u64::from(u16::MAX)) as u16;
    if few == u16::MAX || len >= NARROW || offset >= NARROW {
        out.extend_from_slice(b"PK\x06\x06");
        put64(out, [44]); // bytes of this record that follow
        put16(out, [MADE_BY, NEEDS_ZIP64]);
        put32(out, [0, 0]); // disks
        put64(out, [entries, entries, len, offset]);
        out.extend_from_slice(b"PK\x06\x07");
        put32(out, [0]);
        put64(out, [offset + len]);
        put32(out, [1]); // disks
    }
    out.extend_from_slice(b"PK\x05\x06");
    put16(out, [0, 0, few, few]);
    put32(out, [narrow(len), narrow(offset)]);
    put16(out, [0]); // no comment
}

/// The time to the second in UTC, which the fields for DOS cannot say: as Unix seconds, or, where
/// those do not fit, as NTFS has it.
fn put_times(extra: &mut Vec<u8>, time: Timestamp) {
    if let Ok(seconds) = i32::try_from(time.secs()) {
        put16(extra, [UNIX_TIME, 5]);
        extra.push(1); // only the time of modification
        put32(extra, [seconds.cast_unsigned()]);
        return;
    }
    /// Seconds from 1601 to 1970, and what NTFS counts in each.
    const BEFORE_UNIX: i64 = 11_644_473_600;
    const TICKS: u64 = 10_000_000;
    let seconds = u64::try_from(time.secs().saturating_add(BEFORE_UNIX)).unwrap_or(0);
    let ticks = seconds.saturating_mul(TICKS).saturating_add(u64::from(time.nanos()) / 100);
    put16(extra, [NTFS, 32]);
    put32(extra, [0]);
    put16(extra, [1, 24]);
    put64(extra, [ticks, ticks, ticks]); // modified, accessed, created
}

/// The time and the date as DOS has them: in UTC, in steps of two seconds, from 1980 to 2107.
fn dos(time: Timestamp) -> (u16, u16) {
    /// Both ends in Unix seconds.
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let seconds = time.secs().clamp(FIRST, LAST);
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    ((hour << 11 | minute << 5 | (second / 2)) as u16, ((year - 1980) << 9 | month << 5 | day) as u16)
}

/// The date so many days after the first of 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut left) = (1970, days);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 1;
    for len in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < len {
            break;
        }
        left -= len;
        month += 1;
    }
    (year, month, left + 1)
}

/// A number in 32 bits, all of them set if it does not fit.
fn narrow(number: u64) -> u32 {
    number.min(NARROW) as u32
}

fn put16<const N: usize>(out: &mut Vec<u8>, numbers: [u16; N]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put32<const N: usize>(out: &mut Vec<u8>, numbers: [u32; N]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put64<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const BEYOND: u64 = NARROW + 1;

    fn entry(name: &str) -> Described<'_> {
        let modified = Timestamp::from(UNIX_EPOCH + Duration::from_secs(1_234_567_891));
        Described { name, modified, method: DEFLATED, streamed: false, wide: false }
    }

    fn record(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    fn number(record: &[u8], at: usize, len: usize) -> u64 {
        record[at..at + len].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// The extra fields from `at` on by kind.
    fn extra(mut fields: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut found = Vec::new();
        while !fields.is_empty() {
            let len = number(fields, 2, 2) as usize;
            found.push((number(fields, 0, 2) as u16, fields[4..4 + len].to_vec()));
            fields = &fields[4 + len..];
        }
        found
    }

    fn numbers<const N: usize>(numbers: [u64; N]) -> Vec<u8> {
        record(|out| put64(out, numbers))
    }

    #[test]
    fn times_are_of_dos_and_of_unix() {
        let sizes = Sizes { crc: 0x1234_5678, packed: 3, len: 4 };
        let local = record(|out| put_local(out, &entry("a"), &sizes));
        // 2009-02-13 23:31:31 in UTC; DOS has even seconds.
        assert_eq!(number(&local, 10, 2), 23 << 11 | 31 << 5 | 15);
        assert_eq!(number(&local, 12, 2), (2009 - 1980) << 9 | 2 << 5 | 13);
        assert_eq!(number(&local, 14, 4), 0x1234_5678);
        assert_eq!((number(&local, 18, 4), number(&local, 22, 4)), (3, 4));
        let mut time = vec![1];
        put32(&mut time, [1_234_567_891]);
        assert_eq!(extra(&local[31..]), [(UNIX_TIME, time)]);
    }

    #[test]
    fn dates_are_right_at_their_ends() {
        let of = |seconds: u64| dos(Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds)));
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        assert_eq!(of(0), (0, date(1980, 1, 1))); // not before
        assert_eq!(of(951_782_400), (0, date(2000, 2, 29)));
        assert_eq!(of(951_868_799), (23 << 11 | 59 << 5 | 29, date(2000, 2, 29)));
        assert_eq!(of(951_868_800), (0, date(2000, 3, 1)));
        assert_eq!(of(4_107_542_400), (0, date(2100, 3, 1))); // no leap year
        assert_eq!(of(4_107_542_399).1, date(2100, 2, 28));
        let last = (23 << 11 | 59 << 5 | 29, date(2107, 12, 31));
        assert_eq!((of(4_354_819_199), of(1 << 40)), (last, last));
    }

    #[test]
    fn sizes_beyond_32_bits_stand_in_zip64_fields() {
        for (len, packed) in [(NARROW, 5), (BEYOND, BEYOND + 1), (5 << 40, 4 << 40)] {
            let sizes = Sizes { crc: 7, packed, len };
            let wide = Described { wide: true, method: STORED, ..entry("ab") };
            let local = record(|out| put_local(out, &wide, &sizes));
            assert_eq!(number(&local, 4, 2), u64::from(NEEDS_ZIP64));
            assert_eq!((number(&local, 18, 4), number(&local, 22, 4)), (NARROW, NARROW));
            assert_eq!(extra(&local[32..])[0], (ZIP64, numbers([len, packed])));

            let central = record(|out| put_central(out, &wide, &sizes, 9));
            assert_eq!(number(&central, 6, 2), u64::from(NEEDS_ZIP64));
            assert_eq!((number(&central, 20, 4), number(&central, 24, 4)), (packed.min(NARROW), NARROW));
            assert_eq!(number(&central, 42, 4), 9);
            let fields = if packed < NARROW { numbers([len]) } else { numbers([len, packed]) };
            assert_eq!(extra(&central[48..])[0], (ZIP64, fields));
        }
    }

    #[test]
    fn offsets_beyond_32_bits_stand_in_zip64_fields() {
        let sizes = Sizes { crc: 7, packed: 1, len: 2 };
        for (offset, wide) in [(0, false), (NARROW - 1, false), (NARROW, true), (1 << 50, true)] {
            let central = record(|out| put_central(out, &entry("a"), &sizes, offset));
            assert_eq!(number(&central, 42, 4), offset.min(NARROW));
            let fields = extra(&central[47..]);
            assert_eq!(fields[0].0, if wide { ZIP64 } else { UNIX_TIME });
            if wide {
                assert_eq!(fields[0].1, numbers([offset]));
            }
        }
    }

    #[test]
    fn sizes_behind_the_bytes_are_as_wide_as_the_header_says() {
        let sizes = Sizes { crc: 7, packed: 1, len: 2 };
        let narrow = Described { streamed: true, ..entry("a") };
        let local = record(|out| put_local(out, &narrow, &sizes));
        assert_eq!(number(&local, 6, 2), u64::from(SIZES_BEHIND));
        assert_eq!(local[14..26], [0; 12]);
        assert_eq!(record(|out| put_descriptor(out, &narrow, &sizes)).len(), 16);

        let wide = Described { wide: true, ..narrow };
        let local = record(|out| put_local(out, &wide, &sizes));
        assert_eq!(extra(&local[31..])[0], (ZIP64, numbers([0, 0])));
        let descriptor = record(|out| put_descriptor(out, &wide, &sizes));
        assert_eq!(descriptor.len(), 24);
        assert_eq!((number(&descriptor, 8, 8), number(&descriptor, 16, 8)), (1, 2));
    }

    #[test]
    fn names_that_are_not_ascii_are_marked() {
        let flags = |name| number(&record(|out| put_local(out, &entry(name), &Sizes::default())), 6, 2);
        assert_eq!((flags("plain/"), flags("größe")), (0, u64::from(UTF8)));
    }

    #[test]
    fn the_end_is_wide_where_a_number_needs_it() {
        let end = |entries, len, offset| record(|out| put_end(out, entries, len, offset));
        let narrow = end(65_534, NARROW - 1, NARROW - 1);
        assert_eq!(narrow.len(), 22);
        assert_eq!((number(&narrow, 8, 2), number(&narrow, 10, 2)), (65_534, 65_534));
        for (entries, len, offset) in [(65_535, 0, 0), (70_000, 5, 6), (1, NARROW, 2), (1, 2, 1 << 40)] {
            let wide = end(entries, len, offset);
            assert_eq!(wide.len(), 22 + 20 + 56);
            let found = [24, 32, 40, 48].map(|at| number(&wide, at, 8));
            assert_eq!(found, [entries, entries, len, offset]);
            assert_eq!(number(&wide, 56 + 8, 8), offset + len);
            let narrow = &wide[76..];
            assert_eq!(number(narrow, 10, 2), entries.min(65_535));
            assert_eq!((number(narrow, 12, 4), number(narrow, 16, 4)), (len.min(NARROW), offset.min(NARROW)));
        }
    }
}
