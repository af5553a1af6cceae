//! How text is read and written.

use std::io::Seek;

use super::{TextEncoding, TextFile};
use crate::error::Result;

/// What is done with what cannot be decoded or encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextErrors {
    /// It is `InvalidData`, naming the place. The default.
    #[default]
    Strict,
    /// Bytes that are no character are read as U+FFFD, as the encoding's standard counts them; a
    /// character that the encoding does not have is written as `?`.
    Replace,
}

/// What becomes of the ends of lines.
///
/// A line ends at `\n`, at `\r\n`, or at a `\r` that no `\n` follows. Nothing else is an end: not a
/// vertical tab, not U+0085, not U+2028.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newline {
    /// They are read and written as they are. The default.
    #[default]
    Keep,
    /// Each is read as `\n`. They are written as they are.
    Universal,
    /// Each is read as `\n`; each `\n` is written as `\r\n`.
    CrLf,
    /// Each is read as `\n`; each `\n` is written as `\r`.
    Cr,
}

impl Newline {
    /// Whether reading makes all of them `\n`.
    pub(super) fn translates(self) -> bool {
        self != Self::Keep
    }

    /// What `\n` is written as, if not as itself.
    pub(super) fn written(self) -> Option<&'static str> {
        match self {
            Self::Keep | Self::Universal => None,
            Self::CrLf => Some("\r\n"),
            Self::Cr => Some("\r"),
        }
    }
}

/// Sets up a [`TextFile`].
///
/// ```
/// use arcfs::{MemFs, Newline, TextErrors, TextOptions};
///
/// let fs = MemFs::new();
/// fs.write("/a.txt", b"caf\xe9\r\nth\xe9\r\n")?;
/// let options = TextOptions::new()
///     .encoding("latin1")?
///     .errors(TextErrors::Replace)
///     .newline(Newline::Universal);
/// assert_eq!(options.open(fs.open("/a.txt")?).read_text()?, "café\nthé\n");
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it does nothing before open()"]
pub struct TextOptions {
    pub(super) encoding: TextEncoding,
    pub(super) errors: TextErrors,
    pub(super) newline: Newline,
    pub(super) bom: Option<bool>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TextOptions {
    /// UTF-8, [strict](TextErrors::Strict), line ends [kept](Newline::Keep), no byte order mark.
    ///
    /// ```
    /// use arcfs::TextOptions;
    ///
    /// let mut text = TextOptions::new().open(std::io::Cursor::new(Vec::new()));
    /// text.write_str("thé\n")?;
    /// assert_eq!(text.into_inner()?.into_inner(), "thé\n".as_bytes());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn new() -> Self {
        Self { encoding: TextEncoding::UTF_8, errors: TextErrors::Strict, newline: Newline::Keep, bom: None }
    }

    /// The encoding, by a label; see [`TextEncoding`].
    ///
    /// ```
    /// use arcfs::TextOptions;
    ///
    /// assert!(TextOptions::new().encoding("euc-kr").is_ok());
    /// assert!(TextOptions::new().encoding("a secret").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no encoding has this label.
    pub fn encoding(self, label: &str) -> Result<Self> {
        Ok(self.encoded_as(TextEncoding::for_label(label)?))
    }

    /// The encoding.
    ///
    /// ```
    /// use arcfs::{TextEncoding, TextOptions};
    ///
    /// let mut text = TextOptions::new().encoded_as(TextEncoding::UTF_16BE).stream(&b"\0h\0i"[..]);
    /// assert_eq!(text.read_text()?, "hi");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn encoded_as(mut self, encoding: TextEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What is done with what cannot be decoded or encoded.
    ///
    /// ```
    /// use arcfs::{TextErrors, TextOptions};
    ///
    /// let options = TextOptions::new().errors(TextErrors::Replace);
    /// assert_eq!(options.stream(&b"a\xffb"[..]).read_text()?, "a\u{fffd}b");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn errors(mut self, errors: TextErrors) -> Self {
        self.errors = errors;
        self
    }

    /// What becomes of the ends of lines.
    ///
    /// ```
    /// use arcfs::{Newline, TextOptions};
    ///
    /// let mut sent = TextOptions::new().newline(Newline::CrLf).stream(Vec::new());
    /// sent.write_str("HELO\nQUIT\n")?;
    /// assert_eq!(sent.get_ref(), b"HELO\r\nQUIT\r\n");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn newline(mut self, newline: Newline) -> Self {
        self.newline = newline;
        self
    }

    /// Whether a byte order mark is written before the first text of an empty file. It is by default
    /// for `utf-16` and `utf-32`, where it alone says the order. An encoding that has none ignores
    /// this. Whether one is skipped on reading does not depend on it.
    ///
    /// ```
    /// use arcfs::TextOptions;
    ///
    /// let mut text = TextOptions::new().bom(true).stream(Vec::new());
    /// text.write_str("a")?;
    /// text.write_str("b")?;
    /// assert_eq!(text.get_ref(), b"\xef\xbb\xbfab");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn bom(mut self, bom: bool) -> Self {
        self.bom = Some(bom);
        self
    }

    /// The text of a file.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextOptions;
    ///
    /// let options = TextOptions::new().encoding("windows-1251")?;
    /// assert_eq!(options.open(Cursor::new(b"\xcc\xe8\xf0")).read_text()?, "Мир");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn open<H: Seek>(&self, handle: H) -> TextFile<H> {
        TextFile::with(handle, Some(H::seek), *self)
    }

    /// The text of what cannot seek: a pipe, a socket, a slice, a vector.
    ///
    /// What is read and what is written have nothing to do with each other then. Both start at 0,
    /// where a byte order mark may be; what was read ahead stays for the next read.
    ///
    /// ```
    /// use arcfs::TextOptions;
    ///
    /// let mut text = TextOptions::new().encoding("utf-16")?.stream(Vec::new());
    /// text.write_str("hi")?;
    /// assert_eq!(text.into_inner()?, b"\xff\xfeh\0i\0");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn stream<H>(&self, handle: H) -> TextFile<H> {
        TextFile::with(handle, None, *self)
    }
}
