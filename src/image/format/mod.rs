//! The image, byte by byte.
//!
//! Numbers are little-endian and stand without gaps. Digests are XXH3 of 64 or 128 bits, with seed 0;
//! they notice damage, not forgery.
//!
//! ```text
//! image  = header, meta, D(header and meta), groups, D(all digests before this one, in order)
//! group  = the bytes of its chunks, D(those bytes)                     D: 128 bits
//! ```
//!
//! **Header**, 64 bytes. In all versions of the format the magic, the version and the digest stay
//! where they are.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic: `89 41 52 43 46 53 0d 0a`, so `ARCFS` between bytes that text modes spoil |
//! | 8 | 4 | version of the format: 1 |
//! | 12 | 4 | 0 |
//! | 16 | 8 | bytes of the meta |
//! | 24 | 8 | bytes of all chunks |
//! | 32 | 8 | number of groups |
//! | 40 | 16 | 0 |
//! | 56 | 8 | digest, 64 bits, of the 56 bytes before |
//!
//! **Meta**: the [head](Head), then the tables in the order of the fields of [`Meta`]. The head says
//! how many records each table has; records have a fixed size, given at each of them, so every one
//! is found by arithmetic. A record refers to another by its number, counted from 0.
//!
//! * A node, a content, a chunk, a long name that several versions share is *one* record, referred to
//!   by number. So what was shared is shared again after loading.
//! * A directory comes after the directories in it; a file after the one that pays for it.
//! * A directory either lists its entries or, with a base, says how they differ from those of an
//!   earlier directory. Those of the current tree have no base, so that a path is found by
//!   binary search in the bytes as they are.
//! * Entries, changes and snapshots are in bytewise order of names, each name once. The ranges of
//!   entries, changes and parts follow each other without gap or overlap, in the order of the
//!   directories and contents that they belong to.
//!
//! **Groups** are the chunks in the order of their records. A group ends after the chunk with which
//! it reaches 256 KiB, or with the last chunk. Each can be read and verified by itself, so that
//! threads share the work.

mod records;

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

pub use records::{
    ChangeRecord, ChunkLen, ChunkNumber, ContentRef, DirRecord, EntryRecord, FileRecord, Head, NameRef,
    NodeRef, Record, SnapshotRecord, Span, Table, Text, Time,
};

use super::errors::{broken, damaged, foreign, newer, truncated};
use crate::error::Result;
use records::Fields;

/// What every image begins with.
pub const MAGIC: [u8; 8] = *b"\x89ARCFS\r\n";
/// The version of the format that is written, and the latest that is read.
pub const VERSION: u32 = 1;
/// Bytes of a digest.
pub const DIGEST: usize = 16;
/// A group is closed once it has so many bytes.
pub const GROUP: usize = 256 * 1024;

/// The lengths of what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub meta: u64,
    pub data: u64,
    pub groups: u64,
}

impl Header {
    pub const SIZE: usize = 64;
    const DIGEST_AT: usize = 56;

    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.meta.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.data.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.groups.to_le_bytes());
        let digest = xxh3_64(&bytes[..Self::DIGEST_AT]);
        bytes[Self::DIGEST_AT..].copy_from_slice(&digest.to_le_bytes());
        bytes
    }

    /// Reads a header from the first bytes of a file, which are too few only if there are no more.
    ///
    /// # Errors
    ///
    /// `InvalidData` if this is no image, or a truncated or damaged one; `Unsupported` if it is
    /// of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(foreign());
        }
        let Some(bytes) = bytes.first_chunk::<{ Self::SIZE }>() else {
            return Err(truncated(bytes.len() as u64, None));
        };
        let mut fields = Fields(&bytes[8..]);
        let version = fields.u32();
        fields.u32();
        let header = Self { meta: fields.u64(), data: fields.u64(), groups: fields.u64() };
        if xxh3_64(&bytes[..Self::DIGEST_AT]).to_le_bytes() != bytes[Self::DIGEST_AT..] {
            return Err(damaged("its header does not match its digest"));
        }
        match version {
            VERSION => Ok(header),
            0 => Err(broken("the version of the format is 0")),
            _ => Err(newer(version)),
        }
    }

    /// Bytes of the whole image; `None` if no file can be that long.
    pub fn image_len(&self) -> Option<u64> {
        let digests = self.groups.checked_add(2)?.checked_mul(DIGEST as u64)?;
        (Self::SIZE as u64).checked_add(self.meta)?.checked_add(self.data)?.checked_add(digests)
    }
}

/// The parts of the meta, in the order in which they stand there.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    pub head: Head,
    /// The text of all names; each is UTF-8.
    pub texts: &'a [u8],
    /// Names over 23 bytes: each is one that entries share.
    pub longs: Table<'a, Text>,
    pub chunks: Table<'a, ChunkLen>,
    /// Contents of two chunks or more.
    pub contents: Table<'a, Span>,
    /// The chunks of those contents.
    pub parts: Table<'a, ChunkNumber>,
    pub files: Table<'a, FileRecord>,
    pub dirs: Table<'a, DirRecord>,
    pub entries: Table<'a, EntryRecord>,
    pub changes: Table<'a, ChangeRecord>,
    pub snapshots: Table<'a, SnapshotRecord>,
}

impl<'a> Meta<'a> {
    /// Finds the tables, which are then within the bytes; their records are not looked at. O(1).
    ///
    /// # Errors
    ///
    /// `InvalidData` if they do not fill the bytes exactly.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let too_short = || broken("its tables do not fit into it");
        let (head, rest) = bytes.split_at_checked(Head::SIZE).ok_or_else(too_short)?;
        let head = Head::get(Fields(head));
        let mut tables = Tables(rest);
        let texts = tables.take(head.texts, 1).ok_or_else(too_short)?;
        let mut take = || {
            Some(Self {
                head,
                texts,
                longs: tables.table(head.longs)?,
                chunks: tables.table(head.chunks)?,
                contents: tables.table(head.contents)?,
                parts: tables.table(head.parts)?,
                files: tables.table(head.files)?,
                dirs: tables.table(head.dirs)?,
                entries: tables.table(head.entries)?,
                changes: tables.table(head.changes)?,
                snapshots: tables.table(head.snapshots)?,
            })
        };
        let meta = take().ok_or_else(too_short)?;
        if tables.0.is_empty() { Ok(meta) } else { Err(broken("there is something behind its tables")) }
    }

    /// A text; `None` if there is none at that place, or it is not UTF-8.
    pub fn text(&self, text: Text) -> Option<&'a str> {
        let from = usize::try_from(text.at).ok()?;
        let bytes = self.texts.get(from..from.checked_add(usize::try_from(text.len).ok()?)?)?;
        std::str::from_utf8(bytes).ok()
    }

    /// The text of a name.
    pub fn name(&self, name: NameRef) -> Option<&'a str> {
        match name {
            NameRef::Short(text) => self.text(text),
            NameRef::Long(number) => self.text(self.longs.get(usize::try_from(number).ok()?)?),
        }
    }
}

/// Tables that are still to be taken.
struct Tables<'a>(&'a [u8]);

impl<'a> Tables<'a> {
    fn take(&mut self, count: u64, size: usize) -> Option<&'a [u8]> {
        let len = usize::try_from(count).ok()?.checked_mul(size)?;
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn table<R: Record>(&mut self, count: u64) -> Option<Table<'a, R>> {
        self.take(count, R::SIZE).map(Table::new)
    }
}

/// Some chunks that stand together in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their numbers.
    pub chunks: Range<usize>,
    /// Where they begin in the image.
    pub at: u64,
    /// Their bytes; the digest follows.
    pub len: usize,
}

/// The groups of an image with these chunks.
pub fn groups(header: &Header, chunks: Table<'_, ChunkLen>) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    let mut at = Header::SIZE as u64 + header.meta + DIGEST as u64;
    let (mut first, mut len, mut data) = (0, 0, 0);
    for (number, chunk) in chunks.iter().enumerate() {
        len += chunk.0;
        if len >= GROUP || number + 1 == chunks.len() {
            groups.push(Group { chunks: first..number + 1, at, len });
            at = at.saturating_add((len + DIGEST) as u64);
            data += len as u64;
            (first, len) = (number + 1, 0);
        }
    }
    if (data, groups.len() as u64) == (header.data, header.groups) {
        Ok(groups)
    } else {
        Err(broken("its chunks do not add up to what its header says"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_header_comes_back_and_no_flipped_bit_in_it_is_missed() {
        let header = Header { meta: 1, data: 2, groups: 3 };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes).unwrap(), header);
        assert_eq!(header.image_len(), Some(64 + 1 + 2 + 5 * 16));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&bytes).unwrap_err().kind(), &ErrorKind::InvalidData, "bit {bit}");
        }
        for len in 0..bytes.len() {
            let error = Header::decode(&bytes[..len]).unwrap_err();
            assert!(error.to_string().contains("truncated"), "{error}");
        }
    }

    #[test]
    fn a_newer_version_and_a_foreign_file_are_told_apart() {
        let mut bytes = Header { meta: 0, data: 0, groups: 0 }.encode();
        bytes[8] = 2;
        let digest = xxh3_64(&bytes[..56]).to_le_bytes();
        bytes[56..].copy_from_slice(&digest);
        let error = Header::decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unsupported);
        assert!(error.to_string().contains("version 2"), "{error}");
        let error = Header::decode(b"{\"files\": {}}").unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData);
        assert!(error.to_string().contains("not an arcfs image"), "{error}");
    }
}
