//! Characters to bytes.

use encoding_rs::EncoderResult;

use super::encoding::{Codec, Order};
use super::options::TextErrors;
use crate::error::{Error, ErrorKind, Result};

/// Why a text could not be encoded.
#[derive(Debug)]
pub enum Refusal {
    /// The encoding does not have this character, which starts at this byte of the text.
    Unmappable(usize, char),
    Failed(Error),
}

/// What the bytes written so far leave ISO-2022-JP in, the one encoding that is written with state.
///
/// A decoder that follows the standard refuses an escape sequence right behind another, so a text
/// cannot go back to ASCII at its end and the next one leave it again: the state has to live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shift {
    #[default]
    Ascii,
    Roman,
    Kanji,
}

impl Shift {
    /// What goes back to ASCII.
    pub fn reset(self) -> &'static [u8] {
        if self == Self::Ascii { b"" } else { b"\x1b(B" }
    }

    /// A character that leads from ASCII to it.
    fn example(self) -> &'static str {
        match self {
            Self::Ascii => "",
            Self::Roman => "\u{a5}",
            Self::Kanji => "\u{3042}",
        }
    }

    /// What it is behind `bytes`.
    fn behind(self, bytes: &[u8]) -> Self {
        match bytes.iter().rposition(|byte| *byte == 0x1b).map(|at| &bytes[at + 1..]) {
            None => self,
            Some([b'(', b'J', ..]) => Self::Roman,
            Some([b'$', ..]) => Self::Kanji,
            Some(_) => Self::Ascii,
        }
    }
}

/// Appends `text` to `out` as bytes, each `\n` as `newline` if there is one; returns the state that
/// they leave.
pub fn encode(
    codec: Codec,
    errors: TextErrors,
    newline: Option<&str>,
    shift: Shift,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<Shift, Refusal> {
    let Codec::Whatwg(encoding) = codec else {
        each_part(text, newline, |_, part| unicode(codec, part, out))?;
        return Ok(Shift::Ascii);
    };
    let mut encoder = encoding.new_encoder();
    if shift != Shift::Ascii {
        let mut example = Vec::with_capacity(16);
        let _ = encoder.encode_from_utf8_to_vec_without_replacement(shift.example(), &mut example, false);
    }
    let start = out.len();
    each_part(text, newline, |at, part| {
        let mut done = 0;
        loop {
            let left = &part[done..];
            let needed = encoder.max_buffer_length_from_utf8_without_replacement(left.len());
            reserve(out, needed.unwrap_or(usize::MAX))?;
            let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(left, out, false);
            done += read;
            match (result, errors) {
                (EncoderResult::InputEmpty, _) => return Ok(()),
                (EncoderResult::OutputFull, _) => {}
                (EncoderResult::Unmappable(c), TextErrors::Strict) => {
                    return Err(Refusal::Unmappable(at + done - c.len_utf8(), c));
                }
                (EncoderResult::Unmappable(_), TextErrors::Replace) => {
                    reserve(out, 16)?;
                    let _ = encoder.encode_from_utf8_to_vec_without_replacement("?", out, false);
                }
            }
        }
    })?;
    Ok(if encoding == encoding_rs::ISO_2022_JP { shift.behind(&out[start..]) } else { Shift::Ascii })
}

/// Calls `put` with the parts of the text as they are written, and where in the text each begins.
fn each_part(
    text: &str,
    newline: Option<&str>,
    mut put: impl FnMut(usize, &str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Some(newline) = newline else { return put(0, text) };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(body) => {
                put(at, body)?;
                put(at + body.len(), newline)?;
            }
            None => put(at, line)?,
        }
        at += line.len();
    }
    Ok(())
}

fn unicode(codec: Codec, text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    fn units<const N: usize>(out: &mut Vec<u8>, units: impl Iterator<Item = [u8; N]>) {
        units.for_each(|unit| out.extend_from_slice(&unit));
    }
    // UTF-16 has at most two bytes for each of UTF-8, UTF-32 at most four.
    reserve(out, text.len().saturating_mul(codec.width()))?;
    match codec {
        Codec::Utf8 => out.extend_from_slice(text.as_bytes()),
        Codec::Utf16(Order::Little) => units(out, text.encode_utf16().map(u16::to_le_bytes)),
        Codec::Utf16(Order::Big) => units(out, text.encode_utf16().map(u16::to_be_bytes)),
        Codec::Utf32(Order::Little) => units(out, text.chars().map(|c| u32::from(c).to_le_bytes())),
        Codec::Utf32(Order::Big) => units(out, text.chars().map(|c| u32::from(c).to_be_bytes())),
        Codec::Whatwg(_) => debug_assert!(false, "it has an encoder"),
    }
    Ok(())
}

fn reserve(out: &mut Vec<u8>, additional: usize) -> Result<(), Refusal> {
    out.try_reserve(additional).map_err(|_| {
        Refusal::Failed(Error::new(ErrorKind::AllocationFailed { requested: additional as u64 }))
    })
}

#[cfg(test)]
mod tests {
    use encoding_rs::Encoding;

    use super::*;

    const JIS: Codec = Codec::Whatwg(encoding_rs::ISO_2022_JP);

    fn encoded(codec: Codec, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        encode(codec, TextErrors::Strict, None, Shift::Ascii, text, &mut out).unwrap();
        out
    }

    #[test]
    fn characters_of_all_sizes_become_units_in_order() {
        let text = "aé€😀";
        assert_eq!(encoded(Codec::Utf8, text), text.as_bytes());
        assert_eq!(encoded(Codec::Utf16(Order::Little), text), b"a\0\xe9\0\xac\x20\x3d\xd8\0\xde");
        assert_eq!(encoded(Codec::Utf16(Order::Big), text), b"\0a\0\xe9\x20\xac\xd8\x3d\xde\0");
        assert_eq!(encoded(Codec::Utf32(Order::Big), "a😀"), b"\0\0\0a\0\x01\xf6\0");
        assert_eq!(encoded(Codec::Utf32(Order::Little), "a😀"), b"a\0\0\0\0\xf6\x01\0");
    }

    #[test]
    fn texts_in_turn_are_as_one_where_there_is_state() {
        let whole = "日本 ¥ あa\n日本";
        let expected = encoded(JIS, whole);
        for cut in (0..=whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
            let (mut out, mut shift) = (Vec::new(), Shift::Ascii);
            for part in [&whole[..cut], &whole[cut..]] {
                shift = encode(JIS, TextErrors::Strict, None, shift, part, &mut out).unwrap();
            }
            assert_eq!((out, shift), (expected.clone(), Shift::Kanji), "cut at {cut}");
        }
    }

    #[test]
    fn a_refusal_names_the_place_in_the_text_as_it_was_given() {
        let refused = |newline| {
            let codec = Codec::Whatwg(encoding_rs::WINDOWS_1252);
            let outcome =
                encode(codec, TextErrors::Strict, newline, Shift::Ascii, "a\né\nб", &mut Vec::new());
            match outcome {
                Err(Refusal::Unmappable(at, c)) => (at, c),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(None), (5, 'б'));
        assert_eq!(refused(Some("\r\n")), (5, 'б'));
    }

    #[test]
    fn what_cannot_be_written_becomes_a_question_mark_in_any_state() {
        for (encoding, text, expected) in [
            (encoding_rs::WINDOWS_1252, "aбв€", &b"a??\x80"[..]),
            (encoding_rs::ISO_2022_JP, "日😀日", b"\x1b$BF|\x1b(B?\x1b$BF|"),
            (Encoding::for_label(b"x-user-defined").unwrap(), "\u{f780}é", b"\x80?"),
        ] {
            let mut out = Vec::new();
            let codec = Codec::Whatwg(encoding);
            encode(codec, TextErrors::Replace, None, Shift::Ascii, text, &mut out).unwrap();
            assert_eq!(out, expected, "{}", encoding.name());
        }
    }
}
