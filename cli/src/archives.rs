//! Archives by the endings of their names, and the engine's ways of writing them.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use arcfs::archive::{ArchiveOptions, Compression};
use arcfs::{Snapshot, archive};

use crate::args::Format;
use crate::failure::Outcome;

/// Endings of what can be written, each with its kind.
const WRITTEN: [(&str, Format); 6] = [
    (".zip", Format::Zip),
    (".tar", Format::Tar),
    (".tar.gz", Format::TarGz),
    (".tgz", Format::TarGz),
    (".tar.zst", Format::TarZst),
    (".tzst", Format::TarZst),
];

/// Endings of what can only be read, each with what compresses it.
const READ: [(&str, &str); 4] =
    [(".tar.bz2", "bzip2"), (".tbz2", "bzip2"), (".tar.xz", "xz"), (".txz", "xz")];

/// The kind of archive that a name stands for.
pub fn format_of(name: &OsStr) -> Option<Format> {
    WRITTEN.into_iter().find(|(ending, _)| ends_with(name, ending)).map(|(_, format)| format)
}

/// What compresses an archive of that name, if it is of a kind that can only be read.
pub fn only_read(name: &OsStr) -> Option<&'static str> {
    READ.into_iter().find(|(ending, _)| ends_with(name, ending)).map(|(_, compression)| compression)
}

/// Whether a file of that name is taken for an archive when it is imported.
pub fn is_archive(name: &Path) -> bool {
    let name = name.file_name().unwrap_or_default();
    format_of(name).is_some() || only_read(name).is_some()
}

/// Whether something that has a name stands before the ending; upper and lower case are the same.
fn ends_with(name: &OsStr, ending: &str) -> bool {
    let name = name.as_encoded_bytes();
    name.len() > ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
}

/// Writes an archive.
pub fn write(
    view: &Snapshot,
    format: Format,
    options: ArchiveOptions,
    to: impl Write,
) -> Outcome<archive::ArchiveSummary> {
    let summary = match format {
        Format::Zip => view.export_zip(to, options)?,
        Format::Tar => view.export_tar(to, options.compression(Compression::None))?,
        Format::TarGz => view.export_tar(to, options.compression(Compression::Deflate))?,
        Format::TarZst => view.export_tar(to, options.compression(Compression::Zstd))?,
    };
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_kind() {
        for (name, format) in [
            ("a.zip", Some(Format::Zip)),
            ("A.ZIP", Some(Format::Zip)),
            ("a.tar", Some(Format::Tar)),
            ("a.b.tar.gz", Some(Format::TarGz)),
            ("a.tgz", Some(Format::TarGz)),
            ("a.tar.zst", Some(Format::TarZst)),
            ("a.gz", None),
            ("zip", None),
            (".zip", None),
            ("a.tar.xz", None),
        ] {
            assert_eq!(format_of(name.as_ref()), format, "{name}");
        }
        assert_eq!(only_read("a.TXZ".as_ref()), only_read("b.tar.xz".as_ref()));
        assert_eq!((only_read("a.tbz2".as_ref()), only_read("a.tgz".as_ref())), (Some("bzip2"), None));
        assert!(is_archive(Path::new("/d.zip/a.tar.xz")) && is_archive(Path::new("a.TBZ2")));
        assert!(!is_archive(Path::new("/d.zip/a")) && !is_archive(Path::new("/")));
    }
}
