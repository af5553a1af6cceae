//! Whether each tree of an image is a tree: every node has one parent, within one version.
//!
//! Versions share nodes, so parents cannot be counted once for all. They are counted for one tree,
//! and then for the next by what differs: a directory that is in one of both counts its entries in or
//! out, and where that is one that is written as changes, only its changes and its base. As all
//! counts are sums of such terms, a base that is counted out with one directory and in with another
//! is not looked into at all. A check takes about as long as what the tree does not share with the one
//! that was checked before it, so they are checked from version to version. In trees that take turns
//! (one was restored, then the other), and in an image that was made to do harm, that can be all of both.

use std::collections::BinaryHeap;

use super::errors::broken;
use super::format::{Meta, NodeRef};
use crate::error::Result;

/// The counts of one tree at a time.
pub struct Shape<'m> {
    meta: &'m Meta<'m>,
    root: Option<u32>,
    dirs: Vec<DirCount>,
    /// Parents of each file; to pay for another counts as well.
    files: Vec<i64>,
    /// Directories with each receipt.
    receipts: Vec<i64>,
    /// Directories whose counts are to be changed, the last first: the others come before it.
    pending: BinaryHeap<u32>,
    /// Files and receipts that were counted twice for a while.
    suspects: Vec<Suspect>,
}

#[derive(Clone, Copy)]
enum Suspect {
    File(u32),
    Receipt(u32),
}

#[derive(Clone, Copy, Default)]
struct DirCount {
    /// How many parents it has; a root has one in the image.
    parents: i64,
    /// How often its entries are counted: for itself, and for directories that are based on it.
    entries: i64,
    /// What is to be added to both.
    more_parents: i64,
    more_entries: i64,
    pending: bool,
}

impl<'m> Shape<'m> {
    /// For the trees of this image, in which numbers refer to what there is, and back only.
    pub fn new(meta: &'m Meta<'m>) -> Self {
        Self {
            meta,
            root: None,
            dirs: vec![DirCount::default(); meta.dirs.len()],
            files: vec![0; meta.files.len()],
            receipts: vec![0; meta.head.receipts as usize],
            pending: BinaryHeap::new(),
            suspects: Vec::new(),
        }
    }

    /// Checks the tree with this root. After an error nothing more can be checked.
    ///
    /// # Errors
    ///
    /// `InvalidData` if a node has two parents in it.
    pub fn check(&mut self, root: u32) -> Result<()> {
        self.parent(NodeRef::Dir(root), 1);
        if let Some(last) = self.root.replace(root) {
            self.parent(NodeRef::Dir(last), -1);
        }
        while let Some(number) = self.pending.pop() {
            self.settle(number)?;
        }
        let twice = std::mem::take(&mut self.suspects).into_iter().any(|suspect| match suspect {
            Suspect::File(number) => self.files[number as usize] > 1,
            Suspect::Receipt(number) => self.receipts[number as usize] > 1,
        });
        if twice { Err(two_parents()) } else { Ok(()) }
    }

    /// Adds to the parents of a node.
    fn parent(&mut self, node: NodeRef, more: i64) {
        match node {
            NodeRef::Dir(number) => {
                self.dirs[number as usize].more_parents += more;
                self.later(number);
            }
            NodeRef::File(number) => {
                self.count_file(number, more);
                let payer = self.meta.files.get(number as usize).and_then(|file| file.payer);
                if let Some(payer) = payer {
                    self.count_file(payer, more);
                }
            }
        }
    }

    fn count_file(&mut self, number: u32, more: i64) {
        let parents = &mut self.files[number as usize];
        *parents = parents.saturating_add(more);
        if *parents > 1 {
            self.suspects.push(Suspect::File(number));
        }
    }

    fn later(&mut self, number: u32) {
        if !std::mem::replace(&mut self.dirs[number as usize].pending, true) {
            self.pending.push(number);
        }
    }

    /// Counts what is known of a directory once all that comes after it was counted.
    fn settle(&mut self, number: u32) -> Result<()> {
        let dir = &mut self.dirs[number as usize];
        let was_there = dir.parents > 0;
        dir.parents += std::mem::take(&mut dir.more_parents);
        if !(0..=1).contains(&dir.parents) {
            return Err(two_parents());
        }
        dir.pending = false;
        let appears = i64::from(dir.parents > 0) - i64::from(was_there);
        let more = std::mem::take(&mut dir.more_entries) + appears;
        dir.entries += more;
        let meta = self.meta;
        let record = meta.dirs.get(number as usize).expect("numbers refer to what there is");
        if let Some(receipt) = record.receipt.filter(|_| appears != 0) {
            let count = &mut self.receipts[receipt as usize];
            *count = count.saturating_add(appears);
            if *count > 1 {
                self.suspects.push(Suspect::Receipt(receipt));
            }
        }
        if more == 0 {
            return Ok(());
        }
        let range = record.span.range();
        if let Some(base) = record.base {
            self.dirs[base as usize].more_entries += more;
            self.later(base);
            for change in meta.changes.slice(range).expect("looked at when it was built").iter() {
                change.old.inspect(|node| self.parent(*node, -more));
                change.new.inspect(|(node, _)| self.parent(*node, more));
            }
        } else {
            for entry in meta.entries.slice(range).expect("looked at when it was built").iter() {
                self.parent(entry.node, more);
            }
        }
        Ok(())
    }
}

#[cold]
fn two_parents() -> crate::error::Error {
    broken("a node is in two places of one tree")
}
