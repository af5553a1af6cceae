//! What became of a tree that was brought in from the host or taken out to it.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What [`MemFs::import_dir`](crate::MemFs::import_dir) brought, and what it left out.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let host = host.path();
/// std::fs::create_dir(host.join("src"))?;
/// std::fs::write(host.join("src/lib.rs"), "12345")?;
///
/// let fs = arcfs::MemFs::new();
/// let report = fs.import_dir(host, "/")?;
/// assert_eq!((report.files, report.dirs, report.bytes), (1, 1, 5));
/// assert!(report.skipped.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Files brought.
    pub files: u64,
    /// Directories brought, the one that was imported not counted; also those that existed.
    pub dirs: u64,
    /// The sum of the lengths of the files.
    pub bytes: u64,
    /// What was left out, by path on the host.
    pub skipped: Vec<Skipped>,
}

/// What [`MemFs::export_dir`](crate::MemFs::export_dir) wrote, and what it left out.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let host = host.path();
/// let fs = arcfs::MemFs::new();
/// fs.import_tree([("/out/a", "one"), ("/out/sub/b", "two")])?;
/// let report = fs.export_dir("/out", host)?;
/// assert_eq!((report.files, report.dirs, report.bytes), (2, 1, 6));
/// assert!(report.skipped.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ExportReport {
    /// Files written.
    pub files: u64,
    /// Directories made, the one that was exported not counted; also those that existed.
    pub dirs: u64,
    /// The sum of the lengths of the files.
    pub bytes: u64,
    /// What was left out, by path on the host.
    pub skipped: Vec<Skipped>,
}

/// One entry of a report that is not where it should be, with everything below it.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let host = host.path();
/// let fs = arcfs::MemFs::new();
/// fs.import_tree([("/a", "1"), ("/b", "2")])?;
/// std::fs::create_dir(host.join("a"))?; // where a file should be written
/// let report = fs.export_dir("/", host)?;
/// assert_eq!(report.files, 1);
/// assert_eq!(report.skipped[0].path, host.join("a"));
/// assert!(report.skipped[0].to_string().ends_with("a directory stands in its place"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Its path on the host.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// Why an import or an export left an entry out.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let host = host.path();
/// use arcfs::{MemFs, SkipReason};
///
/// std::fs::create_dir_all(host.join("a/b"))?;
/// let fs = MemFs::builder().max_depth(1).build()?;
/// let report = fs.import_dir(host, "/")?;
/// assert!(matches!(report.skipped[0].reason, SkipReason::TooDeep));
/// assert_eq!(report.skipped[0].path, host.join("a/b"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// A symbolic link: not followed by an import, and not by an export where it stands in the
    /// place of a directory.
    SymbolicLink,
    /// Import of an archive: it is another name of an earlier entry.
    HardLink,
    /// Import: neither a file nor a directory nor a link, for example a socket or a device.
    Special,
    /// Import: the name is not UTF-8.
    NotUtf8,
    /// The name is one that the other side cannot hold; what is wrong with it.
    InvalidName(Cow<'static, str>),
    /// Import of an archive: a file stands in its place, and was not to be replaced.
    Exists,
    /// Import: the path would have more components than the filesystem allows.
    TooDeep,
    /// Import: it was there when its directory was listed, and gone when it was to be read.
    Vanished,
    /// Import: the host would not let it be read.
    Unreadable(io::Error),
    /// Export: a directory stands where a file should be written.
    IsADirectory,
    /// Export: something that is not a directory stands where one should be.
    NotADirectory,
    /// Export: the host does not tell its name from that of another entry of the same directory.
    Collision,
    /// Export: the host would not let it be written.
    Unwritable(io::Error),
    /// Export: it is there, but the host would not set its modification time.
    TimeNotKept(io::Error),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::SymbolicLink => "it is a symbolic link, and links are not followed",
            Self::HardLink => "it is a hard link, and links are not followed",
            Self::Exists => "a file stands in its place already",
            Self::Special => "it is neither a file nor a directory",
            Self::NotUtf8 => "its name is not UTF-8",
            Self::InvalidName(why) => return write!(f, "its name cannot be used: {why}"),
            Self::TooDeep => "it lies deeper than the filesystem allows; raise max_depth",
            Self::Vanished => "it vanished before it could be read",
            Self::Unreadable(error) => return write!(f, "it cannot be read: {error}"),
            Self::IsADirectory => "a directory stands in its place",
            Self::NotADirectory => "something that is not a directory stands in its place",
            Self::Collision => "the host does not tell its name from that of another entry",
            Self::Unwritable(error) => return write!(f, "it cannot be written: {error}"),
            Self::TimeNotKept(error) => return write!(f, "its modification time cannot be set: {error}"),
        };
        f.write_str(sentence)
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.path, self.reason)
    }
}

/// Brings a list of what was left out into the order of reports.
pub fn sort(skipped: &mut [Skipped]) {
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
}
