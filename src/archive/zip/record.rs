//! What the list of a zip says of one entry.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use flate2::Crc;

use crate::archive::format::{EntryInfo, EntryKind};

/// The bytes of a record before its name.
pub const FIXED: usize = 46;

/// A number that is really in the zip64 field.
const ELSEWHERE: u64 = 0xffff_ffff;

/// One entry.
#[derive(Debug, Clone)]
pub struct Record {
    /// The name as it is written.
    pub raw_name: Box<[u8]>,
    /// The name as it is meant.
    name: String,
    kind: EntryKind,
    /// The bits that say, among others, that it is encrypted.
    pub flags: u16,
    /// How it is compressed.
    pub method: u16,
    /// The checksum of its bytes.
    pub crc: u32,
    /// How many bytes it takes.
    pub packed: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Where its header is, from the beginning of the source.
    pub start: u64,
    modified: Option<SystemTime>,
}

/// A little-endian number at a place of a record.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// As [`u16_at`].
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// As [`u16_at`].
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

impl Record {
    /// Reads a record behind `prefix` bytes that are not of the archive.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(
        fixed: &[u8; FIXED],
        raw_name: &[u8],
        extra: &[u8],
        prefix: u64,
    ) -> Result<Self, &'static str> {
        let mut numbers = [24, 20, 42].map(|at| u64::from(u32_at(fixed, at)));
        let mut wide = field(extra, 0x0001).unwrap_or_default();
        for number in numbers.iter_mut().filter(|number| **number == ELSEWHERE) {
            let (value, rest) = wide.split_first_chunk().ok_or("lacks the sizes that it says to have")?;
            (*number, wide) = (u64::from_le_bytes(*value), rest);
        }
        let [size, packed, offset] = numbers;
        let start = offset.checked_add(prefix).ok_or("points to nowhere")?;
        let name = unicode_name(raw_name, extra).unwrap_or_else(|| text(raw_name)).into_owned();
        Ok(Self {
            kind: kind(&name, u16_at(fixed, 4), u32_at(fixed, 38)),
            raw_name: raw_name.into(),
            name,
            flags: u16_at(fixed, 8),
            method: u16_at(fixed, 10),
            crc: u32_at(fixed, 16),
            packed,
            size,
            start,
            modified: modified(extra, u16_at(fixed, 12), u16_at(fixed, 14)),
        })
    }

    /// What users are told.
    pub fn info(&self) -> EntryInfo {
        let info = EntryInfo::new(self.name.as_str(), self.kind).with_size(self.size);
        let info = info.with_packed_size(self.packed);
        match self.modified {
            Some(time) => info.with_modified(time),
            None => info,
        }
    }
}

/// The first extra field with this number.
fn field(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (head, rest) = extra.split_first_chunk::<4>()?;
        let (found, len) = (u16_at(head, 0), usize::from(u16_at(head, 2)));
        let (data, rest) = rest.split_at_checked(len)?;
        if found == wanted {
            return Some(data);
        }
        extra = rest;
    }
}

/// What kind of entry it is: by its name, and by what Unix keeps of it.
fn kind(name: &str, made_by: u16, attributes: u32) -> EntryKind {
    const UNIX: [u16; 2] = [3, 19];
    if name.ends_with(['/', '\\']) {
        return EntryKind::Directory;
    }
    let mode = if UNIX.contains(&(made_by >> 8)) { attributes >> 28 } else { 0 };
    match mode {
        0 | 0o10 => EntryKind::File,
        0o4 => EntryKind::Directory,
        0o12 => EntryKind::SymbolicLink,
        _ => EntryKind::Special,
    }
}

/// The name in the field that some writers add where the name itself is in an old encoding.
fn unicode_name<'e>(raw: &[u8], extra: &'e [u8]) -> Option<Cow<'e, str>> {
    let (head, name) = field(extra, 0x7075)?.split_first_chunk::<5>()?;
    let mut crc = Crc::new();
    crc.update(raw);
    // It holds only for the name that it was made for.
    let holds = head[0] == 1 && u32_at(head, 1) == crc.sum();
    std::str::from_utf8(name).ok().filter(|_| holds).map(Cow::Borrowed)
}

/// A name: UTF-8 where it is that, whatever its flag says, else the encoding of the first zips.
fn text(raw: &[u8]) -> Cow<'_, str> {
    const UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                         └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
    let decode = |byte: &u8| match byte {
        0..=0x7f => char::from(*byte),
        _ => UPPER.chars().nth(usize::from(*byte) - 0x80).expect("there are 128"),
    };
    match std::str::from_utf8(raw) {
        Ok(name) => Cow::Borrowed(name),
        Err(_) => Cow::Owned(raw.iter().map(decode).collect()),
    }
}

/// When it was modified: as exactly as the record says.
fn modified(extra: &[u8], time: u16, date: u16) -> Option<SystemTime> {
    ntfs_time(extra).or_else(|| unix_time(extra)).or_else(|| dos_time(time, date))
}

/// From the field of Windows: steps of 100 ns since 1601.
fn ntfs_time(extra: &[u8]) -> Option<SystemTime> {
    const TO_1970: u64 = 11_644_473_600;
    let times = field(field(extra, 0x000a)?.get(4..)?, 0x0001)?;
    let steps = u64::from_le_bytes(*times.first_chunk()?);
    let since_1601 = Duration::new(steps / 10_000_000, (steps % 10_000_000) as u32 * 100);
    SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(TO_1970))?.checked_add(since_1601)
}

/// From the field of Unix: whole seconds.
fn unix_time(extra: &[u8]) -> Option<SystemTime> {
    let (flags, times) = field(extra, 0x5455)?.split_first()?;
    let seconds = i64::from(i32::from_le_bytes(*times.first_chunk().filter(|_| flags & 1 != 0)?));
    since_epoch(seconds)
}

/// From the numbers that every record has: steps of two seconds, of some clock on a wall. It is
/// read as UTC, because which it was is not said.
fn dos_time(time: u16, date: u16) -> Option<SystemTime> {
    let (year, month, day) = (1980 + i64::from(date >> 9), i64::from(date >> 5 & 15), i64::from(date & 31));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 {
        return None;
    }
    // Years from March on, so that the day that not all have is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    since_epoch(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn since_epoch(seconds: i64) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
        _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<SystemTime> {
        since_epoch(seconds)
    }

    #[test]
    fn dos_times_are_read_as_utc() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        let time = |hour: u16, minute: u16, second: u16| hour << 11 | minute << 5 | (second / 2);
        assert_eq!(dos_time(0, date(1980, 1, 1)), at(315_532_800));
        assert_eq!(dos_time(time(23, 59, 58), date(2000, 2, 29)), at(951_868_798));
        assert_eq!(dos_time(time(12, 30, 6), date(2024, 12, 31)), at(1_735_648_206));
        assert_eq!(dos_time(time(0, 0, 0), date(2100, 3, 1)), at(4_107_542_400));
        for nonsense in [dos_time(0, 0), dos_time(0, date(2000, 13, 1)), dos_time(24 << 11, date(2000, 1, 1))]
        {
            assert_eq!(nonsense, None);
        }
    }

    #[test]
    fn the_finest_time_wins() {
        let unix = [0x55, 0x54, 5, 0, 1, 1, 0, 0, 0];
        assert_eq!(modified(&unix, 0, 0x21), at(1));
        let before = [0x55, 0x54, 5, 0, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(modified(&before, 0, 0x21), at(-1));
        let access_only = [0x55, 0x54, 5, 0, 2, 1, 0, 0, 0];
        assert_eq!(modified(&access_only, 0, 0x21), at(315_532_800));

        let steps = 116_444_736_000_000_000_u64 + 15_000_001; // 1.5000001 s after 1970
        let mut ntfs = vec![0x0a, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0];
        ntfs.extend([steps, 0, 0].iter().flat_map(|time| time.to_le_bytes()));
        ntfs.extend(unix);
        let exact = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_500_000_100);
        assert_eq!(modified(&ntfs, 0, 0x21), Some(exact));
    }

    #[test]
    fn extra_fields_that_are_cut_off_are_not_there() {
        assert_eq!(field(&[1, 0, 2, 0, 7, 8], 1), Some(&[7, 8][..]));
        for cut in [&[1, 0, 2, 0, 7][..], &[1, 0, 2], &[]] {
            assert_eq!(field(cut, 1), None);
        }
    }

    #[test]
    fn names_are_utf8_or_of_the_first_zips() {
        assert_eq!(text("Grüße".as_bytes()), "Grüße");
        assert_eq!(text(b"Gr\x81\xe1e"), "Grüße");
        assert_eq!(text(&[0x80, 0xff]), "Ç\u{a0}");
    }

    #[test]
    fn a_unicode_name_holds_only_for_its_own_name() {
        let mut crc = Crc::new();
        crc.update(b"Gr?sse");
        let mut extra = vec![0x75, 0x70, 12, 0, 1];
        extra.extend(crc.sum().to_le_bytes());
        extra.extend("Grüße".as_bytes());
        extra[2] = (extra.len() - 4) as u8;
        assert_eq!(unicode_name(b"Gr?sse", &extra).as_deref(), Some("Grüße"));
        assert_eq!(unicode_name(b"renamed", &extra), None);
    }

    #[test]
    fn kinds_come_from_the_name_and_from_unix() {
        let mode = |mode: u32| mode << 16;
        assert_eq!(kind("a/", 0, 0), EntryKind::Directory);
        assert_eq!(kind("a", 0x031e, mode(0o100_644)), EntryKind::File);
        assert_eq!(kind("a", 0x031e, mode(0o040_755)), EntryKind::Directory);
        assert_eq!(kind("a", 0x031e, mode(0o120_777)), EntryKind::SymbolicLink);
        assert_eq!(kind("a", 0x031e, mode(0o010_644)), EntryKind::Special);
        assert_eq!(kind("a", 0x001e, mode(0o120_777)), EntryKind::File, "not of Unix");
    }
}
