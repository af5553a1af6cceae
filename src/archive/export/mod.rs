//! One instant of a tree, written as a zip or a tar.
//!
//! | module | one idea |
//! |---|---|
//! | `options` | what the caller asks for, and what is answered |
//! | `entries` | which nodes go into the archive, under which names |
//! | `deflate` | one block deflated on its own |
//! | `sink` | the caller's writer, and the errors that it gives |
//! | `zip`, `records` | entries as a zip; the records that a zip is made of |
//! | `tar`, `headers` | entries as a tar; the headers that a tar is made of |
//! | `stream` | a tar compressed on its way |
//!
//! Everything is compressed in **blocks** that are cut by offsets alone: at 256 KiB, in Zstandard
//! at 2 MiB. What a block becomes depends on its bytes, for deflate on the 32 KiB before it, and on
//! the level, never on the thread that does it or on what that thread did before. So many threads
//! work on one large file, and the archive is the same byte for byte for any number of them.
//!
//! A deflated block ends at a byte (a sync flush), so that the blocks of a file, one after the
//! other, are one stream as any reader knows it. The calling thread alone touches the caller's
//! writer and callbacks, which need not be `Send`; it compresses too while it would wait. A
//! **window** of four blocks for each thread bounds what is in memory: while the writer is slow,
//! nothing more is begun.
//!
//! The container of a zip is written here and not by the `zip` crate's writer. That one compresses
//! while it writes, on one thread; what is compressed elsewhere it takes in as whole entries only,
//! read out of another archive, so that a large file would have to be there as a whole, compressed
//! by one thread. It also wants to seek, to fill sizes in. The records themselves are few.

mod deflate;
mod entries;
mod headers;
mod options;
mod records;
mod sink;
mod stream;
mod tar;
mod zip;

pub use options::{ArchiveOptions, ArchiveProgress, ArchiveSummary, Compression};

use std::io::Write;

use crate::error::Result;
use crate::fs::MemFs;
use crate::ops::Named;
use crate::snapshot::Snapshot;

use entries::Entries;
use options::Settings;
use sink::Sink;
use stream::Packer;

impl Snapshot {
    /// Writes what is below [`prefix`](ArchiveOptions::prefix) as a zip.
    ///
    /// Entries come in tree order, a directory before what is in it, with names relative to the
    /// prefix; if that is a file, it is the only entry, under its own name. There is no entry for
    /// the directory at the prefix itself. Empty directories are kept. Modification times are
    /// kept to the second, in UTC; modes are 0644 for files and 0755 for directories, owners are
    /// not stored. Names that are not ASCII are marked as UTF-8. Sizes, offsets and counts
    /// that the old records of zip cannot hold are written as zip64.
    ///
    /// The archive is reproducible: the same names, bytes, times and options give the same bytes
    /// in one build of arcfs, however many threads work and however the content is laid out.
    ///
    /// `writer` needs only [`Write`], is used by the calling thread alone, and is flushed at the
    /// end. Small pieces are gathered, so it need not buffer. Files up to 256 KiB have their sizes
    /// before their bytes, and are stored if deflating does not make them smaller; larger ones have
    /// them behind (a data descriptor) and in the directory at the end. With
    /// [`Compression::None`] sizes are always before the bytes, which are not copied.
    ///
    /// Files are deflated by the threads of the current [`rayon`] pool, large ones block by block;
    /// see [`threads`](ArchiveOptions::threads). Beside the directory at the end of the archive,
    /// about 100 bytes and its name for each entry, memory is bounded: a window of four blocks
    /// for each thread. All of it is outside the quota.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/src/lib.rs", "//! A crate.\n"), ("/src/bin/main.rs", "fn main() {}\n")])?;
    /// let mut archive = Vec::new();
    /// let summary = fs.snapshot().export_zip(&mut archive, ArchiveOptions::new().prefix("/src"))?;
    /// assert_eq!((summary.files, summary.dirs, summary.bytes), (2, 1, 26));
    /// assert_eq!(summary.written, archive.len() as u64);
    /// assert!(archive.starts_with(b"PK"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Before anything is written: `InvalidInput` for a level that does not exist, `Unsupported`
    /// for [`Compression::Zstd`], `InvalidPath`, and `NotFound` or `NotADirectory` if nothing
    /// stands at the prefix. Later, and then what was written is not an archive: `Other` if the
    /// writer fails, with its error as the source; `InvalidInput` for a name over 65,535 bytes,
    /// which a zip cannot hold; `AllocationFailed`.
    pub fn export_zip(&self, writer: impl Write, options: ArchiveOptions) -> Result<ArchiveSummary> {
        let prefix = options.prefix.clone();
        let export = || {
            let settings = Settings::for_zip(&options)?;
            let mut entries = Entries::new(self, options)?;
            let sink = Sink::new(writer);
            match settings.compression {
                Compression::None => zip::store(&mut entries, sink),
                _ => zip::deflate(&mut entries, sink, settings),
            }
        };
        export().named("export_zip", &prefix)
    }

    /// Writes what is below [`prefix`](ArchiveOptions::prefix) as a tar: plain, unless
    /// [`compression`](ArchiveOptions::compression) asks for gzip ([`Compression::Deflate`]) or
    /// Zstandard.
    ///
    /// What goes into it, its order, its names and modes are those of
    /// [`export_zip`](Self::export_zip); owner and group are 0. Times are kept to the nanosecond.
    /// What the old headers of tar cannot hold is in pax headers: long names, times that are not
    /// whole seconds or lie before 1970, sizes of 8 GiB and more. So names of any length and files of
    /// any size can be written.
    ///
    /// The archive is reproducible as a zip is. A gzip is one member, compressed by many threads
    /// in blocks of 256 KiB that each know the 32 KiB before them; in Zstandard each 2 MiB are a
    /// frame of their own with a checksum. `writer` is used as there; a plain tar is written by the
    /// calling thread without a copy of the content.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, Compression, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/log", "one line\n".repeat(1000))?;
    /// let (mut plain, mut packed) = (Vec::new(), Vec::new());
    /// fs.snapshot().export_tar(&mut plain, ArchiveOptions::new())?;
    /// let gzip = ArchiveOptions::new().compression(Compression::Deflate).level(9);
    /// fs.snapshot().export_tar(&mut packed, gzip)?;
    /// assert!(plain.starts_with(b"PaxHeader") && packed.starts_with(&[0x1f, 0x8b]));
    /// assert!(packed.len() < plain.len() / 10);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Before anything is written: `InvalidInput` for a level that does not exist, `InvalidPath`,
    /// and `NotFound` or `NotADirectory` if nothing stands at the prefix. Later, and then what was
    /// written is not an archive: `Other` if the writer fails, with its error as the source;
    /// `AllocationFailed`.
    pub fn export_tar(&self, writer: impl Write, options: ArchiveOptions) -> Result<ArchiveSummary> {
        let prefix = options.prefix.clone();
        let export = || {
            let settings = Settings::for_tar(&options)?;
            let mut entries = Entries::new(self, options)?;
            let mut sink = Sink::new(writer);
            if settings.compression == Compression::None {
                tar::write(&mut entries, &mut sink)?;
            } else {
                let mut packer = Packer::new(&mut sink, settings)?;
                tar::write(&mut entries, &mut packer)?;
                packer.finish()?;
            }
            Ok(entries.finish(sink.finish()?))
        };
        export().named("export_tar", &prefix)
    }
}

impl MemFs {
    /// Writes a zip of what is there now; see [`Snapshot::export_zip`].
    ///
    /// The filesystem is not disturbed: the archive is of the instant at which the call began.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.create_dir_all("/empty/dir")?;
    /// let summary = fs.export_zip(std::io::sink(), ArchiveOptions::new())?;
    /// assert_eq!((summary.files, summary.dirs), (0, 2));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn export_zip(&self, writer: impl Write, options: ArchiveOptions) -> Result<ArchiveSummary> {
        self.snapshot().export_zip(writer, options)
    }

    /// Writes a tar of what is there now; see [`Snapshot::export_tar`].
    ///
    /// The filesystem is not disturbed: the archive is of the instant at which the call began.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let summary = fs.export_tar(std::io::sink(), ArchiveOptions::new())?;
    /// assert_eq!((summary.files, summary.bytes), (1, 5));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn export_tar(&self, writer: impl Write, options: ArchiveOptions) -> Result<ArchiveSummary> {
        self.snapshot().export_tar(writer, options)
    }
}
