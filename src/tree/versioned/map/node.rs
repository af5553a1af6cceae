//! One node of the map: how its slots lie in memory, and how a name is looked for in it.
//!
//! A node is a [`Head`] and arrays of `cap` elements each, of which the first `len` are in use:
//!
//! ```text
//! leaf    keys: u64, names: NamePtr, values: Value  [, fine: u64]
//! inner   keys: u64, children: NonNull<Head>        [, fine: u64]
//! ```
//!
//! Invariants:
//!
//! * **M1** All names at or below a node share its first `prefix` bytes. Only the length is stored.
//! * **M2** The names of a leaf ascend; `keys[i]` is the [`key`] of name `i` behind the prefix.
//! * **M3** Between the children of an inner node there are separators: a text that is greater than all names of child
//!   `i - 1` and at most the least of child `i`. `keys[i]` is its key. The text need not be a name (any more) and
//!   is stored nowhere; where keys tie, the least name of the child stands in for it, which always is a
//!   separator too. There is none in front of child 0, whose key means nothing.
//! * **M4** A node may have one run: at least two neighbouring slots, not slot 0 of an inner node, whose keys are
//!   equal, that share `run_prefix` bytes, and that are all slots with this key. `fine[i]` of a slot in the
//!   run is its key behind those bytes. Nodes where an outlier has shortened the prefix have one.
//!
//! So a search takes eight bytes behind a prefix that it never compares, and counts the lesser keys. If the
//! name is there, its prefix does match, and the search finds it. If it is not, the comparison with the only
//! candidate says so.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::mem::size_of;
use std::ptr::NonNull;
use std::slice;

use super::super::arena::{Arena, OutOfMemory};
use super::super::dead::Value;
use super::super::name::{Name, NamePtr, common, compare, equal, key};

/// Slots of the largest node.
pub const FAN: usize = 32;
/// Slots are allocated in steps of so many.
pub const STEP: usize = 4;
/// With so many equal keys a node gets a run.
pub const RUN: usize = 4;

/// In front of the arrays.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Head {
    pub birth: u64,
    pub len: u8,
    pub cap: u8,
    /// Distance from the leaves.
    pub level: u8,
    /// See M1.
    pub prefix: u8,
    /// Whether there is a fourth (inner: third) array.
    pub wide: bool,
    /// First slot of the run, and the one behind it; equal where there is none (M4).
    pub run: u8,
    pub run_end: u8,
    pub run_prefix: u8,
}

const HEAD: usize = size_of::<Head>();
const _: () = assert!(HEAD == 16);

/// A node by its address. Cast from and to `NonNull<u8>` freely.
pub type Raw = NonNull<Head>;

impl Head {
    /// Bytes of a node with this head.
    #[inline]
    pub fn size(&self) -> usize {
        HEAD + 8 * self.cap as usize * self.arrays()
    }

    /// Arrays behind the head, one after the other.
    #[inline]
    pub fn arrays(&self) -> usize {
        (if self.level == 0 { 3 } else { 2 }) + usize::from(self.wide)
    }
}

/// Where the arrays of a node begin.
///
/// # Safety
///
/// `raw` leads to a node that was not freed, or to a block with a valid head and as many bytes as it says.
#[inline]
pub unsafe fn keys(raw: Raw) -> NonNull<u64> {
    // SAFETY: the arrays begin behind the head, in the same block (the caller warrants that there is one).
    unsafe { raw.add(1).cast() }
}

/// The second array: names of a leaf, children of an inner node.
///
/// # Safety
///
/// As [`keys`].
#[inline]
pub unsafe fn links(raw: Raw) -> NonNull<NonNull<u8>> {
    // SAFETY: the block has as many arrays of `cap` words as its head says, and each node has a second.
    unsafe { keys(raw).add(raw.as_ref().cap as usize).cast() }
}

/// The values of a leaf.
///
/// # Safety
///
/// As [`keys`], and it is a leaf.
#[inline]
pub unsafe fn values(raw: Raw) -> NonNull<Value> {
    // SAFETY: as in `links`; a leaf has a third array.
    unsafe { keys(raw).add(2 * raw.as_ref().cap as usize).cast() }
}

/// The second keys of a wide node.
///
/// # Safety
///
/// As [`keys`], and it is wide.
#[inline]
pub unsafe fn fine(raw: Raw) -> NonNull<u64> {
    // SAFETY: as in `links`; this is the last array that the head counts.
    unsafe { keys(raw).add((raw.as_ref().arrays() - 1) * raw.as_ref().cap as usize) }
}

/// A block with this head, and nothing in its slots.
pub fn alloc(arena: &mut Arena, head: Head) -> Result<Raw, OutOfMemory> {
    let raw = arena.alloc(head.size())?.cast::<Head>();
    // SAFETY: the block is ours and large enough.
    unsafe { raw.write(head) };
    Ok(raw)
}

/// A node that is only read while this exists.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    raw: Raw,
    reading: PhantomData<&'a Head>,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Node<'_> {
    /// Gives the memory of a node back.
    ///
    /// # Safety
    ///
    /// It came from this arena, was not freed, and nobody uses it any more.
    #[inline]
    pub unsafe fn free(raw: Raw, arena: &mut Arena) {
        // SAFETY: as the caller warrants; the size is that which `alloc` asked for.
        unsafe { arena.free(raw.cast(), raw.as_ref().size()) };
    }
}

impl<'a> Node<'a> {
    /// The node at `raw`.
    ///
    /// # Safety
    ///
    /// It and everything below it satisfy M1 to M4, and are neither written nor freed during `'a`.
    #[inline]
    pub unsafe fn new(raw: Raw) -> Self {
        Self { raw, reading: PhantomData }
    }

    #[inline]
    pub fn raw(self) -> Raw {
        self.raw
    }

    #[inline]
    pub fn head(self) -> &'a Head {
        // SAFETY: the node is only read during `'a`; so in all that follow.
        unsafe { self.raw.as_ref() }
    }

    #[inline]
    pub fn len(self) -> usize {
        self.head().len as usize
    }

    #[inline]
    pub fn is_leaf(self) -> bool {
        self.head().level == 0
    }

    #[inline]
    pub fn keys(self) -> &'a [u64] {
        // SAFETY: the first `len` are written.
        unsafe { slice::from_raw_parts(keys(self.raw).as_ptr(), self.len()) }
    }

    #[inline]
    fn links(self) -> &'a [NonNull<u8>] {
        // SAFETY: the first `len` are written.
        unsafe { slice::from_raw_parts(links(self.raw).as_ptr(), self.len()) }
    }

    #[inline]
    pub fn link(self, slot: usize) -> NonNull<u8> {
        self.links()[slot]
    }

    /// The name of a slot of a leaf.
    #[inline]
    pub fn name(self, slot: usize) -> &'a Name {
        debug_assert!(self.is_leaf());
        // SAFETY: a leaf has names in its links, which live as long as it is reachable.
        unsafe { NamePtr::from_raw(self.links()[slot]).get() }
    }

    #[inline]
    pub fn text(self, slot: usize) -> &'a [u8] {
        self.name(slot).as_str().as_bytes()
    }

    #[inline]
    pub fn value(self, slot: usize) -> Value {
        assert!(self.is_leaf() && slot < self.len());
        // SAFETY: a leaf has values, of which the first `len` are written.
        unsafe { values(self.raw).add(slot).read() }
    }

    #[inline]
    pub fn child(self, slot: usize) -> Node<'a> {
        debug_assert!(!self.is_leaf());
        // SAFETY: an inner node has nodes in its links, which are reachable through it.
        unsafe { Node::new(self.links()[slot].cast()) }
    }

    /// The second keys of the run; empty where there is none.
    #[inline]
    pub fn fine(self) -> &'a [u64] {
        let (run, end) = (self.head().run as usize, self.head().run_end as usize);
        if run == end {
            return &[];
        }
        // SAFETY: a node with a run is wide, and the second keys of the run are written (M4).
        unsafe { slice::from_raw_parts(fine(self.raw).add(run).as_ptr(), end - run) }
    }

    /// The least name at or below this node.
    pub fn least(self) -> &'a Name {
        let mut node = self;
        while !node.is_leaf() {
            node = node.child(0);
        }
        node.name(0)
    }

    /// The greatest name at or below this node.
    pub fn greatest(self) -> &'a Name {
        let mut node = self;
        while !node.is_leaf() {
            node = node.child(node.len() - 1);
        }
        node.name(node.len() - 1)
    }

    /// The text that separates a slot from the one before it: its name, or the least below it.
    pub fn separator(self, slot: usize) -> &'a [u8] {
        if self.is_leaf() { self.text(slot) } else { self.child(slot).least().as_str().as_bytes() }
    }

    /// The child of an inner node where `text` is if it is anywhere, and where it belongs if it begins with the
    /// prefix. A run is taken for one of names like `text`; that this is so is checked only if `exact`.
    #[inline]
    pub fn child_of(self, text: &[u8], exact: bool) -> usize {
        let keys = self.keys();
        let sought = key(text, self.head().prefix as usize);
        // Slot 0 has no key (M3), so this is the last slot whose key is not greater.
        let last = keys[1..].iter().filter(|key| **key <= sought).count();
        if last == 0 || keys[last] != sought {
            return last;
        }
        self.child_among_equals(text, sought, last, exact)
    }

    #[cold]
    fn child_among_equals(self, text: &[u8], sought: u64, last: usize, exact: bool) -> usize {
        let keys = self.keys();
        let (mut first, mut end) = (last, last + 1);
        let (run, run_end) = (self.head().run as usize, self.head().run_end as usize);
        if run != run_end && keys[run] == sought {
            if exact {
                // Two separators of the run enclose this child, so all its names share the run's prefix.
                let member = self.separator(run);
                if common(text, member) < self.head().run_prefix as usize {
                    return if compare(text, member) == Ordering::Less { run - 1 } else { run_end - 1 };
                }
            }
            let fine_keys = self.fine();
            let fine = key(text, self.head().run_prefix as usize);
            let at_most = fine_keys.iter().filter(|key| **key <= fine).count();
            if at_most == 0 || fine_keys[at_most - 1] != fine {
                return run + at_most - 1;
            }
            end = run + at_most;
            first = end - 1;
            while first > run && fine_keys[first - run - 1] == fine {
                first -= 1;
            }
        } else {
            while first > 1 && keys[first - 1] == sought {
                first -= 1;
            }
        }
        // The last child whose least name is not greater, or the one before all of them.
        while first < end {
            let middle = first.midpoint(end);
            match compare(self.separator(middle), text) {
                Ordering::Greater => end = middle,
                Ordering::Less | Ordering::Equal => first = middle + 1,
            }
        }
        first - 1
    }

    /// Whether the runs on the way to this leaf, of at most so many bytes, may have led a search for `text` astray.
    ///
    /// Not if it shares as many with a name here: either that has the prefix of a run, then so has `text`; or it is
    /// before or behind all that have, and `text` belongs on the same side, in the child that was chosen.
    #[inline]
    pub fn may_mislead(self, text: &[u8], longest_run: u8) -> bool {
        longest_run > 0 && common(text, self.text(0)) < longest_run as usize
    }

    /// The slot of `text` in a leaf.
    #[inline]
    pub fn slot_of(self, text: &[u8]) -> Option<usize> {
        let keys = self.keys();
        let sought = key(text, self.head().prefix as usize);
        let first = keys.iter().filter(|key| **key < sought).count();
        if first == keys.len() || keys[first] != sought {
            return None;
        }
        if first + 1 == keys.len() || keys[first + 1] != sought {
            // Name and value are two misses of the cache: let them come together.
            self.value(first).prefetch();
            return equal(self.text(first), text).then_some(first);
        }
        self.slot_among_equals(text, sought, first).ok()
    }

    /// The slot of `text` in a leaf, or the slot where it belongs if it begins with the prefix.
    #[inline]
    pub fn place_of(self, text: &[u8]) -> Result<usize, usize> {
        let sought = key(text, self.head().prefix as usize);
        let first = self.keys().iter().filter(|key| **key < sought).count();
        match &self.keys()[first..] {
            [tie, rest @ ..] if *tie == sought => {
                self.value(first).prefetch();
                if rest.first() != Some(&sought) && equal(self.text(first), text) {
                    return Ok(first);
                }
                self.slot_among_equals(text, sought, first)
            }
            _ => Err(first),
        }
    }

    fn slot_among_equals(self, text: &[u8], sought: u64, first: usize) -> Result<usize, usize> {
        let keys = self.keys();
        let (mut first, mut end) = (first, first + 1);
        let (run, run_end) = (self.head().run as usize, self.head().run_end as usize);
        if run != run_end && first == run {
            let fine_keys = self.fine();
            let fine = key(text, self.head().run_prefix as usize);
            first = run + fine_keys.iter().filter(|key| **key < fine).count();
            end = first;
            while end < run_end && fine_keys[end - run] == fine {
                end += 1;
            }
            if first < end && equal(self.text(first), text) {
                return Ok(first);
            }
            let member = self.text(run);
            if common(text, member) < self.head().run_prefix as usize {
                return Err(if compare(text, member) == Ordering::Less { run } else { run_end });
            }
        } else {
            while end < keys.len() && keys[end] == sought {
                end += 1;
            }
        }
        while first < end {
            let middle = first.midpoint(end);
            match compare(self.text(middle), text) {
                Ordering::Greater => end = middle,
                Ordering::Less => first = middle + 1,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(first)
    }
}
