//! One block deflated on its own.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::content::{copied, reserve};
use crate::error::{Error, Result};

/// Bytes of one block. Smaller ones give more to do at once, larger ones less to do twice: the
/// window before each is hashed once more.
pub const BLOCK: usize = 256 << 10;

/// As far back deflated bytes can refer.
pub const WINDOW: usize = 32 << 10;

/// A deflated block, and what is needed to put it after others.
#[derive(Debug, Default)]
pub struct Deflated {
    pub bytes: Vec<u8>,
    /// Of the bytes before they were deflated.
    pub crc: Crc,
}

/// The last block of a deflated stream whose blocks so far all left it open.
pub const END: [u8; 2] = [0x03, 0x00];

/// Deflates blocks, each as if it had done none before.
///
/// A compressor that is reset keeps stale bytes in its window. They make no difference but behind a
/// dictionary: zlib-rs hashes four bytes at a time, and with the last of them one that is not there
/// yet. So a block with bytes before it gets a new compressor, which starts with zeros; that costs it
/// about a hundredth. Small files, for which it would be half, use one again.
#[derive(Debug)]
pub struct Deflater {
    level: Compression,
    compress: Compress,
    /// Where deflated bytes go until it is known how many they are.
    out: Vec<u8>,
}

impl Deflater {
    /// One of a level of 1 to 9.
    #[must_use]
    pub fn new(level: u32) -> Self {
        let level = Compression::new(level);
        Self { level, compress: Compress::new(level, false), out: Vec::new() }
    }

    /// Deflates `bytes`, which come after `before`: at most a [`WINDOW`] of what precedes them in
    /// the same stream. Unless they are the `last` of it, they end at a byte and leave it open.
    ///
    /// All that the result depends on comes in one call: zlib may cut its blocks otherwise if
    /// the same bytes come in pieces.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    pub fn deflate(&mut self, before: &[u8], bytes: &[u8], last: bool) -> Result<Vec<u8>> {
        if before.is_empty() {
            self.compress.reset();
        } else {
            self.compress = Compress::new(self.level, false);
            self.compress.set_dictionary(before).map_err(Error::other)?;
        }
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        let room = bytes.len() + bytes.len() / 8 + 128; // no level needs more
        if let Some(more @ 1..) = room.checked_sub(self.out.len()) {
            reserve(&mut self.out, more)?;
            self.out.resize(room, 0);
        }
        let (mut taken, mut given) = (0, 0);
        loop {
            let (input, output) = (&bytes[taken..], &mut self.out[given..]);
            let status = self.compress.compress(input, output, flush).map_err(Error::other)?;
            (taken, given) = (self.compress.total_in() as usize, self.compress.total_out() as usize);
            let ended = if last { status == Status::StreamEnd } else { given < self.out.len() };
            if ended && taken == bytes.len() {
                return copied(&self.out[..given]);
            }
            self.out.resize(self.out.len() + room, 0);
        }
    }
}

/// The checksum of some bytes.
#[must_use]
pub fn crc_of(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    /// Bytes with repetitions near and far, from a seed.
    fn bytes(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut bytes = Vec::with_capacity(len + 64);
        while bytes.len() < len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let back = (state >> 8) as usize % 40_000;
            if state.is_multiple_of(4) && back < bytes.len() {
                let from = bytes.len() - back - 1;
                bytes.extend_from_within(from..bytes.len().min(from + (state >> 30) as usize % 300));
            } else {
                bytes.extend_from_slice(&state.to_le_bytes()[..3]);
            }
        }
        bytes.truncate(len);
        bytes
    }

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut decoder = DeflateDecoder::new(stream);
        decoder.read_to_end(&mut bytes).expect("a deflated stream");
        assert_eq!(decoder.total_in(), stream.len() as u64, "it ends where it should");
        bytes
    }

    #[test]
    fn blocks_make_one_stream_whether_the_last_is_marked_or_the_end_is_put_behind() -> Result<()> {
        let bytes = bytes(300_000, 7);
        for level in 1..=9 {
            let mut deflater = Deflater::new(level);
            for size in [1, 999, 40_000, 262_144] {
                let (mut marked, mut ended) = (Vec::new(), Vec::new());
                let few = &bytes[..bytes.len().min(size * 300)];
                let mut from = 0;
                while from < few.len() {
                    let to = few.len().min(from + size);
                    let before = &few[from.saturating_sub(WINDOW)..from];
                    let is_last = to == few.len();
                    marked.extend(deflater.deflate(before, &few[from..to], is_last)?);
                    ended.extend(deflater.deflate(before, &few[from..to], false)?);
                    from = to;
                }
                ended.extend(END);
                assert!(inflated(&marked) == few && inflated(&ended) == few, "level {level}, {size}");
            }
        }
        Ok(())
    }

    #[test]
    fn bytes_that_do_not_shrink_have_room() -> Result<()> {
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = std::iter::repeat_with(&mut noise).take(BLOCK).collect();
        for level in 1..=9 {
            for len in [0, 1, 2, 100, 70_000, BLOCK] {
                for last in [false, true] {
                    let deflated = Deflater::new(level).deflate(&[], &noise[..len], last)?;
                    assert!(deflated.len() <= len + len / 8 + 128, "level {level}, {len}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn what_was_deflated_before_makes_no_difference(
            level in 1..=9_u32, len in 0..BLOCK, before in prop_oneof![0..=WINDOW, Just(WINDOW)], seed: u64,
            earlier in 0..BLOCK, last: bool,
        ) {
            let bytes = bytes(before + len, seed);
            let (before, bytes) = bytes.split_at(before);
            let mut used = Deflater::new(level);
            used.deflate(&[], &self::bytes(earlier, !seed), !last)?;
            for before in [before, &[]] {
                let fresh = Deflater::new(level).deflate(before, bytes, last)?;
                prop_assert!(used.deflate(before, bytes, last)? == fresh);
            }
        }
    }
}
