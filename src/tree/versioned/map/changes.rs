//! Comparing two versions of a map.

use std::cmp::Ordering;
use std::mem::MaybeUninit;
use std::ptr;

use super::super::dead::Value;
use super::super::name::{Name, compare};
use super::node::Node;
use super::path::HIGHEST;

/// A name at which two maps differ.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The name.
    pub name: &'a Name,
    /// What stands there in the older map.
    pub old: Option<Value>,
    /// What stands there in the newer map.
    pub new: Option<Value>,
}

/// The differences of two maps, in order of names.
pub struct Changes<'a> {
    old: Side<'a>,
    new: Side<'a>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(old: Option<Node<'a>>, new: Option<Node<'a>>) -> Self {
        Self { old: Side::new(old), new: Side::new(new) }
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        // Both sides have passed the same names. The side that is behind goes on alone, so a side enters a node
        // only if the other one has something in it, or is at the same place in a node of the same level.
        loop {
            let order = match (self.old.at, self.new.at) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(At::Node(old)), Some(At::Node(new))) if old == new => {
                    self.old.skip();
                    self.new.skip();
                    continue;
                }
                (Some(old), Some(new)) => order(old.least(), new.least()),
            };
            match (order, self.old.at, self.new.at) {
                (Ordering::Less, Some(At::Entry(name, value)), _) => {
                    self.old.skip();
                    return Some(Change { name, old: Some(value), new: None });
                }
                (Ordering::Greater, _, Some(At::Entry(name, value))) => {
                    self.new.skip();
                    return Some(Change { name, old: None, new: Some(value) });
                }
                (Ordering::Equal, Some(At::Entry(_, old)), Some(At::Entry(name, new))) => {
                    self.old.skip();
                    self.new.skip();
                    if old != new {
                        return Some(Change { name, old: Some(old), new: Some(new) });
                    }
                }
                (Ordering::Less, ..) => self.old.enter(),
                (Ordering::Greater, ..) => self.new.enter(),
                (Ordering::Equal, old, new) => {
                    let (old, new) = (old.map(At::height), new.map(At::height));
                    if old >= new {
                        self.old.enter();
                    }
                    if new >= old {
                        self.new.enter();
                    }
                }
            }
        }
    }
}

impl std::iter::FusedIterator for Changes<'_> {}

impl std::fmt::Debug for Changes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

fn order(a: &Name, b: &Name) -> Ordering {
    if ptr::addr_eq(a, b) { Ordering::Equal } else { compare(a.as_str().as_bytes(), b.as_str().as_bytes()) }
}

/// What is next on one side: a node that was not entered, or an entry.
#[derive(Clone, Copy)]
enum At<'a> {
    Node(Node<'a>),
    Entry(&'a Name, Value),
}

impl<'a> At<'a> {
    fn least(self) -> &'a Name {
        match self {
            At::Node(node) => node.least(),
            At::Entry(name, _) => name,
        }
    }

    fn height(self) -> u8 {
        match self {
            At::Node(node) => node.head().level + 1,
            At::Entry(..) => 0,
        }
    }
}

struct Side<'a> {
    at: Option<At<'a>>,
    /// The nodes that were entered, each with the slot that `at` is in.
    len: usize,
    above: [MaybeUninit<(Node<'a>, usize)>; HIGHEST],
}

impl<'a> Side<'a> {
    fn new(root: Option<Node<'a>>) -> Self {
        Self { at: root.map(At::Node), len: 0, above: [MaybeUninit::uninit(); HIGHEST] }
    }

    /// Goes into the node that is next; only if it is one.
    fn enter(&mut self) {
        if let Some(At::Node(node)) = self.at {
            self.go(node, 0);
        }
    }

    /// Leaves out what is next.
    fn skip(&mut self) {
        while self.len > 0 {
            self.len -= 1;
            // SAFETY: the first `len` are written.
            let (node, slot) = unsafe { self.above[self.len].assume_init() };
            if slot + 1 < node.len() {
                return self.go(node, slot + 1);
            }
        }
        self.at = None;
    }

    fn go(&mut self, node: Node<'a>, slot: usize) {
        self.above[self.len].write((node, slot));
        self.len += 1;
        self.at = Some(if node.is_leaf() {
            At::Entry(node.name(slot), node.value(slot))
        } else {
            At::Node(node.child(slot))
        });
    }
}
