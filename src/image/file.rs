//! The file of the host that an image is in: read from many threads, replaced as a whole.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// A regular file, opened for reading.
#[derive(Debug)]
pub struct HostFile {
    #[cfg(unix)]
    file: File,
    /// Where a read moves the cursor, one at a time.
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
    len: u64,
}

impl HostFile {
    /// Opens the file at `path`; a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `InvalidInput` if it is no regular file, or what the host answers.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = File::options();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32); // it may be a pipe
        }
        let opened = options.open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| Error::of_host(error, "a file of the host"))?;
        regular(&metadata)?;
        #[cfg(not(unix))]
        let file = std::sync::Mutex::new(file);
        Ok(Self { file, len: metadata.len() })
    }

    /// Its length when it was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buf` from `offset`.
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
        }
        #[cfg(not(unix))]
        {
            use std::io::{Read, Seek, SeekFrom};
            let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(buf)
        }
    }
}

fn regular(metadata: &fs::Metadata) -> Result<()> {
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory).because("give the path of a file of the host"));
    }
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput).because("it is no regular file of the host"));
    }
    Ok(())
}

/// Replaces the file at `path` by what `write` writes, or leaves it as it is.
///
/// # Errors
///
/// Those of `write`, `IsADirectory`, `InvalidInput` if something else than a regular file stands
/// there, or what the host answers.
pub fn replace<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let of_host = |error| Error::of_host(error, "a file of the host");
    let target = target_of(path)?;
    match fs::symlink_metadata(&target) {
        Ok(metadata) => regular(&metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(of_host(error)),
    }
    if target.file_name().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput).because("it does not end in the name of a file"));
    }
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut temporary = Temporary::create(dir).map_err(of_host)?;
    let written = write(&mut temporary.file)?;
    temporary.file.sync_all().map_err(of_host)?;
    temporary.rename(&target).map_err(of_host)?;
    sync_dir(dir).map_err(|error| {
        Error::of_host(error, "the new image is in place, but the directory could not be flushed to the disk")
    })?;
    Ok(written)
}

/// Links that are followed before a circle is assumed, as Linux does.
const MOST_LINKS: usize = 40;

/// Where the symbolic links at `path` lead, whether or not something stands there; where something
/// does, by its canonical path.
///
/// # Errors
///
/// `Other` if they lead in a circle. What else goes wrong on the way goes wrong again where the file
/// is used.
pub fn target_of(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(link) => {
                target.pop();
                target.push(link); // replaces all of it if it is absolute
            }
            // No link: a file, or nothing yet.
            Err(_) => return Ok(fs::canonicalize(&target).unwrap_or(target)),
        }
    }
    Err(Error::other("there are too many symbolic links; give the path of the file itself"))
}

/// A file beside the one that it will replace. Removed when it is dropped before that.
struct Temporary {
    file: File,
    path: PathBuf,
    in_place: bool,
}

impl Temporary {
    /// Creates it, readable by nobody else, under a name that nobody can foresee.
    fn create(dir: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for attempt in 0..100_u8 {
            // The keys of each `RandomState` come from the system's source of randomness.
            let number = RandomState::new().hash_one((std::process::id(), attempt));
            let path = dir.join(format!(".arcfs-{number:016x}.tmp"));
            match options.open(&path) {
                Ok(file) => return Ok(Self { file, path, in_place: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn rename(&mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.in_place = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.in_place {
            let _ = fs::remove_file(&self.path); // there is an error to tell already
        }
    }
}

/// Has the name of a file that was renamed reach the disk.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // There are filesystems that cannot, and keep names by other means.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
