//! A temporary directory of the host, through the calls of `std::fs`.
//!
//! Nothing is ever synchronised: the bytes are in the page cache when a call returns, and whether
//! they reach a disk is not measured. That is how temporary files are used. An existing file is
//! overwritten where it is and cut if it was longer, not emptied first as by `std::fs::write`: ext4
//! starts writing a file to the disk when one that was emptied is closed (`auto_da_alloc`), which
//! costs many times the rest; the length of the file is asked for to know. A reader beside a writer may find a mixture of old and new bytes.
//!
//! Whether a directory is in memory is what `statfs` says of its filesystem, on Linux; a filesystem
//! laid over one in memory is not recognised. The directory is removed when the store is dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::pieces::ends_early;
use super::without_limit;
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// Where temporary files of the system are.
pub const DISK: Backend = Backend {
    name: "tempfile-disk",
    about: "a temporary directory on disk, through the page cache and without fsync",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        let place = std::env::temp_dir();
        if in_memory(&place)? {
            return Err(Failure::Cannot(
                "the directory for temporary files is in memory here; TMPDIR can name one on a disk",
            ));
        }
        Ok(Box::new(Directory::new(&place)?))
    },
};

/// In the memory filesystem for shared memory.
pub const MEMORY: Backend = Backend {
    name: "tempfile-memory",
    about: "a temporary directory in the memory filesystem at /dev/shm",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        let place = Path::new("/dev/shm");
        if !place.is_dir() || !in_memory(place)? {
            return Err(Failure::Cannot("there is no memory filesystem at /dev/shm here"));
        }
        Ok(Box::new(Directory::new(place)?))
    },
};

/// Whether a directory is on a filesystem that keeps its files in memory.
#[cfg(target_os = "linux")]
fn in_memory(dir: &Path) -> Answer<bool> {
    const TMPFS: u32 = 0x0102_1994;
    const RAMFS: u32 = 0x8584_58f6;
    // The width and the sign of the field differ between processors, its low 32 bits do not.
    let kind = rustix::fs::statfs(dir).map_err(Failure::failed)?.f_type as u32;
    Ok(kind == TMPFS || kind == RAMFS)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_dir: &Path) -> Answer<bool> {
    Ok(false)
}

/// The failure that an error of the host is.
fn failure(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Failure::Full,
        _ => error.into(),
    }
}

struct Directory {
    root: TempDir,
}

impl Directory {
    fn new(place: &Path) -> Answer<Self> {
        let root = tempfile::Builder::new().prefix("arcfs-harness-").tempdir_in(place).map_err(failure)?;
        Ok(Self { root })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.strip_prefix('/').unwrap_or(path))
    }
}

impl Store for Directory {
    fn whole_writes(&self) -> bool {
        false
    }

    fn create_dir_all(&self, path: &str) -> Answer<()> {
        fs::create_dir_all(self.at(path)).map_err(failure)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        overwrite(&self.at(path), bytes).map_err(failure)
    }

    /// Asks for the length once and stops there: `read_to_end` would seek first and read once more.
    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let mut file = File::open(self.at(path)).map_err(failure)?;
        out.resize(file.metadata().map_err(failure)?.len() as usize, 0);
        let mut filled = 0;
        while filled < out.len() {
            match file.read(&mut out[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(error)),
            }
        }
        out.truncate(filled);
        Ok(())
    }

    fn read_shared(&self, _path: &str, _each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        Err(Failure::Cannot("a mapped file changes, or ends, under whoever looks at it"))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        fs::metadata(self.at(path)).map(|metadata| metadata.len()).map_err(failure)
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        for entry in fs::read_dir(self.at(path)).map_err(failure)? {
            let name = entry.map_err(failure)?.file_name();
            each(name.to_str().ok_or_else(|| Failure::failed("a name is not UTF-8"))?);
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        fs::remove_file(self.at(path)).map_err(failure)
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        copy_dir_all(&self.at(from), &self.at(to)).map_err(failure)
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        fs::remove_dir_all(self.at(path)).map_err(failure)
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        let path = self.at(path);
        let file = match mode {
            Mode::Read => File::open(path),
            Mode::Create => File::create(path),
            Mode::Update => OpenOptions::new().read(true).write(true).open(path),
        };
        Ok(Box::new(Opened(file.map_err(failure)?)))
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Err(Failure::Cannot("has no snapshot: a pass over a directory meets each file at another time"))
    }
}

fn overwrite(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.write_all(bytes)?;
    let size = bytes.len() as u64;
    if file.metadata()?.len() == size { Ok(()) } else { file.set_len(size) }
}

fn copy_dir_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

struct Opened(File);

impl OpenFile for Opened {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.0.read(buf).map_err(failure)
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.0.write_all(bytes).map_err(failure)
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        read_exact_at(&mut self.0, buf, offset).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ends_early(offset),
            _ => failure(error),
        })
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        write_all_at(&mut self.0, bytes, offset).map_err(failure)
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &mut File, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(unix)]
fn write_all_at(file: &mut File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_exact_at(file: &mut File, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::io::Seek::seek(file, std::io::SeekFrom::Start(offset))?;
    file.read_exact(buf)
}

#[cfg(not(unix))]
fn write_all_at(file: &mut File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    std::io::Seek::seek(file, std::io::SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_on_the_host() {
        let store = Directory::new(&std::env::temp_dir()).expect("a directory");
        let place = store.root.path().to_owned();
        store.create_dir_all("/a/b").expect("made");
        store.write("/a/b/c", b"bytes").expect("written");
        let handle = store.open("/a/b/c", Mode::Read).expect("opened");
        assert_eq!(fs::read(place.join("a/b/c")).expect("on the host"), b"bytes");
        drop(handle);
        drop(store);
        assert!(!place.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_told_from_other_filesystems() {
        assert!(!in_memory(Path::new("/proc")).expect("/proc is there"));
        let mounts = fs::read_to_string("/proc/mounts").expect("readable");
        for mount in mounts.lines() {
            let fields: Vec<_> = mount.split(' ').collect();
            // The last mount at a place hides those before it.
            let hidden =
                mounts.lines().filter(|other| other.split(' ').nth(1) == Some(fields[1])).count() > 1;
            if fields[2] == "tmpfs" && !hidden && Path::new(fields[1]).is_dir() {
                assert!(in_memory(Path::new(fields[1])).expect("mounted"), "{}", fields[1]);
            }
        }
    }
}
