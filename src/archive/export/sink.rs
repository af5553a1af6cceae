//! The caller's writer, and the errors that it gives.

use std::io::{self, Write};

use crate::error::{Error, ErrorKind, Result};

/// Small pieces are gathered until there are so many bytes.
const GATHER: usize = 64 << 10;

/// A writer, with the number of bytes that went to it. Dropped without [`finish`](Self::finish), it
/// does not touch the writer again.
pub struct Sink<W> {
    writer: W,
    gathered: Vec<u8>,
    written: u64,
}

impl<W: Write> Sink<W> {
    pub fn new(writer: W) -> Self {
        Self { writer, gathered: Vec::with_capacity(GATHER), written: 0 }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes the rest, flushes the writer, and gives the number of bytes written.
    ///
    /// # Errors
    ///
    /// As [`put`](Put::put).
    pub fn finish(mut self) -> Result<u64> {
        self.pass_on()?;
        self.writer.flush().map_err(refused)?;
        Ok(self.written)
    }

    fn pass_on(&mut self) -> Result<()> {
        self.writer.write_all(&self.gathered).map_err(refused)?;
        self.gathered.clear();
        Ok(())
    }
}

/// Where the bytes of an archive go.
pub trait Put {
    /// Writes some more.
    ///
    /// # Errors
    ///
    /// `Other` with the writer's error as the source.
    fn put(&mut self, bytes: &[u8]) -> Result<()>;
}

impl<W: Write> Put for Sink<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.gathered.len() + bytes.len() > GATHER {
            self.pass_on()?;
        }
        if bytes.len() < GATHER {
            self.gathered.extend_from_slice(bytes);
        } else {
            self.writer.write_all(bytes).map_err(refused)?;
        }
        self.written += bytes.len() as u64;
        Ok(())
    }
}

#[cold]
fn refused(error: io::Error) -> Error {
    Error::new(ErrorKind::Other)
        .because("the archive could not be written and is not complete")
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_are_gathered_and_large_ones_are_not_copied() -> Result<()> {
        struct Pieces(Vec<usize>);
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                self.0.push(0);
                Ok(())
            }
        }
        let mut pieces = Pieces(Vec::new());
        let mut sink = Sink::new(&mut pieces);
        for len in [GATHER / 2, GATHER / 2, 1, GATHER, 10, 20] {
            sink.put(&vec![0; len])?;
        }
        assert_eq!(sink.written(), 2 * GATHER as u64 + 31);
        assert_eq!(sink.finish()?, 2 * GATHER as u64 + 31);
        assert_eq!(pieces.0, [GATHER, 1, GATHER, 30, 0]);
        Ok(())
    }
}
