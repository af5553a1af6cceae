//! arcfs through calls that do all at once: no handle is ever open.

use arcfs::{ErrorKind, ExportOptions, MemFs, Snapshot};

use crate::backend::{Backend, Setup, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "arcfs-calls",
    about: "arcfs through one-shot calls: write, read_into, append, metadata",
    side: Side::Arcfs,
    make: |setup| Ok(Box::new(Calls::new(setup))),
};

/// The failure that an error of arcfs is.
pub fn failure(error: arcfs::Error) -> Failure {
    match error.kind() {
        ErrorKind::QuotaExceeded { .. } | ErrorKind::NodeLimit { .. } => Failure::Full,
        _ => Failure::failed(error),
    }
}

/// The store.
pub struct Calls {
    /// The filesystem behind it.
    pub fs: MemFs,
}

impl Calls {
    /// An empty filesystem: the defaults of arcfs, and the limit where one is wanted.
    pub fn new(setup: &Setup) -> Self {
        // Above any workload, so that only workloads that ask for a limit meet one.
        const PLENTY: u64 = 1 << 40;
        Self { fs: MemFs::with_quota(setup.limit.unwrap_or(PLENTY)) }
    }
}

impl Store for Calls {
    fn create_dir_all(&self, path: &str) -> Answer<()> {
        self.fs.create_dir_all(path).map_err(failure)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        self.fs.write(path, bytes).map_err(failure)
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        out.clear();
        self.fs.read_into(path, out).map(drop).map_err(failure)
    }

    fn read_shared(&self, path: &str, each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        let content = self.fs.content(path).map_err(failure)?;
        content.chunks().try_for_each(|chunk| chunk.map(|chunk| each(&chunk)).map_err(failure))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.fs.metadata(path).map(|metadata| metadata.len()).map_err(failure)
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        self.fs.read_dir(path).map_err(failure)?.for_each(|entry| each(entry.name()));
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.fs.remove_file(path).map_err(failure)
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        self.fs.copy_dir_all(from, to).map_err(failure)
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        self.fs.remove_dir_all(path).map_err(failure)
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        match mode {
            // There is nothing to open; this only finds out whether the file is there.
            Mode::Read => drop(self.fs.metadata(path).map_err(failure)?),
            Mode::Create => self.fs.write(path, []).map_err(failure)?,
            Mode::Update => return Err(Failure::Cannot("has no one-shot call that writes at an offset")),
        }
        Ok(Box::new(Pieces { fs: &self.fs, path: path.to_owned(), position: 0 }))
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Ok(Box::new(Instant(self.fs.snapshot())))
    }

    fn used(&self) -> Answer<u64> {
        Ok(self.fs.stats().used_bytes)
    }
}

/// A file used in pieces, each by a call that finds it again.
struct Pieces<'store> {
    fs: &'store MemFs,
    path: String,
    position: u64,
}

impl OpenFile for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let read = self.fs.content(&self.path).and_then(|content| content.read_at(buf, self.position));
        let read = read.map_err(failure)?;
        self.position += read as u64;
        Ok(read)
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.fs.append(&self.path, bytes).map_err(failure)
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        let read =
            self.fs.content(&self.path).and_then(|content| content.read_at(buf, offset)).map_err(failure)?;
        if read == buf.len() {
            Ok(())
        } else {
            Err(Failure::failed(format!("{} ends before {offset}", self.path)))
        }
    }

    fn write_at(&mut self, _bytes: &[u8], _offset: u64) -> Answer<()> {
        Err(Failure::Cannot("has no one-shot call that writes at an offset"))
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

/// A snapshot as the view of workloads.
pub struct Instant(pub Snapshot);

impl View for Instant {
    fn walk(&self, each: &mut dyn FnMut(&str, &str)) -> Answer<()> {
        for dir in self.0.walk("/").map_err(failure)? {
            dir.files.iter().for_each(|name| each(&dir.path, name.as_ref()));
        }
        Ok(())
    }

    fn glob(&self, pattern: &str) -> Answer<usize> {
        Ok(self.0.glob(pattern).map_err(failure)?.len())
    }

    fn export(&self, each: &mut dyn FnMut(&str, &[u8])) -> Answer<()> {
        for (path, content) in self.0.iter_export_tree("/", ExportOptions::default()).map_err(failure)? {
            let bytes = content.to_bytes().map_err(failure)?;
            each(&path, &bytes);
        }
        Ok(())
    }
}
