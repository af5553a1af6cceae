//! `vfs::MemoryFS`, used through the trait `FileSystem` and not through `VfsPath`, which would check
//! every path again.
//!
//! A new content is written to a buffer of the handle, which is copied once more when the handle is
//! dropped; until then the file is there and empty. An existing file can be opened for writing at
//! its end only, but the handle can be moved: it edits a copy of the whole file, and publishing
//! copies it again. A handle that updates therefore publishes before it reads what it wrote. Listing
//! scans all paths, as `MemoryFS` does, and removing a directory lists every directory in it twice.

use std::io::{Read, Seek, SeekFrom, Write};

use vfs::{FileSystem, MemoryFS, SeekAndRead, SeekAndWrite, VfsFileType};

use super::pieces::{ends_early, not_open_for};
use super::without_limit;
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "vfs-memory",
    about: "MemoryFS of the crate vfs",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Vfs(MemoryFS::new())))
    },
};

struct Vfs(MemoryFS);

/// The path as `MemoryFS` knows it: the root is empty.
fn own(path: &str) -> &str {
    if path == "/" { "" } else { path }
}

impl Vfs {
    fn names(&self, dir: &str) -> Answer<impl Iterator<Item = String>> {
        self.0.read_dir(own(dir)).map_err(Failure::failed)
    }

    fn is_dir(&self, path: &str) -> Answer<bool> {
        let metadata = self.0.metadata(path).map_err(Failure::failed)?;
        Ok(metadata.file_type == VfsFileType::Directory)
    }

    fn copy_below(&self, from: &str, to: &str, buf: &mut Vec<u8>) -> Answer<()> {
        self.create_dir_all(to)?;
        for name in self.names(from)? {
            let (from, to) = (format!("{}/{name}", own(from)), format!("{}/{name}", own(to)));
            if self.is_dir(&from)? {
                self.copy_below(&from, &to, buf)?;
            } else {
                self.read(&from, buf)?;
                self.write(&to, buf)?;
            }
        }
        Ok(())
    }
}

impl Store for Vfs {
    fn whole_writes(&self) -> bool {
        false
    }

    fn create_dir_all(&self, path: &str) -> Answer<()> {
        let path = own(path);
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for dir in ends.map(|end| &path[..end]) {
            if !self.0.exists(dir).map_err(Failure::failed)? {
                self.0.create_dir(dir).map_err(Failure::failed)?;
            }
        }
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        let mut file = self.0.create_file(path).map_err(Failure::failed)?;
        // Dropping the handle publishes; flushing it first would publish twice.
        Ok(file.write_all(bytes)?)
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let mut file = self.0.open_file(path).map_err(Failure::failed)?;
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        out.resize(size as usize, 0);
        Ok(file.read_exact(out)?)
    }

    fn read_shared(&self, _path: &str, _each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        Err(Failure::Cannot("reads only through a handle that copies the bytes out"))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.0.metadata(path).map(|metadata| metadata.len).map_err(Failure::failed)
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        self.names(path)?.for_each(|name| each(&name));
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.0.remove_file(path).map_err(Failure::failed)
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        self.copy_below(from, to, &mut Vec::new())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        for name in self.names(path)? {
            let inner = format!("{}/{name}", own(path));
            if self.is_dir(&inner)? { self.remove_dir_all(&inner)? } else { self.remove(&inner)? }
        }
        self.0.remove_dir(own(path)).map_err(Failure::failed)
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        Ok(match mode {
            Mode::Read => Box::new(Reading::open(&self.0, path)?),
            Mode::Create => Box::new(Writing(self.0.create_file(path).map_err(Failure::failed)?)),
            Mode::Update => {
                let mut file = self.0.append_file(path).map_err(Failure::failed)?;
                file.rewind()?;
                let path = path.to_owned();
                Box::new(Updating { fs: &self.0, path, file, position: 0, reading: None })
            }
        })
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Err(Failure::Cannot("has no snapshot: a pass over the files meets each at another time"))
    }
}

/// A handle that reads, and the size of what it reads: `MemoryFS` must not be asked to read behind it.
struct Reading {
    file: Box<dyn SeekAndRead + Send>,
    size: u64,
}

impl Reading {
    fn open(fs: &MemoryFS, path: &str) -> Answer<Self> {
        let mut file = fs.open_file(path).map_err(Failure::failed)?;
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Self { file, size })
    }

    /// Leaves the position behind the bytes read.
    fn exactly_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        if offset + buf.len() as u64 > self.size {
            return Err(ends_early(offset));
        }
        self.file.seek(SeekFrom::Start(offset))?;
        Ok(self.file.read_exact(buf)?)
    }
}

impl OpenFile for Reading {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        Ok(self.file.read(buf)?)
    }

    fn write(&mut self, _bytes: &[u8]) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        let position = self.file.stream_position()?;
        self.exactly_at(buf, offset)?;
        self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    fn write_at(&mut self, _bytes: &[u8], _offset: u64) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

/// A handle on a new file. Dropping it publishes.
struct Writing(Box<dyn SeekAndWrite + Send>);

impl OpenFile for Writing {
    fn read(&mut self, _buf: &mut [u8]) -> Answer<usize> {
        Err(not_open_for("reading"))
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        Ok(self.0.write_all(bytes)?)
    }

    fn read_at(&mut self, _buf: &mut [u8], _offset: u64) -> Answer<()> {
        Err(not_open_for("reading"))
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        let position = self.0.stream_position()?;
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write_all(bytes)?;
        self.0.seek(SeekFrom::Start(position))?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

/// A handle that edits a copy, and one that reads what was published last.
struct Updating<'store> {
    fs: &'store MemoryFS,
    path: String,
    file: Box<dyn SeekAndWrite + Send>,
    position: u64,
    /// `None` after a write.
    reading: Option<Reading>,
}

impl Updating<'_> {
    /// A handle that sees all that was written here.
    fn reading(&mut self) -> Answer<&mut Reading> {
        if self.reading.is_none() {
            self.file.flush()?;
            self.reading = Some(Reading::open(self.fs, &self.path)?);
        }
        Ok(self.reading.as_mut().expect("opened above"))
    }
}

impl OpenFile for Updating<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let position = self.position;
        let reading = self.reading()?;
        let count = reading.size.saturating_sub(position).min(buf.len() as u64) as usize;
        reading.exactly_at(&mut buf[..count], position.min(reading.size))?;
        self.position += count as u64;
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.write_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        self.reading()?.exactly_at(buf, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        self.reading = None;
        self.file.seek(SeekFrom::Start(offset))?;
        Ok(self.file.write_all(bytes)?)
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}
