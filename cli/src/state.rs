//! The file that the filesystem is kept in between commands: where it is, its lock, its old self.
//!
//! A new state is written beside the old one and renamed over it, so whoever reads needs no lock: it
//! sees one or the other. Whoever changes holds the lock from before it loads until after the rename,
//! so no change is made to a state that another change has replaced. The lock is taken on a file of
//! its own, `FILE.lock`, which is never removed or replaced: a lock on the state itself would be one
//! on the file that the rename has just made old.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use arcfs::image::{Image, ImageReader, load_image_file, resolve_image_path, save_image_file};
use arcfs::{ErrorKind, MemFs};

use crate::failure::{Attempt, Failure, Outcome, remark};

/// How long a temporary file that is written to can be without a write.
const TIDY_AFTER: Duration = Duration::from_secs(3600);

/// Where the state is kept.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    /// Whether it is the one below the home directory, whose directory is made when it is needed.
    own: bool,
}

/// The lock, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Tells one saved state from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    len: u64,
    modified: Option<std::time::SystemTime>,
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The directory below the home directory for what arcfs keeps there.
pub fn own_directory() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty()).map(|home| home.join(".arcfs"))
}

/// Makes that directory, for the user alone.
pub fn make_own_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

impl Store {
    /// The store at `explicit`, or the one of the user; an empty path is none.
    pub fn locate(explicit: Option<PathBuf>) -> Outcome<Self> {
        Self::locate_in(explicit, own_directory())
    }

    /// As [`locate`](Self::locate), where `own` is the directory for what arcfs keeps.
    fn locate_in(explicit: Option<PathBuf>, own: Option<PathBuf>) -> Outcome<Self> {
        let (path, own) = match explicit.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => (path, false),
            None => {
                let directory = own.ok_or_else(|| {
                    Failure::message(
                        "there is no home directory to keep the state in; name a file with --state FILE",
                    )
                })?;
                (directory.join("state.arcfs"), true)
            }
        };
        // Through links to the file itself: whatever it is called, its lock is the same.
        let path = resolve_image_path(&path)
            .map_err(|error| Failure::message(format!("cannot find the state: {error}")))?;
        Ok(Self { path, own })
    }

    /// Waits for the lock.
    pub fn lock(&self) -> Outcome<Lock> {
        if self.own
            && let Some(directory) = self.path.parent()
        {
            make_own_directory(directory).attempt(|| format!("cannot create the directory {directory:?}"))?;
        }
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let locked = || format!("cannot lock the state with {path:?}");
        let file = options.open(&path).attempt(locked)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                if io::stderr().is_terminal() {
                    remark("Waiting for another arcfs that is changing the same state ...");
                }
                file.lock().attempt(locked)?;
            }
            Err(fs::TryLockError::Error(error)) => return Err(error).attempt(locked),
        }
        Ok(Lock { _file: file })
    }

    /// The stamp of the state that is there now, `None` if there is none.
    pub fn stamp(&self) -> Outcome<Option<Stamp>> {
        match fs::metadata(&self.path) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).attempt(|| format!("cannot look at the state {:?}", self.path)),
        }
    }

    /// Loads the state. Only one that does not exist is an empty filesystem; one that cannot be read
    /// is an error, and stays as it is.
    pub fn load(&self) -> Outcome<Image> {
        if self.stamp()?.is_none() {
            return Ok(empty(MemFs::new()));
        }
        load_image_file(&self.path).map_err(|error| self.unusable(&error))
    }

    /// The state to look at without loading it, `None` if there is none.
    pub fn open(&self) -> Outcome<Option<ImageReader>> {
        if self.stamp()?.is_none() {
            return Ok(None);
        }
        ImageReader::open(&self.path).map(Some).map_err(|error| self.unusable(&error))
    }

    /// Says that the state cannot be used, and what to do about it. To start anew helps only where its
    /// bytes are at fault: one that may not be read, or that a later version wrote, is still good.
    pub fn unusable(&self, error: &arcfs::Error) -> Failure {
        let mut text = format!("the state {:?} cannot be used, and was left as it is: {error}", self.path);
        if *error.kind() == ErrorKind::InvalidData {
            text += ". Put a good copy in its place, or start anew with `arcfs init`, which keeps it beside the new one";
        }
        Failure::Message(text)
    }

    /// Saves the state: when this returns it is on the disk, before it the old one was.
    pub fn save(&self, image: &Image, _lock: &Lock) -> Outcome {
        save_image_file(&self.path, &image.fs, &image.snapshots)?;
        self.tidy();
        Ok(())
    }

    /// Removes what a process that was killed while it saved has left: a temporary file that has not
    /// been written to for an hour. Whoever is saving something right now writes to theirs.
    fn tidy(&self) {
        let Some(Ok(entries)) =
            self.path.parent().map(|dir| fs::read_dir(if dir == "" { Path::new(".") } else { dir }))
        else {
            return;
        };
        let is_old = |entry: &fs::DirEntry| {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            matches!(age, Ok(Ok(age)) if age > TIDY_AFTER)
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            if name.starts_with(".arcfs-") && name.ends_with(".tmp") && is_old(&entry) {
                let _ = fs::remove_file(entry.path()); // it is in nobody's way
            }
        }
    }

    /// Keeps the state that is there under a name of its own, unless it is readable and empty: as
    /// `FILE.old`, or where that is taken `FILE.old.1` and so on, so that none kept before is lost.
    /// Returns where.
    pub fn keep_old(&self, _lock: &Lock) -> Outcome<Option<PathBuf>> {
        if self.stamp()?.is_none() {
            return Ok(None);
        }
        if load_image_file(&self.path).is_ok_and(|image| is_empty(&image)) {
            return Ok(None);
        }
        let mut old = self.beside(".old");
        for number in 1_u64.. {
            // A second name, so that at no instant there is no state at all.
            match second_name(&self.path, &old) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                kept => {
                    kept.attempt(|| format!("cannot keep the state that is there as {old:?}"))?;
                    break;
                }
            }
            if is_same_file(&self.path, &old) {
                break; // of one that was killed before it saved
            }
            old = self.beside(&format!(".old.{number}"));
        }
        Ok(Some(old))
    }

    /// Gives up what [`keep_old`](Self::keep_old) kept: the state is still there.
    pub fn forget_old(&self, kept: &Path, _lock: &Lock) {
        let _ = fs::remove_file(kept); // it is in nobody's way
    }

    /// The path of the state with something appended.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(suffix);
        path.into()
    }
}

/// A state with a filesystem and no snapshots.
pub fn empty(fs: MemFs) -> Image {
    Image { fs, snapshots: BTreeMap::new() }
}

/// Whether nothing would be lost with it.
fn is_empty(image: &Image) -> bool {
    let stats = image.fs.stats();
    stats.file_count == 0 && stats.dir_count == 1 && image.snapshots.is_empty()
}

/// Gives a file a second name, which must be free, or a copy where a file can have but one.
fn second_name(path: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(path, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let (mut from, mut to) = (File::open(path)?, options.open(name)?);
            let copied = io::copy(&mut from, &mut to).and_then(|_| to.sync_all());
            if copied.is_err() {
                let _ = fs::remove_file(name); // half of a state is none
            }
            copied
        }
        linked => linked,
    }
}

/// Whether both names are those of one file. Elsewhere than on Unix that is not known, and a second one
/// is kept.
fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path| fs::symlink_metadata(path).map(|file| (file.dev(), file.ino())).ok();
        identity(a).is_some_and(|of_a| identity(b) == Some(of_a))
    }
    #[cfg(not(unix))]
    {
        let _ = (a, b);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_home_directory_the_error_says_what_to_do() {
        for explicit in [None, Some(PathBuf::new())] {
            let error = Store::locate_in(explicit, None).unwrap_err().to_string();
            assert!(error.contains("--state"), "{error}");
        }
        assert!(Store::locate_in(Some("somewhere".into()), None).is_ok());
    }
}
