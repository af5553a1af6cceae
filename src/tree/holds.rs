//! The paths that are open under a lock, as part of the root.
//!
//! Because holds are in the value that a commit replaces, "is this path, or anything below it,
//! open?" is a precondition like any other and cannot be out of date when it counts.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use crate::path;

/// The holds of one root. Persistent; none and a single one take no memory of their own.
#[derive(Clone, Default, Debug)]
pub struct Holds {
    held: Held,
    /// Holds that keep room for a file which has no name yet.
    reserved: u32,
}

/// What is held. `Many` has at least two paths when a hold was added last, and may have fewer once some ended.
#[derive(Clone, Default, Debug)]
enum Held {
    #[default]
    None,
    One(HeldPath, Hold),
    Many(imbl::OrdMap<HeldPath, Hold>),
}

/// How a path is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By so many handles that keep writers out.
    Shared(u32),
    /// By one handle that writes.
    Exclusive {
        /// Whether the hold keeps room under the node limit for a file that it will create.
        reserves_node: bool,
    },
}

/// A path, in tree order: what is below a path follows it directly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HeldPath(Arc<str>);

impl PartialOrd for HeldPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeldPath {
    fn cmp(&self, other: &Self) -> Ordering {
        path::compare(&self.0, &other.0)
    }
}

/// Looks a path up without owning it.
struct Probe<'a>(&'a str);

impl equivalent::Equivalent<HeldPath> for Probe<'_> {
    fn equivalent(&self, key: &HeldPath) -> bool {
        *self.0 == *key.0
    }
}

impl equivalent::Comparable<HeldPath> for Probe<'_> {
    fn compare(&self, key: &HeldPath) -> Ordering {
        path::compare(self.0, &key.0)
    }
}

impl Held {
    fn get_mut(&mut self, path: &str) -> Option<&mut Hold> {
        match self {
            Self::None => None,
            Self::One(held, hold) => (*held.0 == *path).then_some(hold),
            Self::Many(held) => held.get_mut(&Probe(path)),
        }
    }

    /// Adds a path that is not there.
    fn insert(&mut self, path: HeldPath, hold: Hold) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(path, hold),
            Self::One(other, its) => Self::Many([(other, its), (path, hold)].into_iter().collect()),
            Self::Many(mut held) => {
                held.insert(path, hold);
                Self::Many(held)
            }
        };
    }

    /// Takes out a path that is there.
    fn remove(&mut self, path: &str) {
        if let Self::Many(held) = self {
            held.remove(&Probe(path));
            if !held.is_empty() {
                return;
            }
        }
        *self = Self::None;
    }
}

impl Holds {
    /// Whether nothing is held.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.held, Held::None)
    }

    /// The hold of exactly this path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<Hold> {
        match &self.held {
            Held::None => None,
            Held::One(held, hold) => (*held.0 == *path).then_some(*hold),
            Held::Many(held) => held.get(&Probe(path)).copied(),
        }
    }

    /// The first held path at `path` or below it. O(log holds).
    #[must_use]
    #[inline]
    pub fn at_or_below(&self, path: &str) -> Option<&str> {
        let first = match &self.held {
            Held::None => return None,
            Held::One(held, _) => held,
            Held::Many(held) => {
                let from = (Bound::Included(&Probe(path)), Bound::Unbounded);
                held.range::<_, Probe<'_>>(from).next()?.0
            }
        };
        path::starts_with(&first.0, path).then_some(&*first.0)
    }

    /// Files that holds keep room for under the node limit.
    #[must_use]
    pub fn reserved_nodes(&self) -> u64 {
        u64::from(self.reserved)
    }

    /// Whether one more hold of this sort could be added beside those there are.
    #[must_use]
    pub fn admits(&self, path: &str, shared: bool) -> bool {
        match self.at(path) {
            None => true,
            Some(Hold::Shared(_)) => shared,
            Some(Hold::Exclusive { .. }) => false,
        }
    }

    /// Adds a hold that [`admits`](Self::admits) allowed.
    pub fn add(&mut self, path: &Arc<str>, shared: bool, reserves_node: bool) {
        match self.held.get_mut(path) {
            Some(Hold::Shared(count)) => *count += 1,
            _ => {
                let hold = if shared { Hold::Shared(1) } else { Hold::Exclusive { reserves_node } };
                self.held.insert(HeldPath(Arc::clone(path)), hold);
                self.reserved += u32::from(reserves_node);
            }
        }
    }

    /// Ends one hold of a path.
    pub fn end(&mut self, path: &str) {
        self.use_reserved_node(path);
        match self.held.get_mut(path) {
            Some(Hold::Shared(count)) if *count > 1 => *count -= 1,
            Some(_) => self.held.remove(path),
            None => {}
        }
    }

    /// Gives up the room that a hold keeps for its file, because the file now exists.
    pub fn use_reserved_node(&mut self, path: &str) {
        if self.reserved > 0
            && let Some(Hold::Exclusive { reserves_node }) = self.held.get_mut(path)
        {
            self.reserved -= u32::from(std::mem::take(reserves_node));
        }
    }

    /// All held paths with their holds, in tree order.
    #[cfg(any(test, feature = "internals"))]
    pub fn iter(&self) -> impl Iterator<Item = (&str, Hold)> {
        let (one, many) = match &self.held {
            Held::None => (None, None),
            Held::One(path, hold) => (Some((path, hold)), None),
            Held::Many(held) => (None, Some(held)),
        };
        one.into_iter().chain(many.into_iter().flatten()).map(|(path, hold)| (&*path.0, *hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(paths: &[&str]) -> Holds {
        let mut holds = Holds::default();
        for path in paths {
            holds.add(&Arc::from(*path), false, false);
        }
        holds
    }

    #[test]
    fn below_is_by_component_and_not_by_prefix() {
        let holds = held(&["/a/b", "/ab", "/a!"]);
        assert_eq!(holds.at_or_below("/a"), Some("/a/b"));
        assert_eq!(holds.at_or_below("/a/b"), Some("/a/b"));
        assert_eq!(holds.at_or_below("/a/b/c"), None);
        assert_eq!(holds.at_or_below("/"), Some("/a/b"));
        assert_eq!(held(&["/ab", "/a!"]).at_or_below("/a"), None);
    }

    #[test]
    fn shared_holds_are_counted_and_exclude_writers() {
        let mut holds = Holds::default();
        holds.add(&Arc::from("/f"), true, false);
        holds.add(&Arc::from("/f"), true, false);
        assert!(holds.admits("/f", true) && !holds.admits("/f", false));
        holds.end("/f");
        assert_eq!(holds.at("/f"), Some(Hold::Shared(1)));
        holds.end("/f");
        assert!(holds.is_empty() && holds.admits("/f", false));
    }

    #[test]
    fn holds_come_and_go_in_any_order() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let paths = ["/c", "/a", "/b"];
            let mut holds = held(&paths);
            assert_eq!(holds.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["/a", "/b", "/c"]);
            for (ended, path) in order.into_iter().map(|at| paths[at]).enumerate() {
                assert!(holds.at(path).is_some() && holds.at_or_below(path) == Some(path));
                holds.end(path);
                assert_eq!((holds.at(path), holds.iter().count()), (None, 2 - ended));
            }
            assert!(holds.is_empty());
        }
    }

    #[test]
    fn a_reserved_node_is_given_up_once() {
        let mut holds = Holds::default();
        holds.add(&Arc::from("/f"), false, true);
        assert_eq!(holds.reserved_nodes(), 1);
        holds.use_reserved_node("/f");
        assert_eq!(holds.reserved_nodes(), 0);
        holds.end("/f");
        assert_eq!(holds.reserved_nodes(), 0);
        holds.add(&Arc::from("/f"), false, true);
        holds.end("/f");
        assert_eq!(holds.reserved_nodes(), 0);
    }
}
