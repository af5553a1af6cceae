//! arcfs through open files: whatever reads or writes bytes opens a handle, uses it and closes it.
//!
//! Whole files and streams are written through an atomic handle, which publishes once, at close, so
//! that readers see what was there before or all of the new. Directories, names and views have no
//! handles; they go through the same calls as in [`calls`](super::calls).

use std::io::{Read, Write};

use arcfs::{File, OpenOptions};

use super::calls::{Calls, failure};
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "arcfs-handles",
    about: "arcfs through open files: open, read or write, close",
    side: Side::Arcfs,
    make: |setup| Ok(Box::new(Handles(Calls::new(setup)))),
};

struct Handles(Calls);

impl Handles {
    /// A handle on a file that starts empty and appears at close. Writers of one file take turns,
    /// however long that is: a workload has no other limit of time than its own.
    fn create(&self, path: &str) -> Answer<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).atomic(true).lock_timeout(None);
        options.open(&self.0.fs, path).map_err(failure)
    }
}

impl Store for Handles {
    fn create_dir_all(&self, path: &str) -> Answer<()> {
        self.0.create_dir_all(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        let mut file = self.create(path)?;
        file.write_all(bytes).map_err(io_failure)?;
        file.close().map_err(failure)
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let mut file = self.0.fs.open(path).map_err(failure)?;
        // A buffer that had this length already is not zeroed first. The length of a handle that
        // reads never changes.
        out.resize(file.len() as usize, 0);
        file.read_exact(out).map_err(io_failure)?;
        file.close().map_err(failure)
    }

    fn read_shared(&self, _path: &str, _each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        Err(Failure::Cannot("an open file copies its bytes out; only a call lends them"))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.0.size(path)
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        self.0.list(path, each)
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.0.remove(path)
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        self.0.copy_dir_all(from, to)
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        self.0.remove_dir_all(path)
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        let file = match mode {
            Mode::Read => self.0.fs.open(path).map_err(failure)?,
            Mode::Create => self.create(path)?,
            Mode::Update => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).lock_timeout(None);
                options.open(&self.0.fs, path).map_err(failure)?
            }
        };
        Ok(Box::new(Handle(file)))
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        self.0.view()
    }

    fn used(&self) -> Answer<u64> {
        self.0.used()
    }
}

/// The failure behind an error that came through the traits of `std::io`.
fn io_failure(error: std::io::Error) -> Failure {
    match error.downcast::<arcfs::Error>() {
        Ok(error) => failure(error),
        Err(error) => error.into(),
    }
}

struct Handle(File);

impl OpenFile for Handle {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        self.0.read(buf).map_err(io_failure)
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.0.write_all(bytes).map_err(io_failure)
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        if self.0.read_at(buf, offset).map_err(failure)? == buf.len() {
            Ok(())
        } else {
            Err(Failure::failed(format!("{} ends before {}", self.0.path(), offset + buf.len() as u64)))
        }
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        self.0.write_at(bytes, offset).map(drop).map_err(failure)
    }

    fn close(self: Box<Self>) -> Answer<()> {
        self.0.close().map_err(failure)
    }
}
