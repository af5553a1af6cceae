//! The slabs, and which memory of theirs is out. Safe: it hands out places and touches none of them.
//!
//! Blocks of one size lie beside each other as they are taken: the first free run of the first slab that
//! has one, so that memory is filled in order and slabs at the end come free. Whole chunks have slabs of
//! their own, which so are never in pieces.

#![allow(unsafe_code, reason = "a place must be allowed to pass between threads")]

use std::ptr::NonNull;

use super::class::Class;
use super::region::{LARGE, Region};
use super::slab::{Map, UNIT};

/// The length of the first slab. Each next one is as long as all before it, up to a large page, so that a
/// process with few files does not pay for clearing large pages, nor one write of it.
pub const FIRST: usize = 256 << 10;

/// How far ahead small pages are touched at once.
const STEP: usize = 64 << 10;

/// The memory of empty slabs that is kept, if an eighth of what is out is not more.
pub const KEPT: usize = 16 << 20;

/// A place in a slab.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub start: NonNull<u8>,
    pub slab: u32,
}

// SAFETY: a place lets nobody read or write the memory; who does (`Buffer`) has it alone.
unsafe impl Send for Place {}

/// What blocks a slab has. Fixed while it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// None.
    Empty,
    /// Of any size. Slabs of small pages are always of this kind.
    Mixed,
    /// Of whole chunks.
    Whole,
}

impl Kind {
    /// The smallest block of this kind.
    fn smallest(self) -> Class {
        if self == Self::Whole { Class::LARGEST } else { Class::numbered(0) }
    }
}

#[derive(Debug)]
struct Slab {
    region: Region,
    map: Map,
    kind: Kind,
    /// Of small pages: from where on none was handed out or touched yet.
    fresh: usize,
}

impl Slab {
    /// Whether its pages are small.
    fn is_small(&self) -> bool {
        self.region.len() < LARGE
    }

    /// Has the next small pages provided if `end` is beyond those that were.
    fn touch(&mut self, end: usize) {
        if self.is_small() && end > self.fresh {
            let next = self.fresh + STEP; // slabs are whole steps
            self.region.touch(self.fresh..next);
            self.fresh = end.next_multiple_of(STEP).max(next);
        }
    }
}

/// All slabs.
///
/// Invariants:
/// * `out` is the sum of the blocks that were taken and not given back, and of each slab the map has
///   exactly those set.
/// * `reserved` is the sum of the regions; `empty` are the slabs without blocks, `empty_bytes` their sum.
/// * No slab before `from[kind]` has room for the smallest block of that kind.
#[derive(Debug)]
pub struct Central {
    slabs: Vec<Option<Slab>>,
    /// Numbers below `slabs.len()` that are free.
    unused: Vec<u32>,
    /// Those emptied last come last: their memory is hot.
    empty: Vec<u32>,
    empty_bytes: usize,
    from: [usize; 2],
    out: usize,
    reserved: usize,
}

impl Central {
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slabs: Vec::new(),
            unused: Vec::new(),
            empty: Vec::new(),
            empty_bytes: 0,
            from: [0; 2],
            out: 0,
            reserved: 0,
        }
    }

    /// Bytes of blocks that were taken and not given back.
    #[must_use]
    pub fn out(&self) -> usize {
        self.out
    }

    /// Bytes of slabs.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.reserved
    }

    /// Takes up to `places.len()` blocks, in ascending order where there is nothing in between; gives how
    /// many: at least one, unless the system has no memory. A slab is added only for the first one.
    pub fn take(&mut self, class: Class, places: &mut [Option<Place>]) -> usize {
        let kind = if class == Class::LARGEST { Kind::Whole } else { Kind::Mixed };
        let units = class.size() / UNIT;
        let mut taken = 0;
        let mut number = self.from[kind as usize - 1];
        while taken < places.len() {
            let Some(next) = self.with_room(number, kind, units) else {
                let Some(added) = (taken == 0).then(|| self.add(kind)).flatten() else { break };
                number = added;
                continue;
            };
            number = next;
            let Some(slab) = &mut self.slabs[number] else { continue };
            let mut end = 0;
            while taken < places.len() {
                let Some(at) = slab.map.take(units) else { break };
                end = end.max((at + units) * UNIT);
                // A place in the region of the slab, of which the map has the units.
                let start = slab.region.start().as_ptr().wrapping_add(at * UNIT);
                places[taken] = NonNull::new(start).map(|start| Place { start, slab: number as u32 });
                taken += 1;
                self.out += class.size();
            }
            slab.touch(end);
        }
        taken
    }

    /// Gives back a block; the slab is known afterwards to be empty, if it is.
    ///
    /// # Panics
    ///
    /// If the block is not out.
    pub fn give(&mut self, class: Class, place: Place) {
        let number = place.slab as usize;
        let slab = self.slabs[number].as_mut().expect("a slab with blocks stays");
        let at = place.start.as_ptr().addr() - slab.region.start().as_ptr().addr();
        slab.map.give(at / UNIT, class.size() / UNIT);
        self.out -= class.size();
        for (kind, from) in [Kind::Mixed, Kind::Whole].into_iter().zip(&mut self.from) {
            if slab.kind == kind || slab.is_small() {
                *from = number.min(*from);
            }
        }
        if slab.map.is_empty() {
            slab.kind = Kind::Empty;
            self.empty_bytes += slab.region.len();
            self.empty.push(place.slab);
        }
    }

    /// Takes out the slab that has been empty for longest, if there are more than `keep` bytes of them, to be
    /// given back to the system.
    pub fn excess(&mut self, keep: usize) -> Option<Region> {
        if self.empty_bytes <= keep {
            return None;
        }
        let number = self.empty.remove(0);
        let slab = self.slabs[number as usize].take()?;
        self.empty_bytes -= slab.region.len();
        self.reserved -= slab.region.len();
        self.unused.push(number);
        while let Some(None) = self.slabs.last() {
            self.slabs.pop();
        }
        let len = self.slabs.len();
        self.unused.retain(|&number| (number as usize) < len);
        if self.slabs.is_empty() {
            *self = Self::new(); // also what the lists have allocated
        }
        Some(slab.region)
    }

    /// What [`excess`](Self::excess) is to keep while nobody asks for more to be given back.
    #[must_use]
    pub fn keep(&self) -> usize {
        KEPT.max(self.out / 8)
    }

    /// The first slab from `number` on that may have room for blocks of this kind.
    fn with_room(&mut self, number: usize, kind: Kind, units: usize) -> Option<usize> {
        let from = &mut self.from[kind as usize - 1];
        let smallest = kind.smallest().size() / UNIT;
        let mut exhausted = number == *from;
        for (at, slab) in self.slabs.iter().enumerate().skip(number) {
            if let Some(slab) = slab
                && (slab.kind == kind || slab.is_small() && slab.kind != Kind::Empty)
            {
                if slab.map.may_have(units) {
                    return Some(at);
                }
                exhausted &= !slab.map.may_have(smallest);
            }
            if exhausted {
                *from = at + 1;
            }
        }
        None
    }

    /// An empty slab that was kept, or a new one, for blocks of this kind.
    fn add(&mut self, kind: Kind) -> Option<usize> {
        let number = match self.empty.pop() {
            Some(number) => number as usize,
            None => {
                let len = 1 << self.reserved.clamp(FIRST, LARGE).ilog2();
                let region = Region::new(len)?;
                self.reserved += len;
                let slab = Slab { region, map: Map::new(len / UNIT), kind, fresh: 0 };
                match self.unused.pop() {
                    Some(number) => {
                        self.slabs[number as usize] = Some(slab);
                        number as usize
                    }
                    None => {
                        self.slabs.push(Some(slab));
                        self.slabs.len() - 1
                    }
                }
            }
        };
        let slab = self.slabs[number].as_mut()?;
        if slab.kind == Kind::Empty {
            self.empty_bytes -= slab.region.len();
        }
        slab.kind = if slab.is_small() { Kind::Mixed } else { kind };
        for (other, from) in [Kind::Mixed, Kind::Whole].into_iter().zip(&mut self.from) {
            if kind == other || slab.is_small() {
                *from = number.min(*from);
            }
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::class::CLASSES;
    use super::*;
    use crate::content::CHUNK;

    impl Central {
        /// Checks the invariants, given all blocks that are out.
        fn check(&mut self, out: &[(Class, Place)]) {
            assert_eq!(self.out, out.iter().map(|(class, _)| class.size()).sum::<usize>());
            let slabs: Vec<_> = self.slabs.iter().flatten().collect();
            assert_eq!(self.reserved, slabs.iter().map(|slab| slab.region.len()).sum::<usize>());
            let empty = slabs.iter().filter(|slab| slab.map.is_empty());
            assert_eq!(self.empty_bytes, empty.map(|slab| slab.region.len()).sum::<usize>());
            for (number, slab) in self.slabs.iter().enumerate() {
                let listed = self.empty.iter().filter(|&&empty| empty as usize == number).count();
                let is_empty = slab.as_ref().is_some_and(|slab| slab.map.is_empty());
                assert_eq!(listed, usize::from(is_empty));
                let unused = self.unused.iter().filter(|&&unused| unused as usize == number).count();
                assert_eq!(unused, usize::from(slab.is_none()));
                assert!(slab.as_ref().is_none_or(|slab| is_empty == (slab.kind == Kind::Empty)));
            }
            let mut places: Vec<_> =
                out.iter().map(|(class, place)| (place.start.as_ptr().addr(), class.size())).collect();
            places.sort_unstable();
            assert!(places.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "two blocks overlap");
            for (class, place) in out {
                let region = &self.slabs[place.slab as usize].as_ref().unwrap().region;
                let at = place.start.as_ptr().addr() - region.start().as_ptr().addr();
                assert!(at + class.size() <= region.len() && at.is_multiple_of(UNIT));
            }
            // A look from the first slab that may have room finds one if there is one.
            for (kind, units) in [(Kind::Mixed, 8), (Kind::Whole, 256)] {
                let from = self.from[kind as usize - 1];
                for slab in self.slabs.iter_mut().take(from).flatten().filter(|slab| slab.kind == kind) {
                    if let Some(at) = slab.map.take(units) {
                        slab.map.give(at, units);
                        panic!("a slab with room is never looked at");
                    }
                }
            }
        }
    }

    fn takes(central: &mut Central, class: Class, n: usize, out: &mut Vec<(Class, Place)>) {
        let mut places = [None; 40];
        let taken = central.take(class, &mut places[..n]);
        assert!((1..=n).contains(&taken));
        out.extend(places[..taken].iter().map(|place| (class, place.unwrap())));
    }

    #[test]
    fn the_first_slabs_are_small_and_chunks_lie_in_order() {
        let (mut central, mut out) = (Central::new(), Vec::new());
        takes(&mut central, Class::numbered(0), 1, &mut out);
        assert_eq!(central.reserved(), FIRST);
        for _ in 0..20 {
            takes(&mut central, Class::LARGEST, 8, &mut out);
        }
        central.check(&out);
        let chunks = &out[1..];
        let small = LARGE / CHUNK - 1; // in the slabs of 1/8, 1/8, 1/4 and 1/2 of a large page
        assert_eq!(central.reserved(), LARGE + LARGE * (chunks.len() - small).div_ceil(LARGE / CHUNK));
        let beside = |pair: &[(Class, Place)]| {
            pair[0].1.slab != pair[1].1.slab
                || pair[0].1.start.as_ptr().addr() + CHUNK == pair[1].1.start.as_ptr().addr()
        };
        assert!(chunks.windows(2).all(beside));
        while let Some((class, place)) = out.pop() {
            central.give(class, place);
        }
        assert!(central.excess(KEPT).is_none());
        while central.excess(0).is_some() {}
        assert_eq!((central.reserved(), central.out(), central.slabs.capacity()), (0, 0, 0));
    }

    #[test]
    #[should_panic(expected = "twice")]
    fn a_block_cannot_be_given_back_twice() {
        let (mut central, mut out) = (Central::new(), Vec::new());
        takes(&mut central, Class::numbered(5), 2, &mut out);
        central.give(out[0].0, out[0].1);
        central.give(out[0].0, out[0].1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_sums_and_lists_are_right(
            steps in prop::collection::vec((0..10_u8, 0..CLASSES, 1..40_usize, any::<prop::sample::Index>()), 1..150),
        ) {
            let (mut central, mut out) = (Central::new(), Vec::new());
            for (what, class, n, which) in steps {
                match what {
                    0 => drop(central.excess(n << 16)),
                    1..=5 => takes(&mut central, Class::numbered(class), n, &mut out),
                    6 => takes(&mut central, Class::LARGEST, n, &mut out),
                    _ => {
                        for _ in 0..n.min(out.len()) {
                            let (class, place) = out.swap_remove(which.index(out.len()));
                            central.give(class, place);
                        }
                    }
                }
                central.check(&out);
            }
        }
    }
}
