//! How far an import is, and telling of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::options::ImportOptions;
use crate::archive::Archive;
use crate::archive::meter::Meter;
use crate::listener::Listener;

/// How far an import is; see [`ImportOptions::progress`].
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use arcfs::{ImportOptions, MemFs, import_archive};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// let mut header = tar::Header::new_gnu();
/// header.set_size(700);
/// tar.append_data(&mut header, "a", &[1; 700][..])?;
/// let tar = tar.into_inner()?;
/// let length = tar.len() as u64;
///
/// let last = Arc::new(Mutex::new(None));
/// let seen = Arc::clone(&last);
/// let options = ImportOptions::new().progress(move |done| *seen.lock().unwrap() = Some(done));
/// import_archive(&MemFs::new(), tar, "/", options)?;
/// let last = last.lock().unwrap().expect("called");
/// assert_eq!((last.entries, last.bytes), (1, 700));
/// assert_eq!((last.source_bytes, last.total_source_bytes), (length, Some(length)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportProgress {
    /// Entries dealt with, in whatever way.
    pub entries: u64,
    /// Bytes of files unpacked, also of those that are not unpacked to their end.
    pub bytes: u64,
    /// Bytes of the archive itself that are dealt with, read or passed over. It never shrinks, is
    /// never more than `total_source_bytes`, and is that much in the last call. What decoders have
    /// read ahead is among them.
    pub source_bytes: u64,
    /// Bytes that the archive itself has; `None` for a source that can only be read in order.
    pub total_source_bytes: Option<u64>,
}

/// How many bytes of one entry come between two calls.
pub const STEP: u64 = 256 << 10;

/// How far one import is.
pub struct Course {
    listener: Listener<ImportProgress>,
    /// Ordering: relaxed; only the thread that imports changes it, and calls are ordered by the
    /// listener.
    entries: AtomicU64,
    pub meter: Arc<Meter>,
    total: Option<u64>,
}

impl Course {
    /// At the beginning of an archive.
    pub fn new(archive: &Archive, options: &ImportOptions) -> Self {
        let listener = Listener::new(options.progress.as_ref());
        Self { listener, entries: AtomicU64::new(0), meter: Arc::clone(&archive.meter), total: archive.size }
    }

    /// An entry was dealt with; for the thread that imports.
    pub fn entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.listener.tell(|| self.so_far());
    }

    /// More has come of an entry; for any thread.
    pub fn within(&self) {
        self.listener.tell_if_free(|| self.so_far());
    }

    /// All entries were dealt with, and with them the archive; as [`entry`](Self::entry).
    pub fn end(&self) {
        self.listener.tell(|| {
            let so_far = self.so_far();
            ImportProgress { source_bytes: self.total.unwrap_or(so_far.source_bytes), ..so_far }
        });
    }

    /// Whether whoever is told has panicked, so that the import ends.
    pub fn is_broken(&self) -> bool {
        self.listener.has_panicked()
    }

    fn so_far(&self) -> ImportProgress {
        ImportProgress {
            entries: self.entries.load(Ordering::Relaxed),
            bytes: self.meter.kept(),
            // A source may have grown, and a format may read some of it twice.
            source_bytes: self.meter.behind().min(self.total.unwrap_or(u64::MAX)),
            total_source_bytes: self.total,
        }
    }
}
