//! Payloads that show whose they are and whether they are whole.
//!
//! A payload is a sequence of little-endian words. Word 0 is the key of the file, word 1 the number of
//! the write; the first word of every 512 bytes after that changes with each write, and the last word
//! makes the sum of all words a function of the key. So a reader sees with one pass over the bytes
//! whether they belong to the file and to one write: a mixture of two writes has another sum.

use crate::store::{Answer, Failure};

const WORD: usize = 8;
/// Words between those that every write changes.
const STRIDE: usize = 512 / WORD;

/// The sum that all words of a payload have, by key.
fn sum_of(key: u64) -> u64 {
    mix(key ^ 0xa5a5_5a5a_0f0f_f0f0)
}

/// A bijection that spreads its input over all bits (the finaliser of `SplitMix64`).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A buffer that is rewritten for every write.
#[derive(Debug)]
pub struct Payload {
    bytes: Vec<u8>,
    /// The sum of all words but the last.
    sum: u64,
}

impl Payload {
    /// A buffer of `size` bytes, filled with words that do not compress.
    ///
    /// # Panics
    /// Where `size` is below 32 or no multiple of 8.
    pub fn new(size: usize) -> Self {
        assert!(size >= 4 * WORD && size.is_multiple_of(WORD), "a payload cannot have {size} bytes");
        let words = size / WORD;
        let bytes: Vec<u8> = (0..words as u64).flat_map(|word| mix(word + 1).to_le_bytes()).collect();
        let sum = sum(&bytes[..size - WORD]);
        Self { bytes, sum }
    }

    /// The number of bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes as the last [`stamp`](Self::stamp) left them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Rewrites the buffer as the `number`-th write to the file `key`, and lends it.
    pub fn stamp(&mut self, key: u64, number: u64) -> &[u8] {
        let last = self.bytes.len() / WORD - 1;
        self.set(0, key);
        self.set(1, number);
        let change = mix(number.wrapping_add(key << 32));
        for word in (STRIDE..last).step_by(STRIDE) {
            self.set(word, change ^ word as u64);
        }
        let rest = sum_of(key).wrapping_sub(self.sum);
        self.bytes[last * WORD..].copy_from_slice(&rest.to_le_bytes());
        &self.bytes
    }

    fn set(&mut self, word: usize, value: u64) {
        self.sum = self.sum.wrapping_sub(self::word(&self.bytes, word)).wrapping_add(value);
        self.bytes[word * WORD..][..WORD].copy_from_slice(&value.to_le_bytes());
    }
}

fn word(bytes: &[u8], index: usize) -> u64 {
    u64::from_le_bytes(bytes[index * WORD..][..WORD].try_into().expect("a word"))
}

fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(WORD).map(|word| u64::from_le_bytes(word.try_into().expect("a word")));
    words.fold(0, u64::wrapping_add)
}

/// Checks that `bytes` are one whole write of `size` bytes to the file `key`, and tells which.
///
/// # Errors
/// [`Failure::Failed`] with what is wrong.
pub fn check_payload(bytes: &[u8], size: usize, key: u64) -> Answer<u64> {
    if bytes.len() != size {
        return Err(Failure::failed(format!("file {key} has {} bytes instead of {size}", bytes.len())));
    }
    if word(bytes, 0) != key {
        return Err(Failure::failed(format!("file {key} has the content of file {}", word(bytes, 0))));
    }
    if sum(bytes) != sum_of(key) {
        return Err(Failure::failed(format!("file {key} holds a mixture of two writes, or other bytes")));
    }
    Ok(word(bytes, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stamp_is_recognised() {
        for size in [32, 256, 4096, 65536] {
            let mut payload = Payload::new(size);
            for (key, number) in [(0, 0), (1, 5), (7, u64::MAX), (1, 6)] {
                let bytes = payload.stamp(key, number);
                assert_eq!(check_payload(bytes, size, key).expect("whole"), number);
                assert!(check_payload(bytes, size, key + 1).is_err());
                assert!(check_payload(&bytes[8..], size, key).is_err());
            }
        }
    }

    #[test]
    fn a_mixture_of_two_writes_is_noticed_at_every_seam() {
        let mut payload = Payload::new(4096);
        let old = payload.stamp(3, 1).to_vec();
        let new = payload.stamp(3, 2);
        for seam in (512..4096).step_by(512) {
            let torn = [&new[..seam], &old[seam..]].concat();
            assert!(check_payload(&torn, 4096, 3).is_err(), "seam at {seam}");
        }
    }

    #[test]
    fn one_flipped_bit_is_noticed() {
        let mut payload = Payload::new(256);
        let mut bytes = payload.stamp(9, 9).to_vec();
        bytes[100] ^= 4;
        assert!(check_payload(&bytes, 256, 9).is_err());
    }
}
