//! Entries as a zip.
//!
//! Compressed, entries go through the pipeline in **batches** of about one block of bytes, so that
//! many small files do not cost a hand-over each: parts that are directories, whole small files, or
//! blocks of large ones. What comes back is written in order; the directory at the end is gathered
//! meanwhile. Stored, everything is known before it is written, and the calling thread does it all.

use std::io::Write;

use flate2::Crc;

use super::deflate::{BLOCK, Deflater, WINDOW, crc_of};
use super::entries::{Entries, Entry};
use super::options::{ArchiveSummary, Settings};
use super::records::{
    DEFLATED, Described, STORED, SURELY_NARROW, Sizes, put_central, put_descriptor, put_end, put_local,
};
use super::sink::{Put, Sink};
use crate::archive::pipeline::{Pipeline, Work};
use crate::content::{Content, copied, reserve};
use crate::error::{Error, ErrorKind, Result};

/// Parts in one batch at most, however small they are.
const BATCH: usize = 128;

/// Writes a zip without compression.
///
/// # Errors
///
/// As [`Snapshot::export_zip`](crate::Snapshot::export_zip).
pub fn store<W: Write>(entries: &mut Entries<'_>, sink: Sink<W>) -> Result<ArchiveSummary> {
    let mut zip = Zip::new(sink);
    while let Some(entry) = entries.next() {
        check_name(&entry.name)?;
        let content = entry.content.clone().unwrap_or_default();
        let mut crc = Crc::new();
        for chunk in content.chunks() {
            crc.update(&chunk?);
        }
        let sizes = Sizes { crc: crc.sum(), packed: content.len(), len: content.len() };
        let described = entry.described(STORED, false, content.len() >= u64::from(u32::MAX));
        let offset = zip.begin(&described, &sizes)?;
        for chunk in content.chunks() {
            let chunk = chunk?;
            zip.sink.put(&chunk)?;
            entries.pass_bytes(chunk.len() as u64);
        }
        zip.list(&described, &sizes, offset)?;
        entries.pass_entry(entry.content.is_some());
    }
    zip.finish(entries)
}

/// Writes a deflated zip.
///
/// # Errors
///
/// As [`Snapshot::export_zip`](crate::Snapshot::export_zip).
pub fn deflate<W: Write>(
    entries: &mut Entries<'_>,
    sink: Sink<W>,
    settings: Settings,
) -> Result<ArchiveSummary> {
    let mut zip = Zip::new(sink);
    let pipeline = Pipeline::new(Deflating { level: settings.level }, settings.threads);
    let mut parts = Parts { open: None };
    loop {
        let batch = parts.next_batch(entries)?;
        let is_end = batch.is_empty();
        if !is_end {
            pipeline.submit(batch);
        }
        while is_end || pipeline.is_full() {
            let Some(done) = pipeline.next() else { break };
            for part in done? {
                zip.write(part, entries)?;
            }
        }
        if is_end {
            return zip.finish(entries);
        }
    }
}

impl Entry {
    fn described(&self, method: u16, streamed: bool, wide: bool) -> Described<'_> {
        Described { name: &self.name, modified: self.modified, method, streamed, wide }
    }
}

fn check_name(name: &str) -> Result<()> {
    if u16::try_from(name.len()).is_err() {
        let detail = "a zip cannot hold a name over 65,535 bytes; write a tar";
        return Err(Error::at(ErrorKind::InvalidInput, &format!("/{name}")).because(detail));
    }
    Ok(())
}

/// Some bytes of one entry that are deflated at once.
struct Part {
    /// With the first part of it.
    entry: Option<Entry>,
    content: Content,
    from: u64,
    to: u64,
}

impl Part {
    fn is_last(&self) -> bool {
        self.to == self.content.len()
    }
}

/// What became of a part.
struct Packed {
    part: Part,
    bytes: Vec<u8>,
    method: u16,
    crc: Crc,
}

/// Cuts entries into parts.
struct Parts {
    /// A file of which there are parts to come, and where the next one begins.
    open: Option<(Content, u64)>,
}

impl Parts {
    /// The next parts in order; none at the end.
    fn next_batch(&mut self, entries: &mut Entries<'_>) -> Result<Vec<Part>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while bytes < BLOCK as u64 && batch.len() < BATCH {
            let (entry, content, from) = match self.open.take() {
                Some((content, from)) => (None, content, from),
                None => {
                    let Some(entry) = entries.next() else { break };
                    check_name(&entry.name)?;
                    let content = entry.content.clone().unwrap_or_default();
                    (Some(entry), content, 0)
                }
            };
            let to = content.len().min(from + BLOCK as u64);
            if to < content.len() {
                self.open = Some((content.clone(), to));
            }
            bytes += to - from;
            batch.push(Part { entry, content, from, to });
        }
        Ok(batch)
    }
}

/// The work of the threads.
struct Deflating {
    level: u32,
}

struct Tools {
    deflater: Deflater,
    /// The bytes of a part, after the window before them.
    input: Vec<u8>,
}

impl Work for Deflating {
    type Job = Vec<Part>;
    type Done = Vec<Packed>;
    type Tools = Tools;

    fn tools(&self) -> Result<Tools> {
        Ok(Tools { deflater: Deflater::new(self.level), input: Vec::new() })
    }

    fn run(&self, batch: Vec<Part>, tools: &mut Tools) -> Result<Vec<Packed>> {
        batch.into_iter().map(|part| tools.pack(part)).collect()
    }
}

impl Tools {
    fn pack(&mut self, part: Part) -> Result<Packed> {
        if part.from == part.to {
            return Ok(Packed { part, bytes: Vec::new(), method: STORED, crc: Crc::new() });
        }
        let before = part.from.min(WINDOW as u64);
        read(&part.content, part.from - before, part.to, &mut self.input)?;
        let (before, bytes) = self.input.split_at(before as usize);
        let crc = crc_of(bytes);
        let mut packed = self.deflater.deflate(before, bytes, part.is_last())?;
        let is_whole = part.from == 0 && part.is_last();
        let method = if is_whole && packed.len() >= bytes.len() { STORED } else { DEFLATED };
        if method == STORED {
            packed = copied(bytes)?;
        }
        Ok(Packed { part, bytes: packed, method, crc })
    }
}

/// Replaces what is in `out` by the bytes of `content` between two offsets.
fn read(content: &Content, from: u64, to: u64, out: &mut Vec<u8>) -> Result<()> {
    let len = (to - from) as usize;
    out.clear();
    reserve(out, len)?;
    out.resize(len, 0);
    let read = content.read_at(out, from)?;
    debug_assert_eq!(read, len);
    Ok(())
}

/// A zip as far as it is written.
struct Zip<W> {
    sink: Sink<W>,
    /// The directory at its end.
    central: Vec<u8>,
    entries: u64,
    /// The large file that is being written.
    open: Option<Open>,
    /// Where records are put together.
    record: Vec<u8>,
}

struct Open {
    entry: Entry,
    offset: u64,
    crc: Crc,
    packed: u64,
}

impl<W: Write> Zip<W> {
    fn new(sink: Sink<W>) -> Self {
        Self { sink, central: Vec::new(), entries: 0, open: None, record: Vec::new() }
    }

    /// Writes what has come out of the pipeline.
    fn write(&mut self, packed: Packed, entries: &mut Entries<'_>) -> Result<()> {
        let Packed { part, bytes, method, crc } = packed;
        let (len, is_last) = (part.to - part.from, part.is_last());
        match part.entry {
            Some(entry) if is_last => {
                let sizes = Sizes { crc: crc.sum(), packed: bytes.len() as u64, len };
                let described = entry.described(method, false, false);
                let offset = self.begin(&described, &sizes)?;
                self.sink.put(&bytes)?;
                self.list(&described, &sizes, offset)?;
                entries.pass_bytes(len);
                entries.pass_entry(entry.content.is_some());
                return Ok(());
            }
            Some(entry) => {
                let offset = self.begin(&entry.streamed(), &Sizes::default())?;
                self.open = Some(Open { entry, offset, crc: Crc::new(), packed: 0 });
            }
            None => {}
        }
        self.sink.put(&bytes)?;
        entries.pass_bytes(len);
        let mut open = self.open.take().expect("its first part came before");
        open.crc.combine(&crc);
        open.packed += bytes.len() as u64;
        if !is_last {
            self.open = Some(open);
            return Ok(());
        }
        let sizes = Sizes { crc: open.crc.sum(), packed: open.packed, len: part.to };
        let described = open.entry.streamed();
        self.record.clear();
        put_descriptor(&mut self.record, &described, &sizes);
        self.sink.put(&self.record)?;
        self.list(&described, &sizes, open.offset)?;
        entries.pass_entry(true);
        Ok(())
    }

    /// Writes what stands before the bytes of an entry; gives where that is.
    fn begin(&mut self, described: &Described<'_>, sizes: &Sizes) -> Result<u64> {
        let offset = self.sink.written();
        self.record.clear();
        put_local(&mut self.record, described, sizes);
        self.sink.put(&self.record)?;
        Ok(offset)
    }

    /// Notes an entry for the directory.
    fn list(&mut self, described: &Described<'_>, sizes: &Sizes, offset: u64) -> Result<()> {
        self.record.clear();
        put_central(&mut self.record, described, sizes, offset);
        let requested = (self.central.len() + self.record.len()) as u64;
        let failed = |_| Error::new(ErrorKind::AllocationFailed { requested });
        self.central.try_reserve(self.record.len()).map_err(failed)?;
        self.central.extend_from_slice(&self.record);
        self.entries += 1;
        Ok(())
    }

    fn finish(mut self, entries: &mut Entries<'_>) -> Result<ArchiveSummary> {
        let offset = self.sink.written();
        self.sink.put(&self.central)?;
        self.record.clear();
        put_end(&mut self.record, self.entries, self.central.len() as u64, offset);
        self.sink.put(&self.record)?;
        Ok(entries.finish(self.sink.finish()?))
    }
}

impl Entry {
    /// Described as one whose sizes stand behind its bytes.
    fn streamed(&self) -> Described<'_> {
        let len = self.content.as_ref().map_or(0, Content::len);
        self.described(DEFLATED, true, len > SURELY_NARROW)
    }
}
