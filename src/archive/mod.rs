//! Archives: what is in them, brought into a filesystem.
//!
//! Which format an archive has is found by its bytes: zip, tar, and tar compressed as gzip, zstd,
//! bzip2 or xz do. Formats of one's own join them through [`ArchiveFormats`]. [`Archive`] goes
//! through the entries one by one; [`import_archive`] brings them all at one instant, or nothing;
//! [`import_archive_streaming`] brings them as they come. Nothing is ever unpacked to the host.
//!
//! ```
//! use std::io::Write;
//! use arcfs::{ImportOptions, MemFs, import_archive};
//!
//! let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
//! zip.start_file("project/src/lib.rs", zip::write::SimpleFileOptions::default())?;
//! zip.write_all(b"//! A crate.")?;
//! let bytes = zip.finish()?.into_inner();
//!
//! let fs = MemFs::new();
//! let report = import_archive(&fs, bytes, "/vendor", ImportOptions::new().strip_components(1))?;
//! assert_eq!((report.format.as_str(), report.files, report.bytes), ("zip", 1, 12));
//! assert_eq!(fs.read("/vendor/src/lib.rs")?, b"//! A crate.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is trusted
//!
//! Nothing that an archive says. Names go through the one normaliser of paths, and whatever it
//! would make of them, none leads above the destination. Bytes are read straight into chunks that
//! were charged before, so an archive that unpacks to far more than it seems stops at the quota, or
//! at the [`ImportLimits`], which bound also what is unpacked only to be passed over; sizes that it
//! declares are only ever reasons to refuse it. Checksums are checked, and the entries of a zip may
//! not overlap.
//!
//! Outside the quota are, for the time of an import: what the decoders keep (up to 128 MiB for each
//! thread, as far as the archive asks for it; 32 KiB for deflate), 8 bytes for each entry of a zip,
//! one extended header of a tar of at most 1 MiB, the map of one file with holes, of at most
//! 65,536 pieces (3 MiB while it is read), and what is known of the entries of a zip that several
//! threads unpack: of 4,096 at a time at most, fewer if their names come to 1 MiB, less than one KiB
//! each besides the names. Names that are kept to the end are charged until then.
//!
//! # Modules
//!
//! | module | one idea |
//! |---|---|
//! | `source` | what users name as an archive |
//! | `input` | its bytes, as formats read them |
//! | `format` | the traits and the registry of formats, and what an entry is |
//! | `meter` | what an archive has and what comes out of it, against limits |
//! | `pipeline` | jobs done by many threads, their results taken in order by one |
//! | `packing` | decoders that take no more memory than they must |
//! | `zip`, `tar` | the built-in formats |
//! | `import` | archives into a filesystem |
//! | `export` | one instant of a tree, written as an archive |

mod export;
mod format;
mod import;
mod input;
mod meter;
mod packing;
mod pipeline;
mod source;
mod tar;
mod zip;

pub use export::{ArchiveOptions, ArchiveProgress, ArchiveSummary, Compression};
pub use format::{ArchiveFormat, ArchiveFormats, ArchiveReader, EntryInfo, EntryKind};
pub use import::{
    ArchiveReport, EntryFate, EntryOutcome, ImportLimits, ImportOptions, ImportProgress, OnConflict,
    SkippedEntry, import_archive, import_archive_streaming,
};
pub use input::{ArchiveInput, ArchiveProbe};
pub use source::ArchiveSource;

use std::fmt;
use std::io::{self, Read};
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use input::SourceError;
use meter::Meter;

/// An open archive, to go through its entries.
///
/// ```
/// use std::io::Read;
/// use arcfs::{Archive, EntryKind};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// let mut header = tar::Header::new_gnu();
/// header.set_size(5);
/// tar.append_data(&mut header, "a.txt", &b"hello"[..])?;
///
/// let mut archive = Archive::open(tar.into_inner()?)?;
/// assert_eq!(archive.format(), "tar");
/// while let Some(mut entry) = archive.next_entry()? {
///     assert_eq!((entry.name(), entry.kind(), entry.size()), ("a.txt", EntryKind::File, Some(5)));
///     let mut text = String::new();
///     entry.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Archive {
    reader: Box<dyn ArchiveReader>,
    format: String,
    /// How many bytes it has, where that is known before they are read.
    size: Option<u64>,
    /// What has come out of it.
    meter: Arc<Meter>,
}

impl Archive {
    /// Opens an archive in one of the built-in formats.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `IsADirectory` or `Other` if a path of the host cannot be read,
    /// naming it; `InvalidData` if it is in none of the formats, which the error lists, or damaged
    /// where it begins; `Unsupported` for one part of an archive in several, and for a zip that can
    /// only be read in order.
    ///
    /// ```
    /// let error = arcfs::Archive::open(b"no archive".to_vec()).unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::InvalidData);
    /// assert!(error.to_string().contains("zip, tar, tar.gz"));
    /// ```
    pub fn open(source: impl Into<ArchiveSource>) -> Result<Self> {
        Self::open_with(source, &ArchiveFormats::default())
    }

    /// Opens an archive in one of these formats. See [`ArchiveInput`] for an example.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(source: impl Into<ArchiveSource>, formats: &ArchiveFormats) -> Result<Self> {
        Self::opened(source.into(), formats, Meter::boundless()).map_err(|error| error.during("open_archive"))
    }

    fn opened(source: ArchiveSource, formats: &ArchiveFormats, meter: Meter) -> Result<Self> {
        let mut input = source.into_input()?.metered(meter);
        let head = input.head().map_err(error_of)?;
        let format = formats.find(&ArchiveProbe::new(&head, &input)).map_err(error_of)?;
        let Some(format) = format else { return Err(unknown(&head, formats)) };
        let (meter, size) = (input.meter(), input.size());
        let reader = format.open(input).map_err(error_of)?;
        Ok(Self { reader, format: format.name().to_owned(), size, meter })
    }

    /// The name of its format, for example `tar.gz`.
    #[must_use]
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The next entry, in the order of the archive; `None` at the end. What was not read of the one
    /// before is passed over.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the archive is damaged or cut off; `Unsupported`; `Other` with the source's
    /// error. There are no more entries then.
    pub fn next_entry(&mut self) -> Result<Option<ArchiveEntry<'_>>> {
        let next = self.reader.next_entry().map_err(|error| error_of(error).during("next_entry"))?;
        Ok(next.map(|info| ArchiveEntry { info, archive: self }))
    }
}

fn unknown(head: &[u8], formats: &ArchiveFormats) -> Error {
    let names = formats.names().join(", ");
    let what = if head.is_empty() { "it is empty" } else { "it is in no known format" };
    let tried = if names.is_empty() { "none".into() } else { names };
    Error::new(ErrorKind::InvalidData).because(format!("{what}; tried: {tried}"))
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("format", &self.format)
            .field("taken", &self.meter.taken())
            .finish_non_exhaustive()
    }
}

/// An entry of an [`Archive`]: what is known of it, and its bytes through [`Read`].
///
/// The bytes are what the archive says, with checksums checked at their end: whoever stops before
/// it may have read damaged ones.
pub struct ArchiveEntry<'a> {
    info: EntryInfo,
    archive: &'a mut Archive,
}

impl Deref for ArchiveEntry<'_> {
    type Target = EntryInfo;

    fn deref(&self) -> &EntryInfo {
        &self.info
    }
}

impl Read for ArchiveEntry<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.archive.reader.read(buf)
    }
}

impl fmt::Debug for ArchiveEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveEntry").field("info", &self.info).finish_non_exhaustive()
    }
}

/// An error that says that an archive is damaged.
fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// The error that one of reading an archive is to users: ours as it is, the source's as `Other`,
/// all else as what it says of the archive.
fn error_of(error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    let error = match error.downcast::<SourceError>() {
        Ok(source) => {
            let error = Error::new(ErrorKind::Other).because("the archive cannot be read");
            return error.caused_by(source.into_inner());
        }
        Err(error) => error,
    };
    let kind = match error.kind() {
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        io::ErrorKind::OutOfMemory => {
            let error = Error::new(ErrorKind::Unsupported).caused_by(error);
            return error.because(
                "a decoder would need more than 128 MiB; pack it with a smaller window or dictionary",
            );
        }
        _ => ErrorKind::InvalidData,
    };
    Error::new(kind).caused_by(error)
}
