//! Which encodings there are, and what they are called.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// An encoding of text: how characters are bytes.
///
/// All encodings of the [WHATWG Encoding Standard](https://encoding.spec.whatwg.org) by all their
/// labels, and UTF-32, which it leaves out. A label counts without regard to case and to white space
/// around it.
///
/// | label | reading | writing |
/// |---|---|---|
/// | `utf-8`, and all that mean it | a byte order mark at the start is skipped | without a mark |
/// | `utf-16`, `utf-32` | a mark at the start says the byte order; without one it is little-endian | into an empty file a mark first, then little-endian; otherwise in the order that was read |
/// | `utf-16le`, `utf-16be`, `utf-32le`, `utf-32be` | a mark of this order at the start is skipped | without a mark |
/// | all others, for example `windows-1252`, `shift_jis`, `gb18030`, `iso-2022-jp` | as the standard says | as the standard says |
///
/// A handle that can seek and begins to read elsewhere than at the start looks there for the mark, and
/// goes on where it was. Writing looks at nothing: where a file is not empty and nothing of it was read,
/// writing as `utf-16` or `utf-32` is refused with `InvalidInput`. Whoever adds to such a file reads
/// first (`read_chars(0)` is enough), or names the byte order.
///
/// [`TextOptions::bom`](super::TextOptions::bom) changes whether a mark is written. Other labels for
/// UTF-16 (`unicode`, `ucs-2`, `unicodefffe` and more) name one byte order, as in the standard.
/// Labels that the standard knows only to refuse them (`iso-2022-kr`, `hz-gb-2312` and more) are
/// refused here, too.
///
/// ```
/// use arcfs::TextEncoding;
///
/// assert_eq!(TextEncoding::for_label("latin1")?.name(), "windows-1252");
/// assert_eq!(TextEncoding::for_label(" UTF-8 ")?, TextEncoding::UTF_8);
/// assert_eq!(TextEncoding::for_label("utf-16")?, TextEncoding::UTF_16);
/// assert!(TextEncoding::for_label("klingon").is_err());
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(Scheme);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Utf8,
    /// With a byte order, or with the one that a mark says.
    Utf16(Option<Order>),
    Utf32(Option<Order>),
    /// Never one of the above.
    Whatwg(&'static encoding_rs::Encoding),
}

/// The order of the bytes of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// An encoding with its byte order: what bytes are decoded and encoded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Utf8,
    Utf16(Order),
    Utf32(Order),
    Whatwg(&'static encoding_rs::Encoding),
}

impl TextEncoding {
    /// UTF-8, the encoding of what nothing else is said of.
    pub const UTF_8: Self = Self(Scheme::Utf8);
    /// UTF-16 in the byte order that the byte order mark says.
    pub const UTF_16: Self = Self(Scheme::Utf16(None));
    /// UTF-16, the low byte first.
    pub const UTF_16LE: Self = Self(Scheme::Utf16(Some(Order::Little)));
    /// UTF-16, the high byte first.
    pub const UTF_16BE: Self = Self(Scheme::Utf16(Some(Order::Big)));
    /// UTF-32 in the byte order that the byte order mark says.
    pub const UTF_32: Self = Self(Scheme::Utf32(None));
    /// UTF-32, the lowest byte first.
    pub const UTF_32LE: Self = Self(Scheme::Utf32(Some(Order::Little)));
    /// UTF-32, the highest byte first.
    pub const UTF_32BE: Self = Self(Scheme::Utf32(Some(Order::Big)));

    /// The encoding with this label.
    ///
    /// ```
    /// use arcfs::{ErrorKind, TextEncoding};
    ///
    /// assert_eq!(TextEncoding::for_label("Shift_JIS")?, TextEncoding::for_label("sjis")?);
    /// let error = TextEncoding::for_label("utf-9").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no encoding has it.
    pub fn for_label(label: &str) -> Result<Self> {
        const OWN: [(&str, TextEncoding); 4] = [
            ("utf-16", TextEncoding::UTF_16),
            ("utf-32", TextEncoding::UTF_32),
            ("utf-32le", TextEncoding::UTF_32LE),
            ("utf-32be", TextEncoding::UTF_32BE),
        ];
        let trimmed = label.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
        if let Some((_, own)) = OWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(trimmed)) {
            return Ok(*own);
        }
        match encoding_rs::Encoding::for_label_no_replacement(trimmed.as_bytes()) {
            Some(encoding) => Ok(Self::of(encoding)),
            None => {
                let error = Error::new(ErrorKind::InvalidInput).during("encoding");
                let label: String = label.chars().take(40).collect();
                Err(error.because(format!("no encoding is called {label:?}; labels are those of the WHATWG")))
            }
        }
    }

    fn of(encoding: &'static encoding_rs::Encoding) -> Self {
        if encoding == encoding_rs::UTF_8 {
            Self::UTF_8
        } else if encoding == encoding_rs::UTF_16LE {
            Self::UTF_16LE
        } else if encoding == encoding_rs::UTF_16BE {
            Self::UTF_16BE
        } else {
            Self(Scheme::Whatwg(encoding))
        }
    }

    /// Its name, as the standard writes it.
    ///
    /// ```
    /// use arcfs::TextEncoding;
    ///
    /// assert_eq!(TextEncoding::UTF_16.name(), "UTF-16");
    /// assert_eq!(TextEncoding::for_label("ascii")?.to_string(), "windows-1252");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Scheme::Utf8 => "UTF-8",
            Scheme::Utf16(None) => "UTF-16",
            Scheme::Utf16(Some(Order::Little)) => "UTF-16LE",
            Scheme::Utf16(Some(Order::Big)) => "UTF-16BE",
            Scheme::Utf32(None) => "UTF-32",
            Scheme::Utf32(Some(Order::Little)) => "UTF-32LE",
            Scheme::Utf32(Some(Order::Big)) => "UTF-32BE",
            Scheme::Whatwg(encoding) => encoding.name(),
        }
    }

    /// Whether a byte order mark is written where nothing is said of it: it is where it alone says
    /// the order.
    pub(super) fn has_mark(self) -> bool {
        matches!(self.0, Scheme::Utf16(None) | Scheme::Utf32(None))
    }

    /// What it is read and written by before a mark says otherwise.
    pub(super) fn codec(self) -> Codec {
        match self.0 {
            Scheme::Utf8 => Codec::Utf8,
            Scheme::Utf16(order) => Codec::Utf16(order.unwrap_or(Order::Little)),
            Scheme::Utf32(order) => Codec::Utf32(order.unwrap_or(Order::Little)),
            Scheme::Whatwg(encoding) => Codec::Whatwg(encoding),
        }
    }

    /// What it may be by the mark at the start.
    pub(super) fn by_mark(self) -> impl Iterator<Item = Codec> {
        let (codec, other) = match self.0 {
            Scheme::Utf16(None) => (Codec::Utf16(Order::Little), Some(Codec::Utf16(Order::Big))),
            Scheme::Utf32(None) => (Codec::Utf32(Order::Little), Some(Codec::Utf32(Order::Big))),
            _ => (self.codec(), None),
        };
        std::iter::once(codec).chain(other).filter(|codec| !codec.mark().is_empty())
    }
}

impl fmt::Debug for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextEncoding({})", self.name())
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Codec {
    /// The byte order mark, empty where there is none.
    pub fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16(Order::Little) => b"\xff\xfe",
            Self::Utf16(Order::Big) => b"\xfe\xff",
            Self::Utf32(Order::Little) => b"\xff\xfe\0\0",
            Self::Utf32(Order::Big) => b"\0\0\xfe\xff",
            Self::Whatwg(_) => b"",
        }
    }

    /// The bytes of a unit: no character has fewer.
    pub fn width(self) -> usize {
        match self {
            Self::Utf8 | Self::Whatwg(_) => 1,
            Self::Utf16(_) => 2,
            Self::Utf32(_) => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_encodings_and_strangers_are_refused() {
        for (label, name) in [
            ("utf8", "UTF-8"),
            ("unicode-1-1-utf-8", "UTF-8"),
            ("\tUTF-16\n", "UTF-16"),
            ("utf-16le", "UTF-16LE"),
            ("ucs-2", "UTF-16LE"),
            ("unicodefffe", "UTF-16BE"),
            ("UTF-32", "UTF-32"),
            ("utf-32Be", "UTF-32BE"),
            ("ms_kanji", "Shift_JIS"),
            ("x-user-defined", "x-user-defined"),
        ] {
            assert_eq!(TextEncoding::for_label(label).unwrap().name(), name, "{label:?}");
        }
        for label in ["", "utf_16", "replacement", "iso-2022-kr", "hz-gb-2312", "utf-16 le", "\u{a0}utf-8"] {
            let error = TextEncoding::for_label(label).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{label:?}");
        }
    }

    #[test]
    fn a_label_of_any_length_makes_a_short_error() {
        let error = TextEncoding::for_label(&"x".repeat(1 << 20)).unwrap_err();
        assert!(error.to_string().len() < 200);
    }

    #[test]
    fn marks_are_what_the_character_is_in_its_encoding() {
        assert_eq!("\u{feff}".as_bytes(), Codec::Utf8.mark());
        for codec in [TextEncoding::UTF_16, TextEncoding::UTF_32].into_iter().flat_map(TextEncoding::by_mark)
        {
            let mut mark = codec.mark().to_vec();
            match codec {
                Codec::Utf16(Order::Big) | Codec::Utf32(Order::Big) => {}
                _ => mark.reverse(),
            }
            assert_eq!(mark[mark.len() - 2..], [0xfe, 0xff]);
            assert_eq!(mark.len(), codec.width());
        }
        assert_eq!(TextEncoding::UTF_16BE.by_mark().count(), 1);
        assert_eq!(TextEncoding::for_label("big5").unwrap().by_mark().count(), 0);
    }
}
