//! Zips: where they stand, how wide their numbers are, names and times.

use std::io::{Cursor, Write};
use std::time::{Duration, SystemTime};

use arcfs::{ErrorKind, MemFs, import_archive};
use zip::CompressionMethod;

use crate::archives::*;
use crate::support::*;

#[test]
fn a_zip_may_stand_behind_a_program() -> TestResult {
    let program = [&b"#!/bin/sh\nexec unzip $0\n"[..], &noise(3000)].concat();
    // Places counted from the beginning of the zip, and from the beginning of the file.
    let unshifted = raw_zip(&program, &[RawEntry::stored(b"a", b"1"), RawEntry::stored(b"b", b"2")]);
    let mut zip = zip::ZipWriter::new({
        let mut file = Cursor::new(program.clone());
        file.set_position(program.len() as u64);
        file
    });
    zip.start_file("a", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"1")?;
    zip.start_file("b", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"2")?;
    zip.set_comment("with a comment, and PK\u{5}\u{6} in it")?;
    let shifted = zip.finish()?.into_inner();
    assert!(shifted.starts_with(&program));
    for bytes in [unshifted, shifted] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!((report.format.as_str(), report.files), ("zip", 2));
        assert_eq!((fs.read("/a")?, fs.read("/b")?), (b"1".to_vec(), b"2".to_vec()));
    }
    Ok(())
}

#[test]
fn large_zips_are_read_by_their_wide_numbers() -> TestResult {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let wide = zip::write::SimpleFileOptions::default().large_file(true);
    zip.start_file("wide", wide)?;
    zip.write_all(&long_text())?;
    let fs = MemFs::new();
    import_archive(&fs, zip.finish()?.into_inner(), "/", options())?;
    assert_eq!(fs.read("/wide")?, long_text());

    // More entries than two bytes can count; behind a prefix, too.
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for entry in 0..66_000 {
        zip.start_file(format!("{}/{entry}", entry % 100), stored)?;
    }
    let bytes = zip.finish()?.into_inner();
    for bytes in [bytes.clone(), [&b"prefix"[..], &bytes].concat()] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/", options())?;
        assert_eq!(report.files, 66_000);
        assert!(fs.is_file("/99/65999"));
    }
    Ok(())
}

#[test]
fn a_zip_that_uses_its_wide_numbers_where_it_need_not_is_read() -> TestResult {
    let mut entry = RawEntry::stored(b"wide", b"12345");
    entry.extra = vec![1, 0, 16, 0];
    entry.extra.extend(5_u64.to_le_bytes());
    entry.extra.extend(5_u64.to_le_bytes());
    (entry.size, entry.packed) = (0xffff_ffff, 0xffff_ffff);
    let fs = MemFs::new();
    import_archive(&fs, raw_zip(b"", &[entry.clone()]), "/", options())?;
    assert_eq!(fs.read("/wide")?, b"12345");

    entry.extra.truncate(12);
    let error = import_archive(&fs, raw_zip(b"", &[entry]), "/2", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    Ok(())
}

#[test]
fn names_and_times_of_zips_come_from_the_best_field() -> TestResult {
    let mut dos = RawEntry::stored(b"Gr\x81\xe1e", b"");
    dos.extra = vec![0x55, 0x54, 5, 0, 1, 1, 0, 0, 0];
    let mut utf8 = RawEntry::stored("日本".as_bytes(), b"");
    utf8.flags = 1 << 11;
    let plain = RawEntry::stored(b"1980", b"");
    let fs = MemFs::new();
    import_archive(&fs, raw_zip(b"", &[dos, utf8, plain]), "/", options())?;
    let after = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(fs.metadata("/Grüße")?.modified(), after(1));
    assert!(fs.is_file("/日本"));
    assert_eq!(fs.metadata("/1980")?.modified(), after(315_532_800));
    Ok(())
}

#[test]
fn many_entries_are_unpacked_beside_each_other_and_none_is_mixed_up() -> TestResult {
    let texts: Vec<_> = (0..300).map(|n| format!("text {n} ").repeat(n * 7)).collect();
    let names: Vec<_> = (0..300).map(|n| format!("{}/{n}", n % 7)).collect();
    let entries: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (&**name, text.as_bytes())).collect();
    let fs = MemFs::new();
    let report = import_archive(&fs, deflated(&entries), "/", options())?;
    assert_eq!(report.files, 300);
    for (name, text) in names.iter().zip(&texts) {
        assert_eq!(fs.read_to_string(format!("/{name}"))?, *text);
    }
    Ok(())
}
