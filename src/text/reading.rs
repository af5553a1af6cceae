//! Reading text: bytes ahead, characters as they are asked for.

use std::fmt::Write as _;
use std::io::{self, Read, SeekFrom};

use super::decode::{Decoded, Decoder, Malformed, push};
use super::encoding::Codec;
use super::lines::Lines;
use super::options::TextErrors;
use super::piece::{Piece, Wish, cut, feed_behind};
use super::{SeekBy, TextEncoding, TextFile};
use crate::error::{Error, ErrorKind, Result};

/// How many bytes are read ahead.
const AHEAD: usize = 16 << 10;

/// How many bytes behind are kept: more than a decoder takes in before it finds out that they are no
/// character.
const BEHIND: usize = 8;

/// The reading side.
pub struct Input {
    phase: Phase,
    /// Allocated with the first read. The bytes that are not decoded yet are those from `start` to
    /// `end`; the handle is behind them.
    raw: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the file `start` is.
    offset: u64,
    decoder: Decoder,
    /// Whether the byte order is the one of the file, where it is for a byte order mark to say.
    order_known: bool,
    /// A character that came with the one before it, where only that was asked for: the second of two
    /// that one sequence of bytes is, or the one behind malformed bytes that a decoder had taken in.
    held: Option<char>,
    /// What went wrong behind what the last call returned.
    failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is read ahead, and the handle may be anywhere.
    Idle,
    /// A byte order mark may come.
    Mark,
    Text,
}

/// Why no more can be read.
enum Failure {
    Handle(io::Error),
    Own(Error),
    /// So many bytes that are no character, in words.
    Malformed(usize, String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl Input {
    pub fn new(codec: Codec) -> Self {
        Self {
            phase: Phase::Idle,
            raw: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            decoder: Decoder::new(codec),
            order_known: false,
            held: None,
            failure: None,
        }
    }

    pub fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Whether the byte order is the one of what the file holds: its start was read, or it was empty and
    /// text was written.
    pub fn order_known(&self) -> bool {
        self.order_known
    }

    /// The file begins with what was written.
    pub fn order_is_ours(&mut self) {
        self.order_known = true;
    }

    pub fn is_reading(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// How many bytes before the handle's cursor are not read yet, as its user sees it.
    pub fn unread(&self) -> u64 {
        let refused = match self.failure {
            Some(Failure::Malformed(len, _)) => len,
            _ => 0,
        };
        (self.end - self.start + refused) as u64
    }

    /// Drops what was read ahead: the handle's cursor is where reading stopped, or somewhere else.
    pub fn forget(&mut self) {
        self.phase = Phase::Idle;
        (self.start, self.end) = (0, 0);
        self.decoder.reset(self.decoder.codec());
        self.held = None;
        self.failure = None;
    }

    fn rest(&self) -> &[u8] {
        &self.raw[self.start..self.end]
    }

    fn skip(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads ahead. No more than the beginning of a character is there before.
    fn fill(&mut self, handle: &mut impl Read) -> Result<usize, Failure> {
        if self.raw.is_empty() {
            if self.raw.try_reserve_exact(AHEAD).is_err() {
                return Err(Error::new(ErrorKind::AllocationFailed { requested: AHEAD as u64 }).into());
            }
            self.raw.resize(AHEAD, 0);
        }
        let kept = self.start.saturating_sub(BEHIND);
        self.raw.copy_within(kept..self.end, 0);
        (self.start, self.end) = (self.start - kept, self.end - kept);
        loop {
            match handle.read(&mut self.raw[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Handle(error)),
            }
        }
    }

    /// Finds out where reading begins, and by which byte order.
    fn begin<H: Read>(
        &mut self,
        handle: &mut H,
        seek: Option<SeekBy<H>>,
        encoding: TextEncoding,
    ) -> Result<(), Failure> {
        if self.phase == Phase::Idle {
            self.offset = match seek {
                Some(seek) => seek(handle, SeekFrom::Current(0)).map_err(Failure::Handle)?,
                None => 0,
            };
            let at_start = self.offset == 0;
            let codec = match seek {
                _ if at_start => encoding.codec(),
                Some(seek) if encoding.has_mark() && !self.order_known => {
                    self.look_at_start(handle, seek, encoding)?
                }
                _ => self.decoder.codec(),
            };
            self.decoder.reset(codec);
            self.phase = if at_start { Phase::Mark } else { Phase::Text };
        }
        while self.phase == Phase::Mark {
            let rest = self.rest();
            if let Some(codec) = encoding.by_mark().find(|codec| rest.starts_with(codec.mark())) {
                self.decoder.reset(codec);
                self.skip(codec.mark().len());
                self.phase = Phase::Text;
                self.order_known = true;
            } else if !encoding.by_mark().any(|codec| codec.mark().starts_with(rest))
                || self.fill(handle)? == 0
            {
                self.phase = Phase::Text;
                self.order_known = self.end > 0;
            }
        }
        Ok(())
    }

    /// Finds out the byte order where reading does not begin at the start, and goes back to where it
    /// does.
    fn look_at_start<H: Read>(
        &mut self,
        handle: &mut H,
        seek: SeekBy<H>,
        encoding: TextEncoding,
    ) -> Result<Codec, Failure> {
        seek(handle, SeekFrom::Start(0)).map_err(Failure::Handle)?;
        let mut start = Vec::with_capacity(encoding.codec().width());
        let read = handle.by_ref().take(encoding.codec().width() as u64).read_to_end(&mut start);
        // Back, whether or not that went well.
        let back = seek(handle, SeekFrom::Start(self.offset));
        read.and(back).map_err(Failure::Handle)?;
        self.order_known = !start.is_empty();
        let marked = encoding.by_mark().find(|codec| start == codec.mark());
        Ok(marked.unwrap_or(encoding.codec()))
    }

    /// Decodes of the bytes up to `stop` what can be decoded before malformed ones, and goes behind
    /// these.
    fn decode(&mut self, stop: usize, out: &mut String) -> Result<Option<Malformed>> {
        let Decoded { consumed, mut malformed } = self.decoder.decode(&self.raw[self.start..stop], out)?;
        self.skip(consumed);
        if let Some(Malformed { extra, .. }) = &mut malformed
            && *extra > 0
            && self.decoder.can_start_again()
        {
            self.start -= *extra;
            self.offset -= *extra as u64;
            *extra = 0;
            self.decoder.reset(self.decoder.codec());
        }
        Ok(malformed)
    }

    /// Decodes what is left at the end.
    fn finish(&mut self, out: &mut String) -> Result<Option<Malformed>> {
        let decoded = self.decoder.finish(&self.raw[self.start..self.end], out)?;
        self.skip(decoded.consumed);
        Ok(decoded.malformed)
    }

    /// Says what is wrong with the bytes that were taken last.
    fn describe(&self, malformed: Malformed, encoding: TextEncoding, at_end: bool) -> Failure {
        let Malformed { len, extra } = malformed;
        let offset = self.offset.saturating_sub((len + extra) as u64);
        let mut what = String::new();
        // Those that a decoder took in with an earlier piece are gone.
        if let Some(from) = self.start.checked_sub(len + extra) {
            let bytes = self.raw[from..from + len].iter();
            bytes.for_each(|byte| write!(what, "{byte:02x} ").unwrap_or_default());
        }
        let what = what.trim_end();
        let what = if at_end {
            format!("a character of {encoding} begins at offset {offset} and does not go on")
        } else {
            format!("at offset {offset} is no character of {encoding}: {what}")
        };
        let what = format!("{what}; read with TextErrors::Replace, or in the encoding that it is");
        Failure::Malformed(len, what)
    }
}

impl<H: Read> TextFile<H> {
    /// Reads the rest of a line with what ends it, appends it to `line`, and returns how many bytes of
    /// UTF-8 that were; 0 at the end of the file.
    ///
    /// A `\r` at the end of what is there waits for what follows it.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("one\r\ntwo\rthree"));
    /// let mut line = String::new();
    /// while text.read_line(&mut line)? > 0 {
    ///     line.push('|');
    /// }
    /// assert_eq!(line, "one\r\n|two\r|three|");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` for bytes that are no character, naming them and their offset; not with
    /// [`TextErrors::Replace`]. Those of the handle. What was read before is returned first, also if that is
    /// less than a line.
    pub fn read_line(&mut self, line: &mut String) -> Result<usize> {
        self.pull("read_line", usize::MAX, true, line)
    }

    /// As [`read_line`](Self::read_line), but at most `max_chars` characters: what a line of any length
    /// is read by in pieces.
    ///
    /// A `\r\n` that is kept is two characters, and may be parted; the `\n` alone is then read next.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("0123456789\n"));
    /// let mut part = String::new();
    /// assert_eq!(text.read_line_part(&mut part, 4)?, 4);
    /// assert_eq!(part, "0123");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read_line_part(&mut self, line: &mut String, max_chars: usize) -> Result<usize> {
        self.pull("read_line_part", max_chars, true, line)
    }

    /// The lines that are left, without what ends them.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("one\r\ntwo\n\nfour"));
    /// let lines: Vec<String> = text.lines().collect::<arcfs::Result<_>>()?;
    /// assert_eq!(lines, ["one", "two", "", "four"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Of the items: as [`read_line`](Self::read_line). The iterator ends after an error; reading may
    /// go on behind it.
    pub fn lines(&mut self) -> Lines<'_, H> {
        Lines::new(self)
    }

    /// Reads exactly `n` characters (Unicode scalars), or all that are left.
    ///
    /// A `\r\n` that is kept counts as two and may be parted; one that is translated counts as one.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut text = TextFile::new(Cursor::new("日本語"));
    /// assert_eq!(text.read_chars(2)?, "日本");
    /// assert_eq!(text.read_chars(2)?, "語");
    /// assert_eq!(text.read_chars(2)?, "");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_line`](Self::read_line): what was read before is returned first, also if that is less.
    pub fn read_chars(&mut self, n: usize) -> Result<String> {
        let mut text = String::new();
        self.pull("read_chars", n, false, &mut text)?;
        Ok(text)
    }

    /// Reads all that is left, appends it to `text`, and returns how many bytes of UTF-8 that were.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// let mut all = String::from("> ");
    /// TextFile::new(Cursor::new("quoted")).read_to_string(&mut all)?;
    /// assert_eq!(all, "> quoted");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_line`](Self::read_line), but at once. `text` has what was read before.
    pub fn read_to_string(&mut self, text: &mut String) -> Result<usize> {
        let before = text.len();
        let read = self.pull_into(usize::MAX, false, text);
        read.map(|()| text.len() - before).map_err(|failure| self.refused("read_to_string", failure))
    }

    /// Reads all that is left.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use arcfs::TextFile;
    ///
    /// assert_eq!(TextFile::new(Cursor::new("all of it")).read_text()?, "all of it");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_to_string`](Self::read_to_string).
    pub fn read_text(&mut self) -> Result<String> {
        let mut text = String::new();
        let read = self.pull_into(usize::MAX, false, &mut text);
        read.map(|()| text).map_err(|failure| self.refused("read_text", failure))
    }

    /// Reads up to `limit` characters or the end of a line; what went wrong comes after what was read.
    fn pull(&mut self, operation: &'static str, limit: usize, line: bool, out: &mut String) -> Result<usize> {
        let before = out.len();
        match self.pull_into(limit, line, out) {
            Ok(()) => Ok(out.len() - before),
            Err(failure) if out.len() > before => {
                self.input.failure = Some(failure);
                Ok(out.len() - before)
            }
            Err(failure) => Err(self.refused(operation, failure)),
        }
    }

    fn refused(&self, operation: &'static str, failure: Failure) -> Error {
        match failure {
            Failure::Handle(error) => self.failed(operation, error),
            Failure::Own(error) => error.during(operation),
            Failure::Malformed(_, what) => self.error(operation, ErrorKind::InvalidData).because(what),
        }
    }

    fn pull_into(&mut self, limit: usize, line: bool, out: &mut String) -> Result<(), Failure> {
        let counted = limit != usize::MAX;
        let translate = self.options.newline.translates();
        if let Some(failure) = self.input.failure.take() {
            return Err(failure);
        }
        self.input.begin(&mut self.handle, self.seek, self.options.encoding)?;
        let mut left = limit;
        if left > 0
            && let Some(c) = self.input.held
        {
            let ends = line && self.ends_line(c)?;
            push(out, c.encode_utf8(&mut [0; 4]))?;
            self.input.held = None;
            if ends {
                return Ok(());
            }
            left -= 1;
        }
        let (mut at_end, mut least) = (false, 0);
        while left > 0 {
            // A decoder may hold the beginning of one more character than bytes are fed to it.
            let most = if self.input.decoder.keeps_state() { (left - 1).max(1) } else { left };
            let wish = Wish { line, translate, most, least, at_end };
            let Piece::Bytes { len, ends } = cut(self.input.codec(), self.input.rest(), wish) else {
                if at_end {
                    return self.close_off(left, out);
                }
                at_end = self.input.fill(&mut self.handle)? == 0;
                continue;
            };
            let from = out.len();
            let stop = self.input.start + len;
            let (malformed, mut chars) = self.decode_piece(stop, counted.then_some(left), out)?;
            let over = stop - self.input.start;
            // What is left over is the beginning of a character, or has yet to be looked at.
            least = if malformed || over == 0 { 0 } else { over + 1 };
            let ends = ends && over == 0;
            let pair = ends && translate && translate_end(out, from);
            if counted {
                chars -= usize::from(pair);
                if chars > left {
                    self.input.held = out.pop();
                    chars -= 1;
                }
                left -= chars;
            }
            if line && ends && out[from..].ends_with(['\n', '\r']) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether a character that was held ends a line, without what follows it.
    fn ends_line(&mut self, c: char) -> Result<bool, Failure> {
        if c != '\r' {
            return Ok(c == '\n');
        }
        loop {
            match feed_behind(self.input.codec(), self.input.rest()) {
                Some(feed) => return Ok(feed == 0),
                None if self.input.fill(&mut self.handle)? == 0 => return Ok(true),
                None => {}
            }
        }
    }

    /// Decodes the bytes up to `stop`, or as many as `limit` characters are, malformed ones replaced.
    /// Returns whether malformed ones were the last, and how many characters it were, which it counts
    /// only under a limit.
    fn decode_piece(
        &mut self,
        stop: usize,
        limit: Option<usize>,
        out: &mut String,
    ) -> Result<(bool, usize), Failure> {
        let mut chars = 0;
        loop {
            let (from, start) = (out.len(), self.input.start);
            let malformed = self.input.decode(stop, out)?;
            if let Some(malformed) = malformed {
                self.replace(malformed, false, out)?;
            }
            if let Some(limit) = limit {
                chars += out[from..].chars().count();
                if chars >= limit {
                    return Ok((malformed.is_some(), chars));
                }
            }
            let went_back = self.input.start < start;
            if malformed.is_none() || went_back || self.input.start == stop {
                return Ok((malformed.is_some(), chars));
            }
        }
    }

    /// Decodes what is left at the end of the file, of which no more than a character can begin.
    fn close_off(&mut self, mut left: usize, out: &mut String) -> Result<(), Failure> {
        while left > 0 {
            let Some(malformed) = self.input.finish(out)? else { return Ok(()) };
            self.replace(malformed, true, out)?;
            left -= 1;
        }
        Ok(())
    }

    fn replace(&mut self, malformed: Malformed, at_end: bool, out: &mut String) -> Result<(), Failure> {
        match self.options.errors {
            TextErrors::Strict => Err(self.input.describe(malformed, self.options.encoding, at_end)),
            TextErrors::Replace => Ok(push(out, "\u{fffd}")?),
        }
    }
}

/// Makes the line end at the end of `out`, behind `from`, a `\n`; returns whether it were two characters.
fn translate_end(out: &mut String, from: usize) -> bool {
    let pair = out[from..].ends_with("\r\n");
    if pair || out[from..].ends_with('\r') {
        out.truncate(out.len() - 1 - usize::from(pair));
        out.push('\n');
    }
    pair
}
