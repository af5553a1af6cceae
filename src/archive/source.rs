//! Where the bytes of an archive come from.

use std::fmt;
use std::fs;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::input::{ArchiveInput, ReadSeek};
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::file::File;

/// Where the bytes of an archive come from.
///
/// Paths of the host (`&str`, `String`, `&Path`, `PathBuf`), files of the host and of arcfs, and
/// bytes in memory (`Vec<u8>`, `&[u8]`, [`Bytes`], [`Content`], cursors) turn into a source by
/// themselves; for all else there are [`reader`](Self::reader) and [`stream`](Self::stream). A
/// source is read from its beginning, wherever its cursor stands. Nothing of it is copied but a
/// `&[u8]`, and nothing is charged to a quota.
///
/// ```
/// use arcfs::{Archive, ArchiveSource};
///
/// let tar = vec![0; 1024]; // the end of an archive, and nothing before it
/// assert_eq!(Archive::open(tar.clone())?.format(), "tar");
/// assert_eq!(Archive::open(ArchiveSource::stream(std::io::Cursor::new(tar)))?.format(), "tar");
/// # Ok::<(), arcfs::Error>(())
/// ```
pub struct ArchiveSource(Origin);

enum Origin {
    Path(PathBuf),
    Host(fs::File),
    Memory(Content),
    Seek(Box<dyn ReadSeek>),
    Stream(Box<dyn Read + Send>),
}

impl ArchiveSource {
    /// What can be read and sought in.
    ///
    /// It is read under a lock, also by the threads of [`rayon`] that unpack the entries of a zip.
    /// A reader that itself waits for work of that pool within `read` may therefore wait forever:
    /// read what it gives into memory first.
    ///
    /// ```
    /// let reader = std::io::Cursor::new(vec![0; 1024]);
    /// let source = arcfs::ArchiveSource::reader(reader);
    /// assert_eq!(arcfs::Archive::open(source)?.format(), "tar");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn reader(reader: impl Read + Seek + Send + 'static) -> Self {
        Self(Origin::Seek(Box::new(reader)))
    }

    /// What can only be read from its beginning to its end, for example a pipe.
    ///
    /// All formats but zip can be read so; what is in a zip is listed at its end.
    ///
    /// ```
    /// use std::io::Read;
    ///
    /// let pipe = std::io::repeat(0).take(1024);
    /// let mut archive = arcfs::Archive::open(arcfs::ArchiveSource::stream(pipe))?;
    /// assert!(archive.next_entry()?.is_none());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn stream(reader: impl Read + Send + 'static) -> Self {
        Self(Origin::Stream(Box::new(reader)))
    }

    /// Opens it.
    ///
    /// # Errors
    ///
    /// The host's, naming the path.
    pub(super) fn into_input(self) -> Result<ArchiveInput> {
        match self.0 {
            Origin::Path(path) => open_host(&path)
                .map_err(|error| Error::of_host(error, "a file of the host").on(&path.to_string_lossy())),
            Origin::Host(file) => ArchiveInput::of_file(file).map_err(unreadable),
            Origin::Memory(content) => Ok(ArchiveInput::of_content(content)),
            Origin::Seek(reader) => ArchiveInput::of_reader(reader).map_err(unreadable),
            Origin::Stream(reader) => Ok(ArchiveInput::stream(reader)),
        }
    }
}

fn open_host(path: &Path) -> io::Result<ArchiveInput> {
    let file = fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    ArchiveInput::of_file(file)
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Other).because("the archive cannot be read").caused_by(error)
}

impl fmt::Debug for ArchiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("ArchiveSource");
        match &self.0 {
            Origin::Path(path) => tuple.field(path),
            Origin::Host(file) => tuple.field(file),
            Origin::Memory(content) => tuple.field(content),
            Origin::Seek(_) => tuple.field(&"reader"),
            Origin::Stream(_) => tuple.field(&"stream"),
        };
        tuple.finish()
    }
}

/// A path of the host.
impl From<PathBuf> for ArchiveSource {
    fn from(path: PathBuf) -> Self {
        Self(Origin::Path(path))
    }
}

/// A path of the host.
impl From<&PathBuf> for ArchiveSource {
    fn from(path: &PathBuf) -> Self {
        Self::from(path.clone())
    }
}

/// A path of the host.
impl From<&Path> for ArchiveSource {
    fn from(path: &Path) -> Self {
        Self::from(path.to_owned())
    }
}

/// A path of the host.
impl From<&str> for ArchiveSource {
    fn from(path: &str) -> Self {
        Self::from(PathBuf::from(path))
    }
}

/// A path of the host.
impl From<String> for ArchiveSource {
    fn from(path: String) -> Self {
        Self::from(PathBuf::from(path))
    }
}

/// An open file of the host.
impl From<fs::File> for ArchiveSource {
    fn from(file: fs::File) -> Self {
        Self(Origin::Host(file))
    }
}

/// An open file of an arcfs filesystem.
impl From<File> for ArchiveSource {
    fn from(file: File) -> Self {
        Self::reader(file)
    }
}

/// The content of a file of an arcfs filesystem.
impl From<Content> for ArchiveSource {
    fn from(content: Content) -> Self {
        Self(Origin::Memory(content))
    }
}

/// Bytes, not copied.
impl From<Vec<u8>> for ArchiveSource {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Content::from(bytes))
    }
}

/// Bytes, not copied.
impl From<Bytes> for ArchiveSource {
    fn from(bytes: Bytes) -> Self {
        Self::from(Content::from(bytes))
    }
}

/// Bytes, copied, because a source may outlive them.
impl From<&[u8]> for ArchiveSource {
    fn from(bytes: &[u8]) -> Self {
        Self::from(Content::from(bytes))
    }
}

/// The bytes below a cursor, all of them, not copied.
impl<T: AsRef<[u8]> + Send + 'static> From<Cursor<T>> for ArchiveSource {
    fn from(cursor: Cursor<T>) -> Self {
        Self::from(Bytes::from_owner(cursor.into_inner()))
    }
}
