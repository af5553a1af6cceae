//! The blocks of a tar.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use super::block::{BLOCK, Block};
use crate::archive::input::ArchiveInput;
use crate::archive::meter::Meter;
use crate::archive::{invalid, packing};
use crate::ops::intake::fill;

/// The longest extended header or name that is read into memory.
const MAX_EXTENSION: u64 = 1 << 20;

/// How much is passed over between two looks at the limits.
const STEP: u64 = 256 << 10;

/// What may follow the end of a compressed tar.
const MAX_TRAILER: u64 = 16 << 20;

/// A tar from its beginning on.
pub struct Stream {
    bytes: Bytes,
    at: u64,
    meter: Arc<Meter>,
}

enum Bytes {
    Plain(BufReader<ArchiveInput>),
    Packed(BufReader<Box<dyn Read + Send>>),
}

impl Read for Bytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buf),
            Self::Packed(bytes) => bytes.read(buf),
        }
    }
}

fn cut_off(at: u64) -> io::Error {
    invalid(format!("the archive is cut off after byte {at}"))
}

impl Stream {
    /// One that is not compressed.
    pub fn plain(input: ArchiveInput) -> Self {
        let meter = input.meter();
        Self { bytes: Bytes::Plain(BufReader::with_capacity(packing::BUFFER, input)), at: 0, meter }
    }

    /// One that comes out of a decoder, of an archive with this meter.
    pub fn packed(bytes: Box<dyn Read + Send>, meter: Arc<Meter>) -> Self {
        Self { bytes: Bytes::Packed(BufReader::with_capacity(packing::BUFFER, bytes)), at: 0, meter }
    }

    /// How many bytes have been read or passed over.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a part of one.
    pub fn next_block(&mut self) -> io::Result<Option<Block>> {
        let before = self.at;
        match self.first_block()? {
            None if self.at > before => Err(cut_off(self.at)),
            block => Ok(block),
        }
    }

    /// As [`next_block`](Self::next_block), but a part of one is none at all.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn first_block(&mut self) -> io::Result<Option<Block>> {
        let mut block = [0; BLOCK];
        let n = fill(&mut self.bytes, &mut block)?;
        self.at += n as u64;
        Ok((n == BLOCK).then(|| Block::new(&block)))
    }

    /// One more header of this name counts as an entry.
    ///
    /// # Errors
    ///
    /// That of the meter.
    pub fn count(&self, name: &[u8]) -> io::Result<()> {
        Ok(self.meter.count(&String::from_utf8_lossy(name))?)
    }

    /// The body of an extended header with this name.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is longer than any should be, or cut off; that of the meter.
    pub fn read_extension(&mut self, size: u64, name: &[u8]) -> io::Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            let at = self.at;
            return Err(invalid(format!(
                "the extended header at byte {at} has {size} bytes; {MAX_EXTENSION} are read"
            )));
        }
        let mut body = vec![0; size as usize];
        let n = fill(&mut self.bytes, &mut body)?;
        self.at += n as u64;
        self.pass(n as u64, name)?;
        if n < body.len() { Err(cut_off(self.at)) } else { Ok(body) }
    }

    /// Reads some of the `left` bytes of an entry, and counts them down.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the archive ends before them.
    pub fn read_some(&mut self, buf: &mut [u8], left: &mut u64) -> io::Result<usize> {
        let wanted = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let n = self.bytes.read(&mut buf[..wanted])?;
        if n == 0 && wanted > 0 {
            return Err(cut_off(self.at));
        }
        self.at += n as u64;
        *left -= n as u64;
        Ok(n)
    }

    /// Counts bytes that were unpacked for nothing.
    fn pass(&self, bytes: u64, name: &[u8]) -> io::Result<()> {
        if let Bytes::Packed(_) = self.bytes {
            self.meter.pass(&String::from_utf8_lossy(name), bytes)?;
        }
        Ok(())
    }

    /// Passes over some bytes, which are of the entry of this name; of none, if they only fill up
    /// a block.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the archive ends before them; that of the meter.
    pub fn skip(&mut self, bytes: u64, entry: Option<&[u8]>) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        if let Bytes::Plain(plain) = &mut self.bytes
            && let Some(len) = plain.get_ref().size()
        {
            if self.at + bytes > len {
                return Err(cut_off(len));
            }
            self.meter.leave_behind(bytes.saturating_sub(plain.buffer().len() as u64));
            plain.seek_relative(bytes as i64)?;
            self.at += bytes;
            return Ok(());
        }
        let mut left = bytes;
        while left > 0 {
            let step = left.min(STEP);
            let skipped = io::copy(&mut (&mut self.bytes).take(step), &mut io::sink())?;
            self.at += skipped;
            if skipped < step {
                return Err(cut_off(self.at));
            }
            if let Some(name) = entry {
                self.pass(step, name)?;
            }
            left -= step;
        }
        Ok(())
    }

    /// Reads what follows the end of a compressed tar, so that its checksums are looked at.
    ///
    /// # Errors
    ///
    /// `InvalidData` if they are wrong, or if far more follows than what fills up a tape.
    pub fn finish(&mut self) -> io::Result<()> {
        let Bytes::Packed(bytes) = &mut self.bytes else { return Ok(()) };
        let trailer = io::copy(&mut bytes.take(MAX_TRAILER + 1), &mut io::sink())?;
        if trailer > MAX_TRAILER {
            return Err(invalid(format!("more than {MAX_TRAILER} bytes follow the end of the tar")));
        }
        Ok(())
    }
}
