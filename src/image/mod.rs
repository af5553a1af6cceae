//! A whole filesystem as one sequence of bytes: tree, contents, limits and named snapshots.
//!
//! [`save_image`] writes what a filesystem is at one instant, [`load_image`] builds one like it. What
//! survives is all that can be observed: names, bytes, times to the nanosecond, generations, versions
//! (so the version of the filesystem goes on from where it was), the limits and the configuration,
//! and the snapshots. Sharing survives as well: what the current tree and snapshots share is
//! written once and shared again, so comparing and restoring stay as cheap as they were, and the
//! quota is charged the same (but where a file was moved, or got another time, under a snapshot, and then removed:
//! the version that the snapshot has, which shared a charge with the one that is gone, then has one of its
//! own). What is not part of the state is not saved: open handles and what
//! they have not published, locks, the clock and the memory guard.
//!
//! [`save_image_file`] replaces a file of the host as a whole: whoever reads it, also after a crash
//! at any moment, finds the old image or the new one. [`ImageReader`] answers out of the file
//! without building anything.
//!
//! An image that is truncated, damaged in any bit, has something appended, is something else or is
//! of a later version is refused, with an error that says which. Digests notice accidents; they
//! are no signature. An image made to do harm is refused, or loads as what it says it is. What it takes
//! beside what is charged is that of live snapshots: a directory that is written as changes to another
//! is about a hundred bytes in the image, and in memory copies of those nodes of its map on the way to
//! what changed, which no quota counts; and what comes back after it was gone is made again, which is
//! charged once it is more than the image has nodes. To check it takes time O(its length), and for each
//! snapshot O(what it does not share with the next later one), which can be all of both. So of images
//! that strangers made, the length should be bounded before they are loaded.
//!
//! ```
//! use std::collections::BTreeMap;
//! use arcfs::{MemFs, NamedSnapshot, load_image, save_image};
//!
//! let fs = MemFs::with_quota(1 << 20);
//! fs.write("/a", b"before")?;
//! let snapshots = BTreeMap::from([("before".to_owned(), NamedSnapshot::new(fs.snapshot()))]);
//! fs.write("/a", b"after")?;
//!
//! let mut bytes = Vec::new();
//! save_image(&mut bytes, &fs, &snapshots)?;
//!
//! let image = load_image(&bytes[..])?;
//! assert_eq!(image.fs.read("/a")?, b"after");
//! assert_eq!(image.fs.version(), fs.version());
//! assert_eq!(image.fs.stats().used_bytes, fs.stats().used_bytes);
//! image.fs.restore(&image.snapshots["before"].snapshot)?;
//! assert_eq!(image.fs.read("/a")?, b"before");
//! # Ok::<(), arcfs::Error>(())
//! ```
//!
//! # Modules
//!
//! | module | one idea |
//! |---|---|
//! | `format` | the image, byte by byte |
//! | `collect`, `payers`, `save` | from trees to tables, who pays for what, and writing them out |
//! | `source` | reading the bytes, and verifying every one of them |
//! | `build`, `heights`, `shape` | from tables to a plan of trees, how high they are, whether they are trees |
//! | `reader` | answers out of the bytes, without building |
//! | `file` | the file of the host, replaced as a whole |
//! | `errors` | what an image is refused for |
//! | `forge` | images made by hand, for tests |

mod build;
mod collect;
mod errors;
mod file;
#[cfg(any(test, feature = "internals"))]
pub(crate) mod forge;
mod format;
mod heights;
mod payers;
mod reader;
mod save;
mod shape;
mod source;
#[cfg(test)]
mod tests;

pub use reader::{ImageReader, ImageWalk, SnapshotInfo};

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::builder::MemFsBuilder;
use crate::error::{Error, Result};
use crate::fs::MemFs;
use crate::snapshot::Snapshot;
use build::{Saved, build, builder};
use file::HostFile;
use format::Meta;
use source::Source;

/// What an image holds, loaded.
///
/// The snapshots are of the filesystem: [`MemFs::restore`] takes them.
#[derive(Debug)]
pub struct Image {
    /// The filesystem.
    pub fs: MemFs,
    /// The snapshots by their names.
    pub snapshots: BTreeMap<String, NamedSnapshot>,
}

/// A snapshot and when it was taken.
///
/// ```
/// use std::time::SystemTime;
/// use arcfs::{MemFs, NamedSnapshot};
///
/// let named = NamedSnapshot::new(MemFs::new().snapshot());
/// assert!(named.taken <= SystemTime::now());
/// ```
#[derive(Debug, Clone)]
pub struct NamedSnapshot {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// When it was taken.
    pub taken: SystemTime,
}

impl NamedSnapshot {
    /// A snapshot that was taken just now.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let named = arcfs::NamedSnapshot::new(fs.snapshot());
    /// assert_eq!(named.snapshot.version(), fs.version());
    /// ```
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self { snapshot, taken: SystemTime::now() }
    }
}

/// What was saved.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSummary {
    /// Bytes of the image.
    pub bytes: u64,
    /// Bytes of contents in it, shared ones counted once.
    pub payload_bytes: u64,
    /// The version of the filesystem that was saved.
    pub version: u64,
}

/// Writes a filesystem, as of one instant, and some of its snapshots.
///
/// Others may write to the filesystem meanwhile. Of files that are open for writing, what was
/// published is saved. Nothing but `write` is asked of the writer, and it is flushed at the end.
/// O(nodes and bytes) of the current tree, and about O(difference) of each snapshot to the next; the
/// tables of names and places are kept in memory while they are written, contents are not.
///
/// ```
/// use std::collections::BTreeMap;
/// use arcfs::{MemFs, load_image, save_image};
///
/// let fs = MemFs::new();
/// fs.write("/a", b"12345")?;
/// let mut bytes = Vec::new();
/// let summary = save_image(&mut bytes, &fs, &BTreeMap::new())?;
/// assert_eq!((summary.bytes, summary.payload_bytes), (bytes.len() as u64, 5));
/// assert_eq!(load_image(&bytes[..])?.fs.read("/a")?, b"12345");
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidInput` if a snapshot is of another filesystem, `Unsupported` if there are 2³² or more of
/// something, `Other` if the writer fails, with its error as the source.
pub fn save_image(
    mut writer: impl Write,
    fs: &MemFs,
    snapshots: &BTreeMap<String, NamedSnapshot>,
) -> Result<ImageSummary> {
    save::save(&mut writer, fs, snapshots).map_err(|error| error.during("save_image"))
}

/// Builds the filesystem that an image holds, with its snapshots, limits and configuration.
///
/// As [`load_image_with`] with nothing changed.
///
/// ```
/// use std::collections::BTreeMap;
/// use arcfs::{ErrorKind, MemFs, load_image, save_image};
///
/// let fs = MemFs::builder().max_quota(1 << 20).max_nodes(100).build()?;
/// let mut bytes = Vec::new();
/// save_image(&mut bytes, &fs, &BTreeMap::new())?;
/// assert_eq!(load_image(&bytes[..])?.fs.stats().quota_bytes, 1 << 20);
///
/// bytes.pop();
/// let error = load_image(&bytes[..]).unwrap_err();
/// assert_eq!(error.kind(), &ErrorKind::InvalidData);
/// assert!(error.to_string().contains("truncated"));
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// # Errors
///
/// As [`load_image_with`].
pub fn load_image(reader: impl Read) -> Result<Image> {
    load_image_with(reader, |builder| builder)
}

/// Builds the filesystem that an image holds, with another clock, memory guard, quota or limit.
///
/// `configure` is given a builder with the limits and the configuration that were saved, the clock of
/// the system and no memory guard. What the image holds is charged as if it had been written:
/// where overheads are as they were, as much as before. Limits that it exceeds are refused, except that
/// a filesystem whose own quota or node limit had been lowered below its use is loaded as it was.
/// What a fork shared with the filesystem that it came from is its own, and charged to it.
///
/// The reader is read to its end. The threads of the current [`rayon`] pool verify the bytes while
/// this one builds of those that were verified; they are never all in memory beside what is built.
///
/// ```
/// use std::collections::BTreeMap;
/// use arcfs::{ErrorKind, MemFs, load_image_with, save_image};
///
/// let fs = MemFs::new();
/// fs.write("/a", [7; 1000])?;
/// let mut bytes = Vec::new();
/// save_image(&mut bytes, &fs, &BTreeMap::new())?;
///
/// let image = load_image_with(&bytes[..], |builder| builder.max_quota(2000))?;
/// assert_eq!(image.fs.stats().quota_bytes, 2000);
/// let error = load_image_with(&bytes[..], |builder| builder.max_quota(100)).unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { available: 100, .. }));
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidData` if these are not the bytes of an image, or they are truncated, damaged or malformed;
/// `Unsupported` if a later version of arcfs wrote them; `QuotaExceeded`, `NodeLimit`, `InvalidInput`
/// (depth) for limits that it exceeds; `MemoryGuard`, `AllocationFailed`; the errors of
/// [`MemFsBuilder::build`]; `Other` if the reader fails, with its error as the source.
pub fn load_image_with(
    mut reader: impl Read,
    configure: impl FnOnce(MemFsBuilder) -> MemFsBuilder,
) -> Result<Image> {
    load(Source::Stream(&mut reader, 0), configure).map_err(|error| error.during("load_image"))
}

/// Replaces the file at `path` by an image, or leaves it as it is.
///
/// The image is written to a file beside it, under a name that nobody can foresee and readable by
/// its owner alone (mode 0600, on Unix), flushed to the disk and renamed; then the directory is
/// flushed. So a crash at any moment leaves the old image or the new one, and at worst a file
/// `.arcfs-….tmp`. Whoever has the old one open keeps it. A symbolic link at `path` is followed, and
/// stays; it is the file which it leads to that is replaced, in its directory. Who saves at the same
/// time as another is not ordered: programs that share an image need a lock of their own, on a file
/// beside the one that [`resolve_image_path`] gives.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let path = host.path().join("state.arcfs");
/// use std::collections::BTreeMap;
/// use arcfs::{MemFs, load_image_file, save_image_file};
///
/// let fs = MemFs::new();
/// fs.write("/a", b"12345")?;
/// save_image_file(&path, &fs, &BTreeMap::new())?;
/// assert_eq!(load_image_file(&path)?.fs.read("/a")?, b"12345");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`save_image`]; `NotFound`, `NotADirectory` if there is no directory for it, `IsADirectory`,
/// `InvalidInput` if something else than a regular file stands there. The old file is then as it
/// was and nothing lies beside it; only if it is the directory that could not be flushed, which the
/// error says, the new one is in place.
pub fn save_image_file(
    path: impl AsRef<Path>,
    fs: &MemFs,
    snapshots: &BTreeMap<String, NamedSnapshot>,
) -> Result<ImageSummary> {
    let path = path.as_ref();
    let saved = file::replace(path, |writer| save::save(writer, fs, snapshots));
    saved.map_err(|error| of_host(error, "save_image", path))
}

/// The file that [`save_image_file`] replaces and [`load_image_file`] reads at `path`: where symbolic links
/// lead, whether or not an image is there yet.
///
/// What programs keep beside an image, a lock or an older copy, they find by this path whichever
/// link they were given. The path of a file that exists is absolute and goes through no link.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// use arcfs::{MemFs, resolve_image_path, save_image_file};
///
/// let path = host.path().join("state.arcfs");
/// assert_eq!(resolve_image_path(&path)?, path);
/// save_image_file(&path, &MemFs::new(), &Default::default())?;
/// assert_eq!(resolve_image_path(&path)?, path.canonicalize()?);
///
/// # #[cfg(unix)]
/// # {
/// let link = host.path().join("link");
/// std::os::unix::fs::symlink("state.arcfs", &link)?;
/// assert_eq!(resolve_image_path(&link)?, path.canonicalize()?);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `Other` if the links lead in a circle. A path at which no image can be is an error where it is used.
pub fn resolve_image_path(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    file::target_of(path).map_err(|error| of_host(error, "resolve_image_path", path))
}

/// Builds the filesystem that the image in a file of the host holds.
///
/// As [`load_image`], but other threads read the file while this one builds. It must be a regular file; a symbolic
/// link is followed.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// use arcfs::{ErrorKind, load_image_file};
///
/// let path = host.path().join("state.arcfs");
/// assert_eq!(load_image_file(&path).unwrap_err().kind(), &ErrorKind::NotFound);
/// std::fs::write(&path, "not an image")?;
/// assert_eq!(load_image_file(&path).unwrap_err().kind(), &ErrorKind::InvalidData);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As [`load_image_with`]; `NotFound`, `NotADirectory`, `IsADirectory`, `InvalidInput` if there is no
/// regular file.
pub fn load_image_file(path: impl AsRef<Path>) -> Result<Image> {
    load_image_file_with(path, |builder| builder)
}

/// As [`load_image_file`], with another clock, memory guard, quota or limit; see
/// [`load_image_with`].
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let path = host.path().join("state.arcfs");
/// use std::collections::BTreeMap;
/// use arcfs::{MemFs, load_image_file_with, save_image_file};
///
/// save_image_file(&path, &MemFs::new(), &BTreeMap::new())?;
/// let image = load_image_file_with(&path, |builder| builder.max_quota(1 << 30))?;
/// assert_eq!(image.fs.stats().quota_bytes, 1 << 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`load_image_file`].
pub fn load_image_file_with(
    path: impl AsRef<Path>,
    configure: impl FnOnce(MemFsBuilder) -> MemFsBuilder,
) -> Result<Image> {
    let path = path.as_ref();
    let loaded = HostFile::open(path).and_then(|file| load(Source::File(&file), configure));
    loaded.map_err(|error| of_host(error, "load_image", path))
}

/// Names the operation and the file of the host.
fn of_host(error: Error, operation: &'static str, path: &Path) -> Error {
    error.during(operation).on(&path.to_string_lossy())
}

fn load(mut source: Source<'_>, configure: impl FnOnce(MemFsBuilder) -> MemFsBuilder) -> Result<Image> {
    let front = source.front()?;
    let meta = Meta::parse(&front.meta)?;
    let builder = configure(builder(&meta.head)?);
    let (fs, saved) =
        builder.build_with(|quota, nodes, config| build(&front, &meta, &mut source, quota, nodes, config))?;
    let volume = fs.volume();
    let current = volume.tree();
    let mut snapshots = BTreeMap::new();
    for Saved { name, tree, version, taken } in saved {
        volume.resources.graves.bury_snapshot(&tree, &current);
        let snapshot = Snapshot::of(tree, version, volume.config.max_depth, &volume.resources);
        snapshots.insert(name, NamedSnapshot { snapshot, taken: taken.into() });
    }
    Ok(Image { fs, snapshots })
}
