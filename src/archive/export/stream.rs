//! A tar compressed on its way to the writer.
//!
//! Its bytes are gathered into blocks, and each block is a job: for gzip all are one deflated
//! stream, for which a block comes with the window before it; for Zstandard each is a frame.

use std::io::Write;

use flate2::Crc;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

use super::deflate::{BLOCK, Deflated, Deflater, END, WINDOW, crc_of};
use super::options::{Compression, Settings};
use super::sink::{Put, Sink};
use crate::archive::pipeline::{Pipeline, Work};
use crate::content::{allocate, copied};
use crate::error::{Error, Result};

/// Bytes of one frame of Zstandard, which knows nothing of those before it: as many as it looks
/// back at its usual level.
const FRAME: usize = 2 << 20;

/// The header of a gzip: deflated; no name, no time, no hints, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is put into it.
pub struct Packer<'s, W> {
    sink: &'s mut Sink<W>,
    pipeline: Pipeline<Codec>,
    /// Bytes of one block.
    size: usize,
    /// Bytes of the window before each.
    window: usize,
    /// The block that is being gathered.
    block: Block,
    /// Of all bytes that have been compressed.
    crc: Crc,
}

/// Bytes to be compressed, after some that precede them.
struct Block {
    bytes: Vec<u8>,
    before: usize,
}

impl<'s, W: Write> Packer<'s, W> {
    /// Starts a compressed stream.
    ///
    /// # Errors
    ///
    /// Those of the writer; `AllocationFailed`.
    pub fn new(sink: &'s mut Sink<W>, settings: Settings) -> Result<Self> {
        let (size, window) = match settings.compression {
            Compression::Zstd => (FRAME, 0),
            _ => (BLOCK, WINDOW),
        };
        if settings.compression == Compression::Deflate {
            sink.put(&GZIP)?;
        }
        let block = Block { bytes: allocate(size)?, before: 0 };
        let pipeline = Pipeline::new(Codec(settings), settings.threads);
        Ok(Self { sink, pipeline, size, window, block, crc: Crc::new() })
    }

    /// Compresses the rest and ends the stream.
    ///
    /// # Errors
    ///
    /// Those of the writer; `AllocationFailed`.
    pub fn finish(mut self) -> Result<()> {
        if self.block.bytes.len() > self.block.before {
            self.submit()?;
        }
        while self.take()? {}
        if self.window > 0 {
            self.sink.put(&END)?;
            self.sink.put(&self.crc.sum().to_le_bytes())?;
            self.sink.put(&self.crc.amount().to_le_bytes())?;
        }
        Ok(())
    }

    /// Hands the gathered block over and starts the next.
    fn submit(&mut self) -> Result<()> {
        while self.pipeline.is_full() {
            self.take()?;
        }
        let gathered = &self.block.bytes;
        let window = &gathered[gathered.len() - self.window.min(gathered.len())..];
        let mut bytes = allocate(window.len() + self.size)?;
        bytes.extend_from_slice(window);
        let next = Block { before: bytes.len(), bytes };
        self.pipeline.submit(std::mem::replace(&mut self.block, next));
        Ok(())
    }

    /// Writes the next block; says whether there was one.
    fn take(&mut self) -> Result<bool> {
        let Some(done) = self.pipeline.next() else { return Ok(false) };
        let done = done?;
        self.crc.combine(&done.crc);
        self.sink.put(&done.bytes)?;
        Ok(true)
    }
}

impl<W: Write> Put for Packer<'_, W> {
    fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = self.block.before + self.size - self.block.bytes.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.bytes.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                self.submit()?;
            }
        }
        Ok(())
    }
}

/// The work of the threads.
struct Codec(Settings);

enum Tools {
    Gzip(Deflater),
    Zstd(Compressor<'static>),
}

impl Work for Codec {
    type Job = Block;
    type Done = Deflated;
    type Tools = Tools;

    fn tools(&self) -> Result<Tools> {
        if self.0.compression != Compression::Zstd {
            return Ok(Tools::Gzip(Deflater::new(self.0.level)));
        }
        let mut compressor = Compressor::new(self.0.level as i32).map_err(Error::other)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(Error::other)?;
        Ok(Tools::Zstd(compressor))
    }

    fn run(&self, Block { bytes, before }: Block, tools: &mut Tools) -> Result<Deflated> {
        let (before, bytes) = bytes.split_at(before);
        match tools {
            Tools::Gzip(deflater) => {
                Ok(Deflated { bytes: deflater.deflate(before, bytes, false)?, crc: crc_of(bytes) })
            }
            Tools::Zstd(compressor) => {
                let mut out = allocate(compress_bound(bytes.len()))?;
                compressor.compress_to_buffer(bytes, &mut out).map_err(Error::other)?;
                Ok(Deflated { bytes: copied(&out)?, crc: Crc::new() })
            }
        }
    }
}
