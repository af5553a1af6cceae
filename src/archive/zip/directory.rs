//! The list of the entries of a zip, at its end.

use std::io::{self, BufReader, Seek, SeekFrom};

use super::record::{FIXED, Record, u16_at, u32_at, u64_at};
use crate::archive::input::{ArchiveInput, SourceError};
use crate::archive::invalid;
use crate::ops::intake::fill;

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const RECORD: &[u8] = b"PK\x01\x02";
const SIGNATURE: &[u8] = b"PK\x05\x05";

const END_LEN: usize = 22;
const END_64_LEN: usize = 56;
const LOCATOR_LEN: usize = 20;
/// The comment behind the end record may be that long.
const MAX_COMMENT: usize = 0xffff;

/// What the end record says, its places counted from the beginning of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How many entries there are, modulo 2^16 if it is not a zip64 record.
    entries: u64,
    /// Whether `entries` is exact.
    is_64: bool,
    /// Where the list begins.
    start: u64,
    /// Where it ends.
    end: u64,
    /// What stands before the archive, such as a program that unpacks it.
    prefix: u64,
}

/// Finds the end record: the last that can be one.
///
/// # Errors
///
/// Those of reading; `Unsupported` for one part of several.
pub fn find_end(input: &mut ArchiveInput) -> io::Result<Option<End>> {
    let len = input.size().expect("seekable");
    let tail_len = len.min((END_LEN + MAX_COMMENT) as u64);
    let tail_start = len - tail_len;
    input.go_to(tail_start);
    let mut tail = vec![0; tail_len as usize];
    let n = fill(input, &mut tail)?;
    tail.truncate(n);
    let mut trouble = None;
    for at in (0..=n.saturating_sub(END_LEN)).rev() {
        let Some(record) = tail.get(at..at + END_LEN).filter(|record| record.starts_with(END)) else {
            continue;
        };
        if at + END_LEN + usize::from(u16_at(record, 20)) > n {
            continue;
        }
        match resolve(input, record, tail_start + at as u64) {
            Ok(Some(end)) => return Ok(Some(end)),
            Ok(None) => {}
            Err(error) if SourceError::is(&error) => return Err(error),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    trouble.map_or(Ok(None), Err)
}

/// What an end record at `at` says; `None` if it cannot be one.
fn resolve(input: &mut ArchiveInput, record: &[u8], at: u64) -> io::Result<Option<End>> {
    let (disk, list_disk) = (u32::from(u16_at(record, 4)), u32::from(u16_at(record, 6)));
    let (on_disk, entries) = (u64::from(u16_at(record, 8)), u64::from(u16_at(record, 10)));
    let (size, offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
    let full = entries == 0xffff || on_disk == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff;
    if full && let Some(found) = resolve_64(input, at)? {
        return Ok(Some(found));
    }
    if disk != list_disk || on_disk != entries {
        return Err(several_parts());
    }
    place(input, End { entries, is_64: false, start: offset, end: at, prefix: 0 }, size)
}

fn several_parts() -> io::Error {
    let advice = "it is one part of an archive in several; join them first";
    io::Error::new(io::ErrorKind::Unsupported, advice)
}

/// As [`resolve`], by the zip64 records before the end record at `at`, if there are any.
fn resolve_64(input: &mut ArchiveInput, at: u64) -> io::Result<Option<End>> {
    let Some(locator_at) = at.checked_sub(LOCATOR_LEN as u64) else { return Ok(None) };
    let Some(locator) = read_record::<LOCATOR_LEN>(input, locator_at, LOCATOR_64)? else { return Ok(None) };
    let said = u64_at(&locator, 8);
    // Behind a prefix, the record is farther on than it says; then it is right before the locator.
    let before = locator_at.saturating_sub(END_64_LEN as u64);
    for at in [said, before] {
        if at > before {
            continue;
        }
        let Some(record) = read_record::<END_64_LEN>(input, at, END_64)? else { continue };
        if u32_at(&record, 16) != u32_at(&record, 20) || u64_at(&record, 24) != u64_at(&record, 32) {
            return Err(several_parts());
        }
        let (entries, size, start) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
        let end = End { entries, is_64: true, start, end: at, prefix: 0 };
        if let Some(end) = place(input, end, size)? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// Finds where a list really begins that is said to begin at `said.start` and to have `size` bytes.
fn place(input: &mut ArchiveInput, said: End, size: u64) -> io::Result<Option<End>> {
    // Right before the record, shifted by what stands before the archive; or just where it is said.
    let right_before = said.end.checked_sub(size).filter(|start| *start >= said.start);
    let as_said = said.start.checked_add(size).filter(|end| *end <= said.end);
    let candidates = [
        right_before.map(|start| End { start, prefix: start - said.start, ..said }),
        as_said.map(|end| End { end, ..said }),
    ];
    for end in candidates.into_iter().flatten() {
        let is_one = match end.start == end.end {
            true => said.entries == 0,
            false => read_record::<{ RECORD.len() }>(input, end.start, RECORD)?.is_some(),
        };
        if is_one {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// The bytes at a place, if all are there and they begin with `magic`.
fn read_record<const N: usize>(
    input: &mut ArchiveInput,
    at: u64,
    magic: &[u8],
) -> io::Result<Option<[u8; N]>> {
    let mut record = [0; N];
    input.go_to(at);
    let n = fill(input, &mut record)?;
    Ok((n == N && record.starts_with(magic)).then_some(record))
}

/// The records of the list, in its order.
pub struct Directory {
    input: BufReader<ArchiveInput>,
    /// Where the next record is.
    at: u64,
    end: End,
    /// Where the entries begin, sorted: what is needed to see that none overlap.
    starts: Vec<u64>,
}

impl Directory {
    /// Goes through the list once.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is damaged or does not have as many entries as it should.
    pub fn open(input: ArchiveInput, end: &End) -> io::Result<Self> {
        let mut directory =
            Self { input: BufReader::new(input), at: end.start, end: *end, starts: Vec::new() };
        directory.rewind()?;
        while let Some(record) = directory.next_record()? {
            directory.starts.push(record.start);
        }
        let found = directory.starts.len() as u64;
        let counted = if end.is_64 { found } else { found & 0xffff };
        if counted != end.entries {
            let said = end.entries;
            return Err(invalid(format!("the archive lists {found} entries and says that it has {said}")));
        }
        directory.starts.sort_unstable();
        directory.rewind()?;
        Ok(directory)
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.at = self.end.start;
        self.input.seek(SeekFrom::Start(self.at)).map(drop)
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData`.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        let left = self.end.end - self.at;
        if left == 0 {
            return Ok(None);
        }
        let mut fixed = [0; FIXED];
        let n = fill(&mut self.input, &mut fixed[..left.min(FIXED as u64) as usize])?;
        if fixed.starts_with(SIGNATURE) {
            self.at = self.end.end; // of the list; some writers put one behind it
            return Ok(None);
        }
        if n < FIXED || !fixed.starts_with(RECORD) {
            return Err(self.damaged("does not begin as one"));
        }
        let lens = [28, 30, 32].map(|at| usize::from(u16_at(&fixed, at)));
        let len = (FIXED + lens.iter().sum::<usize>()) as u64;
        if len > left {
            return Err(self.damaged("is longer than the list"));
        }
        let mut variable = vec![0; lens[0] + lens[1]];
        if fill(&mut self.input, &mut variable)? < variable.len() {
            return Err(self.damaged("is cut off"));
        }
        self.input.seek_relative(lens[2] as i64)?; // the comment
        let (name, extra) = variable.split_at(lens[0]);
        let record = Record::parse(&fixed, name, extra, self.end.prefix).map_err(|why| self.damaged(why))?;
        self.at += len;
        Ok(Some(record))
    }

    fn damaged(&self, why: &str) -> io::Error {
        invalid(format!("the record of an entry at byte {} {why}", self.at))
    }

    /// How many of `len` bytes stand before the entries and from the list on.
    pub fn around(&self, len: u64) -> u64 {
        let first = self.starts.first().copied().unwrap_or(self.end.start).min(self.end.start);
        first + len.saturating_sub(self.end.start)
    }

    /// Where the bytes of an entry must end: where the next begins, or the list. `None` if another
    /// entry begins in the same place.
    pub fn extent(&self, record: &Record) -> Option<u64> {
        let first = self.starts.partition_point(|start| *start < record.start);
        let next = self.starts.partition_point(|start| *start <= record.start);
        let end = self.starts.get(next).copied().unwrap_or(self.end.start).min(self.end.start);
        (next - first == 1).then_some(end)
    }
}
