//! Glob patterns, matched component by component on the way down a tree.
//!
//! A pattern is a list of parts: what one component must look like, or `**`, any number of
//! components. Matching keeps the set of parts that may come next ([`States`]); one step takes it
//! past one name. So a walk asks once for each entry, learns at once where nothing below can
//! match, and never looks at an entry twice, however many `**` there are: a step costs at most
//! one comparison for each part in the set.
//!
//! What the specification leaves open is decided here: three or more `*` are one `*`, also as a
//! whole component; a range that runs backwards, as in `[z-a]`, has no members; after a range, and
//! at either end of a class, `-` is itself; a pattern with a part that no name can match (`.`,
//! `..`, over 255 bytes, an empty class) matches nothing, and its start says so.
//!
//! This module knows nothing of the tree, nor of paths as a whole: it sees one name at a time and
//! is told nothing of what the name stands for. It lists nothing, sorts nothing and keeps no
//! state between steps but what the caller hands it back.

use crate::error::{Error, ErrorKind, Result};

mod component;
mod states;

use component::Component;
pub use states::States;

/// A glob pattern, read once and matched by steps.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Never two `AnyDepth` in a row; empty if nothing can match.
    parts: Box<[Part]>,
}

#[derive(Debug, Clone)]
enum Part {
    /// `**`: any number of components; as the last part at least one.
    AnyDepth,
    One(Component),
}

/// What a [`Pattern`] says of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The entry matches the whole pattern.
    pub matched: bool,
    /// Where the pattern stands below the entry, if anything there could match.
    pub below: Option<States>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// It is split like a path, at `/` and `\`, and empty components are dropped. No length and no
    /// number of components is refused. Linear in the length of the pattern.
    ///
    /// # Errors
    ///
    /// `InvalidPattern`, naming the pattern, if a class is not closed or contains `/` or `\`.
    pub fn new(pattern: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let (mut rest, mut possible) = (pattern, true);
        loop {
            rest = rest.trim_start_matches(['/', '\\']);
            if rest.is_empty() {
                break;
            }
            let (component, after) = Component::parse(rest).map_err(|(place, problem)| {
                let at = pattern.len() - place.len();
                let detail = format!("the class opened at byte {at} {problem}; write `[[]` for a plain `[`");
                Error::new(ErrorKind::InvalidPattern).on(pattern).because(detail)
            })?;
            if &rest[..rest.len() - after.len()] != "**" {
                possible &= component.is_possible();
                parts.push(Part::One(component));
            } else if !matches!(parts.last(), Some(Part::AnyDepth)) {
                parts.push(Part::AnyDepth);
            }
            rest = after;
        }
        if !possible {
            parts.clear();
        }
        Ok(Self { parts: parts.into() })
    }

    /// Where the pattern stands at the root, before any component.
    ///
    /// It is empty if the pattern matches nothing at all.
    #[must_use]
    pub fn start(&self) -> States {
        let mut states = States::default();
        if !self.parts.is_empty() {
            self.enter(0, &mut states);
        }
        states
    }

    /// Takes the pattern past `name`, the name of an entry in the directory where it stands at
    /// `states`.
    ///
    /// The states must come from this pattern; for those of another the answer means nothing.
    #[must_use]
    pub fn step(&self, states: &States, name: &str) -> Step {
        let (mut matched, mut below) = (false, States::default());
        for at in states.iter() {
            let next = match self.parts.get(at) {
                Some(Part::AnyDepth) => {
                    matched |= at + 1 == self.parts.len();
                    at
                }
                Some(Part::One(component)) if component.matches(name) => at + 1,
                _ => continue,
            };
            if next < self.parts.len() {
                self.enter(next, &mut below);
            } else {
                matched = true;
            }
        }
        Step { matched, below: (!below.is_empty()).then_some(below) }
    }

    /// The only name that [`step`](Self::step) can do anything with, if there is just one: then
    /// one look-up does instead of a listing.
    #[must_use]
    pub fn only_name<'a>(&'a self, states: &States) -> Option<&'a str> {
        match self.parts.get(states.only()?)? {
            Part::AnyDepth => None,
            Part::One(component) => component.literal(),
        }
    }

    /// Whether the pattern matches a normalised path.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let (mut matched, mut below) = (false, Some(self.start()));
        for name in crate::path::components(path) {
            let Some(states) = below else { return false };
            Step { matched, below } = self.step(&states, name);
        }
        matched
    }

    /// Adds a part to come next, and the one after it if it is `**`, which may stand for nothing.
    fn enter(&self, at: usize, states: &mut States) {
        states.insert(at);
        if matches!(self.parts[at], Part::AnyDepth) && at + 1 < self.parts.len() {
            states.insert(at + 1);
        }
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
