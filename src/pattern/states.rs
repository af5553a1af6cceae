//! A set of positions in a pattern. It knows nothing of what stands there.

use std::sync::Arc;

/// Where a [`Pattern`](super::Pattern) stands: the positions of the parts that may come next.
///
/// Cheap to clone. A pattern of up to 128 parts needs no allocation for it; in longer ones the
/// set takes room for its members, not for the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct States(Set);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Set {
    /// One bit each; all are below 128.
    Bits(u128),
    /// Ascending; at least one is not below 128.
    List(Arc<Vec<usize>>),
}

impl Default for States {
    fn default() -> Self {
        Self(Set::Bits(0))
    }
}

impl States {
    /// Whether nothing can match from here on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == Set::Bits(0)
    }

    /// The only member, if there is just one.
    pub(super) fn only(&self) -> Option<usize> {
        let mut members = self.iter();
        members.next().filter(|_| members.next().is_none())
    }

    /// Adds a position; takes constant time if it is above all others or among the last ones.
    pub(super) fn insert(&mut self, at: usize) {
        match &mut self.0 {
            Set::Bits(bits) if at < 128 => *bits |= 1 << at,
            Set::Bits(_) => {
                let members = self.iter().chain([at]).collect();
                self.0 = Set::List(Arc::new(members));
            }
            Set::List(members) => {
                let above = members.iter().rev().take_while(|&&member| member > at).count();
                let place = members.len() - above;
                if place.checked_sub(1).is_none_or(|before| members[before] != at) {
                    Arc::make_mut(members).insert(place, at);
                }
            }
        }
    }

    /// The members, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let (mut bits, mut list) = match &self.0 {
            Set::Bits(bits) => (*bits, [].iter()),
            Set::List(list) => (0, list.iter()),
        };
        std::iter::from_fn(move || {
            if bits == 0 {
                return list.next().copied();
            }
            let at = bits.trailing_zeros();
            bits &= bits - 1;
            Some(at as usize)
        })
    }
}
