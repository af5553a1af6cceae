//! The archives that there are, how independent readers see them, and trees to put into them.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arcfs::{ArchiveOptions, Compression, Error, MemFs, Snapshot};

pub type TestResult = Result<(), Box<dyn std::error::Error>>;

pub const BLOCK: usize = 256 << 10;

/// What is at a name: the bytes of a file, `None` for a directory; and its time.
pub type Tree = BTreeMap<String, (Option<Vec<u8>>, SystemTime)>;

/// The five archives that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Zip(Compression),
    Tar(Compression),
}

pub const KINDS: [Kind; 5] = [
    Kind::Zip(Compression::None),
    Kind::Zip(Compression::Deflate),
    Kind::Tar(Compression::None),
    Kind::Tar(Compression::Deflate),
    Kind::Tar(Compression::Zstd),
];

impl Kind {
    pub fn export(self, snapshot: &Snapshot, options: ArchiveOptions) -> Result<Vec<u8>, Error> {
        let mut archive = Vec::new();
        let summary = self.export_to(snapshot, &mut archive, options)?;
        assert_eq!(summary, archive.len() as u64, "{self:?}");
        Ok(archive)
    }

    pub fn export_to(self, from: &Snapshot, to: impl Write, options: ArchiveOptions) -> Result<u64, Error> {
        let summary = match self {
            Self::Zip(compression) => from.export_zip(to, options.compression(compression)),
            Self::Tar(compression) => from.export_tar(to, options.compression(compression)),
        };
        summary.map(|summary| summary.written)
    }

    pub fn read(self, archive: &[u8]) -> io::Result<Tree> {
        match self {
            Self::Zip(_) => read_zip(archive),
            Self::Tar(Compression::Deflate) => read_tar(flate2::read::GzDecoder::new(archive)),
            Self::Tar(Compression::Zstd) => read_tar(zstd::Decoder::new(archive)?),
            Self::Tar(_) => read_tar(archive),
        }
    }

    /// The time as the archive keeps it.
    pub fn keeps(self, time: SystemTime) -> SystemTime {
        match self {
            Self::Tar(_) => time,
            Self::Zip(_) => at(seconds(time), 0),
        }
    }
}

/// Whole seconds since 1970, rounded down.
pub fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_nanos().div_ceil(1_000_000_000) as i64),
    }
}

pub fn at(seconds: i64, nanos: u32) -> SystemTime {
    let span = Duration::from_secs(seconds.unsigned_abs());
    let whole = if seconds < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span };
    whole + Duration::from_nanos(u64::from(nanos))
}

pub fn read_zip(archive: &[u8]) -> io::Result<Tree> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive))?;
    let mut tree = Tree::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let mode = entry.unix_mode().expect("made on Unix");
        assert_eq!(mode, if entry.is_dir() { 0o040_755 } else { 0o100_644 });
        let time = entry.extra_data_fields().find_map(|field| match field {
            zip::ExtraField::ExtendedTimestamp(time) => time.mod_time(),
            _ => None,
        });
        let time = at(i64::from(time.expect("kept to the second").cast_signed()), 0);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?; // checks the sum
        let (name, is_dir) = (entry.name()?.into_owned(), entry.is_dir());
        assert_eq!(entry.name_raw(), name.as_bytes());
        let old = tree.insert(name, ((!is_dir).then_some(bytes), time));
        assert!(old.is_none(), "named twice");
    }
    Ok(tree)
}

pub fn read_tar(archive: impl Read) -> io::Result<Tree> {
    let mut tree = Tree::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let mut time = at(entry.header().mtime()? as i64, 0);
        for record in entry.pax_extensions()?.into_iter().flatten() {
            let record = record?;
            if record.key() == Ok("mtime") {
                time = parse_time(record.value().expect("text"));
            }
        }
        let is_dir = entry.header().entry_type().is_dir();
        assert_eq!(entry.header().mode()?, if is_dir { 0o755 } else { 0o644 });
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let old = tree.insert(name, ((!is_dir).then_some(bytes), time));
        assert!(old.is_none(), "named twice");
    }
    Ok(tree)
}

/// A decimal number of seconds as a time.
pub fn parse_time(text: &str) -> SystemTime {
    let (is_before, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let nanos = format!("{part:0<9}").parse().expect("digits");
    let span = Duration::new(whole.parse().expect("digits"), nanos);
    if is_before { UNIX_EPOCH - span } else { UNIX_EPOCH + span }
}

/// What a snapshot has below a directory, as an archive of `kind` names and keeps it.
pub fn expected(snapshot: &Snapshot, prefix: &str, kind: Kind) -> Tree {
    let mut tree = Tree::new();
    let base = if prefix == "/" { 1 } else { prefix.len() + 1 };
    for dir in snapshot.walk(prefix).expect("a directory") {
        let entries = snapshot.read_dir(&dir.path).expect("walked");
        for entry in entries {
            let (path, metadata) = (entry.path(), entry.metadata());
            let time = kind.keeps(metadata.modified());
            if metadata.is_dir() {
                tree.insert(format!("{}/", &path[base..]), (None, time));
            } else {
                tree.insert(path[base..].into(), (Some(snapshot.read(path).expect("a file")), time));
            }
        }
    }
    tree
}

/// Text that compresses about as prose does.
pub fn text(len: usize, seed: u64) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "the ",
        "file ",
        "of ",
        "a ",
        "tree ",
        "and ",
        "chunk ",
        "is ",
        "published ",
        "at ",
        "once ",
        "by ",
        "readers, ",
        "quota ",
        "never.\n",
        "42 ",
    ];
    let mut state = seed | 1;
    let mut text = Vec::with_capacity(len + 16);
    while text.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend_from_slice(WORDS[(state >> 7) as usize % 16].as_bytes());
        if state.is_multiple_of(5) {
            text.extend_from_slice(format!("{:x} ", state >> 40).as_bytes());
        }
    }
    text.truncate(len);
    text
}

/// Bytes that do not compress.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// A bit of everything, all with times of their own.
pub fn mixed() -> Result<MemFs, Error> {
    let fs = MemFs::new();
    fs.create_dir_all("/empty/below")?;
    fs.import_tree([
        ("/readme", text(3000, 1)),
        ("/nothing", Vec::new()),
        ("/one byte", b"1".to_vec()),
        ("/noise/small", noise(5000, 2)),
        ("/noise/large", noise(3 * BLOCK + 17, 3)),
        ("/src/a block", text(BLOCK, 4)),
        ("/src/a block and one", text(BLOCK + 1, 5)),
        ("/src/many blocks", text(4 * BLOCK + 12345, 6)),
        ("/src/zeros", vec![0; 2 * BLOCK]),
        ("/src/größe/日本語.txt", text(100, 7)),
        ("/-rf * 'quotes' \"and\" $more", text(10, 8)),
    ])?;
    let mut seconds = 1_000_000_000;
    for path in fs.glob("**")? {
        seconds += 86_399;
        fs.set_modified(&path, at(seconds, 123_456_789))?;
    }
    for n in 0..300 {
        let path = format!("/many/{:02}/{n:03}", n % 7);
        fs.create_dir_all(&path[..8])?;
        fs.write(&path, text(n * 13, n as u64))?;
        fs.set_modified(&path, at(n as i64, 0))?;
    }
    Ok(fs)
}
