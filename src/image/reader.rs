//! Answers out of the bytes of an image, without building a filesystem.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use super::build::{builder, timestamp};
use super::errors::broken;
use super::file::HostFile;
use super::format::{
    self, ChunkNumber, ContentRef, DIGEST, DirRecord, EntryRecord, FileRecord, Group, Meta, NodeRef, Table,
};
use super::of_host;
use super::source::{Digests, Source, digest_of, read_group};
use crate::charge::Charge;
use crate::content::allocate;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Named;
use crate::path;
use crate::tree::metadata::{Counts, Metadata};
use crate::tree::name::Name;
use crate::tree::read_dir::DirEntry;
use crate::tree::walk::WalkDir;

/// An image that is read where it lies: for programs that ask little and end.
///
/// Opening verifies every byte of the file, as loading does, and builds nothing: it takes no
/// longer than reading the file, and keeps names and places in memory but no content. Each answer
/// is found by binary search in those. Bytes are read when they are asked for, and verified once
/// more, so that a file which is changed in place meanwhile is noticed. One that is replaced stays as
/// it was opened.
///
/// Beyond its digests, the structure of the image is checked as far as an answer depends on it.
///
/// ```
/// # let host = tempfile::tempdir()?;
/// # let path = host.path().join("state.arcfs");
/// use arcfs::{ImageReader, MemFs, save_image_file};
///
/// let fs = MemFs::new();
/// fs.create_dir("/notes")?;
/// fs.write("/notes/today", b"remember the milk")?;
/// save_image_file(&path, &fs, &Default::default())?;
///
/// let image = ImageReader::open(&path)?;
/// assert_eq!(image.read("/notes/today")?, b"remember the milk");
/// assert_eq!(image.metadata("/notes/today")?, fs.metadata("/notes/today")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ImageReader {
    file: HostFile,
    /// The tables, as they stand in the image.
    meta: Vec<u8>,
    groups: Vec<Group>,
    digests: Digests,
    max_depth: usize,
}

/// A named snapshot, as [`ImageReader::snapshots`] lists it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: String,
    /// The version that it is a snapshot of.
    pub version: u64,
    /// When it was taken.
    pub taken: SystemTime,
}

/// What stands at a path.
enum At {
    Dir(DirRecord),
    File(FileRecord),
}

impl ImageReader {
    /// Opens the image in a file of the host and verifies all of it.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// use arcfs::{ErrorKind, ImageReader, MemFs, save_image_file};
    ///
    /// save_image_file(&path, &MemFs::new(), &Default::default())?;
    /// assert!(ImageReader::open(&path).is_ok());
    ///
    /// std::fs::write(&path, b"something else")?;
    /// assert_eq!(ImageReader::open(&path).unwrap_err().kind(), &ErrorKind::InvalidData);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`load_image_file`](crate::load_image_file); no quota is asked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open_file(path).map_err(|error| of_host(error, "open_image", path))
    }

    fn open_file(path: &Path) -> Result<Self> {
        let file = HostFile::open(path)?;
        let mut source = Source::File(&file);
        let front = source.front()?;
        let meta = Meta::parse(&front.meta)?;
        let _ = builder(&meta.head)?; // whether its limits are some that a filesystem has
        let max_depth = meta.head.max_depth as usize;
        let groups = format::groups(&front.header, meta.chunks)?;
        let digests = source.verify(&front, &groups)?;
        Ok(Self { file, meta: front.meta, groups, digests, max_depth })
    }

    /// The version of the filesystem in the image.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/d")?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// assert_eq!(arcfs::ImageReader::open(&path)?.version(), fs.version());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.meta().map_or(0, |meta| meta.head.version)
    }

    /// The named snapshots in the image, in bytewise order of names.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// use std::collections::BTreeMap;
    /// use arcfs::{ImageReader, MemFs, NamedSnapshot, save_image_file};
    ///
    /// let fs = MemFs::new();
    /// let named = NamedSnapshot::new(fs.snapshot());
    /// save_image_file(&path, &fs, &BTreeMap::from([("empty".to_owned(), named)]))?;
    /// assert_eq!(ImageReader::open(&path)?.snapshots()?[0].name, "empty");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` if the image is malformed.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        let list = || -> Result<Vec<SnapshotInfo>> {
            let meta = self.meta()?;
            let info = |record: format::SnapshotRecord| {
                let name = meta.text(record.name).ok_or_else(malformed)?.to_owned();
                Ok(SnapshotInfo { name, version: record.version, taken: timestamp(record.taken)?.into() })
            };
            meta.snapshots.iter().map(info).collect()
        };
        list().map_err(|error| error.during("snapshots"))
    }

    /// Whether something stands at the path; false for paths that are not valid.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/d")?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// let image = arcfs::ImageReader::open(&path)?;
    /// assert!(image.exists("/d") && !image.exists("/e"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn exists(&self, path: impl AsRef<str>) -> bool {
        self.view("exists", path.as_ref(), |_, _, _, _| Ok(())).is_ok()
    }

    /// What is known about the file or directory at the path, as
    /// [`MemFs::metadata`](crate::MemFs::metadata) would tell it after loading.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// let metadata = arcfs::ImageReader::open(&path)?.metadata("/a")?;
    /// assert_eq!((metadata.len(), metadata.generation()), (5, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`; `InvalidData` if the image is malformed.
    pub fn metadata(&self, path: impl AsRef<str>) -> Result<Metadata> {
        self.view("metadata", path.as_ref(), |meta, _, at, placed| metadata(meta, &at, placed))
    }

    /// The bytes of the file at the path.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", vec![7; 300_000])?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// assert_eq!(arcfs::ImageReader::open(&path)?.read("/a")?, vec![7; 300_000]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `NotFound`, `NotADirectory`, `IsADirectory`, `AllocationFailed`; `InvalidData`
    /// if the image is malformed or was changed since it was opened.
    pub fn read(&self, path: impl AsRef<str>) -> Result<Vec<u8>> {
        self.view("read", path.as_ref(), |meta, _, at, _| match at {
            At::Dir(_) => Err(Error::new(ErrorKind::IsADirectory)),
            At::File(file) => {
                let requested = content_len(meta, file.content)?;
                let failed = || Error::new(ErrorKind::AllocationFailed { requested });
                // A file longer than the image would have a chunk twice, which none has.
                if requested > self.file.len() {
                    return Err(malformed());
                }
                let len = usize::try_from(requested).map_err(|_| failed())?;
                let mut bytes = allocate(len)?;
                bytes.resize(len, 0);
                self.copy(meta, file.content, &mut bytes)?;
                Ok(bytes)
            }
        })
    }

    /// The entries of the directory at the path, in tree order.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/b", ""), ("/a/x", "")])?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// let entries = arcfs::ImageReader::open(&path)?.read_dir("/")?;
    /// let paths: Vec<_> = entries.iter().map(|entry| entry.path()).collect();
    /// assert_eq!(paths, ["/a", "/b"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`metadata`](Self::metadata); `NotADirectory` if a file stands there.
    pub fn read_dir(&self, path: impl AsRef<str>) -> Result<Vec<DirEntry>> {
        self.view("read_dir", path.as_ref(), |meta, path, at, placed| {
            let At::Dir(dir) = at else { return Err(Error::new(ErrorKind::NotADirectory)) };
            let entry = |entry: EntryRecord| {
                let name = meta.name(entry.name).ok_or_else(malformed)?;
                let at = node(meta, entry.node)?;
                Ok(DirEntry::of_saved(path, name, metadata(meta, &at, placed.max(entry.placed))?))
            };
            entries(meta, &dir)?.iter().map(entry).collect()
        })
    }

    /// The directory at the path and everything below it, from the top down, in tree order.
    ///
    /// Making it is O(depth), each step O(entries of the directory that it yields). It takes memory of a
    /// byte for each file and directory in the tables of the image, so that it never yields one twice.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let path = host.path().join("state.arcfs");
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/src/lib.rs", ""), ("/src/image/mod.rs", "")])?;
    /// arcfs::save_image_file(&path, &fs, &Default::default())?;
    /// let image = arcfs::ImageReader::open(&path)?;
    /// let dirs: Vec<_> = image.walk("/")?.collect::<arcfs::Result<_>>()?;
    /// assert_eq!(dirs, fs.walk("/")?.collect::<Vec<_>>());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read_dir`](Self::read_dir). Of the items: `InvalidData` if the image is malformed; the
    /// iterator ends after that.
    pub fn walk(&self, path: impl AsRef<str>) -> Result<ImageWalk<'_>> {
        self.view("walk", path.as_ref(), |meta, path, at, _| {
            let At::Dir(dir) = at else { return Err(Error::new(ErrorKind::NotADirectory)) };
            Ok(ImageWalk {
                meta: *meta,
                todo: vec![(path.to_owned(), dir)],
                max_depth: self.max_depth,
                seen_dirs: vec![false; meta.dirs.len()],
                seen_files: vec![false; meta.files.len()],
                entries_left: meta.entries.len(),
            })
        })
    }

    fn meta(&self) -> Result<Meta<'_>> {
        Meta::parse(&self.meta)
    }

    /// Looks at what stands at a path, and at the largest version on the way to it.
    fn view<'i, T>(
        &'i self,
        operation: &'static str,
        path: &str,
        view: impl FnOnce(&Meta<'i>, &str, At, u64) -> Result<T>,
    ) -> Result<T> {
        let look = || {
            let path = path::normalize(path, self.max_depth)?;
            let meta = self.meta()?;
            let (mut at, mut placed) = (node(&meta, NodeRef::Dir(meta.head.root))?, 0);
            for name in path::components(&path) {
                let At::Dir(dir) = at else { return Err(Error::at(ErrorKind::NotADirectory, &path)) };
                let entry = find(&meta, entries(&meta, &dir)?, name)?;
                let entry = entry.ok_or_else(|| Error::at(ErrorKind::NotFound, &path))?;
                placed = placed.max(entry.placed);
                at = node(&meta, entry.node)?;
            }
            view(&meta, &path, at, placed).map_err(|error| error.on(&path))
        };
        look().named(operation, path)
    }

    /// Puts the bytes of a content into `out`, which has room for them and is as long.
    fn copy(&self, meta: &Meta<'_>, content: ContentRef, out: &mut [u8]) -> Result<()> {
        let mut read = Read { reader: self, group: usize::MAX, bytes: Vec::new(), next: 0, offset: 0 };
        match content {
            ContentRef::None => Ok(()),
            ContentRef::Chunk(number) => read.chunk(meta, number as usize, out),
            ContentRef::Content(number) => {
                // Each group is read once, whatever the order of the parts.
                let parts = parts(meta, number)?;
                let (mut places, mut at) = (Vec::with_capacity(parts.len()), 0);
                for ChunkNumber(number) in parts.iter() {
                    let len = meta.chunks.get(number as usize).ok_or_else(malformed)?.0;
                    places.push((number as usize, at..at + len));
                    at += len;
                }
                places.sort_unstable_by_key(|(number, _)| *number);
                if places.array_windows().any(|[one, next]| one.0 == next.0) {
                    return Err(malformed()); // no content has a chunk twice
                }
                places.into_iter().try_for_each(|(number, place)| read.chunk(meta, number, &mut out[place]))
            }
        }
    }
}

impl fmt::Debug for ImageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageReader").field("bytes", &self.file.len()).finish_non_exhaustive()
    }
}

/// The directories of an image from the top down; see [`ImageReader::walk`].
pub struct ImageWalk<'i> {
    meta: Meta<'i>,
    /// Still to come, the next one last.
    todo: Vec<(String, DirRecord)>,
    max_depth: usize,
    /// What was found already: in a tree each node has one parent.
    seen_dirs: Vec<bool>,
    seen_files: Vec<bool>,
    /// How many entries can still come: no two directories share any.
    entries_left: usize,
}

impl ImageWalk<'_> {
    fn visit(&mut self, path: String, dir: &DirRecord) -> Result<WalkDir> {
        let (mut dirs, mut files, mut below) = (Vec::new(), Vec::new(), Vec::new());
        let entries = entries(&self.meta, dir)?;
        self.entries_left = self.entries_left.checked_sub(entries.len()).ok_or_else(two_places)?;
        for entry in entries.iter() {
            self.see(entry.node)?;
            let text = self.meta.name(entry.name).filter(|text| path::is_name(text)).ok_or_else(malformed)?;
            let name = Name::new(text, Charge::none());
            match node(&self.meta, entry.node)? {
                At::Dir(dir) => {
                    below.push((path::join(&path, text), dir));
                    dirs.push(name);
                }
                At::File(_) => files.push(name),
            }
        }
        if !below.is_empty() && path::depth(&path) >= self.max_depth {
            return Err(malformed()); // so that a circle has an end
        }
        self.todo.extend(below.into_iter().rev());
        Ok(WalkDir { path, dirs, files })
    }

    fn see(&mut self, node: NodeRef) -> Result<()> {
        let seen = match node {
            NodeRef::Dir(number) => self.seen_dirs.get_mut(number as usize),
            NodeRef::File(number) => self.seen_files.get_mut(number as usize),
        };
        let again = std::mem::replace(seen.ok_or_else(malformed)?, true);
        if again { Err(two_places()) } else { Ok(()) }
    }
}

impl Iterator for ImageWalk<'_> {
    type Item = Result<WalkDir>;

    fn next(&mut self) -> Option<Self::Item> {
        let (path, dir) = self.todo.pop()?;
        let visited = self.visit(path, &dir);
        if visited.is_err() {
            self.todo.clear();
        }
        Some(visited.map_err(|error| error.during("walk")))
    }
}

impl std::iter::FusedIterator for ImageWalk<'_> {}

impl fmt::Debug for ImageWalk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.todo.last().map(|(path, _)| path);
        f.debug_struct("ImageWalk").field("next", &next).finish_non_exhaustive()
    }
}

/// The group that was read last, and how far chunks were looked up in it.
struct Read<'i> {
    reader: &'i ImageReader,
    group: usize,
    bytes: Vec<u8>,
    /// The first chunk that was not looked up, and where in the group it is.
    next: usize,
    offset: usize,
}

impl Read<'_> {
    /// Puts the bytes of a chunk into `out`, which is as long. The numbers must ascend from call to call,
    /// so that all calls together look at each chunk of a group once.
    fn chunk(&mut self, meta: &Meta<'_>, number: usize, out: &mut [u8]) -> Result<()> {
        let ImageReader { file, groups, digests, .. } = self.reader;
        let at = groups.partition_point(|group| group.chunks.end <= number);
        let group = groups.get(at).ok_or_else(malformed)?;
        if self.group != at {
            self.group = usize::MAX;
            let stored = read_group(file, group, &mut self.bytes, None)?;
            let (bytes, stored) = stored.split_at(group.len);
            if digest_of(bytes, stored, group)? != digests[at] {
                return Err(broken("it was changed since it was opened"));
            }
            (self.group, self.next, self.offset) = (at, group.chunks.start, 0);
        }
        let between = meta.chunks.slice(self.next as u64..number as u64).ok_or_else(malformed)?;
        let from = self.offset + between.iter().map(|len| len.0).sum::<usize>();
        (self.next, self.offset) = (number + 1, from + out.len());
        debug_assert!(self.offset + DIGEST <= self.bytes.len());
        out.copy_from_slice(&self.bytes[from..self.offset]);
        Ok(())
    }
}

#[cold]
fn malformed() -> Error {
    broken("something in it refers to what there is not")
}

#[cold]
fn two_places() -> Error {
    broken("a node is in two places of one tree")
}

fn node(meta: &Meta<'_>, node: NodeRef) -> Result<At> {
    match node {
        NodeRef::Dir(number) => meta.dirs.get(number as usize).map(At::Dir),
        NodeRef::File(number) => meta.files.get(number as usize).map(At::File),
    }
    .ok_or_else(malformed)
}

/// The entries of a directory of the current tree, which has no base.
fn entries<'i>(meta: &Meta<'i>, dir: &DirRecord) -> Result<Table<'i, EntryRecord>> {
    let listed = dir.base.is_none().then(|| meta.entries.slice(dir.span.range())).flatten();
    listed.ok_or_else(malformed)
}

/// The entry of that name: they are in order.
fn find(meta: &Meta<'_>, entries: Table<'_, EntryRecord>, name: &str) -> Result<Option<EntryRecord>> {
    let (mut from, mut to) = (0, entries.len());
    while from < to {
        let middle = from.midpoint(to);
        let entry = entries.get(middle).ok_or_else(malformed)?;
        match meta.name(entry.name).ok_or_else(malformed)?.cmp(name) {
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle,
            std::cmp::Ordering::Equal => return Ok(Some(entry)),
        }
    }
    Ok(None)
}

fn parts<'i>(meta: &Meta<'i>, content: u32) -> Result<Table<'i, ChunkNumber>> {
    let span = meta.contents.get(content as usize).ok_or_else(malformed)?;
    meta.parts.slice(span.range()).ok_or_else(malformed)
}

fn content_len(meta: &Meta<'_>, content: ContentRef) -> Result<u64> {
    let chunk = |number: u32| {
        let len = meta.chunks.get(number as usize).ok_or_else(malformed)?;
        Ok(len.0 as u64)
    };
    match content {
        ContentRef::None => Ok(0),
        ContentRef::Chunk(number) => chunk(number),
        ContentRef::Content(number) => {
            parts(meta, number)?.iter().try_fold(0_u64, |sum, part| Ok(sum.saturating_add(chunk(part.0)?)))
        }
    }
}

fn metadata(meta: &Meta<'_>, at: &At, placed: u64) -> Result<Metadata> {
    let (len, created, modified, generation, version) = match at {
        At::Dir(dir) => (None, dir.created, dir.modified, 0, placed.max(dir.listed)),
        At::File(file) => {
            let len = content_len(meta, file.content)?;
            (Some(len), file.created, file.modified, file.generation, placed)
        }
    };
    let counts = Counts { generation, version };
    Ok(Metadata::of_saved(len, timestamp(created)?, timestamp(modified)?, counts))
}
