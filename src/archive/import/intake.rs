//! The bytes of one entry, straight into chunks that are paid for.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::course::{Course, STEP};
use crate::archive::format::EntryInfo;
use crate::archive::{error_of, invalid};
use crate::content::Content;
use crate::error::{Error, Result};
use crate::volume::Volume;

/// What all entries of one import are read with.
pub struct Intake<'a> {
    pub volume: &'a Volume,
    pub course: &'a Course,
}

/// Which of several entries that are read together has failed: the first, as far as is known. Those
/// after it need not be read on.
pub struct Failed(AtomicUsize);

impl Failed {
    /// None has.
    pub fn none() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }

    /// The entry at `index` has.
    pub fn mark(&self, index: usize) {
        self.0.fetch_min(index, Ordering::Relaxed); // nothing is published by it
    }

    fn is_before(&self, index: usize) -> bool {
        self.0.load(Ordering::Relaxed) < index
    }
}

/// Why the bytes of an entry could not be had.
enum Trouble {
    Fail(Error),
    Read(io::Error),
    /// An entry before it has failed, or whoever is told has panicked on another thread.
    Stopped,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl Intake<'_> {
    /// Reads an entry to its end.
    ///
    /// # Errors
    ///
    /// As those of [`import_archive`](super::import_archive) that are of bytes; `path` is where
    /// they were to go.
    pub fn read(&self, bytes: &mut (impl Read + ?Sized), info: &EntryInfo, path: &str) -> Result<Content> {
        self.read_unless(bytes, info, path, 0, &Failed::none()).unwrap_or_else(|| Ok(Content::default()))
    }

    /// As [`read`](Self::read), for the entry at `index` of several; `None` if one before it has
    /// failed.
    pub fn read_unless(
        &self,
        bytes: &mut (impl Read + ?Sized),
        info: &EntryInfo,
        path: &str,
        index: usize,
        failed: &Failed,
    ) -> Option<Result<Content>> {
        let error = match self.take(bytes, info, || failed.is_before(index)) {
            Ok(content) => return Some(Ok(content)),
            Err(Trouble::Stopped) => return None,
            Err(Trouble::Fail(error)) => error.on(path),
            Err(Trouble::Read(error)) => error_of(error).on(info.name()),
        };
        failed.mark(index);
        Some(Err(error))
    }

    fn take(
        &self,
        bytes: &mut (impl Read + ?Sized),
        info: &EntryInfo,
        stopped: impl Fn() -> bool,
    ) -> Result<Content, Trouble> {
        let Course { meter, .. } = self.course;
        meter.look(info)?;
        let (mut before, mut told) = (0, 0);
        let content = self.volume.take_in(bytes, info.size(), |done| {
            if stopped() || self.course.is_broken() {
                return Err(Trouble::Stopped);
            }
            meter.add(info, done - before, done)?;
            before = done;
            if done - told >= STEP {
                told = done;
                self.course.within();
            }
            Ok(())
        })?;
        let Some(size) = info.size() else { return Ok(content) };
        if content.len() < size {
            let len = content.len();
            return Err(invalid(format!("it ends after {len} of {size} bytes")).into());
        }
        // Only whoever reads the end learns that the checksum is right.
        match crate::ops::intake::fill(bytes, &mut [0])? {
            0 => Ok(content),
            _ => Err(invalid(format!("it has more than the {size} bytes that it says to have")).into()),
        }
    }
}
