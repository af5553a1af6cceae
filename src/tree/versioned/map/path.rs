//! The way from the root to a slot of a leaf.

use std::cmp::Ordering;
use std::mem::MaybeUninit;

use super::super::name::{common, compare};
use super::node::Node;

/// More levels than a map of 2³² entries can have (M7).
pub const HIGHEST: usize = 20;

/// A slot in each node from the root to a leaf. A slot behind the last one is allowed in the leaf.
#[derive(Clone)]
pub struct Path<'a> {
    len: usize,
    steps: [MaybeUninit<(Node<'a>, usize)>; HIGHEST],
}

/// Where a name is, or would be, together with a path.
#[derive(Clone, Copy)]
pub struct Place {
    pub found: bool,
    /// For a name that is not there: bytes that it shares with a name of the leaf.
    pub common: usize,
    /// For a name that is not there: on which side of that name it is.
    pub side: Ordering,
}

impl<'a> Path<'a> {
    /// To nowhere yet. It is large, so it is passed by reference.
    #[inline]
    pub fn new() -> Self {
        Self { len: 0, steps: [MaybeUninit::uninit(); HIGHEST] }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn step(&self, depth: usize) -> (Node<'a>, usize) {
        assert!(depth < self.len);
        // SAFETY: the first `len` are written.
        unsafe { self.steps[depth].assume_init() }
    }

    #[inline]
    pub fn last(&self) -> (Node<'a>, usize) {
        self.step(self.len - 1)
    }

    #[inline]
    fn push(&mut self, node: Node<'a>, slot: usize) {
        self.steps[self.len].write((node, slot));
        self.len += 1;
    }

    /// To the first entry at or below a node.
    fn descend_first(&mut self, mut node: Node<'a>) {
        while !node.is_leaf() {
            self.push(node, 0);
            node = node.child(0);
        }
        self.push(node, 0);
    }

    /// To the first entry.
    pub fn first(root: Node<'a>) -> Self {
        let mut path = Self::new();
        path.descend_first(root);
        path
    }

    /// To the first entry that is not less than `text`.
    pub fn from(root: Node<'a>, text: &[u8]) -> Option<Self> {
        let mut path = Self::new();
        let place = Place::of(root, text, &mut path);
        if !place.found {
            // In the first node that `text` does not fit into, it is before or behind everything.
            let misfit =
                (0..path.len).find(|depth| path.step(*depth).0.head().prefix as usize > place.common);
            if let Some(depth) = misfit {
                let node = path.step(depth).0;
                path.len = depth;
                if place.side == Ordering::Less {
                    path.descend_first(node);
                } else {
                    return path.ascend().then_some(path);
                }
            }
        }
        let (leaf, slot) = path.last();
        (slot < leaf.len() || path.leave_leaf()).then_some(path)
    }

    /// To the first entry that is greater than `text`.
    pub fn after(root: Node<'a>, text: &[u8]) -> Option<Self> {
        let mut path = Self::from(root, text)?;
        let (leaf, slot) = path.last();
        if compare(leaf.text(slot), text) == Ordering::Equal && !path.next() { None } else { Some(path) }
    }

    /// To a name, or where it belongs; then, whether a run may have led astray.
    #[inline]
    fn search(&mut self, root: Node<'a>, text: &[u8], exact: bool) -> Result<(), bool> {
        let (mut node, mut unsure) = (root, 0);
        self.len = 0;
        while !node.is_leaf() {
            unsure = unsure.max(node.head().run_prefix);
            let slot = node.child_of(text, exact);
            self.push(node, slot);
            node = node.child(slot);
        }
        let place = node.place_of(text);
        self.push(node, place.unwrap_or_else(|slot| slot));
        place.map_or_else(|_| Err(!exact && node.may_mislead(text, unsure)), |_| Ok(()))
    }

    /// To the next entry; `false` if there is none.
    #[inline]
    pub fn next(&mut self) -> bool {
        let (leaf, slot) = self.last();
        if slot + 1 < leaf.len() {
            self.steps[self.len - 1].write((leaf, slot + 1));
            return true;
        }
        self.leave_leaf()
    }

    fn leave_leaf(&mut self) -> bool {
        self.len -= 1;
        self.ascend()
    }

    /// Up, and down to the first entry behind.
    fn ascend(&mut self) -> bool {
        while self.len > 0 {
            let (node, slot) = self.last();
            self.len -= 1;
            if slot + 1 < node.len() {
                self.push(node, slot + 1);
                self.descend_first(node.child(slot + 1));
                return true;
            }
        }
        false
    }
}

impl Place {
    /// Looks for a name. `path` is led to it. Where it is not found, `path` leads to where it belongs, down to the
    /// first node whose prefix is longer than `common`.
    #[inline]
    pub fn of<'a>(root: Node<'a>, text: &[u8], path: &mut Path<'a>) -> Self {
        let unsure = match path.search(root, text, false) {
            Ok(()) => return Self { found: true, common: text.len(), side: Ordering::Equal },
            Err(unsure) => unsure,
        };
        if unsure && path.search(root, text, true).is_ok() {
            return Self { found: true, common: text.len(), side: Ordering::Equal };
        }
        // Down to the first misfit the search was exact: all nodes above have the prefix that `text` has, so
        // the leaf's names, whichever leaf it is, are of the misfit.
        let other = path.last().0.text(0);
        Self { found: false, common: common(text, other), side: compare(text, other) }
    }
}
