//! What a handle that writes owns: the lock, the draft, and what pays for both.

use std::sync::Arc;

use crate::charge::Charge;
use crate::content::{Content, Draft};
use crate::error::{Error, ErrorKind, Result};
use crate::open_files::Turn;
use crate::open_options::OpenOptions;
use crate::ops::Held;
use crate::sync::model_has_failed;
use crate::tree::lookup::find;
use crate::tree::meta::Timestamp;
use crate::tree::metadata::Metadata;
use crate::tree::node::{NewFile, PaidName};
use crate::volume::{Storage, Volume};

/// The writing side of an open file.
///
/// Invariant: `counted` is what the gauge of open drafts holds for this one: the bytes charged for
/// what nobody else can see, the next version of the node and the spare included.
pub struct Writer {
    volume: Arc<Volume>,
    /// The bytes as the writer sees them.
    pub draft: Draft,
    /// Whether every write lands at the end.
    pub append: bool,
    /// Whether only `commit` and `close` publish.
    pub atomic: bool,
    /// Pays for the next version of the file; there once something was written.
    node: Option<Charge>,
    /// Reserved for changes up to the length `preallocated`.
    spare: Charge,
    preallocated: u64,
    /// The name of a file that has none yet, if it is long.
    name: Option<PaidName>,
    /// Whether there is something to publish beside what is in the draft: that the file exists, or
    /// is empty.
    owes: bool,
    opened: Timestamp,
    /// Whether the hold has ended; where it has not, dropping this ends it.
    pub ended: bool,
    counted: u64,
    /// The lock. Last, so that it is passed on when all else is done.
    turn: Turn,
}

impl Writer {
    /// Starts a draft of what is held.
    pub fn start(volume: &Arc<Volume>, options: &OpenOptions, held: Held) -> Self {
        let (missing, content) = match &held.base {
            Some(content) => (false, content.clone()),
            None => (true, Content::default()),
        };
        let empties = options.get_truncate() && options.get_atomic() && !content.is_empty();
        let mut content = if options.get_truncate() { Content::default() } else { content };
        if content.is_empty() && volume.config.storage == Storage::RandomAccess {
            content = content.with_random(true);
        }
        let preallocated = held.growth.up_to(content.len());
        let mut writer = Self {
            volume: Arc::clone(volume),
            draft: Draft::new(content),
            append: options.get_append(),
            atomic: options.get_atomic(),
            node: held.node,
            spare: held.spare,
            preallocated,
            name: held.name,
            owes: missing || empties,
            opened: held.opened,
            ended: false,
            counted: 0,
            turn: held.turn,
        };
        writer.recount();
        writer
    }

    /// The path that is held.
    pub fn path(&self) -> &Arc<str> {
        self.turn.path()
    }

    /// Writes `buf`; returns where it ends.
    pub fn write_at(&mut self, buf: &[u8], offset: u64) -> Result<u64> {
        let offset = if self.append { self.draft.len() } else { offset };
        if buf.is_empty() {
            return Ok(offset);
        }
        self.allow(offset, buf.len())?;
        let (account, overhead) = (Arc::clone(self.volume.account()), self.volume.config.chunk_overhead);
        let end = offset + buf.len() as u64; // it is no more than a file can have
        // Joining small pieces at the end needs room for the copy; without it they stay as they are.
        let write = self.draft.write_plan(offset, buf.len(), overhead);
        let (merged, plain) = write.costs();
        let paid_before = (self.node.is_some(), self.spare.amount());
        let charge = if self.may_spend(end) {
            self.pay(plain, end)?
        } else {
            match self.pay(merged, end) {
                Ok(charge) => charge,
                Err(_) if plain < merged => self.pay(plain, end)?,
                Err(error) => return Err(error),
            }
        };
        let written = self.draft.write(write, buf, charge, &account, overhead);
        if written.is_err() {
            self.unpay(paid_before);
        }
        self.recount();
        written.map(|()| end)
    }

    /// Cuts or fills to `len` bytes.
    pub fn set_len(&mut self, len: u64) -> Result<()> {
        if len == self.draft.len() {
            return Ok(());
        }
        let (account, overhead) = (Arc::clone(self.volume.account()), self.volume.config.chunk_overhead);
        crate::content::end_of(0, len)?;
        let paid_before = (self.node.is_some(), self.spare.amount());
        let charge = self.pay(self.draft.set_len_cost(len, overhead), len)?;
        let done = self.draft.set_len(len, charge, &account, overhead);
        if done.is_err() {
            self.unpay(paid_before);
        }
        self.recount();
        done
    }

    /// Publishes what is not published yet; `keep` says whether the hold goes on. Gives what is known
    /// of what it published.
    pub fn publish(&mut self, keep: bool) -> Result<Option<Metadata>> {
        let file = if self.draft.is_changed() || self.owes {
            let charge = match self.node.take() {
                Some(charge) => charge,
                None => self.volume.reserve(self.volume.config.node_overhead)?,
            };
            Some(NewFile::new(self.draft.publish(), charge))
        } else if keep {
            return Ok(None);
        } else {
            None
        };
        let name = self.name.clone();
        self.recount();
        self.owes = true; // until it is out
        let published = self.volume.release(self.turn.path(), file, name, keep)?;
        self.owes = false;
        self.name = None;
        self.ended = !keep;
        Ok(published)
    }

    /// Publishes or gives up the draft; dropping it ends the hold and passes the lock on.
    pub fn close(mut self: Box<Self>, publish: bool) -> Result<()> {
        if publish { self.publish(false).map(drop) } else { Ok(()) }
    }

    /// As [`close`](Self::close); gives what the file holds by then.
    #[cfg(feature = "tokio")]
    pub fn seal(mut self: Box<Self>) -> Result<(Content, Metadata)> {
        let before = self.metadata(&self.volume);
        let published = self.publish(false)?;
        Ok((self.draft.publish(), published.unwrap_or(before)))
    }

    /// What is known of the version published last.
    pub fn metadata(&self, volume: &Volume) -> Metadata {
        let root = volume.load();
        find(&root.tree, self.turn.path()).map_or_else(|_| Metadata::unpublished(self.opened), Metadata::of)
    }

    /// Whether the storage allows a write there.
    fn allow(&self, offset: u64, len: usize) -> Result<()> {
        crate::content::end_of(offset, len as u64)?;
        if !self.draft.lands_off_end(offset, len) {
            return Ok(());
        }
        let config = &self.volume.config;
        let refused = match config.storage {
            Storage::RandomAccess => return Ok(()),
            Storage::Sequential => "the storage is sequential: writes land at the end".into(),
            Storage::Auto if self.draft.is_random() || self.draft.len() <= config.promotion_limit => {
                return Ok(());
            }
            Storage::Auto => format!(
                "the file has {} bytes, more than the promotion limit of {}, and stays sequential",
                self.draft.len(),
                config.promotion_limit
            ),
        };
        Err(Error::new(ErrorKind::Unsupported).because(refused))
    }

    /// Whether a change that ends at `end` is one that was paid for beforehand.
    fn may_spend(&self, end: u64) -> bool {
        end <= self.preallocated && self.spare.amount() > 0
    }

    /// Pays `cost`, for a change that ends at `end`: from the spare as far as that goes, if it is
    /// for this one; and the next version of the node with the first bytes, so that publishing
    /// never lacks it.
    fn pay(&mut self, cost: u64, end: u64) -> Result<Charge> {
        let node = if self.node.is_none() { self.volume.config.node_overhead } else { 0 };
        let from_spare = if self.may_spend(end) { cost.min(self.spare.amount()) } else { 0 };
        // What cannot be counted cannot be paid, whatever is there already.
        let due = if cost == u64::MAX { cost } else { cost - from_spare };
        let mut charge = self.volume.reserve(due.saturating_add(node))?;
        if self.node.is_none() {
            self.node = Some(charge.split(node));
        }
        charge.merge(self.spare.split(from_spare));
        Ok(charge)
    }

    /// Brings back what [`pay`](Self::pay) took for something that then failed. What came from the
    /// spare is in the quota by now, where only another thread can have been faster.
    fn unpay(&mut self, (had_node, spare): (bool, u64)) {
        if !had_node {
            self.node = None;
        }
        if let Ok(charge) = self.volume.reserve(spare - self.spare.amount()) {
            self.spare.merge(charge);
        }
    }

    /// Brings the gauge of open drafts up to date.
    fn recount(&mut self) {
        let node = self.node.as_ref().map_or(0, Charge::amount);
        let name = self.name.as_ref().map_or(0, PaidName::charged);
        self.count(self.draft.own_charged() + node + name + self.spare.amount());
    }

    fn count(&mut self, now: u64) {
        let drafts = &self.volume.resources.drafts;
        if now >= self.counted {
            drafts.add(now - self.counted);
        } else {
            drafts.sub(self.counted - now);
        }
        self.counted = now;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if model_has_failed() {
            return;
        }
        if !self.ended {
            self.volume.end_hold(self.turn.path());
        }
        self.count(0);
    }
}
