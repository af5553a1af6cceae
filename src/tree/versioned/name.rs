//! The names of entries: allocated once, shared by all nodes that list them.
//!
//! Invariants:
//!
//! * **N1** A name is written once, by [`NamePtr::new`], before anybody else can reach it.
//! * **N3** Behind a text of more than 23 bytes stands what the name is charged.
//! * **N2** Its text is valid UTF-8 of 1 to [`MAX_NAME`] bytes, with a birth and a length in front.

use std::cmp::Ordering;
use std::fmt;
use std::mem::offset_of;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::arena::{Arena, OutOfMemory};
use crate::tree::name::INLINE;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 255;

/// A name as it stands in a directory.
#[repr(C)]
pub struct Name {
    birth: u64,
    len: u8,
    /// Whether somebody else owes what the name is charged. Ordering: relaxed; written by whoever has the
    /// commit lock, and nothing hangs on it.
    unpaid: AtomicBool,
    text: [u8],
}

/// What is in front of the text.
#[repr(C)]
struct Head {
    birth: u64,
    len: u8,
    unpaid: AtomicBool,
    text: [u8; 0],
}

const TEXT: usize = offset_of!(Head, text);

/// Bytes of the block of a name of so many bytes.
const fn size(len: usize) -> usize {
    TEXT + len + if len > INLINE { size_of::<u64>() } else { 0 }
}

#[cfg(any(test, feature = "internals"))]
impl Name {
    /// Bytes of a name of so many bytes.
    pub(super) const fn size(len: usize) -> usize {
        size(len)
    }
}

impl Name {
    /// The text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        // SAFETY: N2.
        unsafe { std::str::from_utf8_unchecked(&self.text) }
    }

    /// What it is charged: nothing up to 23 bytes.
    #[must_use]
    #[inline]
    pub fn charged(&self) -> u64 {
        if self.text.len() <= INLINE {
            return 0;
        }
        // SAFETY: N3.
        unsafe { self.text.as_ptr().add(self.text.len()).cast::<u64>().read_unaligned() }
    }

    /// The version that it came into being with.
    #[must_use]
    pub fn birth(&self) -> u64 {
        self.birth
    }

    /// Nobody pays for it yet.
    pub fn owes_nothing(&self) {
        self.unpaid.store(true, Relaxed);
    }

    /// Whether it gives back what it is charged when it is freed.
    #[must_use]
    pub fn owes(&self) -> bool {
        !self.unpaid.load(Relaxed)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A name in the arena, by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamePtr(NonNull<Head>);

impl NamePtr {
    /// A new name in the arena.
    ///
    /// # Panics
    ///
    /// If it is empty or longer than [`MAX_NAME`].
    pub(super) fn new(arena: &mut Arena, birth: u64, text: &str, overhead: u64) -> Result<Self, OutOfMemory> {
        assert!((1..=MAX_NAME).contains(&text.len()), "a name has 1 to {MAX_NAME} bytes");
        let block = arena.alloc(size(text.len()))?.cast::<Head>();
        // SAFETY: the block is ours, and large enough for head and text (N1).
        unsafe {
            (&raw mut (*block.as_ptr()).birth).write(birth);
            (&raw mut (*block.as_ptr()).len).write(text.len() as u8);
            (&raw mut (*block.as_ptr()).unpaid).write(AtomicBool::new(false));
            let to = block.cast::<u8>().add(TEXT);
            ptr::copy_nonoverlapping(text.as_ptr(), to.as_ptr(), text.len());
            if text.len() > INLINE {
                let charged = overhead.saturating_add(text.len() as u64);
                to.add(text.len()).cast::<u64>().write_unaligned(charged);
            }
        }
        Ok(Self(block))
    }

    /// The name that begins at this address.
    ///
    /// # Safety
    ///
    /// A name that was not freed is there.
    pub(super) unsafe fn from_raw(raw: NonNull<u8>) -> Self {
        Self(raw.cast())
    }

    pub(super) fn as_raw(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// The name itself.
    ///
    /// # Safety
    ///
    /// It is not freed during `'a`.
    #[inline]
    pub(super) unsafe fn get<'a>(self) -> &'a Name {
        // SAFETY: N1, N2: a head and as many bytes of text as it says; `Name` has the layout of `Head` with
        // the text in its place, and both are padded to 8 bytes, which the block has.
        unsafe {
            let len = (*self.0.as_ptr()).len as usize;
            &*(ptr::slice_from_raw_parts(self.0.as_ptr().cast::<u8>(), len) as *const Name)
        }
    }

    /// Its text.
    ///
    /// # Safety
    ///
    /// It is not freed during `'a`.
    #[inline]
    pub(super) unsafe fn text<'a>(self) -> &'a [u8] {
        // SAFETY: as the caller warrants.
        unsafe { &self.get().text }
    }

    /// Gives its memory back.
    ///
    /// # Safety
    ///
    /// It came from this arena, was not freed, and nobody uses it any more.
    pub(super) unsafe fn free(self, arena: &mut Arena) {
        // SAFETY: as the caller warrants; the size is that which `new` asked for.
        unsafe { arena.free(self.0.cast(), size((*self.0.as_ptr()).len as usize)) };
    }
}

/// Eight bytes of `text` from `from` on, the first one the most significant; zeros behind the end.
///
/// Keys compare as the texts do where they differ.
#[inline]
pub(super) fn key(text: &[u8], from: usize) -> u64 {
    if let Some(bytes) = text.get(from..).and_then(<[u8]>::first_chunk) {
        return u64::from_be_bytes(*bytes);
    }
    if from >= text.len() {
        return 0;
    }
    match text.last_chunk() {
        // The end of the text is in the last eight bytes: what is in front of `from` is shifted out.
        Some(bytes) => u64::from_be_bytes(*bytes) << (8 * (from + 8 - text.len())),
        None => {
            text[from..].iter().enumerate().fold(0, |key, (at, byte)| key | u64::from(*byte) << (56 - 8 * at))
        }
    }
}

/// Whether two texts are equal, by words: most names are shorter than a call of `memcmp` is worth.
#[inline]
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return match (a.last_chunk::<4>(), b.last_chunk::<4>()) {
            // Shorter than eight, so that the first four and the last four are all.
            (Some(last_a), Some(last_b)) => last_a == last_b && a.first_chunk::<4>() == b.first_chunk::<4>(),
            _ => a == b,
        };
    };
    // The last word first: names differ at their ends.
    last_a == last_b
        && a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).all(|(word_a, word_b)| word_a == word_b)
}

/// Bytes that both texts begin with.
#[inline]
pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let mut same = 0;
    for (word_a, word_b) in words {
        let differ = u64::from_le_bytes(*word_a) ^ u64::from_le_bytes(*word_b);
        if differ != 0 {
            return same + differ.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()
}

/// The order of two texts, by words.
#[inline]
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let same = common(a, b);
    match (a.get(same), b.get(same)) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
