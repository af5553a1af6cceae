//! A directory of the host, by path, for hosts where std offers nothing better.
//!
//! Every component is looked at before it is used, and none may be a link. Whoever puts one there
//! between the look and the use can divert what is written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Standing;

/// A directory.
#[derive(Debug)]
pub struct HostDir {
    path: PathBuf,
    /// Its last components so many, which may not be links: those below the directory that the
    /// caller of an export named.
    below: usize,
}

/// Equal for two names if the host may find the same node at both.
pub type Identity = String;

impl HostDir {
    /// Opens the directory that the caller of an export named.
    pub fn open(host: &Path) -> io::Result<Self> {
        if !fs::metadata(host)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path: host.to_owned(), below: 0 })
    }

    /// Opens a directory in this one. A link is not followed.
    pub fn child(&self, name: &str) -> io::Result<Self> {
        let dir = Self { path: self.path.join(name), below: self.below + 1 };
        dir.look_again()?;
        Ok(dir)
    }

    /// Whether it is still a directory that no link leads to.
    pub fn look_again(&self) -> io::Result<()> {
        for dir in self.path.ancestors().take(self.below) {
            if !fs::symlink_metadata(dir)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Ok(())
    }

    /// What stands at `name`, if anything does.
    pub fn look(&self, name: &str) -> io::Result<Option<(Standing, Identity)>> {
        let metadata = match fs::symlink_metadata(self.path.join(name)) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let standing = if metadata.is_symlink() {
            Standing::Link
        } else if metadata.is_dir() {
            Standing::Dir
        } else {
            Standing::Other
        };
        Ok(Some((standing, name.to_lowercase())))
    }

    /// Makes a directory where nothing stands.
    pub fn make_dir(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.path.join(name))
    }

    /// Creates a file where nothing stands, not even a link.
    pub fn create_new(&self, name: &str) -> io::Result<File> {
        File::create_new(self.path.join(name))
    }

    /// Moves a file within the directory, onto whatever file or link stands at `to`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Removes a file.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    /// Sets when the directory was modified, where the host lets directories be opened.
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        match File::open(&self.path) {
            Ok(dir) => dir.set_modified(time),
            Err(_) => Ok(()),
        }
    }
}

/// Why a name can never be one of the host: names of devices, and what Windows changes silently.
pub fn unusable(name: &str) -> Option<&'static str> {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_uppercase();
    let numbered = |port: &str| {
        let rest = stem.strip_prefix(port).unwrap_or_default();
        matches!(rest, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
    };
    if DEVICES.contains(&&*stem) || numbered("COM") || numbered("LPT") {
        return Some("it is that of a device");
    }
    if name.contains(|c: char| c.is_ascii_control() || r#"<>:"|?*"#.contains(c)) {
        return Some("it contains a character that the host reserves");
    }
    if name.ends_with(['.', ' ']) {
        return Some("it ends with a dot or a space, which the host drops");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_told_from_those_that_look_like_them() {
        for name in ["con", "NUL.txt", "com1", "Lpt9.log", "aux .c", "a:b", "what?", "tab\t", "end.", "end "]
        {
            assert!(unusable(name).is_some(), "{name:?}");
        }
        for name in ["console", "com", "com10", "lpt", "nul_", "a.b", ".hidden", "name with spaces", "ä"] {
            assert_eq!(unusable(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_is_below_is_found_and_links_are_not_followed() -> io::Result<()> {
        let temporary = tempfile::tempdir()?;
        let top = HostDir::open(temporary.path())?;
        top.make_dir("a")?;
        let dir = top.child("a")?;
        dir.create_new("temporary")?;
        dir.create_new("file")?;
        dir.rename("temporary", "file")?;
        assert_eq!(dir.look("file")?, Some((Standing::Other, "file".into())));
        assert_eq!(dir.look("temporary")?, None);
        assert_eq!(top.look("a")?.map(|found| found.0), Some(Standing::Dir));
        assert!(dir.child("file").is_err());
        assert!(dir.create_new("file").is_err());
        dir.remove_file("file")?;
        dir.set_modified(SystemTime::UNIX_EPOCH)?;
        assert_eq!(fs::metadata(temporary.path().join("a"))?.modified()?, SystemTime::UNIX_EPOCH);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a", temporary.path().join("link"))?;
            assert_eq!(top.look("link")?.map(|found| found.0), Some(Standing::Link));
            assert!(top.child("link").is_err());
            fs::rename(temporary.path().join("a"), temporary.path().join("b"))?;
            std::os::unix::fs::symlink("b", temporary.path().join("a"))?;
            assert!(dir.look_again().is_err(), "it has become a link");
        }
        Ok(())
    }
}
