//! Writing an image out: the header, the tables, the chunks, and the digests of all of it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::collect::Collected;
use super::errors::unwritable;
use super::format::{DIGEST, GROUP, Head, Header, Record};
use super::{ImageSummary, NamedSnapshot};
use crate::content::CHUNK;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::MemFs;
use crate::volume::{Storage, Volume};

/// See [`save_image`](super::save_image).
///
/// # Errors
///
/// As documented there.
pub fn save(
    writer: &mut dyn Write,
    fs: &MemFs,
    snapshots: &BTreeMap<String, NamedSnapshot>,
) -> Result<ImageSummary> {
    let volume = fs.volume();
    if let Some((name, _)) = snapshots.iter().find(|(_, named)| !named.snapshot.is_of(&volume.resources)) {
        let error = Error::new(ErrorKind::InvalidInput);
        return Err(error.because(format!("the snapshot {name:?} is of another filesystem")));
    }
    let current = fs.snapshot(); // one instant, not before that of any snapshot
    let mut collected = Collected::new();
    let root = collected.tree(current.tree(), None)?;

    // From the latest to the earliest, so that each has the next in time beside it.
    let mut named: Vec<_> = snapshots.values().map(|named| &named.snapshot).collect();
    named.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version()));
    let mut before = current.tree();
    for snapshot in named {
        collected.tree(snapshot.tree(), Some(before))?;
        before = snapshot.tree();
    }
    for (name, NamedSnapshot { snapshot, taken }) in snapshots {
        let root = collected.tree(snapshot.tree(), None)?; // known by now
        collected.snapshot(name, snapshot.version(), (*taken).into(), root)?;
    }

    let head = head(volume, current.version(), root, &collected);
    let bytes = write(writer, &head, &collected).map_err(unwritable)?;
    Ok(ImageSummary { bytes, payload_bytes: collected.data, version: current.version() })
}

fn head(volume: &Volume, version: u64, root: u32, collected: &Collected<'_>) -> Head {
    let config = &volume.config;
    Head {
        max_quota: volume.resources.quota.limit(),
        max_nodes: volume.resources.nodes.get(),
        max_depth: u32::try_from(config.max_depth).unwrap_or(u32::MAX),
        storage: match config.storage {
            Storage::Auto => 0,
            Storage::Sequential => 1,
            Storage::RandomAccess => 2,
        },
        promotion_limit: config.promotion_limit,
        chunk_overhead: config.chunk_overhead,
        node_overhead: config.node_overhead,
        timeout_secs: config.lock_timeout.map_or(0, |timeout| timeout.as_secs()),
        timeout_nanos: config.lock_timeout.map_or(u32::MAX, |timeout| timeout.subsec_nanos()),
        root,
        version,
        texts: collected.texts.len() as u64,
        longs: collected.longs.len(),
        chunks: collected.chunk_lens.len(),
        contents: collected.contents.len(),
        parts: collected.parts.len(),
        files: collected.files.len(),
        dirs: collected.dirs.len(),
        receipts: collected.receipts,
        entries: collected.entries.len(),
        changes: collected.changes.len(),
        snapshots: collected.snapshots.len(),
    }
}

/// Writes everything in order; gives the bytes written.
fn write(writer: &mut dyn Write, head: &Head, collected: &Collected<'_>) -> io::Result<u64> {
    let mut encoded = Vec::with_capacity(Head::SIZE);
    head.put(&mut encoded);
    let meta = [
        &encoded,
        &collected.texts,
        &collected.longs.bytes,
        &collected.chunk_lens.bytes,
        &collected.contents.bytes,
        &collected.parts.bytes,
        &collected.files.bytes,
        &collected.dirs.bytes,
        &collected.entries.bytes,
        &collected.changes.bytes,
        &collected.snapshots.bytes,
    ];
    let header = Header {
        meta: meta.iter().map(|table| table.len() as u64).sum(),
        data: collected.data,
        groups: group_count(collected),
    };
    let encoded = header.encode();
    let (mut digest, mut digests) = (Xxh3::new(), Xxh3::new());
    digest.update(&encoded);
    writer.write_all(&encoded)?;
    for table in meta {
        digest.update(table);
        writer.write_all(table)?;
    }
    let digest = digest.digest128().to_le_bytes();
    digests.update(&digest);
    writer.write_all(&digest)?;

    let mut group = Vec::with_capacity(GROUP + CHUNK + DIGEST);
    for (number, chunk) in collected.chunks.iter().enumerate() {
        group.extend_from_slice(chunk.bytes()?);
        if group.len() >= GROUP || number + 1 == collected.chunks.len() {
            let digest = xxh3_128(&group).to_le_bytes();
            digests.update(&digest);
            group.extend_from_slice(&digest);
            writer.write_all(&group)?;
            group.clear();
        }
    }
    writer.write_all(&digests.digest128().to_le_bytes())?;
    writer.flush()?;
    Ok(header.image_len().expect("it was just written"))
}

fn group_count(collected: &Collected<'_>) -> u64 {
    let (mut groups, mut len) = (0, 0);
    for chunk in &collected.chunks {
        len += chunk.len();
        if len >= GROUP {
            groups += 1;
            len = 0;
        }
    }
    groups + u64::from(len > 0)
}
