//! What users choose of an import from the host or an export to it, and how far it is.

use std::fmt;
use std::sync::Arc;

use crate::listener::{Listener, Tell};
use crate::sync::atomic::{AtomicU64, Ordering};

/// How a directory of the host is brought in or written.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let host = host.path();
/// use std::sync::mpsc;
/// use arcfs::{HostOptions, MemFs};
///
/// let fs = MemFs::new();
/// fs.import_tree([("/a", "123"), ("/d/b", "45")])?;
/// let (sender, receiver) = mpsc::channel();
/// let options = HostOptions::new().progress(move |done| {
///     let _ = sender.send(done.bytes);
/// });
/// fs.export_dir_with("/", host, options)?;
/// assert_eq!(receiver.iter().last(), Some(5));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct HostOptions {
    pub(super) progress: Option<Tell<HostProgress>>,
}

impl HostOptions {
    /// Nobody is told how far it is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `progress` as files are done, and within large ones about once for each 256 KiB. The
    /// last call is made when all files are done; if there are none, it is the only one. An import
    /// publishes after it.
    ///
    /// It is called on the threads that read or write the files, by one at a time: what is done while
    /// a call is under way is told by the next one. What it does takes the time of that thread. It
    /// may call the filesystem: nothing of it is held. If it panics, it is not called again, and
    /// the work ends with that panic: an import leaves no trace, an export the files that it has put
    /// in their places by then, and no temporary ones.
    ///
    /// An import looks up the lengths of all files before it reads the first one, which it does not
    /// do without this.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use std::sync::{Arc, Mutex};
    /// use arcfs::{HostOptions, MemFs};
    ///
    /// std::fs::write(host.join("a"), "123")?;
    /// std::fs::write(host.join("b"), "45")?;
    /// let last = Arc::new(Mutex::new(None));
    /// let seen = Arc::clone(&last);
    /// let options = HostOptions::new().progress(move |done| *seen.lock().unwrap() = Some(done));
    /// MemFs::new().import_dir_with(host, "/", options)?;
    /// let last = last.lock().unwrap().expect("called");
    /// assert_eq!((last.files, last.total_files), (2, 2));
    /// assert_eq!((last.bytes, last.total_bytes), (5, 5));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(HostProgress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions").field("progress", &self.progress.is_some()).finish()
    }
}

/// How far an import from the host or an export to it is; see [`HostOptions::progress`].
///
/// What is left out is done, too, once that is known. `files` and `bytes` never shrink, are never more
/// than their totals, and are as much in the last call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostProgress {
    /// Files done: read, written or left out.
    pub files: u64,
    /// Files that there are.
    pub total_files: u64,
    /// Bytes of files done.
    pub bytes: u64,
    /// Bytes of files that there are. For an import it is the sum of what the host said when it was
    /// asked, put right as files turn out to be longer or shorter.
    pub total_bytes: u64,
}

/// How many bytes of one file come between two calls.
const STEP: u64 = 256 << 10;

/// How far one import or export is.
///
/// Ordering: relaxed. The sums are only shown to people, and calls are ordered by the listener; each
/// sum grows for itself.
pub struct Course {
    listener: Listener<HostProgress>,
    total_files: u64,
    total_bytes: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Course {
    /// At the beginning, with so many files of so many bytes to come.
    pub fn new(options: &HostOptions, total_files: u64, total_bytes: u64) -> Self {
        let [files, bytes] = std::array::from_fn(|_| AtomicU64::new(0));
        let (listener, total_bytes) = (Listener::new(options.progress.as_ref()), AtomicU64::new(total_bytes));
        Self { listener, total_files, total_bytes, files, bytes }
    }

    /// Begins a file of which so many bytes were expected.
    pub fn file(&self, expected: u64) -> FileCourse<'_> {
        FileCourse { course: self, expected, done: 0, told: 0 }
    }

    /// So many files with so many bytes together are left out.
    pub fn leave_out(&self, files: u64, bytes: u64) {
        self.add(files, bytes);
    }

    /// Everything is done; for one thread while no other works.
    pub fn end(&self) {
        self.listener.tell(|| self.so_far());
    }

    /// Whether whoever is told has panicked, so that the work ends.
    pub fn is_broken(&self) -> bool {
        self.listener.has_panicked()
    }

    fn add(&self, files: u64, bytes: u64) {
        if self.listener.listens() {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            self.files.fetch_add(files, Ordering::Relaxed);
            self.listener.tell_if_free(|| self.so_far());
        }
    }

    fn so_far(&self) -> HostProgress {
        let bytes = self.bytes.load(Ordering::Relaxed);
        HostProgress {
            files: self.files.load(Ordering::Relaxed),
            total_files: self.total_files,
            bytes,
            // A file may just be found to be longer.
            total_bytes: self.total_bytes.load(Ordering::Relaxed).max(bytes),
        }
    }
}

/// How far one file is.
pub struct FileCourse<'c> {
    course: &'c Course,
    expected: u64,
    done: u64,
    told: u64,
}

impl FileCourse<'_> {
    /// So many bytes of it are done by now. Tells of many of them, not of each few.
    pub fn reach(&mut self, done: u64) {
        self.done = done;
        if self.done - self.told >= STEP {
            self.course.add(0, self.done - self.told);
            self.told = self.done;
        }
    }

    /// All of it is done.
    pub fn end(self) {
        // First, so that the sum is never over it for long; both wrap, and come right together.
        let Self { course, expected, done, told } = self;
        if course.listener.listens() {
            course.total_bytes.fetch_add(done.wrapping_sub(expected), Ordering::Relaxed);
        }
        course.add(1, done - told);
    }

    /// It is left out, whatever was done of it.
    pub fn leave_out(mut self) {
        self.done = self.done.max(self.expected);
        self.end();
    }
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn sums_come_out_even_whatever_becomes_of_the_files() {
        let (sender, receiver) = mpsc::channel();
        let options = HostOptions::new().progress(move |done| sender.send(done).unwrap());
        let course = Course::new(&options, 6, 4_000_000);
        for (expected, done, left_out) in [
            (1_000_000, 1_000_000, false),
            (1_000_000, 3_000_000, false),
            (1_000_000, 1000, false),
            (1_000_000, 0, true),
            (0, 500_000, true),
        ] {
            let mut file = course.file(expected);
            (0..=done).step_by(1000).for_each(|done| file.reach(done));
            if left_out { file.leave_out() } else { file.end() }
        }
        course.leave_out(1, 0);
        course.end();
        drop((course, options));
        let told: Vec<_> = receiver.iter().collect();
        assert!(told.iter().all(|done| done.bytes <= done.total_bytes && done.files <= done.total_files));
        assert!(told.is_sorted_by(|a, b| a.bytes <= b.bytes && a.files <= b.files));
        let last = told.last().unwrap();
        assert_eq!((last.files, last.bytes), (last.total_files, last.total_bytes));
        assert_eq!(last.bytes, 1_000_000 + 3_000_000 + 1000 + 1_000_000 + 500_000);
        assert!(told.len() > 6 + 15 && told.len() < 40, "{}", told.len());
    }
}
