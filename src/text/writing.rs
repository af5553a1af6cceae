//! Writing text: encoded as a whole, handed over at once.

use std::fmt;
use std::io::{self, SeekFrom, Write};

use super::TextFile;
use super::encode::{Refusal, Shift, encode};
use super::encoding::Codec;
use crate::error::{ErrorKind, Result};

/// What of a buffer is kept from one text to the next, in bytes.
const KEPT: usize = 64 << 10;

/// The writing side.
#[derive(Default)]
pub struct Output {
    shift: Shift,
    /// Whether it is settled that no byte order mark is to be written.
    no_mark: bool,
    /// The last text as bytes, for its memory.
    buffer: Vec<u8>,
}

impl Output {
    /// The next text is somewhere else.
    pub fn start_over(&mut self) {
        self.shift = Shift::Ascii;
        self.no_mark = false;
    }
}

impl<H: Write> TextFile<H> {
    /// Writes a text, all of it at once, and returns how many bytes it became, a byte order mark
    /// included. It lands where reading stopped, if something was read.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, TextOptions};
    ///
    /// let fs = MemFs::new();
    /// let mut text = TextOptions::new().encoding("latin1")?.open(fs.create("/a")?);
    /// assert_eq!(text.write_str("thé ")?, 4);
    /// let error = text.write_str("5 €, or 5 ₤").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::InvalidData); // windows-1252 has €, but not ₤
    /// text.close()?;
    /// assert_eq!(fs.read("/a")?, b"th\xe9 ");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` for a character that the encoding does not have, naming it and where in the text
    /// it is; not with [`TextErrors::Replace`](super::TextErrors). `InvalidInput` if the encoding is
    /// `utf-16` or `utf-32`, the file is not empty, and nothing was read that tells its byte order; see
    /// [`TextEncoding`](super::TextEncoding). Those of the handle, for example
    /// `QuotaExceeded`. `AllocationFailed`. Nothing is written then, but of a handle that took a part
    /// and failed, that part.
    pub fn write_str(&mut self, text: &str) -> Result<usize> {
        self.write_as("write_str", text)
    }

    /// Writes what [`write!`] and [`writeln!`] make, as one text: all of it at once.
    ///
    /// ```
    /// let mut text = arcfs::TextOptions::new().encoding("utf-16be")?.stream(Vec::new());
    /// write!(text, "{}", 42)?;
    /// assert_eq!(text.get_ref(), b"\x004\x002");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`write_str`](Self::write_str). `Other` if formatting fails, which standard types do not.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        if let Some(text) = text.as_str() {
            return self.write_as("write", text).map(|_| ());
        }
        let mut formatted = String::new();
        if fmt::write(&mut formatted, text).is_err() {
            let error = self.error("write", ErrorKind::Other);
            return Err(error.because("an implementation of Display or Debug failed"));
        }
        self.write_as("write", &formatted).map(|_| ())
    }

    /// Writes what the encoding needs behind the last text. Only ISO-2022-JP ever does, see the
    /// [module](super); more text may follow all the same.
    ///
    /// ```
    /// let mut text = arcfs::TextOptions::new().encoding("iso-2022-jp")?.stream(Vec::new());
    /// text.write_str("日本")?;
    /// assert_eq!(text.get_ref(), b"\x1b$BF|K\\");
    /// text.finish()?;
    /// assert_eq!(text.get_ref(), b"\x1b$BF|K\\\x1b(B");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the handle. It may be called again then.
    pub fn finish(&mut self) -> Result<()> {
        let reset = self.output.shift.reset();
        if !reset.is_empty() {
            self.settle("finish")?;
            put(&mut self.handle, reset).map_err(|error| self.failed("finish", error))?;
            self.output.shift = Shift::Ascii;
        }
        Ok(())
    }

    /// Flushes the handle: over a [`File`](crate::File) it publishes what was written, unless the file
    /// is atomic. There is nothing of the text's own to flush.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut text = fs.create_text("/log")?;
    /// text.write_str("begun\n")?;
    /// assert_eq!(fs.read("/log")?, b"");
    /// text.flush()?;
    /// assert_eq!(fs.read("/log")?, b"begun\n");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the handle.
    pub fn flush(&mut self) -> Result<()> {
        self.handle.flush().map_err(|error| self.failed("flush", error))
    }

    fn write_as(&mut self, operation: &'static str, text: &str) -> Result<usize> {
        if text.is_empty() {
            return Ok(0);
        }
        self.settle(operation)?;
        let codec = self.input.codec();
        let newline = self.options.newline.written();
        let mark = self.mark(operation, codec)?;
        if codec == Codec::Utf8 && mark.is_empty() && newline.is_none() {
            put(&mut self.handle, text.as_bytes()).map_err(|error| self.failed(operation, error))?;
            return Ok(text.len());
        }
        let mut bytes = std::mem::take(&mut self.output.buffer);
        bytes.clear();
        bytes.extend_from_slice(mark);
        let written = self.write_encoded(operation, codec, text, &mut bytes);
        if bytes.capacity() <= KEPT {
            self.output.buffer = bytes;
        }
        written
    }

    fn write_encoded(
        &mut self,
        operation: &'static str,
        codec: Codec,
        text: &str,
        bytes: &mut Vec<u8>,
    ) -> Result<usize> {
        let newline = self.options.newline.written();
        let shift = encode(codec, self.options.errors, newline, self.output.shift, text, bytes);
        let shift = shift.map_err(|refusal| match refusal {
            Refusal::Failed(error) => error.during(operation),
            Refusal::Unmappable(at, c) => self.error(operation, ErrorKind::InvalidData).because(format!(
                "{} has no {c:?} (U+{:04X}), which is at byte {at} of the text; write it with \
                 TextErrors::Replace, or in another encoding",
                self.options.encoding,
                u32::from(c)
            )),
        })?;
        put(&mut self.handle, bytes).map_err(|error| self.failed(operation, error))?;
        self.output.shift = shift;
        self.output.no_mark = true;
        self.input.order_is_ours(); // or it was known before
        Ok(bytes.len())
    }

    /// The byte order mark that comes before this text: there is none but in an empty file. Where a
    /// mark that was not read says the order of what is there, nothing can be added to it.
    fn mark(&mut self, operation: &'static str, codec: Codec) -> Result<&'static [u8]> {
        if self.output.no_mark {
            return Ok(b"");
        }
        let encoding = self.options.encoding;
        let wanted = self.options.bom.unwrap_or(encoding.has_mark());
        let in_doubt = encoding.has_mark() && !self.input.order_known();
        if wanted || in_doubt {
            match self.is_empty() {
                Ok(true) if wanted => return Ok(codec.mark()),
                Ok(false) if in_doubt => {
                    let name = encoding.name().to_lowercase();
                    return Err(self.error(operation, ErrorKind::InvalidInput).because(format!(
                        "the file is not empty, and which byte order its {encoding} has was not read; name \
                         {name}le or {name}be, or read before writing"
                    )));
                }
                Ok(_) => {}
                Err(error) => return Err(self.failed(operation, error)),
            }
        }
        self.output.no_mark = true;
        Ok(b"")
    }

    fn is_empty(&mut self) -> io::Result<bool> {
        let Some(seek) = self.seek else { return Ok(true) };
        let here = seek(&mut self.handle, SeekFrom::Current(0))?;
        let end = seek(&mut self.handle, SeekFrom::End(0))?;
        if end != here {
            seek(&mut self.handle, SeekFrom::Start(here))?;
        }
        Ok(end == 0)
    }
}

/// Writes all bytes; over a handle that takes all or nothing, all or nothing.
fn put(handle: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    handle.write_all(bytes)
}
