//! A buffer with what pays for it, or a part of the bytes of another such.

#![allow(unsafe_code, reason = "a part borrows bytes from what it keeps")]

use std::ops::Range;
use std::sync::Arc;

use super::buffer::Buffer;

/// Bytes, and what keeps them: a buffer and its receipt `R`, or another payload that they are a part of.
///
/// Invariant: of a part `bytes` is lent by the buffer of the payload in `hold`, which has a buffer of its
/// own. That one cannot change while it is held here: who would change or take a payload must have it alone.
#[derive(Debug)]
pub struct Payload<R> {
    bytes: Buffer,
    hold: Hold<R>,
    /// What the owner notes beside; nothing here depends on it.
    mark: u64,
}

#[derive(Debug)]
enum Hold<R> {
    Own(R),
    Part(Arc<Payload<R>>),
}

impl<R> Payload<R> {
    /// Bytes with their receipt.
    #[must_use]
    pub fn own(bytes: Buffer, receipt: R, mark: u64) -> Self {
        Self { bytes, hold: Hold::Own(receipt), mark }
    }

    /// A range of the bytes of another payload, which is kept whole for as long as this lives. A part of a
    /// part is one of the whole.
    ///
    /// # Panics
    ///
    /// If there are no such bytes.
    #[must_use]
    pub fn part(of: &Arc<Self>, range: Range<usize>) -> Self {
        let (whole, from) = of.whole();
        let range = from + range.start..from + range.end;
        assert!(range.end <= from + of.bytes.len(), "a part ends before what it is of");
        let whole = Arc::clone(whole.unwrap_or(of));
        // SAFETY: the bytes belong to `whole`, which is held beside the result as long as that lives. Whoever
        // wanted to change or take its buffer would need the only reference to it.
        let bytes = unsafe { whole.bytes.lend(range) };
        Self { bytes, hold: Hold::Part(whole), mark: of.mark }
    }

    /// Of a part: what it is of, and where it begins there.
    #[must_use]
    pub fn whole(&self) -> (Option<&Arc<Self>>, usize) {
        match &self.hold {
            Hold::Own(_) => (None, 0),
            Hold::Part(whole) => (Some(whole), self.bytes.as_ptr().addr() - whole.bytes.as_ptr().addr()),
        }
    }

    /// What pays for the bytes: of a part that of the whole.
    #[inline]
    #[must_use]
    pub fn receipt(&self) -> &R {
        match &self.hold {
            Hold::Own(receipt) => receipt,
            Hold::Part(whole) => whole.receipt(),
        }
    }

    /// The buffer and its receipt; `None` for a part.
    #[must_use]
    pub fn into_own(self) -> Option<(Buffer, R)> {
        match self.hold {
            Hold::Own(receipt) => Some((self.bytes, receipt)),
            Hold::Part(_) => None,
        }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn buffer(&self) -> &Buffer {
        &self.bytes
    }

    /// The bytes, to be changed; none of a part.
    #[inline]
    #[must_use]
    pub fn own_bytes_mut(&mut self) -> &mut [u8] {
        match &self.hold {
            Hold::Own(_) => &mut self.bytes,
            Hold::Part(_) => &mut [],
        }
    }

    #[inline]
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(len: usize) -> Arc<Payload<u32>> {
        let bytes: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        Arc::new(Payload::own(Buffer::copied(&bytes).unwrap(), 5, 3))
    }

    #[test]
    fn a_part_keeps_what_it_is_of() {
        for len in [100, 5000] {
            let whole = payload(len);
            let bytes = whole.buffer().to_vec();
            let part = Arc::new(Payload::part(&whole, 10..90));
            let smaller = Arc::new(Payload::part(&part, 5..50));
            assert!(Arc::ptr_eq(smaller.whole().0.unwrap(), &whole), "a part of a part is one of the whole");
            assert_eq!((part.whole().1, smaller.whole().1, whole.whole().1), (10, 15, 0));
            assert_eq!((*smaller.receipt(), smaller.mark(), Arc::strong_count(&whole)), (5, 3, 3));
            drop((whole, part));
            assert_eq!(smaller.buffer()[..], bytes[15..60]);
        }
    }

    #[test]
    fn what_has_parts_cannot_be_changed_or_taken() {
        let mut whole = payload(5000);
        let mut part = Arc::new(Payload::part(&whole, 0..1));
        assert!(Arc::get_mut(&mut whole).is_none());
        assert_eq!(Arc::get_mut(&mut part).unwrap().own_bytes_mut(), &mut []);
        let whole = Arc::try_unwrap(whole).unwrap_err();
        assert!(Arc::into_inner(part).unwrap().into_own().is_none());
        let (bytes, receipt) = Arc::into_inner(whole).unwrap().into_own().unwrap();
        assert_eq!((bytes.len(), receipt), (5000, 5));
    }

    #[test]
    #[should_panic(expected = "ends before")]
    fn a_part_lies_within() {
        let whole = payload(5000);
        let part = Arc::new(Payload::part(&whole, 0..100));
        drop(Payload::part(&part, 50..101));
    }
}
