//! Sizes of blocks: eight steps for each doubling, so that a block is at most an eighth longer than it must be.

use crate::content::CHUNK;

/// The number of sizes: 2048 and eight more for each of five doublings.
pub const CLASSES: usize = 1 + 8 * 5;

/// The smallest block.
const SMALLEST: usize = 2048;

/// The shortest payload that is kept in a block. Shorter ones are left to the allocator of the process:
/// its headers are a hundredth of them, and a block would be longer than an eighth too long.
pub const SHORTEST: usize = SMALLEST - SMALLEST / 8 + 1;

const _: () = assert!(Class::LARGEST.size() == CHUNK);

/// The size of a block, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class(u8);

impl Class {
    /// That of a whole chunk.
    pub const LARGEST: Self = Self(CLASSES as u8 - 1);

    /// The smallest class whose blocks have room for `len` bytes, if a block is worth it.
    #[inline]
    #[must_use]
    pub const fn of(len: usize) -> Option<Self> {
        if len < SHORTEST || len > CHUNK {
            return None;
        }
        if len <= SMALLEST {
            return Some(Self(0));
        }
        let doubling = (len - 1).ilog2() - SMALLEST.ilog2(); // of `SMALLEST`, below the length
        let step = (SMALLEST >> 3) << doubling;
        let above = (len - (SMALLEST << doubling)).div_ceil(step);
        Some(Self((8 * doubling as usize + above) as u8))
    }

    /// The class of this number.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    #[must_use]
    pub const fn numbered(number: usize) -> Self {
        assert!(number < CLASSES, "there is no such class");
        Self(number as u8)
    }

    /// Its number, below [`CLASSES`].
    #[inline]
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    /// The bytes of a block.
    #[inline]
    #[must_use]
    pub const fn size(self) -> usize {
        let (doubling, step) = (self.0 as usize / 8, self.0 as usize % 8);
        (SMALLEST + step * (SMALLEST >> 3)) << doubling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_ascend_and_are_at_most_an_eighth_too_long() {
        assert_eq!((Class::of(0), Class::of(SHORTEST - 1), Class::of(CHUNK + 1)), (None, None, None));
        for number in 1..CLASSES {
            assert!(Class::numbered(number).size() > Class::numbered(number - 1).size());
        }
        for len in SHORTEST..=CHUNK {
            let class = Class::of(len).unwrap();
            let size = class.size();
            assert!(size >= len && (size - len) * 8 <= size, "{len} in {size}");
            assert!(class.number() == 0 || Class::numbered(class.number() - 1).size() < len);
            assert_eq!(Class::of(size), Some(class));
        }
        assert_eq!(Class::of(4096).unwrap().size(), 4096);
        assert_eq!(Class::of(5000).unwrap().size(), 5120);
    }
}
