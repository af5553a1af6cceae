//! A directory of the host, by descriptor.
//!
//! Names are looked up in the directory that was opened, whatever has become of its path since,
//! and no call follows a link. So nothing is ever written outside, whoever changes the host
//! meanwhile, and paths may be longer than the host allows for one name.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::Standing;

/// A directory.
#[derive(Debug)]
pub struct HostDir {
    descriptor: File,
    #[cfg(test)]
    _counted: count::Counted,
}

/// Equal for two names exactly if the host finds the same node at both: its device and number.
pub type Identity = (u64, u64);

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

impl HostDir {
    /// Opens the directory that the caller of an export named.
    pub fn open(host: &Path) -> io::Result<Self> {
        Self::at(CWD, host, DIR)
    }

    /// Opens a directory in this one. A link is not followed.
    pub fn child(&self, name: &str) -> io::Result<Self> {
        Self::at(self.descriptor.as_fd(), Path::new(name), DIR.union(OFlags::NOFOLLOW))
    }

    fn at(parent: BorrowedFd<'_>, name: &Path, flags: OFlags) -> io::Result<Self> {
        Ok(Self {
            descriptor: openat(parent, name, flags, Mode::empty())?.into(),
            #[cfg(test)]
            _counted: count::Counted::new(),
        })
    }

    /// Whether it is still what was opened: always, by descriptor.
    pub fn look_again(&self) -> io::Result<()> {
        Ok(())
    }

    /// What stands at `name`, if anything does.
    pub fn look(&self, name: &str) -> io::Result<Option<(Standing, Identity)>> {
        let stat = match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let standing = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Standing::Dir,
            FileType::Symlink => Standing::Link,
            _ => Standing::Other,
        };
        #[allow(clippy::unnecessary_cast, reason = "the types differ between systems")]
        Ok(Some((standing, (stat.st_dev as u64, stat.st_ino as u64))))
    }

    /// Makes a directory where nothing stands.
    pub fn make_dir(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.descriptor, name, Mode::from_bits_truncate(0o777))?)
    }

    /// Creates a file where nothing stands, not even a link.
    pub fn create_new(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.descriptor, name, flags, Mode::from_bits_truncate(0o666))?.into())
    }

    /// Moves a file within the directory, onto whatever file or link stands at `to`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.descriptor, from, &self.descriptor, to)?)
    }

    /// Removes a file.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.descriptor, name, AtFlags::empty())?)
    }

    /// Sets when the directory was modified.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.descriptor.set_modified(time)
    }
}

/// Why a name can never be one of the host; `None` where only trying tells.
pub fn unusable(_name: &str) -> Option<&'static str> {
    None
}

#[cfg(test)]
pub mod count {
    //! How many directories are opened. One test asks.

    use std::sync::atomic::{AtomicUsize, Ordering};

    pub static EVER: AtomicUsize = AtomicUsize::new(0);
    pub static NOW: AtomicUsize = AtomicUsize::new(0);
    pub static MOST: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug)]
    pub struct Counted;

    impl Counted {
        pub fn new() -> Self {
            EVER.fetch_add(1, Ordering::Relaxed);
            MOST.fetch_max(1 + NOW.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            Self
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            NOW.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
