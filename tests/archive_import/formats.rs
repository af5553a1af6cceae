//! Each format is found by its content and read whole, whoever wrote it.

use std::collections::BTreeMap;
use std::io::Write;

use arcfs::{Archive, ArchiveFormats, ErrorKind, MemFs, import_archive, import_archive_streaming};
use proptest::prelude::*;
use zip::CompressionMethod;

use crate::archives::*;
use crate::support::*;

const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a3e007ff00525d00308b8a87c40ef297a4f8753d\
c5a9edd997a998262f269ccbe2a3f7fb1c1528bea407f18c815ea5383048ef8f35b549bf8d6ab03b2982f76c2baec714b9c37143fb04994e\
03cede48bceadd5b1967bd2a8200000000f78bb5c3b62c01b500016e8010000000fa5d5410b1c467fb020000000004595a";

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_format_is_found_by_content_and_read_whole() {
    let (text, noise) = (long_text(), noise(200_000));
    let entries: &[(&str, &[u8])] =
        &[("empty/", b""), ("text", &text), ("d/e/noise", &noise), ("none", b""), ("small", b"12345")];
    let tar = tar_of_files(entries);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&tar).unwrap();
    let methods = [
        CompressionMethod::Stored,
        CompressionMethod::Deflated,
        CompressionMethod::Bzip2,
        CompressionMethod::Zstd,
        CompressionMethod::Xz,
    ];
    let mut archives: Vec<_> = methods.iter().map(|method| ("zip", zip_of(entries, *method))).collect();
    archives.push(("tar.gz", gzip(&tar)));
    archives.push(("tar.gz", [gzip(&tar[..70_001]), gzip(&tar[70_001..])].concat()));
    archives.push(("tar.zst", zstd::encode_all(&tar[..], 1).unwrap()));
    archives.push(("tar.bz2", bzip2.finish().unwrap()));
    archives.push(("tar", tar));
    let expected = BTreeMap::from([
        ("/to/empty".to_string(), None),
        ("/to/text".to_string(), Some(text.clone())),
        ("/to/d/e/noise".to_string(), Some(noise.clone())),
        ("/to/none".to_string(), Some(vec![])),
        ("/to/small".to_string(), Some(b"12345".to_vec())),
    ]);
    for (format, bytes) in archives {
        both(MemFs::new, |fs, import| {
            let report = import(fs, bytes.clone(), "/to", options()).unwrap();
            assert_eq!(report.format, format);
            assert_eq!((report.files, report.dirs, report.overwritten), (4, 1, 0));
            assert_eq!(report.bytes, (text.len() + noise.len() + 5) as u64);
            assert!(report.skipped.is_empty());
            assert_eq!(tree(fs), expected, "{format}");
            for path in ["/to/empty", "/to/text", "/to/d/e/noise"] {
                assert_eq!(fs.metadata(path).unwrap().modified(), usual_time(), "{format} {path}");
                assert_eq!(fs.metadata(path).unwrap().generation(), 0);
            }
        });
    }
}

#[test]
fn xz_of_another_program_is_read() -> TestResult {
    let fs = MemFs::new();
    // The tar in it ends at a whole block, without the zeros that most have.
    let report = import_archive(&fs, from_hex(XZ), "/", options())?;
    assert_eq!((report.format.as_str(), report.files), ("tar.xz", 1));
    assert_eq!(fs.read("/a.txt")?, b"packed by xz\n");
    assert_eq!(fs.metadata("/a.txt")?.modified(), usual_time());
    Ok(())
}

#[test]
fn empty_archives_bring_an_empty_directory() -> TestResult {
    for (format, bytes) in [
        ("zip", deflated(&[])),
        ("tar", vec![0; 1024]),
        ("tar", vec![0; 10240]),
        ("tar.gz", gzip(&[0; 1024])),
    ] {
        let fs = MemFs::new();
        let report = import_archive(&fs, bytes, "/to/here", options())?;
        assert_eq!((report.format.as_str(), report.files, report.dirs), (format, 0, 0));
        assert_eq!(fs.glob("**")?, ["/to", "/to/here"]);
    }
    Ok(())
}

#[test]
fn what_is_no_archive_is_told_with_the_formats_tried() {
    for bytes in [&b""[..], b"a", b"some text that is not an archive", &noise(5000), &[0; 511], &[0; 600]] {
        let error = Archive::open(bytes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData);
        let told = error.to_string();
        assert!(told.contains("tried: zip, tar, tar.gz, tar.zst, tar.bz2, tar.xz"), "{told}");
    }
    let error = Archive::open(gzip(b"only a text")).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData);
    assert!(error.to_string().contains("tar"), "{error}");
    let error = Archive::open_with(b"text".to_vec(), &ArchiveFormats::none()).unwrap_err();
    assert!(error.to_string().contains("tried: none"), "{error}");
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[ -~&&[^/\\\\.]]{1,30}", "[äöü日本]{1,60}"]
}

fn any_tree() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let path = prop::collection::vec(any_name(), 1..6).prop_map(|names| names.join("/"));
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (0..200_000_usize, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    prop::collection::btree_map(path, bytes, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_out_as_it_went_in(tree in any_tree()) {
        // Files below files are for other tests.
        let below = |path: &str| tree.keys().any(|other| path.starts_with(&format!("{other}/")));
        let files: BTreeMap<_, _> = tree.iter().filter(|(path, _)| !below(path)).collect();
        let entries: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in &entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
        let tar = tar.into_inner().unwrap();
        for bytes in [deflated(&entries), tar.clone(), gzip(&tar), zstd::encode_all(&tar[..], 1).unwrap()] {
            for streaming in [false, true] {
                let fs = MemFs::new();
                let import = if streaming { import_archive_streaming } else { import_archive };
                let report = import(&fs, bytes.clone(), "/to", options()).unwrap();
                prop_assert_eq!(report.files, entries.len() as u64);
                for (path, bytes) in &entries {
                    prop_assert_eq!(&fs.read(format!("/to/{path}")).unwrap(), bytes);
                }
                prop_assert_eq!(fs.usage("/").unwrap().files, entries.len() as u64);
            }
        }
    }
}
