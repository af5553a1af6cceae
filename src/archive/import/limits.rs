//! When an archive has too much.

use std::sync::atomic::{AtomicU64, Ordering};

use super::options::ImportLimits;
use crate::archive::format::EntryInfo;
use crate::content::CHUNK;
use crate::error::{Error, ErrorKind, Result};

/// What has come out of an archive so far, against its limits.
///
/// Ordering: relaxed. The sums are only compared with limits; several threads add to them.
pub struct Meter {
    limits: ImportLimits,
    entries: u64,
    bytes: AtomicU64,
}

impl Meter {
    /// Nothing has come yet.
    pub fn new(limits: ImportLimits) -> Self {
        Self { limits, entries: 0, bytes: AtomicU64::new(0) }
    }

    /// One more entry.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn count(&mut self, info: &EntryInfo) -> Result<()> {
        self.entries += 1;
        let limit = self.limits.entries;
        if self.entries > limit {
            return Err(over(info, &format!("the archive has more than {limit} entries; raise `entries`")));
        }
        Ok(())
    }

    /// An entry that says that it has so many bytes is about to be unpacked.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn look(&self, info: &EntryInfo) -> Result<()> {
        let said = info.size().unwrap_or(0);
        self.check(info, said, self.bytes.load(Ordering::Relaxed).saturating_add(said))
    }

    /// `new` more bytes came, `done` of this entry by now, while `taken` bytes of the archive were
    /// read.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn add(&self, info: &EntryInfo, new: u64, done: u64, taken: u64) -> Result<()> {
        let total = self.bytes.fetch_add(new, Ordering::Relaxed) + new;
        self.check(info, done, total)?;
        let (out, packed) = match info.packed_size() {
            Some(packed) => (done, packed),
            None => (total, taken),
        };
        let limit = self.limits.ratio;
        if out >= CHUNK as u64 && out > packed.max(1).saturating_mul(limit) {
            let why = format!("more than {limit} bytes come out for each that is in the archive");
            return Err(over(info, &format!("{why}; raise `ratio`")));
        }
        Ok(())
    }

    fn check(&self, info: &EntryInfo, of_entry: u64, total: u64) -> Result<()> {
        let ImportLimits { entry_bytes, total_bytes, .. } = self.limits;
        if of_entry > entry_bytes {
            return Err(over(info, &format!("it has more than {entry_bytes} bytes; raise `entry_bytes`")));
        }
        if total > total_bytes {
            let why = format!("the archive has more than {total_bytes} bytes; raise `total_bytes`");
            return Err(over(info, &why));
        }
        Ok(())
    }
}

fn over(info: &EntryInfo, why: &str) -> Error {
    let why = format!("{why} of the import's limits if it can be trusted");
    Error::at(ErrorKind::InvalidInput, info.name()).because(why)
}
