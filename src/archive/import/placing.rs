//! Where an entry goes.

use super::options::ImportOptions;
use crate::archive::format::{EntryInfo, EntryKind};
use crate::error::{Error, ErrorKind, Result};
use crate::host::SkipReason;
use crate::path;
use crate::volume::Volume;

/// What is to be done with an entry.
#[derive(Debug)]
pub enum Placing {
    /// Nothing.
    Pass,
    /// It is listed.
    Skip(SkipReason),
    /// It is a directory at this path.
    Dir(String),
    /// It is a file at this path.
    File(String),
}

/// Where an entry goes below `dest`.
///
/// # Errors
///
/// `InvalidPath`, naming the entry.
pub fn place(volume: &Volume, dest: &str, options: &ImportOptions, info: &EntryInfo) -> Result<Placing> {
    if !info.is_utf8() {
        return Ok(Placing::Skip(SkipReason::NotUtf8));
    }
    let of_entry = |error: Error| error.on_exactly(info.name());
    let Some(path) = path_below(volume, dest, options, info.name()).map_err(of_entry)? else {
        return Ok(Placing::Pass);
    };
    if options.filter.as_ref().is_some_and(|filter| !filter(&path)) {
        return Ok(Placing::Pass);
    }
    Ok(match info.kind() {
        EntryKind::File => Placing::File(path),
        EntryKind::Directory => Placing::Dir(path),
        EntryKind::SymbolicLink => Placing::Skip(SkipReason::SymbolicLink),
        EntryKind::HardLink => Placing::Skip(SkipReason::HardLink),
        EntryKind::Special => Placing::Skip(SkipReason::Special),
    })
}

/// The path of an entry with this name; `None` if it has no component that is not stripped.
fn path_below(volume: &Volume, dest: &str, options: &ImportOptions, name: &str) -> Result<Option<String>> {
    let refused = |why: &'static str| Error::new(ErrorKind::InvalidPath).because(why);
    if name.starts_with(['/', '\\']) && !options.reroot {
        return Err(refused("the name is absolute; reroot takes it relative to the destination"));
    }
    let mut components = Vec::new();
    for component in name.split(['/', '\\']) {
        match component {
            "" | "." => {}
            ".." if options.reroot => drop(components.pop()),
            ".." => return Err(refused("the name has `..`; reroot keeps it below the destination")),
            _ => components.push(component),
        }
    }
    if components.len() <= options.strip {
        return Ok(None);
    }
    let path = path::join(dest, &components[options.strip..].join("/"));
    volume.normalize(&path).map(|path| Some(path.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemFs;

    fn placed(name: &str, dest: &str, options: &ImportOptions) -> Result<Option<String>> {
        path_below(MemFs::new().volume(), dest, options, name)
    }

    #[test]
    fn names_are_taken_below_the_destination() {
        let plain = ImportOptions::new();
        for (name, dest, path) in [
            ("a/b", "/", "/a/b"),
            ("a/b/", "/d", "/d/a/b"),
            ("./a//b/.", "/d", "/d/a/b"),
            (r"a\b", "/d", "/d/a/b"),
            (r"C:\a", "/d", "/d/C:/a"),
            ("...", "/d", "/d/..."),
        ] {
            assert_eq!(placed(name, dest, &plain).unwrap().as_deref(), Some(path), "{name:?}");
        }
        for name in ["", ".", "./", "//.//", r".\."] {
            let options = ImportOptions::new().reroot(true);
            assert_eq!(placed(name, "/d", &options).unwrap(), None, "{name:?}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused_or_rerooted() {
        for (name, rerooted) in [
            ("/a", "/d/a"),
            (r"\a", "/d/a"),
            ("//a", "/d/a"),
            ("../a", "/d/a"),
            (r"..\..\a", "/d/a"),
            ("a/../b", "/d/b"),
            ("a/../../b", "/d/b"),
            ("../d/a", "/d/d/a"),
        ] {
            let error = placed(name, "/d", &ImportOptions::new()).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::InvalidPath, "{name:?}");
            let options = ImportOptions::new().reroot(true);
            assert_eq!(placed(name, "/d", &options).unwrap().as_deref(), Some(rerooted), "{name:?}");
        }
        assert_eq!(placed("a/..", "/d", &ImportOptions::new().reroot(true)).unwrap(), None);
    }

    #[test]
    fn names_that_no_filesystem_holds_are_refused_always() {
        let long = "x".repeat(256);
        let deep = "d/".repeat(513);
        for name in ["a\0b", &long, &deep] {
            for options in [ImportOptions::new(), ImportOptions::new().reroot(true)] {
                let error = placed(name, "/", &options).unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::InvalidPath, "{name:?}");
            }
        }
    }

    #[test]
    fn components_are_stripped_after_rerooting() {
        let options = ImportOptions::new().strip_components(2).reroot(true);
        assert_eq!(placed("a/b/c/d", "/d", &options).unwrap().as_deref(), Some("/d/c/d"));
        assert_eq!(placed("a/b", "/d", &options).unwrap(), None);
        assert_eq!(placed("/a/b/../c", "/d", &options).unwrap(), None);
    }
}
