//! The index of a long file: which chunk covers an offset.
//!
//! A persistent B+ tree keyed by the offset at which a chunk starts. Clones share their nodes; an
//! edit copies those on the way down to what it changes, unless nobody else has them. It knows
//! nothing of charges, of drafts, nor that chunks lie end to end.
//!
//! Chunks of a file that was streamed are all equally long, so the position in a node is guessed
//! by arithmetic first, and searched for only where the guess is wrong. A node that overflows at
//! its end is not split in half but left full: files grow at the end.

use std::ops::Range;
use std::sync::Arc;

use super::chunk::{CHUNK, Chunk};

const FAN_SHIFT: u32 = 5;
/// The most entries in a node.
const FAN: usize = 1 << FAN_SHIFT;
const LEAF_SHIFT: u32 = CHUNK.trailing_zeros();

/// Chunks by the offset at which they start.
#[derive(Clone, Default)]
pub struct Index {
    root: Option<Arc<Node>>,
    len: usize,
}

/// Entries are in order, 1 to [`FAN`] of them; the key of a child is its first key.
#[derive(Clone)]
enum Node {
    Leaf(Vec<(u64, Arc<Chunk>)>),
    /// `shift`: a child of full nodes with full chunks spans `1 << shift` bytes.
    Branch {
        shift: u32,
        kids: Vec<(u64, Arc<Node>)>,
    },
}

impl Index {
    /// The number of chunks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The last chunk that starts at or before `offset`, and where it starts.
    #[inline]
    #[must_use]
    pub fn floor(&self, offset: u64) -> Option<(u64, &Arc<Chunk>)> {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let (start, chunk) = &entries[position(entries, offset, LEAF_SHIFT)?];
                    return Some((*start, chunk));
                }
                Node::Branch { shift, kids } => node = &kids[position(kids, offset, *shift)?].1,
            }
        }
    }

    /// As [`floor`](Self::floor), to be changed.
    #[inline]
    #[must_use]
    pub fn floor_mut(&mut self, offset: u64) -> Option<(u64, &mut Arc<Chunk>)> {
        let mut node = self.root.as_mut()?;
        loop {
            match Arc::make_mut(node) {
                Node::Leaf(entries) => {
                    let at = position(entries, offset, LEAF_SHIFT)?;
                    let (start, chunk) = &mut entries[at];
                    return Some((*start, chunk));
                }
                Node::Branch { shift, kids } => {
                    let at = position(kids, offset, *shift)?;
                    node = &mut kids[at].1;
                }
            }
        }
    }

    /// The last chunk, and where it starts.
    #[must_use]
    pub fn last(&self) -> Option<(u64, &Arc<Chunk>)> {
        self.floor(u64::MAX)
    }

    /// The chunks that start at or after `start`, in order. O(log n) each.
    pub fn from(&self, start: u64) -> impl Iterator<Item = (u64, &Arc<Chunk>)> {
        let first = self.floor(start).filter(|(at, _)| *at >= start);
        std::iter::successors(first, |(at, chunk)| {
            self.floor(at + chunk.len() as u64).filter(|(next, _)| next > at)
        })
    }

    /// Hands on the chunks that start in `range`, in order, and before them the last one that starts earlier.
    pub fn around<'a>(&'a self, range: Range<u64>, found: &mut impl FnMut(u64, &'a Arc<Chunk>)) {
        if let Some(root) = &self.root {
            root.around(&range, found);
        }
    }

    /// Adds a chunk where none starts yet.
    pub fn insert(&mut self, start: u64, chunk: Arc<Chunk>) {
        self.len += 1;
        let Some(root) = &mut self.root else {
            self.root = Some(Arc::new(Node::Leaf(vec![(start, chunk)])));
            return;
        };
        if let Some(right) = insert(root, start, chunk) {
            let shift = match **root {
                Node::Leaf(_) => LEAF_SHIFT,
                Node::Branch { shift, .. } => shift,
            } + FAN_SHIFT;
            let left = (root.first(), Arc::clone(root));
            *root = Arc::new(Node::Branch { shift, kids: vec![left, right] });
        }
    }

    /// Takes out the chunk that starts at `start`.
    pub fn remove(&mut self, start: u64) -> Option<Arc<Chunk>> {
        let removed = remove(self.root.as_mut()?, start)?;
        self.len -= 1;
        while let Some(root) = &mut self.root {
            match &**root {
                Node::Leaf(entries) if entries.is_empty() => self.root = None,
                Node::Branch { kids, .. } if kids.is_empty() => self.root = None,
                Node::Branch { kids, .. } if kids.len() == 1 => *root = Arc::clone(&kids[0].1),
                _ => break,
            }
        }
        Some(removed)
    }

    /// Checks what the index promises of its nodes.
    ///
    /// # Errors
    ///
    /// Which promise is broken.
    #[cfg(any(test, feature = "internals"))]
    pub fn check_consistent(&self) -> Result<(), String> {
        let count = self.root.as_ref().map_or(Ok(0), |root| root.check(None))?;
        if count == self.len {
            Ok(())
        } else {
            Err(format!("the index says {} chunks and has {count}", self.len))
        }
    }
}

impl Node {
    fn around<'a>(&'a self, range: &Range<u64>, found: &mut impl FnMut(u64, &'a Arc<Chunk>)) {
        match self {
            Node::Leaf(entries) => {
                let first = position(entries, range.start, LEAF_SHIFT).unwrap_or(0);
                let those = entries[first..].iter().take_while(|(start, _)| *start < range.end);
                those.for_each(|(start, chunk)| found(*start, chunk));
            }
            Node::Branch { shift, kids } => {
                let first = position(kids, range.start, *shift).unwrap_or(0);
                let those = kids[first..].iter().take_while(|(start, _)| *start < range.end);
                those.for_each(|(_, kid)| kid.around(range, found));
            }
        }
    }

    fn first(&self) -> u64 {
        match self {
            Node::Leaf(entries) => entries[0].0,
            Node::Branch { kids, .. } => kids[0].0,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Node::Leaf(entries) => entries.is_empty(),
            Node::Branch { kids, .. } => kids.is_empty(),
        }
    }

    /// The number of chunks below. `shift` is what a node of this depth must have: the depth is
    /// the same everywhere.
    #[cfg(any(test, feature = "internals"))]
    fn check(&self, shift: Option<u32>) -> Result<usize, String> {
        fn check_entries<T>(entries: &[(u64, T)]) -> Result<(), String> {
            if entries.is_empty() || entries.len() > FAN {
                return Err(format!("a node has {} entries", entries.len()));
            }
            if entries.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                return Err("the entries of a node are not in order".into());
            }
            Ok(())
        }
        match self {
            Node::Leaf(entries) => {
                check_entries(entries)?;
                if shift.is_some_and(|shift| shift != LEAF_SHIFT) {
                    return Err("a leaf is not at the bottom".into());
                }
                Ok(entries.len())
            }
            Node::Branch { shift: own, kids } => {
                check_entries(kids)?;
                if shift.is_some_and(|shift| shift != *own) || *own <= LEAF_SHIFT {
                    return Err("a branch is at the wrong depth".into());
                }
                let mut count = 0;
                for (key, kid) in kids {
                    count += kid.check(Some(own - FAN_SHIFT))?;
                    if *key != kid.first() {
                        return Err("the key of a node is not its first".into());
                    }
                }
                Ok(count)
            }
        }
    }
}

/// The last entry whose key is at or before `offset`.
#[inline]
fn position<T>(entries: &[(u64, T)], offset: u64, shift: u32) -> Option<usize> {
    let (first, _) = entries.first()?;
    let guess = (offset.checked_sub(*first)? >> shift).min(entries.len() as u64 - 1) as usize;
    if entries[guess].0 <= offset && entries.get(guess + 1).is_none_or(|next| offset < next.0) {
        return Some(guess);
    }
    Some(entries.partition_point(|entry| entry.0 <= offset) - 1) // the first one is
}

/// Adds below `node`; gives back its new right sibling if it had to be split.
fn insert(node: &mut Arc<Node>, start: u64, chunk: Arc<Chunk>) -> Option<(u64, Arc<Node>)> {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => {
            let right = put(entries, start, chunk)?;
            Some((right[0].0, Arc::new(Node::Leaf(right))))
        }
        Node::Branch { shift, kids } => {
            let at = kids.partition_point(|kid| kid.0 <= start).saturating_sub(1);
            kids[at].0 = kids[at].0.min(start);
            let (key, split) = insert(&mut kids[at].1, start, chunk)?;
            let right = put(kids, key, split)?;
            Some((right[0].0, Arc::new(Node::Branch { shift: *shift, kids: right })))
        }
    }
}

/// Adds to the entries of a node; gives back those of its new right sibling if they are too many.
fn put<T>(entries: &mut Vec<(u64, T)>, key: u64, item: T) -> Option<Vec<(u64, T)>> {
    let at = entries.partition_point(|entry| entry.0 < key);
    debug_assert!(entries.get(at).is_none_or(|entry| entry.0 != key), "two chunks start at {key}");
    if entries.len() < FAN {
        entries.insert(at, (key, item));
        return None;
    }
    if at == FAN {
        return Some(vec![(key, item)]);
    }
    let mut right = entries.split_off(FAN / 2);
    if at <= FAN / 2 {
        entries.insert(at, (key, item));
    } else {
        right.insert(at - FAN / 2, (key, item));
    }
    Some(right)
}

/// Takes out below `node`, which may be left empty.
fn remove(node: &mut Arc<Node>, start: u64) -> Option<Arc<Chunk>> {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => {
            let at = entries.binary_search_by_key(&start, |entry| entry.0).ok()?;
            Some(entries.remove(at).1)
        }
        Node::Branch { kids, .. } => {
            let at = kids.partition_point(|kid| kid.0 <= start).checked_sub(1)?;
            let removed = remove(&mut kids[at].1, start);
            if kids[at].1.is_empty() {
                kids.remove(at);
            } else {
                kids[at].0 = kids[at].1.first();
            }
            removed
        }
    }
}
