//! Entries as a tar.

use super::entries::Entries;
use super::headers::{RECORD, padding, put_headers};
use super::sink::Put;
use crate::content::Content;
use crate::error::Result;

/// Writes all entries and the end of the tar.
///
/// # Errors
///
/// As [`Snapshot::export_tar`](crate::Snapshot::export_tar).
pub fn write(entries: &mut Entries<'_>, out: &mut impl Put) -> Result<()> {
    let mut headers = Vec::new();
    while let Some(entry) = entries.next() {
        let len = entry.content.as_ref().map_or(0, Content::len);
        headers.clear();
        put_headers(&mut headers, &entry.name, entry.modified, len);
        out.put(&headers)?;
        for chunk in entry.content.iter().flat_map(Content::chunks) {
            let chunk = chunk?;
            out.put(&chunk)?;
            entries.pass_bytes(chunk.len() as u64);
        }
        out.put(&[0; RECORD][..padding(len)])?;
        entries.pass_entry(entry.content.is_some());
    }
    out.put(&[0; 2 * RECORD])
}
