//! Trees out of a plan, built from the leaves up: what the plan shares they share.

use std::sync::Arc;

use super::dir_map::DirMap;
use super::node::{Dir, Entry, FileNode, Node, Paid};
use super::tree::Tree;
use crate::charge::Charge;
use crate::tree::name::Name;
use crate::tree::plan::{DirPlan, FilePlan, Place, Plan, Planned};

/// What is built so far, by number.
struct Grown<'m> {
    texts: Vec<&'m str>,
    longs: Vec<Name>,
    receipts: Vec<Arc<Charge>>,
    files: Vec<Arc<FileNode>>,
    dirs: Vec<Arc<Dir>>,
}

/// The trees with these roots.
#[must_use]
pub fn grow(plan: Plan<'_>, roots: &[u32]) -> Vec<Tree> {
    let Plan { longs: texts, receipts, files, dirs, node_overhead, chunk_overhead, mut purse } = plan;
    let long = |text: &&str| Name::new(text, purse.split(Name::cost(text, chunk_overhead)));
    let longs = texts.iter().map(long).collect();
    let receipts = (0..receipts).map(|_| Arc::new(purse.split(node_overhead))).collect();
    let mut grown = Grown { texts, longs, receipts, files: Vec::new(), dirs: Vec::with_capacity(dirs.len()) };
    for FilePlan { content, meta, payer } in files {
        let paid = match payer {
            None => Paid::Own(purse.split(node_overhead)),
            Some(payer) => Paid::By(Arc::clone(&grown.files[payer as usize])),
        };
        grown.files.push(Arc::new(FileNode { content, meta, paid }));
    }
    for (number, DirPlan { totals, meta, receipt, .. }) in dirs.iter().enumerate() {
        let entries = grown.entries(&dirs, number);
        let charge = receipt.map(|number| Arc::clone(&grown.receipts[number as usize]));
        grown.dirs.push(Arc::new(Dir { entries, totals: *totals, meta: *meta, charge }));
    }
    roots.iter().map(|root| Tree::of(Arc::clone(&grown.dirs[*root as usize]))).collect()
}

impl<'m> Grown<'m> {
    /// The map of a directory: that of its base with what differs, or a new one.
    fn entries(&self, dirs: &[DirPlan<'m>], number: usize) -> DirMap {
        let DirPlan { entries: planned, base, .. } = &dirs[number];
        let Some(base) = base.map(|base| base as usize) else {
            return planned
                .iter()
                .map(|(name, place)| (self.name(name, &place), self.entry(&place)))
                .collect();
        };
        let mut entries = self.dirs[base].entries.clone();
        for (name, old, new) in planned.changes_since(&dirs[base].entries) {
            match (old, new) {
                (Some(old), Some(new)) if old.long == new.long => {
                    *entries.get_mut(name).expect("its base has it") = self.entry(&new);
                }
                (_, new) => {
                    entries.remove(name); // with its name, which may be another long one
                    if let Some(new) = new {
                        entries.insert(self.name(name, &new), self.entry(&new));
                    }
                }
            }
        }
        entries
    }

    fn entry(&self, place: &Place) -> Entry {
        let node = match place.node {
            Planned::Dir(number) => Node::Dir(Arc::clone(&self.dirs[number as usize])),
            Planned::File(number) => Node::File(Arc::clone(&self.files[number as usize])),
        };
        Entry { node, placed: place.placed }
    }

    fn name(&self, text: &str, place: &Place) -> Name {
        match place.long {
            Some(number) => {
                debug_assert_eq!(self.texts[number as usize], text);
                self.longs[number as usize].clone()
            }
            None => Name::new(text, Charge::none()),
        }
    }
}
