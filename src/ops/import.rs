//! Many files at once, in one publication.

use super::Stage;
use super::namespace::MissingDirs;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::examine::Refusal;
use crate::tree::lookup::{Found, find, find_deepest};
use crate::tree::meta::Timestamp;
use crate::tree::root::Root;
use crate::volume::{Storage, Volume};

/// What one import brings, its paths normalised.
#[derive(Debug, Default)]
pub struct Import {
    /// Files, in any order.
    pub files: Vec<ImportFile>,
    /// Directories that shall exist besides the parents of the files, with their times.
    pub dirs: Vec<(String, Option<Timestamp>)>,
}

/// One file of an import.
#[derive(Debug)]
pub struct ImportFile {
    /// Where it goes.
    pub path: String,
    /// What is in it.
    pub content: Content,
    /// When it was modified; now, if that is not known.
    pub modified: Option<Timestamp>,
}

/// What an import adds to one root.
struct Plan<'p> {
    /// Chains of new directories, each after the one that its first goes into.
    missing: Vec<MissingDirs<'p>>,
    /// For each file, whether something stands at its path.
    replaces: Vec<bool>,
    /// For each directory, whether it is new.
    is_new: Vec<bool>,
}

impl Volume {
    /// Publishes all files and directories at once, or nothing.
    ///
    /// # Errors
    ///
    /// In this order: `AlreadyExists` for a path named twice, `NotADirectory`, `IsADirectory`,
    /// `NodeLimit`, `Busy`, `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
    pub fn import(&self, mut import: Import) -> Result<()> {
        import.check()?;
        self.at_once(self.settle(|lane| self.import_on(lane, &mut import)))
    }

    /// As [`import`](Self::import), for what was [checked](Import::check).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn import_on(&self, stage: impl Stage, import: &mut Import) -> Result<(), Refusal> {
        if import.files.is_empty() && import.dirs.is_empty() {
            return Ok(());
        }
        let plan = stage.look(|root| {
            let plan = import.plan(root)?;
            let new_files = plan.replaces.iter().filter(|old| !**old).count() as u64;
            let gains = new_files + plan.missing.iter().map(MissingDirs::count).sum::<u64>();
            let mut touched = Vec::new();
            if !root.holds.is_empty() {
                touched.extend(plan.missing.iter().filter_map(MissingDirs::top));
                touched.extend(import.files.iter().map(|file| &*file.path));
            }
            self.look_busy_first(root, gains, &touched)?;
            Ok::<_, Refusal>(plan)
        })?;
        let (account, overhead) = (self.account(), self.config.chunk_overhead);
        let node_overhead = self.config.node_overhead;
        let of_file = |(file, replaces): (&ImportFile, &bool)| {
            let name = if *replaces { 0 } else { self.name_cost(&file.path) };
            let content = file.content.adoption_cost(account, overhead);
            name.saturating_add(content).saturating_add(node_overhead)
        };
        let cost = import.files.iter().zip(&plan.replaces).map(of_file).fold(0, u64::saturating_add);
        let cost = plan.missing.iter().map(|dirs| dirs.cost(self)).fold(cost, u64::saturating_add);
        let mut purse = self.reserve(cost)?;
        let now = self.now();
        let mut edits: Vec<_> =
            plan.missing.iter().filter_map(|dirs| dirs.edit(self, &mut purse, now)).collect();
        let mut contents = Vec::with_capacity(import.files.len());
        for (file, replaces) in import.files.iter().zip(&plan.replaces) {
            let charge = purse.split(file.content.adoption_cost(account, overhead));
            let content = file.content.clone().adopt(charge, account, overhead)?;
            let content = content.with_random(self.config.storage == Storage::RandomAccess);
            contents.push(content.clone());
            edits.push(Edit::Put {
                path: (*file.path).into(),
                name: if *replaces { None } else { self.long_name(&file.path, &mut purse) },
                file: self.file_node(content, purse.split(node_overhead)),
                rule: PutRule::Import { modified: file.modified.unwrap_or(now) },
                now,
            });
        }
        for ((dir, time), is_new) in import.dirs.iter().zip(&plan.is_new) {
            if let Some(time) = time.filter(|_| *is_new) {
                edits.push(Edit::SetModified { path: (**dir).into(), file: None, time });
            }
        }
        // If the attempt is repeated, nothing is copied or paid twice.
        for (file, content) in import.files.iter_mut().zip(contents) {
            file.content = content;
        }
        stage.commit_planned(&mut edits)
    }

    /// As [`Volume::look`], with locks before the node limit: the order that imports promise.
    fn look_busy_first(&self, root: &Root, gains: u64, touched: &[&str]) -> Result<(), Refusal> {
        self.look(root, 0, touched)?;
        self.look(root, gains, &[])
    }
}

impl Import {
    /// Files, their paths as users wrote them.
    ///
    /// # Errors
    ///
    /// `InvalidPath`.
    pub fn of_files<P: AsRef<str>, B: Into<Content>>(
        volume: &Volume,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Self> {
        let mut import = Self::default();
        for (path, content) in files {
            let path = volume.normalize(path.as_ref())?.into_owned();
            import.files.push(ImportFile { path, content: content.into(), modified: None });
        }
        Ok(import)
    }

    /// Brings the paths into tree order, and says whether they go together: none twice, none
    /// below a file.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, `NotADirectory`, in this order.
    pub fn check(&mut self) -> Result<()> {
        self.files.sort_by(|a, b| path::compare(&a.path, &b.path));
        self.dirs.sort_by(|a, b| path::compare(&a.0, &b.0));
        for pair in self.files.windows(2) {
            if pair[0].path == pair[1].path {
                let error = Error::at(ErrorKind::AlreadyExists, &pair[0].path);
                return Err(error.because("the import names this path twice"));
            }
        }
        for pair in self.files.windows(2) {
            if path::starts_with(&pair[1].path, &pair[0].path) {
                let error = Error::at(ErrorKind::NotADirectory, &pair[1].path);
                return Err(error.because(format!("the import has a file at {:?}", pair[0].path)));
            }
        }
        Ok(())
    }

    /// What this import adds to `root`, existence and kinds checked.
    fn plan(&self, root: &Root) -> Result<Plan<'_>> {
        let tree = &root.tree;
        // The directories that there must be, each with the path that asks for it.
        let mut wanted: Vec<(&str, &str)> = Vec::new();
        for file in &self.files {
            let (parent, _) = path::split_last(&file.path).unwrap_or(("/", ""));
            if wanted.last().is_none_or(|(last, _)| *last != parent) {
                wanted.push((parent, &file.path));
            }
        }
        wanted.extend(self.dirs.iter().map(|(dir, _)| (&**dir, &**dir)));
        wanted.sort_by(|(a, _), (b, _)| path::compare(a, b));
        let (mut missing, mut before) = (Vec::new(), "");
        for (dir, asked) in wanted {
            let (found, rest) = find_deepest(tree, dir);
            if let Found::File(_) = found {
                return Err(Error::at(ErrorKind::NotADirectory, asked));
            }
            if !rest.is_empty() {
                // In tree order, what is made already on the way to this one was made on the way to
                // the one before it.
                let there = (dir.len() - rest.len()).max(path::shared_len(dir, before));
                missing.push(MissingDirs::beyond(dir, there));
                before = dir;
            }
        }
        missing.retain(|dirs| dirs.top().is_some());
        let is_new = self.dirs.iter().map(|(dir, _)| find(tree, dir).is_err()).collect();
        let mut replaces = Vec::with_capacity(self.files.len());
        for file in &self.files {
            match find(tree, &file.path) {
                Ok(at) if matches!(at.found, Found::Dir(_)) => {
                    return Err(Error::at(ErrorKind::IsADirectory, &file.path));
                }
                found => replaces.push(found.is_ok()),
            }
        }
        for (dir, _) in &self.dirs {
            let at = self.files.binary_search_by(|file| path::compare(&file.path, dir));
            if at.is_ok() {
                return Err(Error::at(ErrorKind::AlreadyExists, dir).because("the import has a file there"));
            }
        }
        Ok(Plan { missing, replaces, is_new })
    }
}
