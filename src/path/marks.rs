//! Where a short text has certain bytes, sixteen bytes at a time.

use wide::u8x16;

/// The most bytes of a text that can be marked.
pub const MOST: usize = 64;

/// Bytes that are taken in at once.
const STEP: usize = 16;

/// For each byte that is wanted, where it stands in `text`: bit *i* is byte *i*.
#[inline]
pub fn marks<const N: usize>(text: &[u8], wanted: [u8; N]) -> [u64; N] {
    debug_assert!(text.len() <= MOST);
    let mut marks = [0; N];
    let mut look = |at: usize, bytes: [u8; STEP]| {
        let bytes = u8x16::from(bytes);
        for (mark, byte) in marks.iter_mut().zip(wanted) {
            *mark |= u64::from(bytes.simd_eq(u8x16::splat(byte)).to_bitmask()) << at;
        }
    };
    let (whole, rest) = text.as_chunks();
    for (number, bytes) in whole.iter().enumerate() {
        look(number * STEP, *bytes);
    }
    if !rest.is_empty() {
        if let Some(last) = text.last_chunk() {
            look(text.len() - STEP, *last); // marking some bytes twice changes nothing
        } else {
            let mut bytes = [0xff; STEP]; // which no text has
            bytes[..rest.len()].copy_from_slice(rest);
            look(0, bytes);
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_are_where_the_bytes_are(text in prop::collection::vec(prop::sample::select(b"/.a\\\0".to_vec()), 0..=MOST)) {
            let wanted = *b"/.\\\0";
            for (mark, byte) in marks(&text, wanted).into_iter().zip(wanted) {
                let expected = text.iter().rev().fold(0_u64, |mark, at| mark << 1 | u64::from(*at == byte));
                prop_assert_eq!(mark, expected);
            }
        }
    }
}
