//! From tables to a plan of trees: everything paid for first, then checked from the leaves up.
//!
//! One reservation covers all that the image holds, and what is made of it is paid out of that, so
//! an image that does not fit, or that turns out to be malformed, leaves nothing charged. Numbers
//! refer back only, so nothing is visited twice and nothing recurses. What becomes of the plan is up to
//! [`tree`](crate::tree).

use std::ops::Range;
use std::sync::Arc;

use super::errors::broken;
use super::format::{
    self, ChunkLen, ContentRef, DirRecord, FileRecord, Group, Head, Meta, NameRef, NodeRef, SnapshotRecord,
    Span, Time,
};
use super::heights::Heights;
use super::shape::Shape;
use super::source::{Front, Source};
use crate::builder::{DEEPEST, MemFsBuilder};
use crate::charge::Charge;
use crate::content::{Buffer, Chunk, Content};
use crate::error::{Error, ErrorKind, Result};
use crate::path;
use crate::quota::{NoRelief, NodeLimit, Quota};
use crate::root::Seed;
use crate::tree::held::Tree;
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
use crate::tree::name::{INLINE, Name};
use crate::tree::node::Totals;
use crate::tree::plan::{DirPlan, Entries, FilePlan, Place, Plan, Planned};
use crate::tree::root::Limits;
use crate::volume::{Config, PROVISIONAL, Storage};

/// A snapshot that does not belong to a filesystem yet.
pub struct Saved {
    pub name: String,
    pub tree: Tree,
    pub version: u64,
    pub taken: Timestamp,
}

/// A builder of a filesystem like the one that was saved.
///
/// # Errors
///
/// `InvalidData` if no filesystem can have been like that.
pub fn builder(head: &Head) -> Result<MemFsBuilder> {
    let max_depth = head.max_depth as usize;
    if !(1..=DEEPEST).contains(&max_depth) || !(1..=NodeLimit::CEILING).contains(&head.max_nodes) {
        return Err(broken("its limits are none that a filesystem has"));
    }
    let storage = match head.storage {
        0 => Storage::Auto,
        1 => Storage::Sequential,
        2 => Storage::RandomAccess,
        _ => return Err(broken("its storage mode is none that there is")),
    };
    let lock_timeout = match head.timeout_nanos {
        u32::MAX => None,
        nanos @ 0..1_000_000_000 => Some(std::time::Duration::new(head.timeout_secs, nanos)),
        _ => return Err(broken("its lock timeout is no duration")),
    };
    let config = Config {
        storage,
        promotion_limit: head.promotion_limit,
        chunk_overhead: head.chunk_overhead,
        node_overhead: head.node_overhead,
        lock_timeout,
        max_depth,
    };
    Ok(MemFsBuilder::of_saved(head.max_quota, head.max_nodes, config))
}

/// Builds the root and the snapshots of an image.
///
/// # Errors
///
/// `QuotaExceeded`, `MemoryGuard`, `NodeLimit`, `InvalidInput` if the tree is deeper than the
/// configured depth, `AllocationFailed`, `InvalidData`.
pub fn build(
    front: &Front,
    meta: &Meta<'_>,
    source: &mut Source<'_>,
    quota: &Quota,
    nodes: &NodeLimit,
    config: &Config,
) -> Result<(Seed, Vec<Saved>)> {
    let head = &meta.head;
    if head.version >= PROVISIONAL {
        return Err(broken("its version is none that a filesystem has"));
    }
    if head.receipts > meta.dirs.len() as u64 {
        return Err(broken("it has more receipts than directories"));
    }
    let groups = format::groups(&front.header, meta.chunks)?;
    let purse = reserve(cost(meta, front.header.data, config), head, quota, config)?;
    let mut build = Build::new(*meta, config, purse)?;
    build.chunks(front, &groups, source, quota)?;
    build.contents()?;
    build.files()?;
    build.dirs()?;

    build.check_root(head.root)?;
    let mut trees = vec![(head.version, head.root, None)];
    let mut snapshots = Vec::with_capacity(meta.snapshots.len());
    let mut last: Option<&str> = None;
    for SnapshotRecord { name, version, taken, root } in meta.snapshots.iter() {
        let text = meta.text(name).filter(|text| last.is_none_or(|last| last < *text));
        let text = text.ok_or_else(|| broken("the names of its snapshots are not in order"))?;
        last = Some(text);
        if version > head.version {
            return Err(broken(format_args!("the snapshot {text:?} is later than the filesystem")));
        }
        build.check_root(root)?;
        trees.push((version, root, Some(snapshots.len())));
        snapshots.push((text, version, timestamp(taken)?));
    }
    // From version to version, as they were saved: a check costs what two in turn do not share.
    trees.sort_by_key(|(version, ..)| std::cmp::Reverse(*version));
    let mut shape = Shape::new(meta);
    trees.iter().try_for_each(|(_, root, _)| shape.check(*root))?;
    admit(&build.plan.dirs[head.root as usize].totals, head, nodes, config)?;

    let roots: Vec<u32> = trees.iter().rev().map(|(_, root, _)| *root).collect();
    let (seed, grown) = Seed::of_plan(build.plan, &roots, head.version, quota, config)?;
    let mut saved: Vec<Option<Saved>> = Vec::new();
    saved.resize_with(snapshots.len(), || None);
    for ((_, _, snapshot), tree) in trees.iter().rev().zip(grown) {
        if let Some(at) = *snapshot {
            let (name, version, taken) = snapshots[at];
            saved[at] = Some(Saved { name: name.to_owned(), tree, version, taken });
        }
    }
    Ok((seed, saved.into_iter().flatten().collect()))
}

/// What everything in the image is charged.
fn cost(meta: &Meta<'_>, data: u64, config: &Config) -> u64 {
    let own = meta.files.iter().filter(|file| file.payer.is_none()).count() as u64;
    let nodes = own.saturating_add(meta.head.receipts).saturating_mul(config.node_overhead);
    let chunks = (meta.chunks.len() as u64).saturating_mul(config.chunk_overhead);
    let names = meta.longs.iter().map(|name| u64::from(name.len).saturating_add(config.chunk_overhead));
    names.fold(data.saturating_add(chunks).saturating_add(nodes), u64::saturating_add)
}

/// Reserves all of it. A filesystem whose quota was lowered below its use is loaded as it was: its
/// own quota then only stops growth. Any other must have room.
fn reserve(cost: u64, head: &Head, quota: &Quota, config: &Config) -> Result<Charge> {
    let limit = quota.limit();
    let as_saved = (limit, config.chunk_overhead, config.node_overhead)
        == (head.max_quota, head.chunk_overhead, head.node_overhead);
    if as_saved && cost > limit {
        quota.set_limit(cost);
    }
    let reserved = quota.reserve(cost, &NoRelief);
    quota.set_limit(limit);
    reserved.map_err(|error| match error.kind() {
        ErrorKind::QuotaExceeded { .. } => error.because("the image holds more than that; raise max_quota"),
        _ => error,
    })
}

/// Whether the current tree keeps to the node limit, which may be another than when it was saved.
fn admit(totals: &Totals, head: &Head, limit: &NodeLimit, config: &Config) -> Result<()> {
    let (nodes, limit) = (1 + totals.nodes(), limit.get());
    let unlimited = Limits { max_nodes: NodeLimit::CEILING, max_depth: config.max_depth, chunk_overhead: 0 };
    unlimited.admit_nodes(1, nodes)?;
    if nodes > limit && limit != head.max_nodes {
        let error = Error::new(ErrorKind::NodeLimit { current: nodes, limit });
        return Err(error.because("the image holds more than that; raise max_nodes"));
    }
    Ok(())
}

/// What is built so far, by number.
struct Build<'m> {
    meta: Meta<'m>,
    max_depth: usize,
    chunks: Vec<Arc<Chunk>>,
    contents: Vec<Content>,
    /// Which directories others are based on.
    bases: Vec<bool>,
    plan: Plan<'m>,
}

impl<'m> Build<'m> {
    fn new(meta: Meta<'m>, config: &Config, purse: Charge) -> Result<Self> {
        let mut longs = Vec::with_capacity(meta.longs.len());
        for text in meta.longs.iter() {
            let text = meta.text(text).filter(|text| text.len() > INLINE && path::is_name(text));
            longs.push(text.ok_or_else(|| broken("a long name in it is not valid"))?);
        }
        let mut bases = vec![false; meta.dirs.len()];
        for base in meta.dirs.iter().filter_map(|dir| dir.base) {
            let is_base = bases.get_mut(base as usize);
            *is_base.ok_or_else(|| broken("a directory has a base that there is not"))? = true;
        }
        Ok(Self {
            meta,
            max_depth: config.max_depth,
            chunks: Vec::with_capacity(meta.chunks.len()),
            contents: Vec::with_capacity(meta.contents.len()),
            bases,
            plan: Plan {
                longs,
                receipts: meta.head.receipts as usize, // no more than directories
                files: Vec::with_capacity(meta.files.len()),
                dirs: Vec::with_capacity(meta.dirs.len()),
                node_overhead: config.node_overhead,
                chunk_overhead: config.chunk_overhead,
                purse,
            },
        })
    }

    /// Reads the chunks, each into the allocation that it keeps.
    fn chunks(
        &mut self,
        front: &Front,
        groups: &[Group],
        source: &mut Source<'_>,
        quota: &Quota,
    ) -> Result<()> {
        let (meta, account) = (self.meta, quota.account());
        source.groups(front, groups, |group, mut bytes| {
            let range = group.chunks.start as u64..group.chunks.end as u64;
            for ChunkLen(len) in meta.chunks.slice(range).expect("groups are made of chunks").iter() {
                let (chunk, rest) = bytes.split_at(len);
                bytes = rest;
                let charge = self.plan.purse.split(len as u64 + self.plan.chunk_overhead);
                self.chunks.push(Arc::new(Chunk::new(Buffer::copied(chunk)?, charge, account, 0)));
            }
            Ok(())
        })
    }

    /// Puts together the contents of several chunks.
    fn contents(&mut self) -> Result<()> {
        let mut next = 0;
        // No content has a chunk twice, or few bytes could be said to be a long file.
        let mut seen = vec![0; if self.meta.contents.len() == 0 { 0 } else { self.chunks.len() }];
        for (number, span) in self.meta.contents.iter().enumerate() {
            let parts = follow(&mut next, span).and_then(|range| self.meta.parts.slice(range));
            let parts = parts.filter(|parts| parts.len() >= 2);
            let parts = parts.ok_or_else(|| broken("the parts of a content are not where they must be"))?;
            for part in parts.iter() {
                match seen.get_mut(part.0 as usize) {
                    Some(last) if *last <= number => *last = number + 1,
                    _ => return Err(broken("a content has a chunk twice, or one that there is not")),
                }
            }
            let chunks = parts.iter().map(|part| &self.chunks[part.0 as usize]);
            self.contents.push(Content::of_chunks(chunks));
        }
        Ok(())
    }

    fn files(&mut self) -> Result<()> {
        for record in self.meta.files.iter() {
            let FileRecord { created, modified, generation, random, content, payer } = record;
            let content = match content {
                ContentRef::None => Some(Content::default()),
                ContentRef::Chunk(number) => self.chunks.get(number as usize).map(Content::of_chunk),
                ContentRef::Content(number) => self.contents.get(number as usize).cloned(),
            };
            let content = content.ok_or_else(|| broken("a file has a content that there is not"))?;
            if generation >= PROVISIONAL {
                return Err(broken("the generation of a file is none that a file has"));
            }
            if let Some(payer) = payer {
                self.check_payer(payer, &content)?;
            }
            let meta = FileMeta { created: timestamp(created)?, modified: timestamp(modified)?, generation };
            self.plan.files.push(FilePlan { content: content.with_random(random), meta, payer });
        }
        Ok(())
    }

    /// Whether there is a file before it that can pay for one with this content.
    fn check_payer(&self, number: u32, content: &Content) -> Result<()> {
        let can_pay = |payer: &FilePlan| payer.payer.is_none() && payer.content.ptr_eq(content);
        if self.plan.files.get(number as usize).is_some_and(can_pay) {
            Ok(())
        } else {
            Err(broken("a file is paid for by one that cannot pay for it"))
        }
    }

    fn dirs(&mut self) -> Result<()> {
        let (mut entries, mut changes, mut heights) = (0, 0, Heights::default());
        for (number, record) in self.meta.dirs.iter().enumerate() {
            let DirRecord { created, modified, listed, receipt, base, span } = record;
            if listed > self.meta.head.version {
                return Err(broken("a directory was listed after the last version"));
            }
            let (entries, totals) = match base {
                None => self.listed(follow(&mut entries, span), self.bases[number])?,
                Some(base) => self.changed(base, follow(&mut changes, span), &mut heights)?,
            };
            if totals.height as usize > DEEPEST {
                return Err(broken(format_args!("it is more than {DEEPEST} components deep")));
            }
            if receipt.is_some_and(|number| number as usize >= self.plan.receipts) {
                return Err(broken("a directory has a receipt that there is not"));
            }
            let meta = DirMeta { created: timestamp(created)?, modified: timestamp(modified)?, listed };
            self.plan.dirs.push(DirPlan { entries, totals, meta, receipt, base });
        }
        Ok(())
    }

    /// The entries of a directory that lists them; in a map if others are based on it.
    fn listed(&self, range: Option<Range<u64>>, is_base: bool) -> Result<(Entries<'m>, Totals)> {
        let records = range.and_then(|range| self.meta.entries.slice(range));
        let records =
            records.ok_or_else(|| broken("the entries of a directory are not where they must be"))?;
        let (mut totals, mut last) = (Totals::default(), None);
        let mut entries = Vec::with_capacity(records.len());
        for record in records.iter() {
            let (name, long) = self.name(record.name, &mut last)?;
            let (place, node) = self.place(record.node, record.placed, long)?;
            let added = node.with_name_charged(self.name_cost(name));
            totals = exchanged(&totals, &Totals::default(), &added)?;
            totals.height = totals.height.max(added.height);
            entries.push((name, place));
        }
        let entries = if is_base {
            Entries::Shared(entries.into_iter().collect())
        } else {
            Entries::Listed(entries.into_boxed_slice())
        };
        Ok((entries, totals))
    }

    /// The entries of a directory that differ from those of another. They share their map.
    fn changed(
        &self,
        number: u32,
        range: Option<Range<u64>>,
        heights: &mut Heights,
    ) -> Result<(Entries<'m>, Totals)> {
        let records = range.and_then(|range| self.meta.changes.slice(range));
        let records =
            records.ok_or_else(|| broken("the changes of a directory are not where they must be"))?;
        let Some(DirPlan { entries: Entries::Shared(base), totals, .. }) =
            self.plan.dirs.get(number as usize)
        else {
            return Err(broken("a directory has a base that does not come before it"));
        };
        let (mut entries, mut totals, mut last) = (base.clone(), *totals, None);
        let mut tally = heights.of_base(number, &self.plan);
        for record in records.iter() {
            let (name, long) = self.name(record.name, &mut last)?;
            let old = entries.get(name).copied();
            let said = record.old.map(|node| self.place(node, 0, None)).transpose()?;
            if old.map(|old| old.node) != said.map(|(said, _)| said.node) {
                return Err(broken("a directory differs from its base in what its base has not"));
            }
            let new = record.new.map(|(node, placed)| self.place(node, placed, long)).transpose()?;
            let sum = |node: &Totals| node.with_name_charged(self.name_cost(name));
            let removed = said.map_or_else(Totals::default, |(_, node)| sum(&node));
            let added = new.map_or_else(Totals::default, |(_, node)| sum(&node));
            totals = exchanged(&totals, &removed, &added)?;
            said.iter().for_each(|(old, node)| tally.remove(old.node, node));
            new.iter().for_each(|(new, node)| tally.add(new.node, node));
            match new {
                Some((new, _)) => drop(entries.insert(name, new)),
                None => drop(entries.remove(name)),
            }
        }
        totals.height = tally.height(entries.len());
        heights.keep(self.plan.dirs.len() as u32, tally);
        Ok((Entries::Shared(entries), totals))
    }

    /// A name that comes after the last one, and its number if it is long.
    fn name(&self, name: NameRef, last: &mut Option<&'m str>) -> Result<(&'m str, Option<u32>)> {
        let missing = || broken("an entry has a name that there is not");
        let text = self.meta.name(name).ok_or_else(missing)?;
        if last.is_some_and(|last| last >= text) {
            return Err(broken(format_args!("the names of a directory are not in order at {text:?}")));
        }
        *last = Some(text);
        match name {
            NameRef::Long(number) => Ok((text, Some(u32::try_from(number).map_err(|_| missing())?))),
            NameRef::Short(_) if !path::is_name(text) => {
                Err(broken(format_args!("{text:?} is no name of an entry")))
            }
            NameRef::Short(_) if text.len() > INLINE => {
                Err(broken("a long name is not among the long names"))
            }
            NameRef::Short(_) => Ok((text, None)),
        }
    }

    fn name_cost(&self, name: &str) -> u64 {
        Name::cost(name, self.plan.chunk_overhead)
    }

    /// The place of a node that comes before the directory that it is in, and what the node adds there.
    fn place(&self, node: NodeRef, placed: u64, long: Option<u32>) -> Result<(Place, Totals)> {
        if placed > self.meta.head.version {
            return Err(broken("an entry was placed after the last version"));
        }
        let node = match node {
            NodeRef::File(number) => Some(Planned::File(number)),
            NodeRef::Dir(number) => {
                let dir = self.plan.dirs.get(number as usize).filter(|dir| dir.receipt.is_some());
                dir.map(|_| Planned::Dir(number))
            }
        };
        let found = node.and_then(|node| Some((Place { node, placed, long }, self.plan.totals_of(node)?)));
        found.ok_or_else(|| broken("an entry has a node that does not come before it"))
    }

    /// Checks that this is a root, and its tree not too deep.
    fn check_root(&self, number: u32) -> Result<()> {
        let root = self.plan.dirs.get(number as usize).filter(|dir| dir.receipt.is_none());
        let root = root.ok_or_else(|| broken("a tree has a root that there is not"))?;
        let (height, deepest) = (root.totals.height as usize, self.max_depth);
        if height > self.meta.head.max_depth as usize {
            return Err(broken(format_args!(
                "a tree in it is {height} components deep, more than its limit"
            )));
        }
        if height > deepest {
            let why = format!("the image is {height} components deep, and max_depth is {deepest}; raise it");
            return Err(Error::new(ErrorKind::InvalidInput).because(why));
        }
        Ok(())
    }
}

/// The range of a span, if it begins where the one before it ended.
fn follow(next: &mut u64, span: Span) -> Option<Range<u64>> {
    let range = span.range();
    (range.start == std::mem::replace(next, range.end)).then_some(range)
}

fn exchanged(totals: &Totals, removed: &Totals, added: &Totals) -> Result<Totals> {
    totals.exchanged(removed, added).ok_or_else(|| broken("its files add up to more than can be"))
}

/// A time that the host can tell.
pub fn timestamp(time: Time) -> Result<Timestamp> {
    Timestamp::from_parts(time.secs, time.nanos).ok_or_else(|| broken("a time in it is none that there is"))
}
