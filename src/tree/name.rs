//! Names of directory entries, and the key that looks them up.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use equivalent::Comparable;

use crate::charge::Charge;

/// The longest name, in bytes, that is stored inside its directory entry.
pub const INLINE: usize = 23;

/// The name of a file or directory inside its parent.
///
/// Up to 23 bytes are stored in place, so cloning such a name is a copy of 24 bytes; a longer one
/// is shared by count and owns the receipt that pays for it. Names are ordered bytewise.
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.write("/notes.txt", b"hello")?;
/// let top = fs.walk("/")?.next().unwrap();
/// assert_eq!(top.files[0].as_ref(), "notes.txt");
/// assert_eq!(top.files[0].to_string(), "notes.txt");
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Clone)]
pub struct Name(Repr);

#[derive(Clone)]
enum Repr {
    /// The bytes after `len` are zero; names contain no NUL, so zero-padded order is name order.
    Inline {
        len: Len,
        bytes: [u8; INLINE],
    },
    Long(Arc<LongName>),
}

#[cfg_attr(not(arcfs_tree = "counted"), allow(dead_code, reason = "the names of that tree are objects"))]
struct LongName {
    text: Box<str>,
    charge: Charge,
}

/// 0 to 23 in one byte, of which the compiler knows that the other values are free: the enum
/// above fits in 24 bytes because of it.
#[repr(u8)]
#[derive(Clone, Copy)]
#[rustfmt::skip]
enum Len {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11,
    L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22, L23,
}

#[rustfmt::skip]
const LENGTHS: [Len; INLINE + 1] = [
    Len::L0, Len::L1, Len::L2, Len::L3, Len::L4, Len::L5, Len::L6, Len::L7,
    Len::L8, Len::L9, Len::L10, Len::L11, Len::L12, Len::L13, Len::L14, Len::L15,
    Len::L16, Len::L17, Len::L18, Len::L19, Len::L20, Len::L21, Len::L22, Len::L23,
];

const _: () = assert!(size_of::<Name>() == 24);

#[cfg_attr(not(arcfs_tree = "counted"), allow(dead_code, reason = "the names of that tree are objects"))]
impl Name {
    /// What a name of this text is charged: nothing up to 23 bytes, else its length and one
    /// chunk's overhead.
    #[must_use]
    pub(crate) fn cost(text: &str, chunk_overhead: u64) -> u64 {
        if text.len() <= INLINE { 0 } else { (text.len() as u64).saturating_add(chunk_overhead) }
    }

    /// A name that needs no receipt; `None` if the text is longer than 23 bytes.
    #[must_use]
    pub(crate) fn short(text: &str) -> Option<Self> {
        let len = *LENGTHS.get(text.len())?;
        let mut bytes = [0; INLINE];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// A name of any length; a long one keeps the receipt, a short one drops it.
    #[must_use]
    pub(crate) fn new(text: &str, charge: Charge) -> Self {
        Self::short(text)
            .unwrap_or_else(|| Self(Repr::Long(Arc::new(LongName { text: text.into(), charge }))))
    }

    /// The name as text.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/notes.txt", b"")?;
    /// assert_eq!(fs.walk("/")?.next().unwrap().files[0].as_str(), "notes.txt");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                // The bytes were a str when they came in; without unsafe code this is checked again.
                std::str::from_utf8(&bytes[..*len as usize]).unwrap_or_default()
            }
            Repr::Long(long) => &long.text,
        }
    }

    /// The bytes of the name.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/notes.txt", b"")?;
    /// assert_eq!(fs.walk("/")?.next().unwrap().files[0].as_bytes(), b"notes.txt");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..*len as usize],
            Repr::Long(long) => long.text.as_bytes(),
        }
    }

    /// Whether the name is over 23 bytes, and so has a receipt of its own.
    #[must_use]
    pub(crate) fn is_long(&self) -> bool {
        matches!(self.0, Repr::Long(_))
    }

    /// Where a name over 23 bytes is kept: the same for all its clones, and only for those.
    #[cfg(feature = "image")]
    #[must_use]
    pub(crate) fn kept_at(&self) -> Option<usize> {
        match &self.0 {
            Repr::Inline { .. } => None,
            Repr::Long(long) => Some(Arc::as_ptr(long).addr()),
        }
    }

    /// Whether it gives back itself what it is charged.
    #[cfg(feature = "image")]
    #[must_use]
    #[expect(clippy::unused_self, reason = "those of the other tree may not")]
    pub(crate) fn is_owed(&self) -> bool {
        true
    }

    /// The name for who takes it out of the tree.
    #[must_use]
    pub(crate) fn to_name(&self) -> Self {
        self.clone()
    }

    /// What this name is charged in a filesystem that charges each chunk so much.
    #[must_use]
    pub(crate) fn charged_at(&self, _chunk_overhead: u64) -> u64 {
        self.charged()
    }

    /// What this name is charged.
    #[must_use]
    pub(crate) fn charged(&self) -> u64 {
        match &self.0 {
            Repr::Inline { .. } => 0,
            Repr::Long(long) => long.charge.amount(),
        }
    }
}

/// Three big-endian words whose order is the order of the zero-padded bytes. The last two
/// overlap by a byte, which matters to neither: it is compared only where they agree on it.
fn words(bytes: &[u8; INLINE]) -> [u64; 3] {
    let word = |from: usize| u64::from_be_bytes(bytes[from..from + 8].try_into().expect("eight bytes"));
    [word(0), word(8), word(15)]
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Inline { bytes: a, .. }, Repr::Inline { bytes: b, .. }) => words(a).cmp(&words(b)),
            _ => self.as_bytes().cmp(other.as_bytes()),
        }
    }
}

#[cfg_attr(not(arcfs_tree = "counted"), allow(dead_code, reason = "the names of that tree are objects"))]
/// A name to look up, prepared once so that each comparison on the way is three words.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    text: &'a [u8],
    words: [u64; 3],
}

#[cfg_attr(not(arcfs_tree = "counted"), allow(dead_code, reason = "the names of that tree are objects"))]
impl<'a> Key<'a> {
    /// Prepares `name` for look-ups.
    #[must_use]
    #[inline]
    pub fn new(name: &'a str) -> Self {
        let text = name.as_bytes();
        let mut padded = [0; INLINE];
        if text.len() <= INLINE {
            padded[..text.len()].copy_from_slice(text);
        }
        Self { text, words: words(&padded) }
    }
}

impl equivalent::Equivalent<Name> for Key<'_> {
    fn equivalent(&self, name: &Name) -> bool {
        self.compare(name) == Ordering::Equal
    }
}

impl Comparable<Name> for Key<'_> {
    #[inline]
    fn compare(&self, name: &Name) -> Ordering {
        match &name.0 {
            Repr::Inline { bytes, .. } if self.text.len() <= INLINE => self.words.cmp(&words(bytes)),
            _ => self.text.cmp(name.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_bytewise_and_keys_agree(a in "[a-c\u{e9}]{0,30}", b in "[a-c\u{e9}]{0,30}") {
            let name = |text: &str| Name::new(text, Charge::none());
            prop_assert_eq!(name(&a).cmp(&name(&b)), a.as_bytes().cmp(b.as_bytes()));
            prop_assert_eq!(Key::new(&a).compare(&name(&b)), a.as_bytes().cmp(b.as_bytes()));
            prop_assert_eq!(name(&a), a.as_str());
            prop_assert_eq!(name(&a).is_long(), a.len() > INLINE);
        }
    }

    #[test]
    fn a_long_name_costs_its_length_and_an_overhead() {
        assert_eq!(Name::cost(&"x".repeat(23), 100), 0);
        assert_eq!(Name::cost(&"x".repeat(24), 100), 124);
        assert!(Name::short(&"x".repeat(24)).is_none());
    }
}
