//! What an archive has and what comes out of it, against limits.

use std::sync::atomic::{AtomicU64, Ordering};

use super::format::EntryInfo;
use super::import::ImportLimits;
use crate::content::CHUNK;
use crate::error::{Error, ErrorKind, Result};

/// What has come out of an archive so far.
///
/// The reader of the archive and the import share one: the one counts what it passes over, the
/// other what it keeps.
///
/// Ordering: relaxed. The sums are only compared with limits; several threads add to them.
#[derive(Debug)]
pub struct Meter {
    limits: ImportLimits,
    entries: AtomicU64,
    /// Bytes of files that were kept.
    kept: AtomicU64,
    /// Bytes that were unpacked for nothing.
    passed: AtomicU64,
    /// Bytes of the archive that were read.
    taken: AtomicU64,
    /// Bytes of the archive that are dealt with: those read, if not to find the others, and those
    /// passed over.
    behind: AtomicU64,
}

impl Meter {
    /// Nothing has come yet.
    pub fn new(limits: ImportLimits) -> Self {
        let [entries, kept, passed, taken, behind] = [const { AtomicU64::new(0) }; 5];
        Self { limits, entries, kept, passed, taken, behind }
    }

    /// For those who only look into an archive, and stop when they like.
    pub fn boundless() -> Self {
        let [total_bytes, entry_bytes, passed_bytes, entries, ratio] = [u64::MAX; 5];
        Self::new(ImportLimits { total_bytes, entry_bytes, passed_bytes, entries, ratio })
    }

    /// So many bytes of the archive were read, wherever.
    pub fn take(&self, bytes: u64) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many bytes of the archive were read.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// So many bytes of the archive are dealt with, read or not.
    pub fn leave_behind(&self, bytes: u64) {
        self.behind.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many bytes of the archive are dealt with.
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// How many bytes of files have come that are kept.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// One more entry of this name.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn count(&self, name: &str) -> Result<()> {
        let limit = self.limits.entries;
        if self.entries.fetch_add(1, Ordering::Relaxed) >= limit {
            return Err(over(name, &format!("the archive has more than {limit} entries; raise `entries`")));
        }
        Ok(())
    }

    /// So many bytes were unpacked of what is not kept.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn pass(&self, name: &str, bytes: u64) -> Result<()> {
        let passed = self.passed.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let limit = self.limits.passed_bytes;
        if passed > limit {
            let why = format!("more than {limit} bytes were unpacked only to be passed over");
            return Err(over(name, &format!("{why}; raise `passed_bytes`")));
        }
        let total = self.total();
        self.check_total(name, total)?;
        self.check_ratio(name, total, self.taken())
    }

    /// An entry that says that it has so many bytes is about to be unpacked.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn look(&self, info: &EntryInfo) -> Result<()> {
        let said = info.size().unwrap_or(0);
        self.check_entry(info, said)?;
        self.check_total(info.name(), self.total().saturating_add(said))
    }

    /// `new` more bytes came of an entry that is kept, `done` of it by now.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn add(&self, info: &EntryInfo, new: u64, done: u64) -> Result<()> {
        self.kept.fetch_add(new, Ordering::Relaxed);
        let total = self.total();
        self.check_entry(info, done)?;
        self.check_total(info.name(), total)?;
        match info.packed_size() {
            Some(packed) => self.check_ratio(info.name(), done, packed),
            None => self.check_ratio(info.name(), total, self.taken()),
        }
    }

    fn total(&self) -> u64 {
        self.kept().saturating_add(self.passed.load(Ordering::Relaxed))
    }

    fn check_entry(&self, info: &EntryInfo, bytes: u64) -> Result<()> {
        let limit = self.limits.entry_bytes;
        if bytes > limit {
            let why = format!("it has more than {limit} bytes; raise `entry_bytes`");
            return Err(over(info.name(), &why));
        }
        Ok(())
    }

    fn check_total(&self, name: &str, total: u64) -> Result<()> {
        let limit = self.limits.total_bytes;
        if total > limit {
            let why = format!("the archive has more than {limit} bytes; raise `total_bytes`");
            return Err(over(name, &why));
        }
        Ok(())
    }

    fn check_ratio(&self, name: &str, out: u64, packed: u64) -> Result<()> {
        let limit = self.limits.ratio;
        if out >= CHUNK as u64 && out > packed.max(1).saturating_mul(limit) {
            let why = format!("more than {limit} bytes come out for each that is in the archive");
            return Err(over(name, &format!("{why}; raise `ratio`")));
        }
        Ok(())
    }
}

fn over(name: &str, why: &str) -> Error {
    let why = format!("{why} of the import's limits if it can be trusted");
    Error::at(ErrorKind::InvalidInput, name).because(why)
}
