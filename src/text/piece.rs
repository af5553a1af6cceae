//! How far to decode: to the end of a line, or as far as a number of characters may reach.

use super::encoding::{Codec, Order};

/// What a reader wants of the bytes that are there.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// To stop behind a line end.
    pub line: bool,
    /// To make all line ends `\n`.
    pub translate: bool,
    /// The most units to take; a pair of `\r` and `\n` that becomes one may be one more.
    pub most: usize,
    /// The fewest bytes that could be a character.
    pub least: usize,
    /// Whether no more bytes will come.
    pub at_end: bool,
}

/// What to decode next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// These many bytes; `ends` says that the last units of them look like a line end, all of it, and
    /// none before does.
    Bytes { len: usize, ends: bool },
    /// It cannot be told before more bytes are there.
    More,
}

/// Says what to decode of `rest`, which begins with a whole character.
///
/// In all encodings but ISO-2022-JP, units that look like `\n` or `\r` are just that; there it takes a
/// look at what they were decoded to.
pub fn cut(codec: Codec, rest: &[u8], wish: Wish) -> Piece {
    let width = codec.width();
    if rest.len() < wish.least.max(1) {
        return Piece::More;
    }
    let most = wish.most.saturating_mul(width).max(wish.least).min(rest.len());
    let found = if wish.line || wish.translate { find(codec, &rest[..most], wish.line) } else { None };
    let Some((at, is_return)) = found else { return Piece::Bytes { len: most, ends: false } };
    let end = at + width;
    if !is_return {
        return Piece::Bytes { len: end, ends: true };
    }
    // Whether a line feed follows must be known before the return can be taken.
    match feed_behind(codec, &rest[end..]) {
        Some(0) => Piece::Bytes { len: end, ends: true },
        Some(feed) => {
            let whole = wish.translate || end + feed <= most;
            Piece::Bytes { len: if whole { end + feed } else { end }, ends: whole }
        }
        None if wish.at_end => Piece::Bytes { len: end, ends: true },
        None if at >= wish.least.max(1) => Piece::Bytes { len: at, ends: false },
        None => Piece::More,
    }
}

/// How many bytes the `\n` takes that belongs to a `\r` right before them; 0 if there is none, and `None`
/// if that cannot be told yet.
pub fn feed_behind(codec: Codec, behind: &[u8]) -> Option<usize> {
    let shift = shift(codec, behind)?;
    let end = shift + codec.width();
    let unit = behind.get(shift..end)?;
    Some(if is(codec, unit, b'\n') { end } else { 0 })
}

/// How many bytes are no character and may stand between a `\r` and the `\n` that belongs to it; `None`
/// if that cannot be told yet.
///
/// Only ISO-2022-JP has such bytes: one escape sequence, since a second one right behind it is malformed.
/// Behind others than these two there is no `\n`.
fn shift(codec: Codec, behind: &[u8]) -> Option<usize> {
    const TO_ASCII_OR_ROMAN: [&[u8]; 2] = [b"\x1b(B", b"\x1b(J"];
    if codec != Codec::Whatwg(encoding_rs::ISO_2022_JP) {
        return Some(0);
    }
    if let Some(escape) = TO_ASCII_OR_ROMAN.iter().find(|escape| behind.starts_with(escape)) {
        return Some(escape.len());
    }
    let begins = TO_ASCII_OR_ROMAN.iter().any(|escape| escape.starts_with(behind));
    if begins { None } else { Some(0) }
}

/// Where the first `\r`, or also `\n`, is, and whether it is a `\r`.
fn find(codec: Codec, bytes: &[u8], line: bool) -> Option<(usize, bool)> {
    fn among<const N: usize>(
        bytes: &[u8],
        line: bool,
        feed: [u8; N],
        carriage: [u8; N],
    ) -> Option<(usize, bool)> {
        let (units, _) = bytes.as_chunks::<N>();
        let at = units.iter().position(|unit| *unit == carriage || line && *unit == feed)?;
        Some((at * N, units[at] == carriage))
    }
    const FEED: u8 = b'\n';
    const RETURN: u8 = b'\r';
    match codec {
        Codec::Utf8 | Codec::Whatwg(_) => {
            let at = if line { memchr::memchr2(FEED, RETURN, bytes) } else { memchr::memchr(RETURN, bytes) }?;
            Some((at, bytes[at] == RETURN))
        }
        Codec::Utf16(Order::Little) => among(bytes, line, [FEED, 0], [RETURN, 0]),
        Codec::Utf16(Order::Big) => among(bytes, line, [0, FEED], [0, RETURN]),
        Codec::Utf32(Order::Little) => among(bytes, line, [FEED, 0, 0, 0], [RETURN, 0, 0, 0]),
        Codec::Utf32(Order::Big) => among(bytes, line, [0, 0, 0, FEED], [0, 0, 0, RETURN]),
    }
}

/// Whether this unit is an ASCII character.
fn is(codec: Codec, unit: &[u8], ascii: u8) -> bool {
    let at = match codec {
        Codec::Utf16(Order::Big) | Codec::Utf32(Order::Big) => unit.len() - 1,
        _ => 0,
    };
    unit.iter().enumerate().all(|(i, byte)| *byte == if i == at { ascii } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Wish = Wish { line: true, translate: false, most: usize::MAX, least: 0, at_end: false };

    fn bytes(len: usize, ends: bool) -> Piece {
        Piece::Bytes { len, ends }
    }

    #[test]
    fn a_line_ends_at_a_feed_a_pair_or_a_return() {
        let cut = |text: &str| cut(Codec::Utf8, text.as_bytes(), LINE);
        assert_eq!(cut("ab\ncd"), bytes(3, true));
        assert_eq!(cut("ab\r\ncd"), bytes(4, true));
        assert_eq!(cut("ab\rcd"), bytes(3, true));
        assert_eq!(cut("ab\u{b}\u{85}\u{2028}"), bytes(8, false));
    }

    #[test]
    fn a_return_waits_for_what_follows() {
        let at_end = Wish { at_end: true, ..LINE };
        assert_eq!(cut(Codec::Utf8, b"ab\r", LINE), bytes(2, false));
        assert_eq!(cut(Codec::Utf8, b"\r", LINE), Piece::More);
        assert_eq!(cut(Codec::Utf8, b"\r", at_end), bytes(1, true));
        let utf16 = Codec::Utf16(Order::Big);
        assert_eq!(cut(utf16, b"\0\r\0", LINE), Piece::More);
        assert_eq!(cut(utf16, b"\0\r\0\n", LINE), bytes(4, true));
        assert_eq!(cut(utf16, b"\0\r\n\0", LINE), bytes(2, true));
    }

    #[test]
    fn a_shift_does_not_part_a_return_from_its_feed() {
        let codec = Codec::Whatwg(encoding_rs::ISO_2022_JP);
        for shifted in [&b"\r\x1b(B\n"[..], b"\r\x1b(J\n"] {
            assert_eq!(cut(codec, shifted, LINE), bytes(5, true));
            // Of a pair that is kept, a limit may take the return alone.
            assert_eq!(cut(codec, shifted, Wish { most: 4, ..LINE }), bytes(1, false));
            assert_eq!(cut(codec, shifted, Wish { most: 4, translate: true, ..LINE }), bytes(5, true));
            for len in 1..5 {
                assert_eq!(cut(codec, &shifted[..len], LINE), Piece::More, "{len}");
                assert_eq!(cut(codec, &shifted[..len], Wish { at_end: true, ..LINE }), bytes(1, true));
            }
        }
        // In a set of two bytes or of kana there is no feed, and two shifts are one too many.
        for apart in [&b"\r\x1b$B\n"[..], b"\r\x1b(I\n", b"\r\x1b(B\x1b(B\n", b"\r\x1b\n"] {
            assert_eq!(cut(codec, apart, LINE), bytes(1, true));
        }
        assert_eq!(cut(Codec::Utf8, b"\r\x1b(B\n", LINE), bytes(1, true));
    }

    #[test]
    fn a_limit_parts_a_pair_only_where_both_are_kept() {
        let one = Wish { line: true, translate: false, most: 1, least: 0, at_end: false };
        assert_eq!(cut(Codec::Utf8, b"\r\n", one), bytes(1, false));
        assert_eq!(cut(Codec::Utf8, b"\r\n", Wish { translate: true, ..one }), bytes(2, true));
        assert_eq!(cut(Codec::Utf8, b"a\r\n", one), bytes(1, false));
    }

    #[test]
    fn units_are_looked_at_as_wholes() {
        // U+0A0D and U+0D0A have both bytes and are neither.
        let utf16 = Codec::Utf16(Order::Little);
        assert_eq!(cut(utf16, b"\x0d\x0a\x0a\x0d\n\0", LINE), bytes(6, true));
        let utf32 = Codec::Utf32(Order::Little);
        assert_eq!(cut(utf32, b"\x0a\x0a\0\0\x0d\0\0\0x\0\0\0", LINE), bytes(8, true));
    }

    #[test]
    fn a_character_that_did_not_fit_gets_more() {
        let wish = Wish { line: false, translate: false, most: 1, least: 3, at_end: false };
        assert_eq!(cut(Codec::Utf8, b"\xe2\x82\xac", wish), bytes(3, false));
        assert_eq!(cut(Codec::Utf8, b"\xe2\x82", wish), Piece::More);
        let wish = Wish { line: true, most: usize::MAX, ..wish };
        assert_eq!(cut(Codec::Utf8, b"\xe2\x82\r", wish), Piece::More);
    }
}
