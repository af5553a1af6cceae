//! Formats of one's own beside the built-in ones.

use std::io::{self, Cursor, Read};

use arcfs::{
    Archive, ArchiveFormat, ArchiveFormats, ArchiveInput, ArchiveProbe, ArchiveReader, EntryInfo, EntryKind,
    ErrorKind, ImportLimits, MemFs, OnConflict, import_archive,
};

use crate::archives::*;
use crate::support::*;

/// Lines of `name: text`, after a first line that says so.
struct Lines;

struct LinesReader {
    lines: std::vec::IntoIter<String>,
    bytes: Cursor<Vec<u8>>,
    fails: bool,
}

impl ArchiveFormat for Lines {
    fn name(&self) -> &str {
        "lines"
    }
    fn detect(&self, probe: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(probe.head().starts_with(b"LINES\n"))
    }
    fn open(&self, mut input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        let mut text = String::new();
        input.read_to_string(&mut text)?;
        let lines: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        Ok(Box::new(LinesReader { lines: lines.into_iter(), bytes: Cursor::default(), fails: false }))
    }
}

impl ArchiveReader for LinesReader {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        let (name, text) = line.split_once(": ").ok_or_else(|| io::Error::other("a line has no colon"))?;
        self.fails = text == "fails";
        self.bytes = Cursor::new(text.as_bytes().to_vec());
        Ok(Some(EntryInfo::new(name, EntryKind::File)))
    }
}

impl Read for LinesReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.fails {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this one cannot be read"));
        }
        self.bytes.read(buf)
    }
}

#[test]
fn a_format_of_ones_own_joins_the_others() -> TestResult {
    let formats = ArchiveFormats::default().with(Lines);
    assert_eq!(formats.names()[..2], ["lines", "zip"]);
    let long = "x".repeat(200_000);
    let bytes = format!("LINES\na: 1\nd/b: {long}\n").into_bytes();
    both(MemFs::new, |fs, import| {
        assert!(import(fs, bytes.clone(), "/", options()).is_err());
        let report = import(fs, bytes.clone(), "/", options().formats(formats.clone())).unwrap();
        assert_eq!((report.format.as_str(), report.files), ("lines", 2));
        assert_eq!(fs.read_to_string("/d/b").unwrap(), long);
        // The built-in ones are there as before.
        import(fs, deflated(&[("z", b"1")]), "/", options().formats(formats.clone())).unwrap();

        let limits = ImportLimits { entry_bytes: 150_000, ..ImportLimits::default() };
        let limited = options().formats(formats.clone()).limits(limits).on_conflict(OnConflict::Overwrite);
        let error = import(fs, bytes.clone(), "/", limited).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidInput, Some("d/b")));
    });
    for (text, kind) in
        [("LINES\na: fails\n", ErrorKind::Unsupported), ("LINES\nno\n", ErrorKind::InvalidData)]
    {
        let error = import_archive(&MemFs::new(), text.as_bytes(), "/", options().formats(formats.clone()));
        assert_eq!(error.unwrap_err().kind(), &kind);
    }
    Ok(())
}

/// Takes everything for its own.
struct Everything;

impl ArchiveFormat for Everything {
    fn name(&self) -> &str {
        "everything"
    }
    fn detect(&self, _: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(true)
    }
    fn open(&self, input: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        Lines.open(input)
    }
}

#[test]
fn the_format_added_last_is_asked_first() -> TestResult {
    let formats = ArchiveFormats::default().with(Everything).with(Lines);
    let archive = Archive::open_with(b"LINES\n".to_vec(), &formats)?;
    assert_eq!(archive.format(), "lines");
    let archive = Archive::open_with(tar_of_files(&[]), &formats)?;
    assert_eq!(archive.format(), "everything");
    Ok(())
}
