//! Files of the host that are written: complete, or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use arcfs::image::resolve_image_path;
use tempfile::NamedTempFile;

use crate::failure::{Attempt, Failure, Outcome};

/// Writes a file of the host: `write` fills a temporary one in the same directory, which then takes
/// the place of what is there. If anything fails, what is there stays and nothing else is left.
///
/// A link is followed, also to where nothing is yet, and what is not a plain file (a pipe, a device) is written to as it is.
pub fn write_file<T>(
    path: &Path,
    modified: Option<SystemTime>,
    write: impl FnOnce(&mut dyn Write) -> Outcome<T>,
) -> Outcome<T> {
    let failed = || format!("cannot write {path:?}");
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let mut file = File::options().write(true).open(path).attempt(failed)?;
        return write(&mut file);
    }
    let place =
        resolve_image_path(path).map_err(|error| Failure::message(format!("{}: {error}", failed())))?;
    let directory = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".arcfs-");
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt;
        // As any new file has them, the umask taken off; one that is replaced passes its own on.
        builder.permissions(fs::Permissions::from_mode(0o666));
        fs::metadata(&place).ok().map(|metadata| metadata.permissions())
    };
    let mut temporary = BufWriter::with_capacity(256 << 10, builder.tempfile_in(directory).attempt(failed)?);
    let answer = write(&mut temporary)?;
    let temporary: NamedTempFile =
        temporary.into_inner().map_err(io::IntoInnerError::into_error).attempt(failed)?;
    #[cfg(unix)]
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions).attempt(failed)?;
    }
    if let Some(modified) = modified {
        // A time that the host cannot hold is no reason to refuse the bytes.
        let _ = temporary.as_file().set_modified(modified);
    }
    temporary.persist(&place).map_err(|error| error.error).attempt(failed)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "old").unwrap();
        let failed = write_file::<()>(&path, None, |to| {
            to.write_all(b"half of the n").unwrap();
            Err(Failure::message("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn a_file_is_replaced_through_links_and_keeps_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("link"));
        fs::write(&path, "old").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            std::os::unix::fs::symlink(&path, &link).unwrap();
        }
        #[cfg(not(unix))]
        let link = path.clone();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        write_file(&link, Some(time), |to| to.write_all(b"new").attempt(String::new)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_stays_and_leads_to_the_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("to be made", &link).unwrap();
        write_file(&link, None, |to| to.write_all(b"new").attempt(String::new)).unwrap();
        assert_eq!(names(dir.path()), ["link", "to be made"]);
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("to be made"));
        assert_eq!(fs::read(dir.path().join("to be made")).unwrap(), b"new");

        let circle = dir.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let error = write_file(&circle, None, |_| Ok(())).unwrap_err().to_string();
        assert!(error.starts_with("cannot write") && error.contains("too many symbolic links"), "{error}");
        assert!(fs::symlink_metadata(&circle).unwrap().is_symlink());
    }

    #[test]
    fn where_nothing_can_be_written_the_path_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_file(&dir.path().join("missing/a"), None, |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("cannot write \""), "{error}");
        assert!(error.to_string().contains("missing/a"), "{error}");
    }
}
