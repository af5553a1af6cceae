//! What a transaction has read of the root that it started from.

use std::collections::HashMap;

use crate::path;
use crate::tree::edit::{Edit, Seen, SeenFile};
use crate::tree::held::Tree;
use crate::tree::lookup::find;
use crate::tree::node::NodeRef;

/// How much of a directory was read beside that it is one. Of a file or of nothing there is only
/// one thing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Nothing more.
    Node,
    /// Its times and its listing version.
    Meta,
    /// Its entries, with the metadata of each.
    Listing,
    /// Everything below it.
    Subtree,
}

/// The set of what was read, by path in the base.
#[derive(Debug, Default)]
pub struct Reads {
    noted: HashMap<Box<str>, Noted>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    meta: bool,
    listing: bool,
    subtree: bool,
}

impl Reads {
    /// Adds what was read at a path of the base.
    pub fn note(&mut self, path: &str, what: What) {
        if !self.noted.contains_key(path) {
            self.noted.insert(path.into(), Noted::default());
        }
        let noted = self.noted.get_mut(path).expect("just put there");
        match what {
            What::Node => {}
            What::Meta => noted.meta = true,
            What::Listing => noted.listing = true,
            What::Subtree => noted.subtree = true,
        }
    }

    /// The expectations that hold exactly where all that was read is as it is in `base`.
    pub fn expectations(self, base: &Tree) -> Vec<Edit> {
        let mut noted: Vec<_> = self.noted.into_iter().collect();
        noted.sort_unstable_by(|(a, _), (b, _)| path::compare(a, b));
        let mut edits: Vec<Edit> = Vec::with_capacity(noted.len());
        let mut covered: Option<Box<str>> = None;
        for (path, Noted { meta, listing, subtree }) in noted {
            if covered.as_ref().is_some_and(|covered| path::starts_with(&path, covered)) {
                continue; // it was read with what is above it
            }
            let mut expect = |seen| edits.push(Edit::Expect { path: (*path).into(), seen });
            match find(base, &path).map(|at| at.found) {
                Err(_) => expect(Seen::Absent),
                Ok(NodeRef::File(file)) => expect(Seen::File(SeenFile::of(file))),
                Ok(NodeRef::Dir(dir)) => {
                    if meta {
                        expect(Seen::DirMeta(dir.meta));
                    }
                    if subtree {
                        expect(Seen::Subtree(base.clone(), path.clone()));
                        covered = Some(path);
                    } else if listing {
                        expect(Seen::Listing(base.clone(), path.clone()));
                    } else if !meta && &*path != "/" {
                        expect(Seen::IsDir);
                    }
                }
            }
        }
        edits
    }
}
