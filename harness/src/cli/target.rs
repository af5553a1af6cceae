//! Where the results of a run go: the name of the file, and what happens when it is taken.

use std::path::{Path, PathBuf};

use crate::report;
use crate::results::schema::{Meta, Run};
use crate::results::{Error, file};

/// Pages beside the results that are no pages of runs.
const RESERVED: [&str; 2] = ["README", report::history::NAME];

/// A place for results that was free when the run began.
#[derive(Debug)]
pub struct Target {
    directory: PathBuf,
    name: String,
    replace: bool,
}

/// A name for a result file, as an argument.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_name(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || name.starts_with('.') || name.len() > 100 || !name.chars().all(is_plain) {
        return Err("a name has 1 to 100 letters, digits, -, _, + or . and does not begin with .".to_owned());
    }
    if name.ends_with(".json") {
        return Err("the ending .json is added to the name".to_owned());
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(format!("{name}.md is another page beside the results: choose another name"));
    }
    Ok(name.to_owned())
}

/// The day and the commit, where there is one.
fn default_name(meta: &Meta) -> String {
    let day = meta.date.split('T').next().unwrap_or_default();
    let commit = meta.commit.get(..10).map(|commit| format!("-{commit}")).unwrap_or_default();
    format!("{day}{commit}{}", if meta.dirty { "-dirty" } else { "" })
}

impl Target {
    /// Prepares the directory and chooses the name: the one that is wanted, or that of the day and the
    /// commit, numbered where it is taken.
    ///
    /// # Errors
    /// [`Error::Exists`] where the wanted one is taken and must not be replaced; [`Error::Io`] where the
    /// directory cannot be written.
    pub fn choose(directory: &Path, wanted: Option<&str>, replace: bool, meta: &Meta) -> Result<Self, Error> {
        file::prepare(directory)?;
        let name = wanted.map_or_else(|| default_name(meta), str::to_owned);
        let target = Self { directory: directory.to_owned(), name, replace };
        match target.taken(1) {
            Some(path) if wanted.is_some() => Err(path),
            _ => Ok(target),
        }
    }

    /// What stands where the results, their page or their charts would go. What is to be replaced must be of the
    /// same kind.
    fn taken(&self, number: usize) -> Option<Error> {
        let path = self.path(number);
        let charts = path.with_extension("");
        if charts.symlink_metadata().is_ok() && !charts.is_dir() {
            return Some(Error::Exists { path: charts });
        }
        [path.with_extension("md"), path].into_iter().rev().find_map(|path| {
            let metadata = path.symlink_metadata().ok()?;
            match (self.replace, metadata.is_file()) {
                (false, _) => Some(Error::Exists { path }),
                (true, true) => None,
                (true, false) => Some(Error::NoFile { path }),
            }
        })
    }

    /// Writes the results and says where. What appeared at the chosen place since stays there; the
    /// results of a long run are then numbered rather than lost.
    ///
    /// # Errors
    /// Those of [`file::write`].
    pub fn save(&self, run: &Run) -> Result<PathBuf, Error> {
        if self.replace {
            let path = self.path(1);
            return file::write(&path, run).map(|()| path);
        }
        let mut number = 1;
        loop {
            let path = self.path(number);
            let written = self.taken(number).map_or_else(|| file::write_new(&path, run), Err);
            match written {
                Err(Error::Exists { .. } | Error::NoFile { .. }) => number += 1,
                written => return written.map(|()| path),
            }
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        self.directory.join(format!("{}{suffix}.json", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema::VERSION;

    fn meta() -> Meta {
        let commit = "0123456789abcdef".repeat(3)[..40].to_owned();
        Meta { commit, date: "2026-01-02T03:04:05Z".to_owned(), dirty: true, ..Meta::default() }
    }

    #[test]
    fn the_default_name_says_day_commit_and_whether_it_was_clean() {
        assert_eq!(default_name(&meta()), "2026-01-02-0123456789-dirty");
        assert_eq!(default_name(&Meta { dirty: false, commit: String::new(), ..meta() }), "2026-01-02");
    }

    #[test]
    fn default_names_are_numbered_and_wanted_ones_kept() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let run = Run { schema: VERSION, meta: meta(), cells: Vec::new() };
        let save = |wanted, replace| {
            let target = Target::choose(directory.path(), wanted, replace, &run.meta)?;
            let path = target.save(&run)?;
            Ok::<_, Error>(path.file_name().expect("a file").to_string_lossy().into_owned())
        };
        assert_eq!(save(None, false).expect("saved"), "2026-01-02-0123456789-dirty.json");
        assert_eq!(save(None, false).expect("saved"), "2026-01-02-0123456789-dirty-2.json");
        assert_eq!(save(Some("mine"), false).expect("saved"), "mine.json");
        assert!(matches!(save(Some("mine"), false), Err(Error::Exists { .. })));
        assert_eq!(save(Some("mine"), true).expect("replaced"), "mine.json");
    }

    #[test]
    fn a_name_is_taken_by_a_page_too_and_force_replaces_files_only() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = |name: &str| directory.path().join(name);
        std::fs::write(place("page.md"), "mine").expect("written");
        std::fs::write(place("file"), "mine").expect("written");
        std::fs::create_dir(place("directory.md")).expect("created");
        let choose = |name, replace| Target::choose(directory.path(), Some(name), replace, &meta());
        assert!(matches!(choose("page", false), Err(Error::Exists { path }) if path == place("page.md")));
        assert!(choose("page", true).is_ok());
        assert!(matches!(choose("file", true), Err(Error::Exists { path }) if path == place("file")));
        assert!(matches!(choose("directory", true), Err(Error::NoFile { .. })));
        assert!(parse_name("readme").is_err() && parse_name("history").is_err());
    }

    #[test]
    fn what_appears_during_the_run_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let run = Run { schema: VERSION, meta: meta(), cells: Vec::new() };
        let target = Target::choose(directory.path(), Some("mine"), false, &run.meta).expect("free");
        std::fs::write(directory.path().join("mine.json"), "other").expect("written");
        assert!(target.save(&run).expect("saved").ends_with("mine-2.json"));
        assert_eq!(std::fs::read_to_string(directory.path().join("mine.json")).expect("read"), "other");
    }
}
