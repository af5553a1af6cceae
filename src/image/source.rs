//! Reading the bytes of an image, and verifying every one of them.
//!
//! Nothing of an image is believed before its digest was checked: the header by its own, the meta
//! before a table is looked at, each group before a chunk is taken from it. Lengths from the header
//! never allocate more than there are bytes to read.

use std::io::{self, Read};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::errors::{appended, damaged, truncated, unreadable};
use super::file::HostFile;
use super::format::{DIGEST, Group, Header};
use crate::content::reserve;
use crate::error::Result;
use crate::ops::intake::fill;

/// The bytes of an image.
pub enum Source<'r> {
    /// A file, which many threads read at once.
    File(&'r HostFile),
    /// A stream, and how much of it was read.
    Stream(&'r mut dyn Read, u64),
}

/// What stands before the groups, verified.
#[derive(Debug)]
pub struct Front {
    pub header: Header,
    pub meta: Vec<u8>,
    digest: [u8; DIGEST],
}

/// The digests of the groups, verified.
pub type Digests = Vec<[u8; DIGEST]>;

/// Groups that are read and verified together.
const BATCH: usize = 8;

/// The bytes of some groups, each with its digest, which was verified.
type Batch = Vec<(Vec<u8>, [u8; DIGEST])>;

impl Source<'_> {
    /// Reads and verifies the header and the meta.
    ///
    /// # Errors
    ///
    /// `InvalidData`, `Unsupported`, `AllocationFailed`, or what the host answers.
    pub fn front(&mut self) -> Result<Front> {
        let mut encoded = Vec::new();
        self.up_to(Header::SIZE as u64, 0, &mut encoded)?;
        let header = Header::decode(&encoded)?;
        let len = header.image_len().ok_or_else(|| damaged("no file is as long as it says"))?;
        if let Self::File(file) = self {
            match file.len() {
                actual if actual < len => return Err(truncated(actual, Some(len))),
                actual if actual > len => return Err(appended(len)),
                _ => {}
            }
        }
        let mut meta = Vec::new();
        let at = encoded.len() as u64;
        self.up_to(header.meta, at, &mut meta)?;
        let read = at + meta.len() as u64;
        let mut stored = Vec::new();
        self.up_to(DIGEST as u64, read, &mut stored)?;
        let Ok(digest) = <[u8; DIGEST]>::try_from(&*stored) else {
            return Err(truncated(read + stored.len() as u64, Some(len)));
        };
        let mut actual = Xxh3::new();
        actual.update(&encoded);
        actual.update(&meta);
        if actual.digest128().to_le_bytes() != digest {
            return Err(damaged("its names and places do not match their digest"));
        }
        Ok(Front { header, meta, digest })
    }

    /// Reads up to `len` bytes at `at`, where a stream is already: fewer only at its end.
    fn up_to(&mut self, len: u64, at: u64, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::File(file) => {
                let len = len.min(file.len().saturating_sub(at));
                reserve(out, usize::try_from(len).unwrap_or(usize::MAX))?;
                out.resize(len as usize, 0);
                file.read_exact_at(out, at).map_err(unreadable)
            }
            Self::Stream(stream, read) => {
                *read += stream.by_ref().take(len).read_to_end(out).map_err(unreadable)? as u64;
                Ok(())
            }
        }
    }

    /// Reads and verifies all groups by many threads and hands them on in order, on this one. Then
    /// verifies that nothing is missing or too much.
    ///
    /// This thread alone takes because taking allocates: allocators grow the heaps of other threads by
    /// little, and each time the system stops all of them. Meanwhile others read ahead.
    ///
    /// # Errors
    ///
    /// `InvalidData`, what the host answers, or the errors of `take`.
    pub fn groups(
        &mut self,
        front: &Front,
        groups: &[Group],
        mut take: impl FnMut(&Group, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut digests = Digests::with_capacity(groups.len());
        let (mut now, mut ahead) = (Batch::default(), Batch::default());
        let mut batches = groups.chunks(BATCH);
        let mut current = batches.next().unwrap_or_default();
        self.read(front, current, &mut now)?;
        while !current.is_empty() {
            let next = batches.next().unwrap_or_default();
            let mut taking = || {
                for (group, (buf, digest)) in current.iter().zip(&now) {
                    digests.push(*digest);
                    take(group, &buf[..group.len])?;
                }
                Ok(())
            };
            match self {
                Self::File(file) if !next.is_empty() => {
                    let mut read = Ok(());
                    let taken: Result<()> = rayon::in_place_scope(|scope| {
                        scope.spawn(|_| read = read_batch(file, front, next, &mut ahead));
                        taking()
                    });
                    taken?;
                    read?;
                }
                _ => {
                    taking()?;
                    self.read(front, next, &mut ahead)?;
                }
            }
            std::mem::swap(&mut now, &mut ahead);
            current = next;
        }
        self.end(front, &digests)
    }

    /// Reads and verifies some groups.
    fn read(&mut self, front: &Front, groups: &[Group], batch: &mut Batch) -> Result<()> {
        let (stream, read) = match self {
            Self::File(file) => return read_batch(file, front, groups, batch),
            Self::Stream(stream, read) => (stream, read),
        };
        batch.resize_with(groups.len().max(batch.len()), Default::default);
        for (group, (buf, _)) in groups.iter().zip(batch.iter_mut()) {
            resize(buf, group.len + DIGEST)?;
            let n = fill(stream, buf).map_err(unreadable)?;
            *read += n as u64;
            if n < buf.len() {
                return Err(truncated(*read, front.header.image_len()));
            }
        }
        each(groups, batch, |group, buf| verified(buf, group))
    }

    /// Reads and verifies all groups and keeps nothing but their digests.
    ///
    /// # Errors
    ///
    /// As [`groups`](Self::groups).
    pub fn verify(&mut self, front: &Front, groups: &[Group]) -> Result<Digests> {
        let mut digests = Digests::new();
        if let Self::File(file) = self {
            let of = front.header.image_len();
            let read = groups
                .par_iter()
                .map_init(Vec::new, |buf, group| verified(read_group(file, group, buf, of)?, group));
            digests = read.collect::<Result<_>>()?;
            self.end(front, &digests)?;
        } else {
            self.groups(front, groups, |_, _| Ok(()))?;
        }
        Ok(digests)
    }

    /// Verifies the last digest, and that nothing follows it.
    fn end(&mut self, front: &Front, digests: &Digests) -> Result<()> {
        let len = front.header.image_len().unwrap_or(u64::MAX);
        let mut last = Vec::new();
        self.up_to(DIGEST as u64 + 1, len - DIGEST as u64, &mut last)?;
        if last.len() > DIGEST {
            return Err(appended(len));
        }
        if last.len() < DIGEST {
            return Err(truncated(len - (DIGEST - last.len()) as u64, Some(len)));
        }
        let mut actual = Xxh3::new();
        actual.update(&front.digest);
        digests.iter().for_each(|digest| actual.update(digest));
        if actual.digest128().to_le_bytes() == *last {
            Ok(())
        } else {
            Err(damaged("its parts do not belong together, or its last digest is spoilt"))
        }
    }
}

fn read_batch(file: &HostFile, front: &Front, groups: &[Group], batch: &mut Batch) -> Result<()> {
    batch.resize_with(groups.len().max(batch.len()), Default::default);
    let of = front.header.image_len();
    each(groups, batch, |group, buf| verified(read_group(file, group, buf, of)?, group))
}

/// Does some work on each group, by many threads where there are some groups.
fn each(
    groups: &[Group],
    batch: &mut Batch,
    work: impl Fn(&Group, &mut Vec<u8>) -> Result<[u8; DIGEST]> + Sync,
) -> Result<()> {
    let one = |(group, (buf, digest)): (&Group, &mut (Vec<u8>, [u8; DIGEST]))| {
        *digest = work(group, buf)?;
        Ok(())
    };
    if groups.len() > 1 {
        groups.par_iter().zip(&mut batch[..groups.len()]).try_for_each(one)
    } else {
        groups.iter().zip(batch).try_for_each(one)
    }
}

/// The digest of a group that stands behind its bytes, if it is theirs.
fn verified(bytes: &[u8], group: &Group) -> Result<[u8; DIGEST]> {
    let (bytes, stored) = bytes.split_at(group.len);
    digest_of(bytes, stored, group)
}

/// The digest of a group, if it is the one that was stored with it.
pub fn digest_of(bytes: &[u8], stored: &[u8], group: &Group) -> Result<[u8; DIGEST]> {
    let digest = xxh3_128(bytes).to_le_bytes();
    if digest == *stored {
        Ok(digest)
    } else {
        let (from, to) = (group.at, group.at + group.len as u64);
        Err(damaged(&format!("its contents from byte {from} to {to} do not match their digest")))
    }
}

/// Reads a group of a file with its digest.
pub fn read_group<'b>(
    file: &HostFile,
    group: &Group,
    buf: &'b mut Vec<u8>,
    of: Option<u64>,
) -> Result<&'b [u8]> {
    resize(buf, group.len + DIGEST)?;
    match file.read_exact_at(buf, group.at) {
        Ok(()) => Ok(buf),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(truncated(group.at, of)),
        Err(error) => Err(unreadable(error)),
    }
}

fn resize(buf: &mut Vec<u8>, len: usize) -> Result<()> {
    reserve(buf, len.saturating_sub(buf.len()))?;
    buf.resize(len, 0);
    Ok(())
}
