//! From tables to trees: everything paid for first, then built from the leaves up.
//!
//! One reservation covers all that the image holds, and is split into the receipts that own it, so
//! an image that does not fit, or that turns out to be malformed, leaves nothing charged. Numbers
//! refer back only, so nothing is visited twice and nothing recurses.

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
use crate::tree::counted::node::{Dir, Entry, FileNode, Node, Paid};
use crate::tree::dir_map::DirMap;
use crate::tree::held::Tree;
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
use crate::tree::name::{INLINE, Name};
use crate::tree::node::Totals;
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

    let tree = build.root(head.root)?;
    let mut trees = vec![(head.version, head.root)];
    let mut saved = Vec::with_capacity(meta.snapshots.len());
    let mut last: Option<&str> = None;
    for SnapshotRecord { name, version, taken, root } in meta.snapshots.iter() {
        let text = meta.text(name).filter(|text| last.is_none_or(|last| last < *text));
        let text = text.ok_or_else(|| broken("the names of its snapshots are not in order"))?;
        last = Some(text);
        if version > head.version {
            return Err(broken(format_args!("the snapshot {text:?} is later than the filesystem")));
        }
        let tree = build.root(root)?;
        trees.push((version, root));
        saved.push(Saved { name: text.to_owned(), tree, version, taken: timestamp(taken)? });
    }
    // From version to version, as they were saved: a check costs what two in turn do not share.
    trees.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let mut shape = Shape::new(meta);
    trees.into_iter().try_for_each(|(_, root)| shape.check(root))?;
    admit(&tree, head, nodes, config)?;
    Ok((Seed::of(tree, head.version), saved))
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
fn admit(tree: &Dir, head: &Head, limit: &NodeLimit, config: &Config) -> Result<()> {
    let (nodes, limit) = (1 + tree.totals.nodes(), limit.get());
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
    node_overhead: u64,
    chunk_overhead: u64,
    max_depth: usize,
    /// What is reserved and not handed out yet.
    purse: Charge,
    longs: Vec<Name>,
    receipts: Vec<Arc<Charge>>,
    chunks: Vec<Arc<Chunk>>,
    contents: Vec<Content>,
    files: Vec<Arc<FileNode>>,
    dirs: Vec<Arc<Dir>>,
}

impl<'m> Build<'m> {
    fn new(meta: Meta<'m>, config: &Config, mut purse: Charge) -> Result<Self> {
        let mut longs = Vec::with_capacity(meta.longs.len());
        for text in meta.longs.iter() {
            let text = meta.text(text).filter(|text| text.len() > INLINE && path::is_name(text));
            let text = text.ok_or_else(|| broken("a long name in it is not valid"))?;
            longs.push(Name::new(text, purse.split(Name::cost(text, config.chunk_overhead))));
        }
        let receipts = (0..meta.head.receipts).map(|_| Arc::new(purse.split(config.node_overhead))).collect();
        Ok(Self {
            meta,
            node_overhead: config.node_overhead,
            chunk_overhead: config.chunk_overhead,
            max_depth: config.max_depth,
            purse,
            longs,
            receipts,
            chunks: Vec::with_capacity(meta.chunks.len()),
            contents: Vec::with_capacity(meta.contents.len()),
            files: Vec::with_capacity(meta.files.len()),
            dirs: Vec::with_capacity(meta.dirs.len()),
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
                let charge = self.purse.split(len as u64 + self.chunk_overhead);
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
            let paid = match payer {
                None => Paid::Own(self.purse.split(self.node_overhead)),
                Some(payer) => Paid::By(self.payer(payer, &content)?),
            };
            let meta = FileMeta { created: timestamp(created)?, modified: timestamp(modified)?, generation };
            self.files.push(Arc::new(FileNode { content: content.with_random(random), meta, paid }));
        }
        Ok(())
    }

    /// The earlier version that pays for one with this content.
    fn payer(&self, number: u32, content: &Content) -> Result<Arc<FileNode>> {
        let can_pay =
            |payer: &&Arc<FileNode>| matches!(payer.paid, Paid::Own(_)) && payer.content.ptr_eq(content);
        let payer = self.files.get(number as usize).filter(can_pay).cloned();
        payer.ok_or_else(|| broken("a file is paid for by one that cannot pay for it"))
    }

    fn dirs(&mut self) -> Result<()> {
        let (mut entries, mut changes, mut heights) = (0, 0, Heights::default());
        for record in self.meta.dirs.iter() {
            let DirRecord { created, modified, listed, receipt, base, span } = record;
            if listed > self.meta.head.version {
                return Err(broken("a directory was listed after the last version"));
            }
            let (entries, totals) = match base {
                None => self.listed(follow(&mut entries, span))?,
                Some(base) => self.changed(base, follow(&mut changes, span), &mut heights)?,
            };
            if totals.height as usize > DEEPEST {
                return Err(broken(format_args!("it is more than {DEEPEST} components deep")));
            }
            let charge = match receipt {
                None => None,
                Some(number) => {
                    let receipt = self.receipts.get(number as usize).cloned();
                    Some(receipt.ok_or_else(|| broken("a directory has a receipt that there is not"))?)
                }
            };
            let meta = DirMeta { created: timestamp(created)?, modified: timestamp(modified)?, listed };
            self.dirs.push(Arc::new(Dir { entries, totals, meta, charge }));
        }
        Ok(())
    }

    /// The entries of a directory that lists them.
    fn listed(&self, range: Option<Range<u64>>) -> Result<(DirMap, Totals)> {
        let records = range.and_then(|range| self.meta.entries.slice(range));
        let records =
            records.ok_or_else(|| broken("the entries of a directory are not where they must be"))?;
        let (mut totals, mut last) = (Totals::default(), None);
        let mut entries = Vec::with_capacity(records.len());
        for record in records.iter() {
            let name = self.name(record.name, &mut last)?;
            let node = self.node(record.node, record.placed)?;
            let added = Totals::of_entry(name.charged(), node.as_ref());
            totals = exchanged(&totals, &Totals::default(), &added)?;
            totals.height = totals.height.max(added.height);
            entries.push((name, Entry { node, placed: record.placed }));
        }
        Ok((entries.into_iter().collect(), totals))
    }

    /// The entries of a directory that differ from those of another. They share their map.
    fn changed(
        &self,
        base: u32,
        range: Option<Range<u64>>,
        heights: &mut Heights,
    ) -> Result<(DirMap, Totals)> {
        let records = range.and_then(|range| self.meta.changes.slice(range));
        let records =
            records.ok_or_else(|| broken("the changes of a directory are not where they must be"))?;
        let number = base;
        let base = self.dirs.get(number as usize);
        let base = base.ok_or_else(|| broken("a directory has a base that does not come before it"))?;
        let (mut entries, mut totals, mut last) = (base.entries.clone(), base.totals, None);
        let mut tally = heights.of_base(number, base);
        for record in records.iter() {
            let name = self.name(record.name, &mut last)?;
            let old = entries.get_stored(name.as_str()).map(|(name, entry)| (name.clone(), entry.clone()));
            let said = record.old.map(|node| self.node(node, 0)).transpose()?;
            let as_said = match (&old, &said) {
                (None, None) => true,
                (Some((_, is)), Some(said)) => is.node.ptr_eq(said),
                _ => false,
            };
            if !as_said {
                return Err(broken("a directory differs from its base in what its base has not"));
            }
            let new = record.new.map(|(node, placed)| Ok(Entry { node: self.node(node, placed)?, placed }));
            let new: Option<Entry> = new.transpose()?;
            let sum = |name: &Name, entry: &Entry| Totals::of_entry(name.charged(), entry.node.as_ref());
            let removed = old.as_ref().map_or_else(Totals::default, |(name, old)| sum(name, old));
            let added = new.as_ref().map_or_else(Totals::default, |new| sum(&name, new));
            totals = exchanged(&totals, &removed, &added)?;
            old.iter().for_each(|(_, old)| tally.remove(old.node.as_ref()));
            new.iter().for_each(|new| tally.add(new.node.as_ref()));
            match (old, new) {
                (Some((old, _)), Some(new)) if old.kept_at() == name.kept_at() => {
                    *entries.get_mut(name.as_str()).expect("it was just there") = new;
                }
                (_, new) => {
                    entries.remove(name.as_str()); // with its name, which may be another long one
                    new.into_iter().for_each(|new| drop(entries.insert(name.clone(), new)));
                }
            }
        }
        totals.height = tally.height(entries.len());
        heights.keep(self.dirs.len() as u32, tally);
        Ok((entries, totals))
    }

    /// A name that comes after the last one.
    fn name(&self, name: NameRef, last: &mut Option<&'m str>) -> Result<Name> {
        let text = self.meta.name(name).ok_or_else(|| broken("an entry has a name that there is not"))?;
        if last.is_some_and(|last| last >= text) {
            return Err(broken(format_args!("the names of a directory are not in order at {text:?}")));
        }
        *last = Some(text);
        match name {
            NameRef::Long(number) => Ok(self.longs[number as usize].clone()),
            NameRef::Short(_) if path::is_name(text) => {
                Name::short(text).ok_or_else(|| broken("a long name is not among the long names"))
            }
            NameRef::Short(_) => Err(broken(format_args!("{text:?} is no name of an entry"))),
        }
    }

    /// A node that comes before the directory that it is in.
    fn node(&self, node: NodeRef, placed: u64) -> Result<Node> {
        if placed > self.meta.head.version {
            return Err(broken("an entry was placed after the last version"));
        }
        let found = match node {
            NodeRef::File(number) => self.files.get(number as usize).cloned().map(Node::File),
            NodeRef::Dir(number) => {
                let dir = self.dirs.get(number as usize).filter(|dir| dir.charge.is_some());
                dir.cloned().map(Node::Dir)
            }
        };
        found.ok_or_else(|| broken("an entry has a node that does not come before it"))
    }

    /// A root, whose tree is not too deep.
    fn root(&self, number: u32) -> Result<Tree> {
        let root = self.dirs.get(number as usize).filter(|dir| dir.charge.is_none());
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
        Ok(Tree::of(Arc::clone(root)))
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
