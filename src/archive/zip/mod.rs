//! Zip archives.
//!
//! | module | one idea |
//! |---|---|
//! | `directory` | where the list of entries is, and its records one by one |
//! | `record` | what one record says: sizes, times, names |
//! | `body` | the bytes of one entry, unpacked and checked |
//!
//! The list at the end of an archive is read here and not by the `zip` crate, for two reasons. The
//! crate keys entries by name and so loses all but the last of several with one name, and it builds
//! its whole index, about 300 bytes an entry, before anyone can say that there are too many. Here
//! entries are known by their place, and the index is 8 bytes each. Decompression is done by the
//! crates of each method.

mod body;
mod directory;
mod record;

use std::io::{self, Read};

use super::format::{ArchiveFormat, ArchiveReader, EntryInfo};
use super::input::{ArchiveInput, ArchiveProbe, SourceError};
use super::invalid;
use super::tar;
use body::Body;
use directory::{Directory, find_end};

/// A zip, also behind something else such as a program that unpacks it.
pub struct ZipFormat;

impl ArchiveFormat for ZipFormat {
    fn name(&self) -> &str {
        "zip"
    }

    fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool> {
        let head = probe.head();
        if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| head.starts_with(*magic)) {
            return Ok(true);
        }
        // A tar may end in a zip that it only stores.
        let Some(mut input) = probe.input().filter(|_| !tar::is_one(head)) else { return Ok(false) };
        match find_end(&mut input) {
            Err(error) if SourceError::is(&error) => Err(error),
            // What looks like one part of several may be anything.
            found => Ok(matches!(found, Ok(Some(_)))),
        }
    }

    fn open(&self, input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        let aside = || input.try_clone().map(ArchiveInput::aside);
        let (Some(mut tail), Some(list)) = (aside(), aside()) else {
            let advice = "a zip lists its entries at its end, and this one can only be read in order; \
                          read it into memory or a file first";
            return Err(io::Error::new(io::ErrorKind::Unsupported, advice));
        };
        let end = find_end(&mut tail)?.ok_or_else(|| {
            invalid("the record that ends a zip is missing: the archive is cut off or damaged")
        })?;
        let directory = Directory::open(list, &end)?;
        input.pass_over(directory.around(input.size().unwrap_or(0)));
        Ok(Box::new(ZipReader { directory, input, body: None }))
    }
}

struct ZipReader {
    directory: Directory,
    input: ArchiveInput,
    /// The bytes of the entry given last.
    body: Option<Body>,
}

impl ArchiveReader for ZipReader {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        if let Some(body) = self.body.take() {
            self.input.pass_over(body.unread());
        }
        let Some(record) = self.directory.next_record()? else { return Ok(None) };
        let input = self.input.try_clone().expect("zips are opened only where they can be sought in");
        let info = record.info();
        self.body = Some(Body::new(input, self.directory.extent(&record), record));
        Ok(Some(info))
    }

    fn detach(&mut self) -> Option<Box<dyn Read + Send>> {
        self.body.take().map(|body| Box::new(body) as Box<_>)
    }
}

impl Read for ZipReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.body.as_mut().map_or(Ok(0), |body| body.read(buf))
    }
}
