//! Text in any encoding, over a handle.
//!
//! [`TextFile`] makes a handle of bytes one of characters: it reads lines and counted characters, and
//! writes strings. [`TextOptions`] says in which encoding, what becomes of what cannot be decoded or
//! encoded, and what the ends of lines are.
//!
//! ```
//! use arcfs::{MemFs, Newline, TextOptions};
//!
//! let fs = MemFs::new();
//! let options = TextOptions::new().encoding("shift_jis")?.newline(Newline::CrLf);
//!
//! let mut text = options.open(fs.create("/memo.txt")?);
//! text.write_str("買い物\n牛乳\n")?;
//! text.close()?;
//! assert_eq!(fs.metadata("/memo.txt")?.len(), 14); // two bytes a character, \r\n
//!
//! let lines: Vec<String> = options.open(fs.open("/memo.txt")?).lines().collect::<arcfs::Result<_>>()?;
//! assert_eq!(lines, ["買い物", "牛乳"]);
//! # Ok::<(), arcfs::Error>(())
//! ```
//!
//! # Reading
//!
//! Bytes are read ahead, in pieces of 16 KiB; they are decoded only when they are asked for. So
//! [`position`](TextFile::position) is exact between any two calls, and so is going over to writing.
//!
//! A call that meets an error (of the handle, or bytes that are no character) after it has read
//! something returns that; the next call returns the error, and the one after it goes on behind the
//! bytes that were named, or asks the handle again. Calls that promise everything
//! ([`read_to_string`](TextFile::read_to_string), [`read_text`](TextFile::read_text)) return the error at
//! once. The end of the file is no state: what is appended later can be read then.
//!
//! # Writing
//!
//! Each call encodes its whole text and hands it to the handle at once: nothing is kept back, so what
//! the quota does not have room for is refused by the call that brings it. Over [`File`] a call writes
//! all of its text or nothing; over another handle that fails in the middle, what it took is written.
//! Errors leave the state of the encoder as it was before.
//!
//! # Byte order marks
//!
//! One at the start of the file is skipped when it is read; see [`TextEncoding`]. One is written before
//! the first text of a file that is empty, never when text is added to what is there. That is then in
//! the byte order that was read, and refused where none was.
//!
//! # ISO-2022-JP
//!
//! This encoding alone is written with state. Whoever writes it calls [`finish`](TextFile::finish), or
//! [`close`](TextFile::close), after the last text, which goes back to ASCII if need be (it need not
//! behind a line end). Seeking, and writing where reading stopped, take it for granted that the place
//! is in ASCII.

mod decode;
mod encode;
mod encoding;
mod lines;
mod options;
mod piece;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::fmt;
use std::io::{self, Seek, SeekFrom};

pub use encoding::TextEncoding;
pub use lines::Lines;
pub use options::{Newline, TextErrors, TextOptions};

use crate::error::{Error, ErrorKind, Result};
use crate::file::File;
use crate::fs::MemFs;
use reading::Input;
use writing::Output;

/// The text of a handle, read and written as characters.
///
/// Over [`File`], [`std::fs::File`], [`Cursor`](io::Cursor), [`ContentReader`](crate::ContentReader) and
/// whatever else can [`Seek`]; over what cannot, by [`TextOptions::stream`]. What reads needs
/// [`Read`](io::Read), what writes needs [`Write`](io::Write). See the [module](self) for errors, byte
/// order marks, and what is read ahead.
///
/// ```
/// use arcfs::{MemFs, OpenOptions, TextFile};
///
/// let fs = MemFs::new();
/// fs.write("/poem", "roses\nviolets\n")?;
/// let mut text = TextFile::new(OpenOptions::new().read(true).write(true).open(&fs, "/poem")?);
/// let mut line = String::new();
/// text.read_line(&mut line)?;
/// assert_eq!((line.as_str(), text.position()?), ("roses\n", 6));
/// text.write_str("VIO")?; // where reading stopped
/// text.close()?;
/// assert_eq!(fs.read_to_string("/poem")?, "roses\nVIOlets\n");
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct TextFile<H> {
    handle: H,
    /// How the handle seeks, if it does.
    seek: Option<SeekBy<H>>,
    /// What errors call the file.
    name: Option<Box<str>>,
    options: TextOptions,
    input: Input,
    output: Output,
}

type SeekBy<H> = fn(&mut H, SeekFrom) -> io::Result<u64>;

impl<H: Seek> TextFile<H> {
    /// UTF-8, strict, line ends kept: as [`TextOptions::new`] says.
    ///
    /// ```
    /// use arcfs::{MemFs, TextFile};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", "one\ntwo")?;
    /// let mut text = TextFile::new(fs.open("/a")?);
    /// assert_eq!(text.lines().count(), 2);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn new(handle: H) -> Self {
        TextOptions::new().open(handle)
    }

    /// Where the next text is read or written: the offset in bytes behind what was read, whatever was
    /// read ahead.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("naïve"));
    /// assert_eq!(text.read_chars(3)?, "naï");
    /// assert_eq!(text.position()?, 4);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the handle.
    pub fn position(&mut self) -> Result<u64> {
        let at = self.handle.stream_position().map_err(|error| self.failed("position", error))?;
        Ok(at.saturating_sub(self.input.unread()))
    }

    /// Goes to an offset in bytes, and returns it. What was read ahead is dropped.
    ///
    /// It should be one that [`position`](Self::position) gave, 0 or the end: in the middle of a
    /// character, what is read begins with malformed bytes.
    ///
    /// ```
    /// use std::io::{Cursor, SeekFrom};
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("one\ntwo\nthree\n"));
    /// text.read_line(&mut String::new())?;
    /// let second = text.position()?;
    /// assert_eq!(text.read_text()?, "two\nthree\n");
    /// text.seek(SeekFrom::Start(second))?;
    /// assert_eq!(text.read_chars(3)?, "two");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the handle: `InvalidInput` for a place before the start. The place stays then.
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let to = match to {
            SeekFrom::Current(by) => match by.checked_sub_unsigned(self.input.unread()) {
                Some(by) => SeekFrom::Current(by),
                None => {
                    let error = self.error("seek", ErrorKind::InvalidInput);
                    return Err(error.because("the position would be before the start"));
                }
            },
            to => to,
        };
        let at = self.handle.seek(to).map_err(|error| self.failed("seek", error))?;
        self.input.forget();
        self.output.start_over();
        Ok(at)
    }

    /// Goes to the start.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("again"));
    /// assert_eq!(text.read_text()?, "again");
    /// text.rewind()?;
    /// assert_eq!(text.read_text()?, "again");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the handle.
    pub fn rewind(&mut self) -> Result<()> {
        self.seek(SeekFrom::Start(0)).map(|_| ())
    }
}

impl<H> TextFile<H> {
    fn with(handle: H, seek: Option<SeekBy<H>>, options: TextOptions) -> Self {
        let input = Input::new(options.encoding.codec());
        Self { handle, seek, name: None, options, input, output: Output::default() }
    }

    /// Gives it the name that errors show as the path.
    ///
    /// ```
    /// let mut text = arcfs::TextFile::new(std::io::Cursor::new(b"\xff")).named("greeting.txt");
    /// assert_eq!(text.read_text().unwrap_err().path(), Some("greeting.txt"));
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into());
        self
    }

    /// The encoding that it was opened with.
    ///
    /// ```
    /// let text = arcfs::TextOptions::new().encoding("sjis")?.stream(std::io::empty());
    /// assert_eq!(text.encoding().name(), "Shift_JIS");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn encoding(&self) -> TextEncoding {
        self.options.encoding
    }

    /// What it does with what cannot be decoded or encoded.
    ///
    /// ```
    /// use arcfs::{TextErrors, TextFile};
    ///
    /// assert_eq!(TextFile::new(std::io::empty()).errors(), TextErrors::Strict);
    /// ```
    #[must_use]
    pub fn errors(&self) -> TextErrors {
        self.options.errors
    }

    /// What it does with the ends of lines.
    ///
    /// ```
    /// use arcfs::{Newline, TextFile};
    ///
    /// assert_eq!(TextFile::new(std::io::empty()).newline(), Newline::Keep);
    /// ```
    #[must_use]
    pub fn newline(&self) -> Newline {
        self.options.newline
    }

    /// The handle. Its cursor is behind what was read ahead.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// assert_eq!(fs.create_text("/a")?.get_ref().path(), "/a");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &H {
        &self.handle
    }

    /// The handle, for what does not move its cursor: after reading, whoever moves it goes on at a
    /// place that nobody meant. [`seek`](Self::seek) does not have this trap.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut text = fs.create_text("/a")?;
    /// text.write_str("published")?;
    /// text.get_mut().commit()?;
    /// assert_eq!(fs.read("/a")?, b"published");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn get_mut(&mut self) -> &mut H {
        &mut self.handle
    }

    /// Hands the handle back, its cursor where reading or writing stopped. What cannot seek has lost
    /// what was read ahead.
    ///
    /// ```
    /// use std::io::{Cursor, Read};
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new(b"header\n\x00\x01\xff"));
    /// text.read_line(&mut String::new())?;
    /// let mut body = Vec::new();
    /// text.into_inner()?.read_to_end(&mut body).unwrap();
    /// assert_eq!(body, b"\x00\x01\xff");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That of the handle if it does not go back over what was read ahead. It is dropped then.
    pub fn into_inner(mut self) -> Result<H> {
        self.settle("into_inner")?;
        Ok(self.handle)
    }

    /// Brings the cursor of the handle to where reading stopped.
    fn settle(&mut self, operation: &'static str) -> Result<()> {
        let (Some(seek), true) = (self.seek, self.input.is_reading()) else { return Ok(()) };
        let unread = self.input.unread() as i64; // a buffer's worth
        if unread > 0
            && let Err(error) = seek(&mut self.handle, SeekFrom::Current(-unread))
        {
            return Err(self.failed(operation, error));
        }
        self.input.forget();
        Ok(())
    }

    fn error(&self, operation: &'static str, kind: ErrorKind) -> Error {
        let error = Error::new(kind).during(operation);
        match &self.name {
            Some(name) => error.on(name),
            None => error,
        }
    }

    /// What an error of the handle becomes; one of arcfs stays itself.
    fn failed(&self, operation: &'static str, error: io::Error) -> Error {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            io::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
            io::ErrorKind::InvalidData => ErrorKind::InvalidData,
            io::ErrorKind::IsADirectory => ErrorKind::IsADirectory,
            _ => ErrorKind::Other,
        };
        match error.downcast::<Error>() {
            Ok(own) => own,
            Err(error) => self.error(operation, kind).because("the handle failed").caused_by(error),
        }
    }
}

impl TextFile<File> {
    /// [`finish`](Self::finish)es the text and closes the file.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut text = fs.create_text("/a")?;
    /// text.write_str("thé")?;
    /// text.close()?;
    /// assert_eq!(fs.read_to_string("/a")?, "thé");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`finish`](Self::finish) and [`File::close`]. The lock is free then and the draft gone.
    pub fn close(mut self) -> Result<()> {
        match self.finish() {
            Ok(()) => self.handle.close(),
            Err(error) => {
                self.handle.discard();
                Err(error)
            }
        }
    }
}

impl MemFs {
    /// Opens a file to read its text, as UTF-8; as [`open`](Self::open) otherwise. For other encodings
    /// see [`TextOptions`].
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", "one\ntwo\n")?;
    /// for line in fs.open_text("/a")?.lines() {
    ///     assert_eq!(line?.len(), 3);
    /// }
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_text(&self, path: impl AsRef<str>) -> Result<TextFile<File>> {
        self.open(path).map(of_file)
    }

    /// Opens a file to write its text, as UTF-8; as [`create`](Self::create) otherwise.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let mut text = fs.create_text("/report")?;
    /// write!(text, "{} of {}\n", 1, 2)?;
    /// text.close()?;
    /// assert_eq!(fs.read_to_string("/report")?, "1 of 2\n");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    pub fn create_text(&self, path: impl AsRef<str>) -> Result<TextFile<File>> {
        self.create(path).map(of_file)
    }
}

fn of_file(file: File) -> TextFile<File> {
    let path = file.path().to_owned();
    TextFile::new(file).named(path)
}

impl<H> fmt::Debug for TextFile<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFile")
            .field("name", &self.name)
            .field("encoding", &self.options.encoding)
            .field("errors", &self.options.errors)
            .field("newline", &self.options.newline)
            .finish_non_exhaustive()
    }
}
