//! One-shot writes: the whole content of a file, or an addition to it, in one publication.

use std::borrow::Cow;
use std::time::SystemTime;

use super::Stage;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::lock::Mode;
use crate::tree::edit::{Edit, PutRule};
use crate::tree::examine::Refusal;
use crate::tree::lookup::find;
use crate::tree::node::{NewFile, NodeRef};
use crate::tree::root::Root;
use crate::volume::{Lane, Storage, Volume};

/// What a one-shot write shall leave in the file.
pub enum Payload<'a> {
    /// These bytes, copied.
    Bytes(&'a [u8]),
    /// This content, shared where it is of this filesystem.
    Owned(Content),
}

impl Payload<'_> {
    /// What the content is charged.
    fn cost(&self, volume: &Volume) -> u64 {
        let overhead = volume.config.chunk_overhead;
        match self {
            Payload::Bytes(bytes) => Content::cost(bytes.len() as u64, overhead),
            Payload::Owned(content) => content.adoption_cost(volume.account(), overhead),
        }
    }

    /// Makes the content, paid from `purse`.
    fn make(&mut self, volume: &Volume, purse: &mut Charge) -> Result<Content> {
        let (account, overhead) = (volume.account(), volume.config.chunk_overhead);
        let cost = self.cost(volume);
        let content = match self {
            Payload::Bytes(bytes) => Content::build(bytes, purse.split(cost), account, overhead)?,
            Payload::Owned(content) => {
                let adopted = std::mem::take(content).adopt(purse.split(cost), account, overhead)?;
                *content = adopted.clone(); // if the attempt is repeated, nothing is paid twice
                adopted
            }
        };
        Ok(content.with_random(volume.config.storage == Storage::RandomAccess))
    }
}

impl Volume {
    /// See `MemFs::write` and `write_owned`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn write(&self, path: &str, mut payload: Payload<'_>) -> Result<()> {
        let path = &*self.file_path(path)?;
        self.in_turn(path, |lane| self.write_on(lane, path, &mut payload)).map_err(|error| error.on(path))
    }

    /// As [`write`](Self::write), without the wait.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn write_on(&self, stage: impl Stage, path: &str, payload: &mut Payload<'_>) -> Result<(), Refusal> {
        let missing = stage.look(|root| self.look_at_file(root, path, |_| ()))?.is_none();
        let mut purse = self.reserve(payload.cost(self).saturating_add(self.file_cost(path, missing)))?;
        let content = payload.make(self, &mut purse)?;
        stage.commit(&mut [self.put(path, missing, content, PutRule::Write, purse)])
    }

    /// See `MemFs::append`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn append(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = &*self.file_path(path)?;
        self.in_turn(path, |lane| self.append_on(lane, path, bytes)).map_err(|error| error.on(path))
    }

    /// As [`append`](Self::append), without the wait.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn append_on(&self, stage: impl Stage, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let base = stage.look(|root| self.look_at_file(root, path, Content::clone))?;
        if bytes.is_empty() && base.is_some() {
            return Ok(()); // a write of no bytes is no publication
        }
        let (missing, old) = (base.is_none(), base.clone().unwrap_or_default());
        let (account, overhead) = (self.account(), self.config.chunk_overhead);
        let overheads = self.file_cost(path, missing);
        let (merged, plain) = old.append_plan(bytes.len() as u64, overhead);
        // Merging small extents needs room for the copy; without it they stay as they are.
        let (mut purse, merge) = match self.reserve(merged.saturating_add(overheads)) {
            Ok(purse) => (purse, true),
            Err(_) if plain < merged => (self.reserve(plain.saturating_add(overheads))?, false),
            Err(error) => return Err(error.into()),
        };
        let charge = purse.split(if merge { merged } else { plain });
        let content = old.appended(bytes, charge, account, overhead, merge)?;
        let content =
            if missing { content.with_random(self.config.storage == Storage::RandomAccess) } else { content };
        stage.commit(&mut [self.put(path, missing, content, PutRule::Append { base }, purse)])
    }

    /// See `MemFs::set_modified`.
    ///
    /// # Errors
    ///
    /// As documented there.
    pub fn set_modified(&self, path: &str, time: SystemTime) -> Result<()> {
        let path = &*self.normalize(path)?;
        self.at_once(self.settle(|lane| self.set_modified_on(lane, path, time)))
    }

    /// As [`set_modified`](Self::set_modified).
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn set_modified_on(&self, stage: impl Stage, path: &str, time: SystemTime) -> Result<(), Refusal> {
        let found = stage.look(|root| find(&root.tree, path).map(|at| matches!(at.found, NodeRef::File(_))));
        let is_file = found.map_err(|miss| Error::at(miss.into(), path))?;
        let file = is_file.then(|| {
            // Where there is no room for it beside the version before, that one pays for both.
            NewFile::same_content(self.reserve(self.config.node_overhead).ok())
        });
        stage.commit(&mut [Edit::SetModified { path: path.into(), file, time: time.into() }])
    }

    /// What the next version of a file is charged beside its content.
    fn file_cost(&self, path: &str, missing: bool) -> u64 {
        let name = if missing { self.name_cost(path) } else { 0 };
        self.config.node_overhead.saturating_add(name)
    }

    /// The edit that puts a file, its node and name paid from `purse`.
    fn put(&self, path: &str, missing: bool, content: Content, rule: PutRule, mut purse: Charge) -> Edit {
        let name = if missing { self.long_name(path, &mut purse) } else { None };
        Edit::Put { path: path.into(), name, file: NewFile::new(content, purse), rule, now: self.now() }
    }

    /// Normalises the path of a file operation.
    ///
    /// # Errors
    ///
    /// `InvalidPath`; `IsADirectory` for the root.
    pub fn file_path<'p>(&self, path: &'p str) -> Result<Cow<'p, str>> {
        let path = self.normalize(path)?;
        if path == "/" { Err(Error::at(ErrorKind::IsADirectory, "/")) } else { Ok(path) }
    }

    /// What `of` says of the content that a write would replace, once kind, node limit and locks have been
    /// looked at; nothing of a file that is not there.
    fn look_at_file<T>(
        &self,
        root: &Root,
        path: &str,
        of: impl FnOnce(&Content) -> T,
    ) -> Result<Option<T>, Refusal> {
        let old = match self.slot_in(root, path)? {
            Some(NodeRef::Dir(_)) => return Err(Error::at(ErrorKind::IsADirectory, path).into()),
            Some(NodeRef::File(file)) => Some(of(&file.content)),
            None => None,
        };
        self.look(root, u64::from(old.is_none()), &[path])?;
        Ok(old)
    }

    /// Runs an attempt that must wait where `path` is held: it gives back what it reserved, waits
    /// in the same queue as openers, and starts again when it is its turn. The task that does the
    /// same is in `asynchronous`.
    fn in_turn<T>(&self, path: &str, mut attempt: impl FnMut(&Lane<'_>) -> Result<T, Refusal>) -> Result<T> {
        let mut turn = None;
        loop {
            if let Some(done) = self.unless_held(&mut attempt)? {
                return Ok(done);
            }
            // With the turn, nobody holds the path: a hold ends before its turn is passed on.
            if turn.is_none() {
                turn = Some(self.wait_for(path, Mode::Exclusive, self.config.lock_timeout, |_| Ok(()))?);
            }
        }
    }

    /// Runs an attempt; `None` if it met a hold.
    ///
    /// # Errors
    ///
    /// Every other refusal.
    pub fn unless_held<T>(&self, attempt: impl FnMut(&Lane<'_>) -> Result<T, Refusal>) -> Result<Option<T>> {
        match self.settle(attempt) {
            Ok(done) => Ok(Some(done)),
            Err(Refusal::Held(_)) => Ok(None),
            Err(refusal) => Err(self.busy_at_once(refusal)),
        }
    }
}
