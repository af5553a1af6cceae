//! Tars of every age, with long names and holes.

use std::time::{Duration, SystemTime};

use arcfs::{ErrorKind, MemFs, import_archive};

use crate::archives::*;
use crate::support::*;

#[test]
fn a_tar_that_ends_in_a_zip_is_a_tar() -> TestResult {
    let inner = deflated(&[("inside", b"of the zip")]);
    // Without the zeros at its end, the last bytes are those of the zip.
    let tar = member(b"last.zip", b'0', &inner);
    let padded = inner.len().next_multiple_of(512) - inner.len();
    for bytes in [tar_of(std::slice::from_ref(&tar)), tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert!(report.format.starts_with("tar"));
        assert_eq!(fs.read("/last.zip")?, inner);
    }
    // Its last block cut, it is a damaged tar, and still no zip.
    let cut = tar[..tar.len() - padded].to_vec();
    let error = import_archive(&MemFs::new(), cut, "/", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    Ok(())
}

#[test]
fn every_age_of_tar_is_read() -> TestResult {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let mut old = header(b"old", 0, 3);
    old[257..265].fill(0);
    let old_dir = {
        with_checksum({
            let mut dir = header(b"old_dir/", 0, 0);
            dir[257..265].fill(0);
            dir
        })
    };
    let mut prefixed = header(b"name", b'0', 1);
    prefixed[345..351].copy_from_slice(b"prefix");
    let mut gnu = header(b"cut off", b'0', 1);
    gnu[257..265].copy_from_slice(b"ustar  \0");
    let mut wide_size = header(b"wide", b'0', 0);
    wide_size[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    let pax_headers = [
        pax("path", "Grüße"),
        pax("mtime", "1234567890.123456789"),
        pax("size", "2"),
        pax("comment", "a\nb"),
    ];
    let block = |bytes: &[u8]| [bytes, &vec![0; 512 - bytes.len()]].concat();
    let tar = tar_of(&[
        with_checksum(old),
        block(b"old"),
        old_dir,
        with_checksum(prefixed),
        block(b"p"),
        member(b"././@LongLink", b'L', &[long.as_bytes(), b"\0"].concat()),
        with_checksum(gnu),
        block(b"g"),
        with_checksum(wide_size),
        block(b"22"),
        member(b"pax_global_header", b'g', pax("comment", "of all").as_bytes()),
        member(b"PaxHeaders/x", b'x', pax_headers.concat().as_bytes()),
        header(b"another name", b'0', 0),
        block(b"px"),
        member(b"contiguous", b'7', b"c"),
    ]);
    for bytes in [tar.clone(), gzip(&tar)] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!((report.files, report.dirs), (6, 1));
        assert_eq!(fs.read("/old")?, b"old");
        assert!(fs.is_dir("/old_dir"));
        assert_eq!(fs.read("/prefix/name")?, b"p");
        assert_eq!(fs.read(format!("/{long}"))?, b"g");
        assert_eq!(fs.read("/wide")?, b"22");
        assert_eq!(fs.read("/Grüße")?, b"px");
        let exact = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
        assert_eq!(fs.metadata("/Grüße")?.modified(), exact);
        assert_eq!(fs.read("/contiguous")?, b"c");
    }
    Ok(())
}

#[test]
fn holes_of_sparse_files_are_filled() -> TestResult {
    let mut expected = vec![0; 3000];
    expected[512..514].copy_from_slice(b"ab");
    expected[2048..2050].copy_from_slice(b"cd");
    let data = {
        let mut data = vec![0; 1024];
        data[..2].copy_from_slice(b"ab");
        data[512..514].copy_from_slice(b"cd");
        data
    };
    // The old way: the map in the header, two pieces of a block each.
    let mut old = header(b"old", b'S', 1024);
    old[257..265].copy_from_slice(b"ustar  \0");
    for (at, number) in [(386, 512), (398, 512), (410, 2048), (422, 512)] {
        old[at..at + 11].copy_from_slice(format!("{number:011o}").as_bytes());
    }
    old[483..494].copy_from_slice(format!("{:011o}", 3000).as_bytes());
    // The three ways of pax.
    let v00 = [
        pax("GNU.sparse.size", "3000"),
        pax("GNU.sparse.numblocks", "2"),
        pax("GNU.sparse.offset", "512"),
        pax("GNU.sparse.numbytes", "512"),
        pax("GNU.sparse.offset", "2048"),
        pax("GNU.sparse.numbytes", "512"),
    ];
    let v01 = [
        pax("GNU.sparse.size", "3000"),
        pax("GNU.sparse.map", "512,512,2048,512"),
        pax("GNU.sparse.name", "v01"),
    ];
    let v10 = [
        pax("GNU.sparse.major", "1"),
        pax("GNU.sparse.minor", "0"),
        pax("GNU.sparse.name", "v10"),
        pax("path", "GNUSparseFile.1/v10"),
        pax("GNU.sparse.realsize", "3000"),
    ];
    let mut in_data = b"2\n512\n512\n2048\n512\n".to_vec();
    in_data.resize(512, 0);
    in_data.extend(&data);
    let tar = tar_of(&[
        with_checksum(old),
        data.clone(),
        member(b"x", b'x', v00.concat().as_bytes()),
        member(b"v00", b'0', &data),
        member(b"x", b'x', v01.concat().as_bytes()),
        member(b"GNUSparseFile.1/v01", b'0', &data),
        member(b"x", b'x', v10.concat().as_bytes()),
        member(b"GNUSparseFile.1/v10", b'0', &in_data),
        member(b"after", b'0', b"!"),
    ]);
    let fs = MemFs::new();
    import_archive(&fs, tar, "/", options())?;
    for path in ["/old", "/v00", "/v01", "/v10"] {
        assert_eq!(fs.read(path)?, expected, "{path}");
    }
    assert_eq!(fs.read("/after")?, b"!");
    Ok(())
}
