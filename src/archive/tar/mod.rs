//! Tar archives, plain and compressed.
//!
//! | module | one idea |
//! |---|---|
//! | `block` | one header: its checksum, numbers and names |
//! | `extended` | what pax and GNU headers say of the entry after them |
//! | `sparse` | files with holes, which are filled again |
//! | `stream` | blocks, from anywhere in a plain tar or in turn out of a compressed one |
//!
//! Headers are laid out and read by the `tar` crate; what follows from them is decided here. Its
//! own iterator reads long names and extended headers of any length into memory, ends a value of an
//! extended header at a line break, and leaves the sparse files of pax as they are.

mod block;
mod extended;
mod sparse;
mod stream;

use std::io::{self, BufReader, Read};

use super::format::{ArchiveFormat, ArchiveReader, EntryInfo, EntryKind};
use super::input::{ArchiveInput, ArchiveProbe, SourceError};
use super::invalid;
use super::packing::{self, Gzip};
use block::{BLOCK, Block};
use extended::Extended;
use sparse::Sparse;
use stream::Stream;

/// How many extended headers an entry may have before each counts as one: two of pax, two of GNU.
const USUAL_EXTENSIONS: u32 = 4;

/// How a tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// As gzip does.
    Gzip,
    /// As zstd does.
    Zstd,
    /// As bzip2 does.
    Bzip2,
    /// As xz does.
    Xz,
}

impl Packing {
    /// How data that begins so is compressed.
    fn of(head: &[u8]) -> Option<Self> {
        let zstd_skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ if zstd_skippable => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }
}

/// Whether data that begins so is a tar, plain or (perhaps) compressed.
pub fn is_one(head: &[u8]) -> bool {
    block::begins_tar(head) || Packing::of(head).is_some()
}

/// A tar, compressed in one way.
pub struct TarFormat(pub Packing);

impl ArchiveFormat for TarFormat {
    fn name(&self) -> &str {
        match self.0 {
            Packing::Plain => "tar",
            Packing::Gzip => "tar.gz",
            Packing::Zstd => "tar.zst",
            Packing::Bzip2 => "tar.bz2",
            Packing::Xz => "tar.xz",
        }
    }

    fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(match self.0 {
            Packing::Plain => block::begins_tar(probe.head()),
            packing => Packing::of(probe.head()) == Some(packing),
        })
    }

    fn open(&self, input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        let meter = input.meter();
        let buffered = |input| BufReader::with_capacity(packing::BUFFER, input);
        let unpacked: Box<dyn Read + Send> = match self.0 {
            Packing::Plain => return TarReader::boxed(Stream::plain(input)),
            Packing::Gzip => Box::new(Gzip::new(buffered(input))),
            Packing::Zstd => packing::zstd(buffered(input))?,
            Packing::Bzip2 => packing::bzip2(buffered(input)),
            Packing::Xz => packing::xz(buffered(input)),
        };
        TarReader::boxed(Stream::packed(unpacked, meter))
    }
}

/// A tar that is being read.
struct TarReader {
    stream: Stream,
    /// The first header, which was read to see whether this is a tar.
    first: Option<Block>,
    /// What extended headers say of all entries after them.
    global: Extended,
    /// What is left of the entry given last.
    left: Left,
    ended: bool,
}

/// What of an entry has not been read.
#[derive(Default)]
struct Left {
    /// Bytes of it in the archive.
    bytes: u64,
    /// What fills up its last block.
    padding: u64,
    /// The map of a file with holes.
    sparse: Option<Sparse>,
    /// Its name.
    name: Vec<u8>,
}

impl TarReader {
    /// Opens a tar, and makes sure that it is one.
    fn boxed(mut stream: Stream) -> io::Result<Box<dyn ArchiveReader>> {
        let first = stream.first_block()?;
        if first.as_ref().is_none_or(|block| !block.is_zero() && !block.has_right_checksum()) {
            return Err(invalid("what is compressed is not a tar; only tars are read compressed"));
        }
        let (global, left) = (Extended::default(), Left::default());
        Ok(Box::new(Self { stream, first, global, left, ended: false }))
    }

    fn next_header(&mut self) -> io::Result<Option<Block>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first).filter(|block| !block.is_zero()));
        }
        let left = std::mem::take(&mut self.left);
        self.stream.skip(left.bytes, Some(&left.name))?;
        self.stream.skip(left.padding, None)?;
        let at = self.stream.position();
        let Some(block) = self.stream.next_block()?.filter(|block| !block.is_zero()) else {
            return Ok(None);
        };
        if !block.has_right_checksum() {
            return Err(invalid(format!("the header at byte {at} is damaged: its checksum is wrong")));
        }
        Ok(Some(block))
    }

    fn look_for_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        let mut extended = Extended::default();
        let mut headers = 0;
        loop {
            let at = self.stream.position();
            let Some(block) = self.next_header()? else {
                if extended.is_empty() {
                    return Ok(None);
                }
                return Err(invalid("the archive ends where a header says that an entry follows"));
            };
            let kind = block.type_flag();
            if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
                return self.entry(&block, &extended, at).map(Some);
            }
            headers += 1;
            if headers > USUAL_EXTENSIONS {
                self.stream.count(&block.name())?;
            }
            let size = block.size()?;
            let body = self.stream.read_extension(size, &block.name())?;
            self.left = Left { padding: padding(size), ..Left::default() };
            match kind {
                b'x' => extended.read_pax(&body)?,
                b'g' => self.global.read_pax(&body)?,
                b'L' => extended.set_long_name(&body),
                _ => {} // the target of a link
            }
        }
    }

    /// What an entry's header says of it, with what extended headers say of it.
    fn entry(&mut self, block: &Block, extended: &Extended, at: u64) -> io::Result<EntryInfo> {
        let name = extended.name.clone().unwrap_or_else(|| block.name());
        let kind = match block.type_flag() {
            0 | b'0' if name.ends_with(b"/") => EntryKind::Directory, // as the oldest tars have it
            0 | b'0' | b'7' | b'S' => EntryKind::File,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::SymbolicLink,
            b'5' | b'D' => EntryKind::Directory,
            b'M' => {
                let why = "it goes on from another volume; join the volumes first";
                return Err(named(&name, io::Error::new(io::ErrorKind::Unsupported, why)));
            }
            _ => EntryKind::Special,
        };
        let has_data = !matches!(block.type_flag(), b'1'..=b'6');
        let size = match extended.size {
            _ if !has_data => 0,
            Some(size) => size,
            None => block.size().map_err(|error| named(&name, error))?,
        };
        if size > i64::MAX as u64 - BLOCK as u64 {
            return Err(named(&name, invalid(format!("the header at byte {at} gives it {size} bytes"))));
        }
        self.left = Left { bytes: size, padding: padding(size), sparse: None, name: name.clone() };
        let mut real_size = size;
        if kind == EntryKind::File {
            let sparse = Sparse::of(block, extended, &mut self.stream, &mut self.left.bytes);
            if let Some(sparse) = sparse.map_err(|error| named(&name, error))? {
                real_size = sparse.size();
                self.left.sparse = Some(sparse);
            }
        }
        let info = EntryInfo::new(name, kind).with_size(if kind == EntryKind::File { real_size } else { 0 });
        let modified = extended.modified.or(self.global.modified).or_else(|| block.modified());
        Ok(match modified {
            Some(time) => info.with_modified(time),
            None => info,
        })
    }
}

/// The bytes that fill up the last block of so many.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

/// An error that says which entry it is of, unless it is of the source.
fn named(name: &[u8], error: io::Error) -> io::Error {
    if SourceError::is(&error) {
        return error;
    }
    let name = String::from_utf8_lossy(name);
    io::Error::new(error.kind(), format!("entry {name:?}: {error}"))
}

impl ArchiveReader for TarReader {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        if self.ended {
            return Ok(None);
        }
        let entry = self.look_for_entry();
        self.ended = !matches!(entry, Ok(Some(_)));
        if let Ok(None) = entry {
            self.stream.finish()?;
        }
        entry
    }
}

impl Read for TarReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let Left { bytes, sparse, .. } = &mut self.left;
        match sparse {
            Some(sparse) => sparse.read(buf, |buf| self.stream.read_some(buf, bytes)),
            None => self.stream.read_some(buf, bytes),
        }
    }
}
