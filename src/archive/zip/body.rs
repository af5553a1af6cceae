//! The bytes of one entry of a zip, unpacked and checked.

use std::io::{self, BufReader, Read, Take};

use flate2::Crc;

use super::record::{Record, u16_at};
use crate::archive::input::ArchiveInput;
use crate::archive::invalid;
use crate::archive::packing;
use crate::ops::intake::fill;

/// The bytes before the name in the header of an entry.
const HEADER: usize = 30;

/// An entry that has yet to be read, is being read, or cannot be.
///
/// Its header is looked at when the first byte is asked for, so that entries that are passed over
/// cost nothing. The end comes only after as many bytes as were promised, with the right checksum.
pub struct Body {
    input: Option<ArchiveInput>,
    /// Where it must end; `None` if it overlaps another.
    extent: Option<u64>,
    record: Record,
    open: Option<Open>,
}

struct Open {
    unpacked: Box<dyn Read + Send>,
    crc: Crc,
    done: u64,
}

impl Body {
    /// The entry of a record.
    pub fn new(input: ArchiveInput, extent: Option<u64>, record: Record) -> Self {
        Self { input: Some(input), extent, record, open: None }
    }

    /// How many bytes of the archive it has, if none of them has been asked for.
    pub fn unread(&self) -> u64 {
        self.input.as_ref().map_or(0, |_| self.record.packed)
    }

    /// Looks at the header of the entry and what stands around it.
    fn open(&self, mut input: ArchiveInput) -> io::Result<Open> {
        const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
        let Record { start, packed, size, method, .. } = self.record;
        if self.record.flags & ENCRYPTED != 0 {
            return Err(unsupported("it is encrypted; only entries without a password can be read"));
        }
        let extent = self.extent.ok_or_else(|| invalid("another entry begins in the same place"))?;
        input.go_to(start);
        let mut header = [0; HEADER];
        if fill(&mut input, &mut header)? < HEADER || !header.starts_with(b"PK\x03\x04") {
            return Err(invalid(format!("at byte {start}, where it should begin, is something else")));
        }
        let mut name = vec![0; usize::from(u16_at(&header, 26))];
        if fill(&mut input, &mut name)? < name.len() || *name != *self.record.raw_name {
            let other = String::from_utf8_lossy(&name).into_owned();
            return Err(invalid(format!("its own header has another name, {other:?}")));
        }
        let data = input.position() + u64::from(u16_at(&header, 28));
        if data.checked_add(packed).is_none_or(|end| end > extent) {
            return Err(invalid("it overlaps what comes after it"));
        }
        input.go_to(data);
        let packed_bytes = input.take(packed);
        let unpacked = match method {
            0 if packed != size => return Err(invalid("it is stored and has two lengths")),
            0 => Box::new(packed_bytes),
            _ => unpack(method, packed_bytes)?,
        };
        Ok(Open { unpacked, crc: Crc::new(), done: 0 })
    }
}

/// A decoder for a method of compression.
fn unpack(method: u16, packed: Take<ArchiveInput>) -> io::Result<Box<dyn Read + Send>> {
    let packed = BufReader::with_capacity(packing::BUFFER, packed);
    Ok(match method {
        8 => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        12 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
        93 => packing::zstd(packed)?,
        95 => packing::xz(packed),
        _ => return Err(unsupported(&format!("it is compressed by {}; pack it by deflate", named(method)))),
    })
}

fn unsupported(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, why)
}

/// A method that cannot be read.
fn named(method: u16) -> String {
    let name = match method {
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        9 => "deflate64",
        14 => "LZMA",
        98 => "PPMd",
        99 => "AES",
        _ => return format!("method {method}, which is not known"),
    };
    format!("method {method} ({name}), which is not supported")
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Some(input) = self.input.take() {
            self.open = Some(self.open(input)?);
        }
        // After an error there is nothing more to read, and no end either.
        let mut open = self.open.take().ok_or_else(|| invalid("an earlier read of it failed"))?;
        let n = open.unpacked.read(buf)?;
        open.done += n as u64;
        open.crc.update(&buf[..n]);
        let Record { size, crc, .. } = self.record;
        if open.done > size {
            return Err(invalid(format!("it has more than the {size} bytes that it says to have")));
        }
        if n == 0 && open.done < size {
            let done = open.done;
            return Err(invalid(format!("it ends after {done} of {size} bytes: the archive is damaged")));
        }
        if n == 0 && open.crc.sum() != crc {
            let found = open.crc.sum();
            return Err(invalid(format!("its checksum is {found:08x} and should be {crc:08x}")));
        }
        self.open = Some(open);
        Ok(n)
    }
}
