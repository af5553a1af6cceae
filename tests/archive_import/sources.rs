//! Where the bytes of an archive come from, and how those places fail.

use std::fs;
use std::io::{self, Cursor, Read};

use arcfs::{Archive, ArchiveSource, Content, ErrorKind, MemFs, import_archive};

use crate::archives::*;
use crate::support::*;

/// A reader that gives a few bytes at a time, and stops to be interrupted.
struct Halting<R>(R, bool);

impl<R: Read> Read for Halting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = buf.len().min(100);
        self.0.read(&mut buf[..n])
    }
}

#[test]
fn every_source_gives_the_same() -> TestResult {
    let bytes = deflated(&[("a", &long_text())]);
    let host = tempfile::tempdir()?;
    let path = host.path().join("archive without an ending");
    fs::write(&path, &bytes)?;
    let text = path.to_str().unwrap();
    let other = MemFs::new();
    other.write("/archive", &bytes)?;
    let mut moved = fs::File::open(&path)?;
    moved.read_exact(&mut [0; 10])?;
    let sources: Vec<ArchiveSource> = vec![
        text.into(),
        text.to_owned().into(),
        (&*path).into(),
        path.clone().into(),
        (&path).into(),
        fs::File::open(&path)?.into(),
        moved.into(),
        bytes.clone().into(),
        (&bytes[..]).into(),
        bytes::Bytes::from(bytes.clone()).into(),
        Content::from(bytes.clone()).into(),
        other.content("/archive")?.into(),
        other.open("/archive")?.into(),
        Cursor::new(bytes.clone()).into(),
        ArchiveSource::reader(io::BufReader::new(Cursor::new(bytes.clone()))),
    ];
    for source in sources {
        let told = format!("{source:?}");
        let fs = MemFs::new();
        import_archive(&fs, source, "/", options())?;
        assert_eq!(fs.read("/a")?, long_text(), "{told}");
    }

    let tar = tar_of_files(&[("a", &long_text()), ("b", b"1")]);
    for bytes in [tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let stream = ArchiveSource::stream(Halting(Cursor::new(bytes), false));
        import_archive(&fs, stream, "/", options().filter(|path| path != "/a"))?;
        assert_eq!(fs.glob("**")?, ["/b"]);
    }
    let error = Archive::open(ArchiveSource::stream(Cursor::new(bytes))).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unsupported);
    Ok(())
}

#[test]
fn a_host_that_refuses_is_told_with_its_path() -> TestResult {
    let host = tempfile::tempdir()?;
    let missing = host.path().join("missing.zip");
    let error = import_archive(&MemFs::new(), &missing, "/", options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::NotFound, missing.to_str()));
    assert_eq!(error.operation(), "import_archive");
    let error = import_archive(&MemFs::new(), host.path(), "/", options()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::IsADirectory, host.path().to_str()));
    Ok(())
}

/// A source that fails after some bytes.
struct Failing(Cursor<Vec<u8>>, usize);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.1);
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the cable was cut"));
        }
        let n = self.0.read(&mut buf[..n])?;
        self.1 -= n;
        Ok(n)
    }
}

#[test]
fn errors_of_the_source_are_not_taken_for_damage() {
    let tar = tar_of_files(&[("a", &noise(100_000))]);
    let zst = zstd::encode_all(&tar[..], 1).unwrap();
    for bytes in [tar.clone(), gzip(&tar), zst] {
        for part in [100, 5000, 70_000] {
            let fs = MemFs::new();
            let source = ArchiveSource::stream(Failing(Cursor::new(bytes.clone()), part));
            let error = import_archive(&fs, source, "/", options()).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Other, "{error}");
            assert!(error.to_string().contains("the cable was cut"), "{error}");
            assert_eq!(fs.stats().used_bytes, 0);
        }
    }
}
