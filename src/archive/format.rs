//! Formats of archives: the traits, the registry, and what an entry is.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::SystemTime;

use super::input::{ArchiveInput, ArchiveProbe};
use super::tar::{Packing, TarFormat};
use super::zip::ZipFormat;

/// A format that archives can be in. See [`ArchiveInput`] for an example.
pub trait ArchiveFormat: Send + Sync {
    /// What users know it by, for example `tar.gz`.
    fn name(&self) -> &str;

    /// Whether an archive is in this format. Only its bytes tell, never its name.
    ///
    /// # Errors
    ///
    /// Those of reading; they end the search.
    fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool>;

    /// Opens an archive that was detected.
    ///
    /// # Errors
    ///
    /// As for [`ArchiveReader::next_entry`].
    fn open(&self, input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>>;
}

/// An open archive: its entries one after the other, each with its bytes.
///
/// [`Read`] gives the bytes of the entry that [`next_entry`](Self::next_entry) gave last, and
/// nothing before the first. What was not read of an entry is passed over. An error that an entry's
/// bytes are not what they should be comes from `read`, at the latest where the end is read.
pub trait ArchiveReader: Read + Send {
    /// Goes to the next entry; `None` at the end.
    ///
    /// # Errors
    ///
    /// `InvalidData` for an archive that is damaged or cut off, `Unsupported` for one that cannot
    /// be read. Any other kind of error is taken for `InvalidData`, but for those that the
    /// [`ArchiveInput`] gave, which are of the source.
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>>;

    /// The bytes of the entry given last, as something that another thread can read, also after the
    /// next entry was gone to. `None` if entries can only be read in turn, as here.
    fn detach(&mut self) -> Option<Box<dyn Read + Send>> {
        None
    }
}

/// What kind of entry an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// Another name of an entry before it.
    HardLink,
    /// A device, a pipe, or something that is known to one program only.
    Special,
}

/// What an archive says of one of its entries.
///
/// ```
/// use arcfs::{EntryInfo, EntryKind};
///
/// let entry = EntryInfo::new("a/b.txt", EntryKind::File).with_size(12);
/// assert_eq!((entry.name(), entry.size()), ("a/b.txt", Some(12)));
/// assert!(!EntryInfo::new(b"\xff".to_vec(), EntryKind::File).is_utf8());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryInfo {
    name: String,
    is_utf8: bool,
    kind: EntryKind,
    size: Option<u64>,
    packed_size: Option<u64>,
    modified: Option<SystemTime>,
}

impl EntryInfo {
    /// An entry of which nothing else is known. A name that is not UTF-8 is kept as far as it is.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>, kind: EntryKind) -> Self {
        let (name, is_utf8) = match String::from_utf8(name.into()) {
            Ok(name) => (name, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        };
        Self { name, is_utf8, kind, size: None, packed_size: None, modified: None }
    }

    /// With the exact number of its bytes. Whoever reads another number takes the archive to be
    /// damaged.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// With the number of bytes that it takes in the archive.
    #[must_use]
    pub fn with_packed_size(mut self, bytes: u64) -> Self {
        self.packed_size = Some(bytes);
        self
    }

    /// With the time at which it was last modified.
    #[must_use]
    pub fn with_modified(mut self, time: SystemTime) -> Self {
        self.modified = Some(time);
        self
    }

    /// Its name as the archive has it: not checked, and not to be trusted.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the name is in UTF-8. Where it is not, [`name`](Self::name) has replacement
    /// characters.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.is_utf8
    }

    /// What kind of entry it is.
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    /// The number of its bytes, if the archive says so beforehand. It may be wrong.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The number of bytes that it takes in the archive, if it was compressed on its own.
    #[must_use]
    pub fn packed_size(&self) -> Option<u64> {
        self.packed_size
    }

    /// When it was last modified, if the archive says so.
    #[must_use]
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }
}

/// The formats that archives are looked for in.
///
/// The default has zip, tar, tar.gz, tar.zst, tar.bz2 and tar.xz. What is [added](Self::with) is
/// asked before them, the last first, so that it can also take the place of a built-in one. See
/// [`ArchiveInput`] for a format of one's own.
///
/// ```
/// use arcfs::ArchiveFormats;
///
/// let formats = ArchiveFormats::default();
/// assert_eq!(formats.names(), ["zip", "tar", "tar.gz", "tar.zst", "tar.bz2", "tar.xz"]);
/// assert!(ArchiveFormats::none().names().is_empty());
/// ```
#[derive(Clone)]
pub struct ArchiveFormats(Vec<Arc<dyn ArchiveFormat>>);

impl ArchiveFormats {
    /// No formats, for those who want to name each.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// With one more format, which is asked first.
    #[must_use]
    pub fn with(mut self, format: impl ArchiveFormat + 'static) -> Self {
        self.0.insert(0, Arc::new(format));
        self
    }

    /// The names of the formats, in the order in which they are asked.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|format| format.name()).collect()
    }

    /// The first format that takes an archive for its own.
    pub(super) fn find(&self, probe: &ArchiveProbe<'_>) -> io::Result<Option<&dyn ArchiveFormat>> {
        for format in &self.0 {
            if format.detect(probe)? {
                return Ok(Some(&**format));
            }
        }
        Ok(None)
    }
}

impl Default for ArchiveFormats {
    fn default() -> Self {
        use Packing::{Bzip2, Gzip, Plain, Xz, Zstd};
        let tars = [Plain, Gzip, Zstd, Bzip2, Xz].map(|packing| Arc::new(TarFormat(packing)) as Arc<_>);
        let mut formats: Vec<Arc<dyn ArchiveFormat>> = vec![Arc::new(ZipFormat)];
        formats.extend(tars);
        Self(formats)
    }
}

impl fmt::Debug for ArchiveFormats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
