//! The retired, in the order in which they came, which is nearly that of their deaths.

use super::super::arena::OutOfMemory;
use super::super::dead::Dead;

/// An object that no snapshot needs, and the first version that does not reach it.
#[derive(Debug, Clone, Copy)]
struct Retired {
    object: Dead,
    death: u64,
}

/// A list of which the front is taken away. Mostly all of it is, so there is no ring.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: Vec<Retired>,
    /// So many are gone.
    gone: usize,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.items.len() - self.gone
    }

    /// Gives memory back that is more than so many need, where there are none. Returns whether it was more.
    pub fn shrink(&mut self, to: usize) -> bool {
        let roomy = self.items.capacity() > 2 * to && self.len() == 0;
        if roomy {
            self.items.shrink_to(to);
        }
        roomy
    }

    /// Makes room for so many.
    #[inline]
    pub fn try_reserve(&mut self, more: usize) -> Result<(), OutOfMemory> {
        if self.items.capacity() - self.items.len() < more {
            // Moving the rest costs no more than what was taken did.
            if self.gone >= self.len() {
                self.items.drain(..self.gone);
                self.gone = 0;
            }
            self.items.try_reserve(more)?;
        }
        Ok(())
    }

    /// Adds one, for which there is room.
    #[inline]
    pub fn push(&mut self, object: Dead, death: u64) {
        self.items.push(Retired { object, death });
    }

    /// Takes up to `most` from the front that died up to `newest`, and returns how many that were.
    #[inline]
    pub fn pop_until(&mut self, newest: u64, most: usize, mut take: impl FnMut(Dead)) -> usize {
        let mut taken = 0;
        for retired in self.items[self.gone..].iter().take(most) {
            if retired.death > newest {
                break;
            }
            take(retired.object);
            taken += 1;
        }
        self.gone += taken;
        if self.gone == self.items.len() {
            self.items.clear();
            self.gone = 0;
        }
        taken
    }

    /// Keeps those of which `keep` says so, given object and death.
    pub fn retain(&mut self, mut keep: impl FnMut(Dead, u64) -> bool) {
        self.items.drain(..self.gone);
        self.gone = 0;
        self.items.retain(|retired| keep(retired.object, retired.death));
    }

    pub fn into_objects(self) -> impl Iterator<Item = Dead> {
        self.items.into_iter().skip(self.gone).map(|retired| retired.object)
    }
}
