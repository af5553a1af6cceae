//! Content as a stream: of shared slices, or of bytes through `std::io`.

use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;

use super::chunk::Chunk;
use super::{Content, Loose};
use crate::error::Result;

/// A part of some content, held so that its bytes stay.
#[derive(Clone)]
pub enum Piece {
    Chunk(Arc<Chunk>),
    Loose(Bytes),
}

impl Piece {
    /// The bytes of a chunk, which are there for as long as the piece is.
    pub fn chunk(chunk: &Arc<Chunk>) -> Result<Self> {
        chunk.bytes()?;
        Ok(Self::Chunk(Arc::clone(chunk)))
    }

    pub fn loose(loose: &Arc<Loose>) -> Result<Self> {
        loose.bytes()?;
        Ok(Self::Loose(match &**loose {
            Loose::Bytes(bytes) => bytes.clone(),
            _ => Bytes::from_owner(LooseBytes(Arc::clone(loose))),
        }))
    }

    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Chunk(_) => Bytes::from_owner(self),
            Self::Loose(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Chunk(chunk) => chunk.bytes().unwrap_or_default(),
            Self::Loose(bytes) => bytes,
        }
    }
}

struct LooseBytes(Arc<Loose>);

impl AsRef<[u8]> for LooseBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes().unwrap_or_default()
    }
}

/// The bytes of a [`Content`] in order, in shared slices; see [`Content::chunks`].
#[derive(Clone)]
pub struct Chunks {
    content: Content,
    at: u64,
}

impl Chunks {
    pub(super) fn new(content: Content) -> Self {
        Self { content, at: 0 }
    }
}

impl Iterator for Chunks {
    type Item = Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.content.piece_at(self.at) {
            Ok(None) => None,
            Ok(Some((_, piece))) => {
                let bytes = piece.into_bytes();
                self.at += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Err(error) => {
                self.at = self.content.len();
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Chunks {}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("content", &self.content).field("at", &self.at).finish()
    }
}

/// A cursor over a [`Content`]; see [`Content::reader`].
///
/// Seeking past the end is allowed, and reading there returns nothing. Seeking before the start is
/// [`io::ErrorKind::InvalidInput`].
#[derive(Clone)]
pub struct ContentReader {
    content: Content,
    at: u64,
    /// The piece that was read last, and where it starts.
    piece: Option<(u64, Piece)>,
}

impl ContentReader {
    pub(super) fn new(content: Content) -> Self {
        Self { content, at: 0, piece: None }
    }
}

impl BufRead for ContentReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let covers =
            |(start, piece): &(u64, Piece)| (*start..*start + piece.as_ref().len() as u64).contains(&self.at);
        if !self.piece.as_ref().is_some_and(covers) {
            self.piece = self.content.piece_at(self.at)?;
        }
        Ok(self.piece.as_ref().map_or(&[], |(start, piece)| &piece.as_ref()[(self.at - start) as usize..]))
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount as u64);
    }
}

impl Read for ContentReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let bytes = self.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            let n = bytes.len().min(buf.len() - done);
            buf[done..done + n].copy_from_slice(&bytes[..n]);
            self.consume(n);
            done += n;
        }
        Ok(done)
    }

    fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let left = usize::try_from(self.content.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        out.try_reserve(left)?;
        loop {
            let bytes = self.fill_buf()?;
            let n = bytes.len();
            if n == 0 {
                return Ok(left);
            }
            out.extend_from_slice(bytes);
            self.consume(n);
        }
    }
}

impl Seek for ContentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.content.len(), by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = base.checked_add_signed(by).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "seek to a position before the start, or beyond any")
        })?;
        Ok(self.at)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        Ok(self.at)
    }
}

impl fmt::Debug for ContentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentReader").field("content", &self.content).field("at", &self.at).finish()
    }
}
