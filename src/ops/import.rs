//! Many files at once, in one publication.

use super::Stage;
use super::namespace::MissingDirs;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::examine::Refusal;
#[cfg(feature = "archive")]
use crate::tree::lookup::find_dir;
use crate::tree::lookup::{find, find_deepest};
use crate::tree::meta::Timestamp;
use crate::tree::node::{NewFile, NodeRef};
use crate::tree::root::Root;
use crate::volume::{Storage, Volume};

/// What one import brings, its paths normalised.
#[derive(Debug, Default)]
pub struct Import {
    /// Files, in any order.
    pub files: Vec<ImportFile>,
    /// Directories that shall exist besides the parents of the files, with their times.
    pub dirs: Vec<(String, Option<Timestamp>)>,
    /// What becomes of files that stand where one is brought.
    pub existing: Existing,
    /// Paid in advance, towards what nodes and names cost.
    pub prepaid: Charge,
}

/// What becomes of a file that stands where one is brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives leave a choice"))]
pub enum Existing {
    /// It is replaced.
    #[default]
    Replace,
    /// Nothing is brought at all: `AlreadyExists`.
    Refuse,
    /// It stays, and what was to replace it is not brought.
    Keep,
}

/// What an import found where it put its files.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "archive"), expect(dead_code, reason = "only archives report it"))]
pub struct Imported {
    /// How many files were replaced.
    pub replaced: u64,
    /// The paths of files that stayed as they were.
    pub kept: Vec<String>,
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
    /// For each file, what becomes of it.
    fates: Vec<Fate>,
    /// For each directory, whether it is new.
    is_new: Vec<bool>,
}

/// What becomes of one file of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing stands at its path.
    New,
    /// It replaces one.
    Replaces,
    /// It is left out, because one stands at its path.
    LeftOut,
}

impl Volume {
    /// Publishes all files and directories at once, or nothing.
    ///
    /// # Errors
    ///
    /// In this order: `AlreadyExists` for a path named twice, `NotADirectory`, `IsADirectory`,
    /// `AlreadyExists` for a file that may not be replaced, `NodeLimit`, `Busy`, `QuotaExceeded`,
    /// `MemoryGuard`, `AllocationFailed`.
    pub fn import(&self, mut import: Import) -> Result<Imported> {
        import.check()?;
        self.at_once(self.settle(|lane| self.import_on(lane, &mut import)))
    }

    /// As [`import`](Self::import), for what was [checked](Import::check).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn import_on(&self, stage: impl Stage, import: &mut Import) -> Result<Imported, Refusal> {
        if import.files.is_empty() && import.dirs.is_empty() {
            return Ok(Imported::default());
        }
        let prepaid = std::mem::take(&mut import.prepaid);
        let plan = stage.look(|root| {
            let plan = import.plan(root)?;
            let new_files = plan.fates.iter().filter(|fate| **fate == Fate::New).count() as u64;
            let gains = new_files + plan.missing.iter().map(MissingDirs::count).sum::<u64>();
            let mut touched = Vec::new();
            if !root.holds.is_empty() {
                touched.extend(plan.missing.iter().filter_map(MissingDirs::top));
                touched.extend(plan.brought(&import.files).map(|(file, _)| &*file.path));
            }
            self.look_busy_first(root, gains, &touched)?;
            Ok::<_, Refusal>(plan)
        })?;
        let (account, overhead) = (self.account(), self.config.chunk_overhead);
        let node_overhead = self.config.node_overhead;
        let of_file = |(file, fate): (&ImportFile, Fate)| {
            let name = if fate == Fate::New { self.name_cost(&file.path) } else { 0 };
            let content = file.content.adoption_cost(account, overhead);
            name.saturating_add(content).saturating_add(node_overhead)
        };
        let cost = plan.brought(&import.files).map(of_file).fold(0, u64::saturating_add);
        let cost = plan.missing.iter().map(|dirs| dirs.cost(self)).fold(cost, u64::saturating_add);
        let mut purse = self.topped_up(prepaid, cost)?;
        let now = self.now();
        let mut edits: Vec<_> =
            plan.missing.iter().filter_map(|dirs| dirs.edit(self, &mut purse, now)).collect();
        let mut contents = Vec::with_capacity(import.files.len());
        for (file, fate) in import.files.iter().zip(&plan.fates) {
            if *fate == Fate::LeftOut {
                contents.push(file.content.clone());
                continue;
            }
            let charge = purse.split(file.content.adoption_cost(account, overhead));
            let content = file.content.clone().adopt(charge, account, overhead)?;
            let content = content.with_random(self.config.storage == Storage::RandomAccess);
            contents.push(content.clone());
            let modified = file.modified.unwrap_or(now);
            edits.push(Edit::Put {
                path: (*file.path).into(),
                name: if *fate == Fate::New { self.long_name(&file.path, &mut purse) } else { None },
                file: NewFile::new(content, purse.split(node_overhead)),
                rule: PutRule::Import { modified, replace: import.existing == Existing::Replace },
                now,
            });
        }
        for ((dir, time), is_new) in import.dirs.iter().zip(&plan.is_new) {
            if let Some(time) = time.filter(|_| *is_new) {
                edits.push(Edit::SetModified { path: (**dir).into(), file: None, time });
            }
        }
        if edits.is_empty() {
            let kept = import.files.iter().map(|file| file.path.clone()).collect();
            return Ok(Imported { replaced: 0, kept });
        }
        let replaced = plan.fates.iter().filter(|fate| **fate == Fate::Replaces).count() as u64;
        let left_out = import.files.iter().zip(&plan.fates).filter(|(_, fate)| **fate == Fate::LeftOut);
        let kept = left_out.map(|(file, _)| file.path.clone()).collect();
        // If the attempt is repeated, nothing is copied or paid twice.
        for (file, content) in import.files.iter_mut().zip(contents) {
            file.content = content;
        }
        stage.commit_planned(&mut edits)?;
        Ok(Imported { replaced, kept })
    }

    /// Sets the modification time of a directory, and of nothing else.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `Busy`, `MemoryGuard`.
    #[cfg(feature = "archive")]
    pub fn set_dir_modified(&self, path: &str, time: Timestamp) -> Result<()> {
        self.at_once(self.settle(|lane| {
            lane.look(|root| find_dir(&root.tree, path).map(drop))
                .map_err(|miss| Error::at(miss.into(), path))?;
            lane.commit(&mut [Edit::SetModified { path: path.into(), file: None, time }]).map(drop)
        }))
    }

    /// A charge of exactly `cost`, for which `prepaid` was paid already.
    fn topped_up(&self, mut prepaid: Charge, cost: u64) -> Result<Charge> {
        match prepaid.amount().checked_sub(cost) {
            Some(_) => Ok(prepaid.split(cost)),
            None => {
                prepaid.merge(self.reserve(cost - prepaid.amount())?);
                Ok(prepaid)
            }
        }
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
            if let NodeRef::File(_) = found {
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
        let mut fates = Vec::with_capacity(self.files.len());
        for file in &self.files {
            fates.push(match find(tree, &file.path).map(|at| at.found) {
                Err(_) => Fate::New,
                Ok(NodeRef::Dir(_)) => return Err(Error::at(ErrorKind::IsADirectory, &file.path)),
                Ok(NodeRef::File(_)) => match self.existing {
                    Existing::Replace => Fate::Replaces,
                    Existing::Keep => Fate::LeftOut,
                    Existing::Refuse => return Err(Error::at(ErrorKind::AlreadyExists, &file.path)),
                },
            });
        }
        for (dir, _) in &self.dirs {
            let at = self.files.binary_search_by(|file| path::compare(&file.path, dir));
            if at.is_ok() {
                return Err(Error::at(ErrorKind::AlreadyExists, dir).because("the import has a file there"));
            }
        }
        Ok(Plan { missing, fates, is_new })
    }
}

impl Plan<'_> {
    /// The files that are not left out, each with what becomes of it.
    fn brought<'f>(&self, files: &'f [ImportFile]) -> impl Iterator<Item = (&'f ImportFile, Fate)> {
        let with_fate = files.iter().zip(self.fates.iter().copied());
        with_fate.filter(|(_, fate)| *fate != Fate::LeftOut)
    }
}
