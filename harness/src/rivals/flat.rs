//! What a flat map from paths to bytes makes of directories: common beginnings of keys.
//!
//! Such a map finds the files of a directory by looking at every key. An empty directory does not
//! exist in it, and a missing one lists as empty. This module knows keys and nothing of locks.

use std::collections::HashSet;
use std::ops::Deref;

use globset::GlobBuilder;

use crate::store::{Answer, Failure, View};

/// What follows the directory and its slash in the path of something below it.
pub fn below<'path>(dir: &str, path: &'path str) -> Option<&'path str> {
    path.strip_prefix(dir.strip_suffix('/').unwrap_or(dir))?.strip_prefix('/')
}

/// The path that a file below `from` has below `to`; `None` where it is not below `from`.
pub fn moved(path: &str, from: &str, to: &str) -> Option<String> {
    below(from, path).map(|rest| format!("{to}/{rest}"))
}

/// The directory and the name of a file.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => ("/", path),
    }
}

/// Finds the names in a directory among all paths, each once.
pub struct Names<'call> {
    dir: &'call str,
    each: &'call mut dyn FnMut(&str),
    dirs: HashSet<String>,
}

impl<'call> Names<'call> {
    /// Will call `each` with the names that are directly in `dir`.
    pub fn new(dir: &'call str, each: &'call mut dyn FnMut(&str)) -> Self {
        Self { dir, each, dirs: HashSet::new() }
    }

    /// Looks at the path of one file.
    pub fn see(&mut self, path: &str) {
        let Some(rest) = below(self.dir, path) else { return };
        let Some((dir, _)) = rest.split_once('/') else { return (self.each)(rest) };
        if !self.dirs.contains(dir) {
            self.dirs.insert(dir.to_owned());
            (self.each)(dir);
        }
    }
}

/// Files by path that do not change while somebody looks at them.
pub trait Frozen {
    /// Calls `each` with every path.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn paths(&self, each: impl FnMut(&str)) -> Answer<()>;

    /// Calls `each` with every path and its bytes.
    ///
    /// # Errors
    /// [`Failure::Failed`] with the store's own error.
    fn files(&self, each: impl FnMut(&str, &[u8])) -> Answer<()>;
}

/// What holds the frozen files, as the view of workloads: a copy, a shared root or a held lock.
pub struct FlatView<Holder>(pub Holder);

impl<Holder> View for FlatView<Holder>
where
    Holder: Deref<Target: Frozen>,
{
    fn walk(&self, each: &mut dyn FnMut(&str, &str)) -> Answer<()> {
        self.0.paths(|path| {
            let (dir, name) = split(path);
            each(dir, name);
        })
    }

    fn glob(&self, pattern: &str) -> Answer<usize> {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(Failure::failed)?;
        let matcher = glob.compile_matcher();
        let mut found = 0;
        self.0.paths(|path| found += usize::from(matcher.is_match(path)))?;
        Ok(found)
    }

    fn export(&self, each: &mut dyn FnMut(&str, &[u8])) -> Answer<()> {
        self.0.files(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_a_directory_is_found() {
        assert_eq!(below("/a", "/a/b/c"), Some("b/c"));
        assert_eq!(below("/a", "/ab"), None);
        assert_eq!(below("/a", "/a"), None);
        assert_eq!(below("/", "/a/b"), Some("a/b"));
        assert_eq!(moved("/a/b/c", "/a", "/x/y").as_deref(), Some("/x/y/b/c"));
        assert_eq!(moved("/ab/c", "/a", "/x"), None);
    }

    #[test]
    fn names_come_once() {
        let mut found = Vec::new();
        let mut each = |name: &str| found.push(name.to_owned());
        let mut names = Names::new("/a", &mut each);
        ["/a/1", "/a/d/2", "/a/d/3", "/ab/4", "/5", "/a/d2/e/6"].iter().for_each(|path| names.see(path));
        assert_eq!(found, ["1", "d", "d2"]);
    }
}
