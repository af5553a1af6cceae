//! The surface for tasks, spelled as the one for threads: each call is a task that is waited for.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::SystemTime;

use arcfs::asynchronous::{AsyncFile, AsyncMemFs};
use arcfs::{
    Content, ExportIter, ExportOptions, MemFsBuilder, Metadata, OpenOptions, ReadDir, Result, Snapshot,
    Stats, Usage, Walk,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

/// Whether dropping a handle that writes publishes its draft.
pub const DROP_PUBLISHES: bool = false;

fn wait<F: Future>(call: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(call))
}

pub fn of(fs: arcfs::MemFs) -> MemFs {
    MemFs(fs.into())
}

pub fn open(options: &OpenOptions, fs: &MemFs, path: &str) -> Result<File> {
    wait(options.open_async(&fs.0, path)).map(File)
}

#[derive(Debug)]
pub struct MemFs(AsyncMemFs);

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl MemFs {
            $(pub fn $name(&self, $($argument: $type),*) -> $answer {
                wait(self.0.$name($($argument),*))
            })*
        }
    };
}

calls! {
    create_dir(path: &str) -> Result<()>;
    create_dir_all(path: &str) -> Result<()>;
    remove_file(path: &str) -> Result<()>;
    remove_dir(path: &str) -> Result<()>;
    remove_dir_all(path: &str) -> Result<()>;
    clear() -> Result<()>;
    rename(from: &str, to: &str) -> Result<()>;
    replace(from: &str, to: &str) -> Result<()>;
    exchange(a: &str, b: &str) -> Result<()>;
    move_path(from: &str, to: &str) -> Result<()>;
    copy(from: &str, to: &str) -> Result<u64>;
    copy_dir_all(from: &str, to: &str) -> Result<()>;
    copy_from(snapshot: &Snapshot, from: &str, to: &str) -> Result<u64>;
    exists(path: &str) -> bool;
    is_file(path: &str) -> bool;
    is_dir(path: &str) -> bool;
    metadata(path: &str) -> Result<Metadata>;
    set_modified(path: &str, time: SystemTime) -> Result<()>;
    read_dir(path: &str) -> Result<ReadDir>;
    read(path: &str) -> Result<Vec<u8>>;
    read_to_string(path: &str) -> Result<String>;
    read_into(path: &str, out: &mut Vec<u8>) -> Result<usize>;
    content(path: &str) -> Result<Content>;
    write(path: &str, bytes: &[u8]) -> Result<()>;
    append(path: &str, bytes: &[u8]) -> Result<()>;
    walk(path: &str) -> Result<Walk>;
    glob(pattern: &str) -> Result<Vec<String>>;
    usage(path: &str) -> Result<Usage>;
    restore(snapshot: &Snapshot) -> Result<()>;
    import_tree(files: Vec<(String, Vec<u8>)>) -> Result<()>;
    export_tree(prefix: &str, options: ExportOptions) -> Result<BTreeMap<String, Vec<u8>>>;
    iter_export_tree(prefix: &str, options: ExportOptions) -> Result<ExportIter>;
    export_bytes(path: &str, max_size: Option<u64>) -> Result<Vec<u8>>;
}

impl MemFs {
    pub fn from_snapshot(snapshot: &Snapshot, builder: MemFsBuilder) -> Result<Self> {
        AsyncMemFs::from_snapshot(snapshot, builder).map(Self)
    }

    pub fn write_owned(&self, path: &str, content: impl Into<Content>) -> Result<()> {
        wait(self.0.write_owned(path, content))
    }

    pub fn open(&self, path: &str) -> Result<File> {
        wait(self.0.open(path)).map(File)
    }

    pub fn create(&self, path: &str) -> Result<File> {
        wait(self.0.create(path)).map(File)
    }

    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    pub fn version(&self) -> u64 {
        self.0.version()
    }

    pub fn set_max_quota(&self, bytes: u64) {
        self.0.set_max_quota(bytes);
    }

    pub fn set_max_nodes(&self, nodes: u64) {
        self.0.set_max_nodes(nodes);
    }

    pub fn check_consistent(&self) -> std::result::Result<(), String> {
        self.0.as_sync().check_consistent()
    }
}

pub struct File(AsyncFile);

impl File {
    pub fn path(&self) -> &str {
        self.0.path()
    }

    pub fn len(&self) -> u64 {
        self.0.len()
    }

    pub fn metadata(&self) -> Metadata {
        self.0.metadata()
    }

    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        wait(self.0.read_at(buf, offset))
    }

    pub fn write_at(&mut self, buf: &[u8], offset: u64) -> Result<usize> {
        wait(self.0.write_at(buf, offset))
    }

    pub fn set_len(&mut self, len: u64) -> Result<()> {
        wait(self.0.set_len(len))
    }

    pub fn commit(&mut self) -> Result<()> {
        wait(self.0.commit())
    }

    pub fn close(self) -> Result<()> {
        wait(self.0.close())
    }

    pub fn discard(self) {
        self.0.discard();
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        wait(self.0.read(buf))
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        wait(self.0.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        wait(self.0.flush())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        wait(self.0.seek(to))
    }
}
