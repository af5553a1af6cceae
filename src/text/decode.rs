//! Bytes to characters, as far as bytes are there.
//!
//! Nothing is decoded ahead: what nobody asked for stays bytes, so that it is always known where in the
//! file the reader is. UTF-8, UTF-16 and UTF-32 keep no state: of a character that is not there as a
//! whole they take nothing. The others are decoders of [`encoding_rs`], which take such a beginning in.

use std::str;

use super::encoding::{Codec, Order};
use crate::error::{Error, ErrorKind, Result};

/// The most that a decoder of [`encoding_rs`] puts out at once, in bytes.
const SCRATCH: usize = 4096;

/// Decodes bytes that come in pieces.
pub struct Decoder {
    codec: Codec,
    /// What keeps state, once there is some.
    stateful: Option<encoding_rs::Decoder>,
    /// What is on its way to the caller: so that his string grows by what it gets, not by what it
    /// might have got.
    scratch: String,
}

/// How far a decoder came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes it took, malformed ones and those behind them that it kept included.
    pub consumed: usize,
    pub malformed: Option<Malformed>,
}

/// Bytes that are no character. They are replaced as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub len: usize,
    /// How many bytes behind them the decoder took in already.
    pub extra: usize,
}

impl Decoded {
    fn all(consumed: usize) -> Self {
        Self { consumed, malformed: None }
    }

    fn malformed(before: usize, len: usize) -> Self {
        Self { consumed: before + len, malformed: Some(Malformed { len, extra: 0 }) }
    }
}

impl Decoder {
    pub fn new(codec: Codec) -> Self {
        Self { codec, stateful: None, scratch: String::new() }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Starts over, with the bytes that come next as the first.
    pub fn reset(&mut self, codec: Codec) {
        self.codec = codec;
        self.stateful = None;
    }

    /// Whether it may hold the beginning of a character.
    pub fn keeps_state(&self) -> bool {
        matches!(self.codec, Codec::Whatwg(_))
    }

    /// Whether bytes behind malformed ones can be given to it once more, instead of leaving them to
    /// what it remembers: where they mean the same wherever they are.
    pub fn can_start_again(&self) -> bool {
        self.codec != Codec::Whatwg(encoding_rs::ISO_2022_JP)
    }

    /// Decodes `bytes` up to the first malformed ones and appends the text to `out`.
    ///
    /// Without malformed bytes, what is left over is the beginning of a character.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    pub fn decode(&mut self, bytes: &[u8], out: &mut String) -> Result<Decoded> {
        match self.codec {
            Codec::Utf8 => utf8(bytes, out),
            Codec::Utf16(order) => self.through_scratch(out, |scratch| match order {
                Order::Little => utf16(bytes, u16::from_le_bytes, scratch),
                Order::Big => utf16(bytes, u16::from_be_bytes, scratch),
            }),
            Codec::Utf32(order) => self.through_scratch(out, |scratch| match order {
                Order::Little => utf32(bytes, u32::from_le_bytes, scratch),
                Order::Big => utf32(bytes, u32::from_be_bytes, scratch),
            }),
            Codec::Whatwg(_) => self.by_state(bytes, false, out),
        }
    }

    /// Decodes what is left at the end: `rest` begins a character that does not go on.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    pub fn finish(&mut self, rest: &[u8], out: &mut String) -> Result<Decoded> {
        if !self.keeps_state() {
            debug_assert!(rest.len() < 4);
            return Ok(if rest.is_empty() { Decoded::all(0) } else { Decoded::malformed(0, rest.len()) });
        }
        if self.stateful.is_none() {
            return Ok(Decoded::all(0));
        }
        let decoded = self.by_state(rest, true, out)?;
        if decoded.malformed.is_none() {
            self.stateful = None; // it is finished, and what may come later starts over
        }
        Ok(decoded)
    }

    fn through_scratch(
        &mut self,
        out: &mut String,
        decode: impl FnOnce(&mut String) -> Decoded,
    ) -> Result<Decoded> {
        self.scratch.clear();
        let decoded = decode(&mut self.scratch);
        push(out, &self.scratch)?;
        Ok(decoded)
    }

    fn by_state(&mut self, bytes: &[u8], last: bool, out: &mut String) -> Result<Decoded> {
        let Codec::Whatwg(encoding) = self.codec else { return Ok(Decoded::all(0)) };
        let decoder = self.stateful.get_or_insert_with(|| encoding.new_decoder_without_bom_handling());
        self.scratch.clear();
        self.scratch.reserve_exact(SCRATCH);
        let mut consumed = 0;
        loop {
            let (result, read) =
                decoder.decode_to_string_without_replacement(&bytes[consumed..], &mut self.scratch, last);
            consumed += read;
            push(out, &self.scratch)?;
            self.scratch.clear();
            match result {
                encoding_rs::DecoderResult::InputEmpty => return Ok(Decoded::all(consumed)),
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(len, extra) => {
                    let malformed = Malformed { len: len.into(), extra: extra.into() };
                    return Ok(Decoded { consumed, malformed: Some(malformed) });
                }
            }
        }
    }
}

/// Appends, where there is memory for it.
pub fn push(out: &mut String, text: &str) -> Result<()> {
    if out.try_reserve(text.len()).is_err() {
        return Err(Error::new(ErrorKind::AllocationFailed { requested: text.len() as u64 }));
    }
    out.push_str(text);
    Ok(())
}

fn utf8(bytes: &[u8], out: &mut String) -> Result<Decoded> {
    let error = match str::from_utf8(bytes) {
        Ok(text) => {
            push(out, text)?;
            return Ok(Decoded::all(bytes.len()));
        }
        Err(error) => error,
    };
    let valid = error.valid_up_to();
    push(out, str::from_utf8(&bytes[..valid]).unwrap_or_default())?;
    Ok(error.error_len().map_or(Decoded::all(valid), |len| Decoded::malformed(valid, len)))
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16, out: &mut String) -> Decoded {
    let (units, _) = bytes.as_chunks();
    let mut at = 0;
    while at < units.len() {
        let first = unit(units[at]);
        match (first, units.get(at + 1).map(|next| unit(*next))) {
            (0xd800..=0xdbff, None) => break,
            (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
                let high = u32::from(first - 0xd800) << 10;
                let scalar = 0x1_0000 + high + u32::from(second - 0xdc00);
                out.push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
                at += 2;
            }
            _ => match char::from_u32(first.into()) {
                Some(c) => {
                    out.push(c);
                    at += 1;
                }
                None => return Decoded::malformed(2 * at, 2), // a surrogate alone
            },
        }
    }
    Decoded::all(2 * at)
}

fn utf32(bytes: &[u8], unit: impl Fn([u8; 4]) -> u32, out: &mut String) -> Decoded {
    let (units, _) = bytes.as_chunks();
    for (at, scalar) in units.iter().enumerate() {
        match char::from_u32(unit(*scalar)) {
            Some(c) => out.push(c),
            None => return Decoded::malformed(4 * at, 4),
        }
    }
    Decoded::all(4 * units.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(codec: Codec, bytes: &[u8]) -> (String, Decoded) {
        let mut out = String::new();
        let decoded = Decoder::new(codec).decode(bytes, &mut out).unwrap();
        (out, decoded)
    }

    #[test]
    fn a_character_that_is_not_whole_stays() {
        for (codec, bytes, text, consumed) in [
            (Codec::Utf8, &b"a\xe2\x82"[..], "a", 1),
            (Codec::Utf16(Order::Little), b"a\0\x3d\xd8\0", "a", 2),
            (Codec::Utf16(Order::Big), b"\0a\xd8\x3d", "a", 2),
            (Codec::Utf32(Order::Big), b"\0\0\0a\0\0\0", "a", 4),
        ] {
            assert_eq!(decode(codec, bytes), (text.to_owned(), Decoded::all(consumed)), "{codec:?}");
        }
    }

    #[test]
    fn malformed_bytes_stop_it_behind_them() {
        for (codec, bytes, text, before, len) in [
            (Codec::Utf8, &b"a\xe2\x82b"[..], "a", 1, 2),
            (Codec::Utf8, b"\xc0\x80", "", 0, 1),
            (Codec::Utf16(Order::Little), b"a\0\x3d\xd8b\0", "a", 2, 2),
            (Codec::Utf16(Order::Big), b"\xdc\0", "", 0, 2),
            (Codec::Utf32(Order::Little), b"a\0\0\0\0\xd8\0\0", "a", 4, 4),
            (Codec::Utf32(Order::Little), b"\0\0\x11\0", "", 0, 4),
        ] {
            let expected = (text.to_owned(), Decoded::malformed(before, len));
            assert_eq!(decode(codec, bytes), expected, "{codec:?}");
        }
    }

    #[test]
    fn what_a_decoder_took_in_behind_malformed_bytes_comes_out_next() {
        let mut decoder = Decoder::new(Codec::Whatwg(encoding_rs::GB18030));
        let mut out = String::new();
        let first = decoder.decode(b"\x810\xff", &mut out).unwrap();
        assert_eq!(first, Decoded { consumed: 2, malformed: Some(Malformed { len: 1, extra: 1 }) });
        assert_eq!(out, "");
        decoder.decode(b"", &mut out).unwrap();
        assert_eq!(out, "0");
    }

    #[test]
    fn the_end_closes_what_was_begun() {
        let mut decoder = Decoder::new(Codec::Whatwg(encoding_rs::SHIFT_JIS));
        let mut out = String::new();
        assert_eq!(decoder.decode(b"a\x82", &mut out).unwrap(), Decoded::all(2));
        let end = decoder.finish(b"", &mut out).unwrap();
        assert_eq!(end.malformed, Some(Malformed { len: 1, extra: 0 }));
        assert_eq!(decoder.finish(b"", &mut out).unwrap(), Decoded::all(0));
        assert_eq!(decoder.decode(b"b", &mut out).unwrap(), Decoded::all(1));
        assert_eq!(out, "ab");
    }
}
