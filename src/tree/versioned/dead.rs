//! Objects by tagged address: what a slot of a directory leads to, and what nobody will reach again.
//!
//! Every object of the tree is a block of an [`Arena`](super::arena::Arena), hence aligned to 16 bytes, and begins
//! with its birth, the `u64` version that it came into being with.

use std::fmt;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use super::arena::GRAIN;

const TAG: usize = GRAIN - 1;

/// What a slot of a directory leads to: a file or a directory. One word.
///
/// The map never looks behind it. It is compared by address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Value(NonNull<u8>);

// SAFETY: it is an address; what may be done with what is there is up to who looks.
unsafe impl Send for Value {}
// SAFETY: as above.
unsafe impl Sync for Value {}

impl Value {
    /// A file object, aligned to 16 bytes.
    #[must_use]
    #[inline]
    pub fn file<T>(object: NonNull<T>) -> Self {
        debug_assert_eq!(object.addr().get() & TAG, 0);
        Self(object.cast())
    }

    /// A directory object, aligned to 16 bytes.
    #[must_use]
    #[inline]
    pub fn directory<T>(object: NonNull<T>) -> Self {
        debug_assert_eq!(object.addr().get() & TAG, 0);
        Self(object.cast().map_addr(|address| address | 1))
    }

    /// A number instead of an object, for maps that are never taken apart: the fifteen low bits are no tag.
    #[must_use]
    pub fn number(number: u32) -> Self {
        let address = NonZeroUsize::MIN.saturating_add(number as usize);
        Self(NonNull::without_provenance(address.saturating_mul(NonZeroUsize::MIN.saturating_add(TAG))))
    }

    /// Whether it is a directory.
    #[must_use]
    #[inline]
    pub fn is_directory(self) -> bool {
        self.0.addr().get() & 1 != 0
    }

    /// The address of the object.
    #[must_use]
    #[inline]
    pub fn object<T>(self) -> NonNull<T> {
        untagged(self.0).cast()
    }

    /// Asks the processor to fetch the object: it will be looked at soon.
    #[inline]
    pub(super) fn prefetch(self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a hint about an address, which need not lead anywhere.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.0.as_ptr().cast_const().cast());
        }
    }

    /// As the object that it is, alone.
    pub(super) fn alone(self) -> Dead {
        Dead::new(if self.is_directory() { Kind::Directory } else { Kind::File }, untagged(self.0))
    }

    /// With all that is below it.
    pub(super) fn whole(self) -> Dead {
        Dead::new(if self.is_directory() { Kind::Tree } else { Kind::File }, untagged(self.0))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What sort of object an address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A leaf or inner node of a map; it says itself which of them.
    Node,
    /// The name of an entry.
    Name,
    /// A file object.
    File,
    /// A directory object, without its entries.
    Directory,
    /// A node with everything below it.
    Nodes,
    /// A directory object with everything below it.
    Tree,
}

/// An object that the version under construction, and all that come after it, do not reach.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Dead(NonNull<u8>);

// SAFETY: it is an address; what may be done with what is there is up to who looks.
unsafe impl Send for Dead {}
// SAFETY: as above.
unsafe impl Sync for Dead {}

impl Dead {
    #[inline]
    pub(super) fn new(kind: Kind, object: NonNull<u8>) -> Self {
        debug_assert_eq!(object.addr().get() & TAG, 0);
        Self(object.map_addr(|address| address | kind as usize))
    }

    /// What it is.
    #[must_use]
    #[inline]
    pub fn kind(self) -> Kind {
        match self.0.addr().get() & TAG {
            0 => Kind::Node,
            1 => Kind::Name,
            2 => Kind::File,
            3 => Kind::Directory,
            4 => Kind::Nodes,
            _ => Kind::Tree,
        }
    }

    /// Where it is.
    #[must_use]
    #[inline]
    pub fn object<T>(self) -> NonNull<T> {
        untagged(self.0).cast()
    }

    /// The version that it came into being with.
    ///
    /// # Safety
    ///
    /// It was not freed.
    #[must_use]
    #[inline]
    pub unsafe fn birth(self) -> u64 {
        // SAFETY: every object begins with its birth.
        unsafe { self.object::<u64>().read() }
    }
}

impl fmt::Debug for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.kind(), self.object::<u8>())
    }
}

#[inline]
fn untagged(address: NonNull<u8>) -> NonNull<u8> {
    let plain = address.as_ptr().map_addr(|address| address & !TAG);
    // SAFETY: an object is never at an address below 16.
    unsafe { NonNull::new_unchecked(plain) }
}
