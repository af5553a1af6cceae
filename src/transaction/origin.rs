//! Where in the base root things come from that a transaction has moved, and what is its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::path;
use crate::tree::edit::{Edit, new_levels};

/// Maps paths of a private root to paths of the base root that it started from.
///
/// Each path has an origin: the path in the base whose node or absence it still shows, or none
/// where what stands there, or that nothing does, is the transaction's own doing. What is below a
/// path has the origin that follows from it, unless it is listed itself.
///
/// Invariant: where `of(p)` is `Some(q)`, the private root has at `p` what the base has at `q`:
/// the same file, nothing, or a directory whose entries follow the same rule.
#[derive(Debug, Default)]
pub struct Origins {
    changed: BTreeMap<Box<str>, Option<Box<str>>>,
}

/// What a move takes along: endings of paths with their origins.
type Moved = Vec<(Box<str>, Option<Box<str>>)>;

impl Origins {
    /// The path in the base whose node or absence is at `path`. O(depth × log changes).
    pub fn of<'p>(&self, path: &'p str) -> Option<Cow<'p, str>> {
        if self.changed.is_empty() {
            return Some(Cow::Borrowed(path));
        }
        let mut above = path;
        loop {
            if let Some(origin) = self.changed.get(above) {
                let origin = origin.as_deref()?;
                return Some(Cow::Owned([origin, &path[above.len()..]].concat()));
            }
            match path::split_last(above) {
                Some((parent, _)) => above = parent,
                None => return Some(Cow::Borrowed(path)),
            }
        }
    }

    /// The paths below `path` that were brought there from elsewhere in the base, each with where
    /// it was.
    pub fn brought_below(&self, path: &str) -> impl Iterator<Item = (&str, &str)> {
        self.below(path).filter_map(|(path, origin)| Some((path, origin?)))
    }

    fn below(&self, path: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
        // Keys are ordered as strings: those that start with `path/` follow one another.
        let prefix: Box<str> = if path == "/" { "/".into() } else { [path, "/"].concat().into() };
        let from = (Bound::Included(&*prefix), Bound::Unbounded);
        let keys = self.changed.range::<str, _>(from).map(|(path, origin)| (&**path, origin.as_deref()));
        keys.take_while(move |(path, _)| path.starts_with(&*prefix)).filter(|(path, _)| *path != "/")
    }

    /// Follows an edit that was applied to the private root.
    pub fn follow(&mut self, edit: &Edit) {
        match edit {
            Edit::MakeDirs { path, new, .. } => self.set(new_levels(path, new.len()).0, None),
            Edit::Put { path, .. }
            | Edit::Graft { path, .. }
            | Edit::Remove { path, .. }
            | Edit::SetModified { path, file: Some(_), .. } => self.set(path, None),
            Edit::Clear { .. } => {
                self.changed.clear();
                self.changed.insert("/".into(), None);
            }
            Edit::Move { from, to, .. } => {
                let moved = self.take(from);
                self.set(from, None);
                self.bring(to, moved);
            }
            Edit::Exchange { a, b, .. } => {
                let (from_a, from_b) = (self.take(a), self.take(b));
                self.bring(a, from_b);
                self.bring(b, from_a);
            }
            // A directory whose time was set still shows what the base has there.
            Edit::SetModified { file: None, .. } | Edit::Expect { .. } => {}
            Edit::Restore { .. } | Edit::Hold(_) | Edit::Release { .. } => {
                debug_assert!(false, "no transaction does {edit:?}");
            }
        }
    }

    /// Gives a path an origin, and all below it the one that follows from it.
    fn set(&mut self, path: &str, origin: Option<Box<str>>) {
        let below: Vec<Box<str>> = self.below(path).map(|(path, _)| path.into()).collect();
        for path in &below {
            self.changed.remove(path);
        }
        self.changed.remove(path);
        if self.of(path).as_deref() != origin.as_deref() {
            self.changed.insert(path.into(), origin);
        }
    }

    fn take(&self, path: &str) -> Moved {
        let own = ("".into(), self.of(path).map(Into::into));
        let below =
            self.below(path).map(|(below, origin)| (below[path.len()..].into(), origin.map(Box::from)));
        std::iter::once(own).chain(below).collect()
    }

    fn bring(&mut self, to: &str, moved: Moved) {
        for (ending, origin) in moved {
            self.set(&[to, &ending].concat(), origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::meta::Timestamp;

    fn shift(origins: &mut Origins, from: &str, to: &str) {
        let (from, to) = (from.into(), to.into());
        origins.follow(&Edit::Move { from, to, name: None, replace: false, now: Timestamp::default() });
    }

    fn remove(origins: &mut Origins, path: &str) {
        let what = crate::tree::edit::Removal::Tree;
        origins.follow(&Edit::Remove { path: path.into(), what, now: Timestamp::default() });
    }

    #[track_caller]
    fn check(origins: &Origins, expected: &[(&str, Option<&str>)]) {
        for (path, origin) in expected {
            assert_eq!(origins.of(path).as_deref(), *origin, "of {path}");
        }
    }

    #[test]
    fn what_was_not_touched_is_its_own_origin() {
        let mut origins = Origins::default();
        check(&origins, &[("/", Some("/")), ("/a/b", Some("/a/b"))]);
        remove(&mut origins, "/a/b");
        check(
            &origins,
            &[("/", Some("/")), ("/a", Some("/a")), ("/a/b", None), ("/a/b/c", None), ("/a/c", Some("/a/c"))],
        );
    }

    #[test]
    fn a_move_takes_along_what_is_below() {
        let mut origins = Origins::default();
        remove(&mut origins, "/a/gone");
        shift(&mut origins, "/x", "/a/x");
        shift(&mut origins, "/a", "/b/c");
        check(&origins, &[("/a", None), ("/a/f", None), ("/b/c", Some("/a")), ("/b/c/f", Some("/a/f"))]);
        check(&origins, &[("/b/c/gone", None), ("/b/c/x/y", Some("/x/y")), ("/x", None)]);
        let brought: Vec<_> = origins.brought_below("/b").collect();
        assert_eq!(brought, [("/b/c", "/a"), ("/b/c/x", "/x")]);
        shift(&mut origins, "/b/c", "/a");
        check(&origins, &[("/a", Some("/a")), ("/a/gone", None), ("/a/x", Some("/x")), ("/b/c", None)]);
        shift(&mut origins, "/a/x", "/x");
        check(&origins, &[("/x/y", Some("/x/y")), ("/a/x", None)]);
    }

    #[test]
    fn an_exchange_swaps_both_with_what_is_below() {
        let mut origins = Origins::default();
        remove(&mut origins, "/a/gone");
        origins.follow(&Edit::Exchange { a: "/a".into(), b: "/b".into(), now: Timestamp::default() });
        check(
            &origins,
            &[("/a", Some("/b")), ("/a/gone", Some("/b/gone")), ("/b/x", Some("/a/x")), ("/b/gone", None)],
        );
    }

    #[test]
    fn similar_names_are_not_below() {
        let mut origins = Origins::default();
        shift(&mut origins, "/k", "/a!");
        shift(&mut origins, "/l", "/ab");
        shift(&mut origins, "/m", "/a/m");
        assert_eq!(origins.brought_below("/a").collect::<Vec<_>>(), [("/a/m", "/m")]);
        remove(&mut origins, "/a");
        check(&origins, &[("/a!", Some("/k")), ("/ab/c", Some("/l/c")), ("/a/m", None)]);
        origins.follow(&Edit::Clear { now: Timestamp::default() });
        check(&origins, &[("/", None), ("/a!", None), ("/q", None)]);
        assert_eq!(origins.brought_below("/").count(), 0);
    }

    #[test]
    fn what_is_own_already_takes_no_room() {
        let mut origins = Origins::default();
        for path in ["/new", "/new/a", "/new/a/b", "/new/c"] {
            remove(&mut origins, path);
        }
        assert_eq!(origins.changed.len(), 1);
    }
}
