//! Archives of a few megabytes at most that come to a gigabyte and more: whatever is done with
//! their entries, they stop early and leave nothing behind.
//!
//! None of them takes long to make: what compresses a piece of zeros once can be repeated, because
//! all these formats go on where one stream ends.

#[path = "common/archives.rs"]
mod archives;
#[path = "common/state.rs"]
mod state;

use std::io::{self, Read, Write};

use arcfs::{
    ArchiveFormat, ArchiveFormats, ArchiveInput, ArchiveProbe, ArchiveReader, EntryInfo, EntryKind, Error,
    ErrorKind, ImportLimits, ImportOptions, MemFs, OnConflict, import_archive, import_archive_streaming,
};
use archives::*;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use state::State;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn options() -> ImportOptions {
    ImportOptions::new()
}

/// A small filesystem that has something in it.
fn furnished() -> MemFs {
    let fs = MemFs::with_quota(MIB);
    fs.import_tree([("/keep/this", "as it is"), ("/to/there", "and this")]).unwrap();
    fs
}

/// The errors with which both ways of importing end. Nothing else may have happened.
#[track_caller]
fn errors(fs: &MemFs, bytes: &[u8], options: &ImportOptions) -> [Error; 2] {
    let before = State::of(fs);
    let atomic = import_archive(fs, bytes, "/to", options.clone()).unwrap_err();
    assert_eq!(State::of(fs), before, "{atomic}");
    let other = MemFs::with_quota(fs.stats().quota_bytes);
    if let Ok(there) = fs.read("/to/there") {
        other.import_tree([("/to/there", there)]).unwrap();
    }
    let streaming = import_archive_streaming(&other, bytes, "/to", options.clone()).unwrap_err();
    for fs in [fs, &other] {
        fs.clear().unwrap();
        assert_eq!(fs.stats().used_bytes, 0);
    }
    [atomic, streaming]
}

#[track_caller]
fn stops_at_the_quota(bytes: &[u8], options: &ImportOptions) {
    for error in errors(&furnished(), bytes, options) {
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    }
}

#[track_caller]
fn stops_at_a_limit(fs: &MemFs, bytes: &[u8], options: &ImportOptions, told: &str) {
    for error in errors(fs, bytes, options) {
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

// ---- making them ----

/// One way of compressing, whole streams of which can follow each other.
type Pack = fn(&[u8]) -> Vec<u8>;

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(bytes).unwrap();
    bzip2.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(bytes).unwrap();
    xz.finish().unwrap()
}

/// Each of them, with how many bytes of zeros are compressed at once.
const PACKS: [(Pack, u64); 4] = [(gzip, 4 * MIB), (zst, 16 * MIB), (bz2, 32 * MIB), (xz, 16 * MIB)];

/// A compressed tar with one entry, which has `size` bytes of zeros, and with another after it.
fn packed_tar((pack, piece): (Pack, u64), name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let pieces = pack(&vec![0; piece as usize]).repeat((size / piece) as usize);
    let end = tar_of(&[member(b"after", b'0', b"1")]);
    [pack(&header(name, kind, size)), pieces, pack(&end)].concat()
}

/// `size` bytes of zeros as one deflate stream, and their checksum.
fn deflated_zeros(size: u64) -> (Vec<u8>, u32) {
    const PIECE: u64 = MIB;
    let mut deflate = Compress::new(Compression::best(), false);
    let mut piece = |input: &[u8], flush| {
        let mut bytes = Vec::with_capacity(64 << 10);
        let status = deflate.compress_vec(input, &mut bytes, flush).unwrap();
        assert!(matches!(status, Status::Ok | Status::StreamEnd) && bytes.len() < bytes.capacity());
        bytes
    };
    let zeros = vec![0; PIECE as usize];
    // Ends of pieces are ends of bytes; and what the second refers to is there for all after it.
    let (first, next) = (piece(&zeros, FlushCompress::Sync), piece(&zeros, FlushCompress::Sync));
    let last = piece(&[], FlushCompress::Finish);
    let pieces = size / PIECE;
    let (mut sum, mut one) = (Crc::new(), Crc::new());
    one.update(&zeros);
    for _ in 0..pieces {
        sum.combine(&one);
    }
    ([first, next.repeat(pieces as usize - 1), last].concat(), sum.sum())
}

fn zip_entry(name: &str, (data, crc): &(Vec<u8>, u32), size: u64) -> RawEntry {
    let mut entry = RawEntry::stored(name.as_bytes(), b"");
    (entry.method, entry.packed, entry.size) = (8, data.len() as u64, size);
    (entry.crc, entry.data) = (*crc, data.clone());
    entry
}

// ---- zips ----

#[test]
fn a_zip_that_says_how_large_it_is_stops_at_the_quota() {
    let zip = raw_zip(b"", &[zip_entry("bomb", &deflated_zeros(2 * GIB), 2 * GIB)]);
    assert!((zip.len() as u64) < 4 * MIB, "{}", zip.len());
    stops_at_the_quota(&zip, &options());
    // It is no lie: where there is room, as much of it comes as the limits let through.
    for limits in [
        ImportLimits { total_bytes: 4 * MIB, ..ImportLimits::default() },
        ImportLimits { entry_bytes: 4 * MIB, ..ImportLimits::default() },
        ImportLimits { ratio: 100, ..ImportLimits::default() },
    ] {
        let roomy = MemFs::with_quota(8 * GIB);
        stops_at_a_limit(&roomy, &zip, &options().limits(limits), "limits");
    }
    let whole = raw_zip(b"", &[zip_entry("bomb", &deflated_zeros(64 * MIB), 64 * MIB)]);
    let fs = MemFs::with_quota(GIB);
    assert_eq!(import_archive(&fs, whole, "/", options()).unwrap().bytes, 64 * MIB);
}

#[test]
fn a_zip_of_many_small_bombs_stops_at_the_quota_while_it_is_unpacked() {
    // Each would fit; together they are 2 GiB.
    let piece = deflated_zeros(MIB);
    let entries: Vec<_> = (0..2048).map(|n| zip_entry(&format!("{n}"), &piece, MIB)).collect();
    let fs = MemFs::with_quota(16 * MIB);
    for error in errors(&fs, &raw_zip(b"", &entries), &options()) {
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    }
}

#[test]
fn a_zip_that_says_to_be_small_stops_where_it_said_to_end() {
    let data = deflated_zeros(2 * GIB);
    for said in [0, 1, 64 << 10, MIB / 2] {
        for error in errors(&furnished(), &raw_zip(b"", &[zip_entry("bomb", &data, said)]), &options()) {
            assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("bomb")), "{error}");
            assert!(error.to_string().contains("more than"), "{error}");
        }
    }
    // And one that says to be larger than it is does not get what it asks for.
    let zip = raw_zip(b"", &[zip_entry("bomb", &deflated_zeros(MIB), 0xffff_fffe)]);
    stops_at_the_quota(&zip, &options());
}

#[test]
fn a_zip_of_42_kb_that_comes_to_gigabytes_is_stopped_and_named() {
    // Zstandard makes a few bytes of 128 KiB of zeros.
    let piece = zst(&vec![0; 16 * MIB as usize]);
    let pieces = (40_000 / piece.len() as u64).max(1);
    let mut packed = RawEntry::stored(b"packed", b"");
    (packed.method, packed.data) = (93, piece.repeat(pieces as usize));
    (packed.packed, packed.size) = (packed.data.len() as u64, pieces * 16 * MIB);
    let zip = raw_zip(b"", &[RawEntry::stored(b"first", b"1"), packed]);
    assert!(zip.len() <= 42_000 && pieces * 16 * MIB >= GIB, "{} bytes, {pieces} pieces", zip.len());
    for error in errors(&furnished(), &zip, &options()) {
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
        assert_eq!(error.path(), Some("/to/packed"));
    }
    let limits = ImportLimits { ratio: 1000, ..ImportLimits::default() };
    for error in errors(&MemFs::with_quota(8 * GIB), &zip, &options().limits(limits)) {
        assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidInput, Some("packed")), "{error}");
    }

    // And deflate by having hundreds of entries share their bytes.
    let shared = zip_entry("shared", &deflated_zeros(20 * MIB), 20 * MIB);
    let again = |n| RawEntry { name: format!("{n}").into(), data: Vec::new(), at: Some(0), ..shared.clone() };
    let entries: Vec<_> = std::iter::once(shared.clone()).chain((1..240).map(again)).collect();
    let zip = raw_zip(b"", &entries);
    assert!(zip.len() <= 42_000 && 240 * 20 * MIB >= 4 * GIB, "{}", zip.len());
    for error in errors(&MemFs::with_quota(8 * GIB), &zip, &options()) {
        assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("shared")), "{error}");
        assert!(error.to_string().contains("same place"), "{error}");
    }
}

// ---- tars ----

#[test]
fn a_compressed_tar_stops_at_the_quota() {
    for pack in PACKS {
        let tar = packed_tar(pack, b"bomb", b'0', 2 * GIB);
        assert!((tar.len() as u64) < 4 * MIB, "{}", tar.len());
        stops_at_the_quota(&tar, &options());
        let roomy = MemFs::with_quota(8 * GIB);
        let limits = ImportLimits { ratio: 100, ..ImportLimits::default() };
        stops_at_a_limit(&roomy, &tar, &options().limits(limits), "ratio");
    }
}

#[test]
fn what_is_passed_over_in_a_compressed_tar_is_bounded() {
    let small = || ImportLimits { passed_bytes: 40 * MIB, ..ImportLimits::default() };
    for pack in PACKS {
        let special = packed_tar(pack, b"bomb", b'Z', 2 * GIB);
        let file = packed_tar(pack, b"bomb", b'0', 2 * GIB);
        let not_utf8 = packed_tar(pack, b"\xff", b'0', 2 * GIB);
        let there = packed_tar(pack, b"there", b'0', 2 * GIB);
        for (tar, options) in [
            (&special, options()),
            (&file, options().filter(|path| !path.ends_with("bomb"))),
            (&file, options().strip_components(1)),
            (&not_utf8, options()),
            (&there, options().on_conflict(OnConflict::Skip)),
        ] {
            stops_at_a_limit(&furnished(), tar, &options.limits(small()), "passed_bytes");
        }
    }
    // The limits of what is unpacked are also those of what is passed over.
    let special = packed_tar(PACKS[1], b"bomb", b'Z', 2 * GIB);
    for (limits, told) in [
        (ImportLimits::default(), "passed_bytes"),
        (ImportLimits { total_bytes: 40 * MIB, ..ImportLimits::default() }, "total_bytes"),
        (ImportLimits { ratio: 100, ..ImportLimits::default() }, "ratio"),
    ] {
        stops_at_a_limit(&furnished(), &special, &options().limits(limits), told);
        let [error, _] = errors(&furnished(), &special, &options().limits(limits));
        assert_eq!(error.path(), Some("bomb"));
    }
    // Less than that is passed over as before.
    let less = packed_tar(PACKS[1], b"bomb", b'Z', 512 * MIB);
    let report = import_archive(&furnished(), less, "/to", options()).unwrap();
    assert_eq!((report.files, report.skipped.len()), (1, 1));
}

#[test]
fn headers_before_one_entry_are_bounded() {
    for kind in [b'x', b'g', b'L', b'K'] {
        // A mebibyte each: a pax header of one record, or a name.
        let mut body = vec![b'a'; MIB as usize];
        if matches!(kind, b'x' | b'g') {
            body = pax("comment", &"a".repeat(MIB as usize - 17)).into_bytes();
        }
        assert_eq!(body.len() as u64, MIB);
        let chain = |count| {
            let headers = zst(&member(b"chain", kind, &body)).repeat(count);
            [headers, zst(&tar_of(&[member(b"after", b'0', b"1")]))].concat()
        };
        let limits = ImportLimits { passed_bytes: 20 * MIB, ..ImportLimits::default() };
        stops_at_a_limit(&furnished(), &chain(1000), &options().limits(limits), "passed_bytes");
        let limits = ImportLimits { entries: 20, ..ImportLimits::default() };
        stops_at_a_limit(&furnished(), &chain(1000), &options().limits(limits), "entries");
    }
    // As many as tars really have do not count.
    let usual: Vec<_> = (0..10)
        .flat_map(|n| {
            let record = pax("path", &format!("{n}"));
            let long = |kind| member(b"././@LongLink", kind, b"long\0");
            [member(b"x", b'x', record.as_bytes()), long(b'L'), long(b'K'), member(b"a", b'0', b"1")]
        })
        .collect();
    let limits = ImportLimits { entries: 10, ..ImportLimits::default() };
    let report = import_archive(&furnished(), zst(&tar_of(&usual)), "/to", options().limits(limits));
    assert_eq!(report.unwrap().files, 10);
}

// ---- formats of one's own ----

/// One entry that never ends, and does not say so.
struct Endless;

struct EndlessReader(bool);

impl ArchiveFormat for Endless {
    fn name(&self) -> &str {
        "endless"
    }
    fn detect(&self, _: &ArchiveProbe<'_>) -> io::Result<bool> {
        Ok(true)
    }
    fn open(&self, _: ArchiveInput) -> io::Result<Box<dyn ArchiveReader>> {
        Ok(Box::new(EndlessReader(false)))
    }
}

impl ArchiveReader for EndlessReader {
    fn next_entry(&mut self) -> io::Result<Option<EntryInfo>> {
        let ended = std::mem::replace(&mut self.0, true);
        Ok((!ended).then(|| EntryInfo::new("bomb", EntryKind::File)))
    }
}

impl Read for EndlessReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(0);
        Ok(buf.len())
    }
}

#[test]
fn an_entry_without_a_size_stops_at_the_quota_while_it_is_unpacked() {
    let options = options().formats(ArchiveFormats::none().with(Endless));
    stops_at_the_quota(b"anything", &options);
    let limits = ImportLimits { entry_bytes: 4 * MIB, ..ImportLimits::default() };
    stops_at_a_limit(&MemFs::with_quota(GIB), b"anything", &options.limits(limits), "entry_bytes");
}
