//! What an edit works with: the version under construction, the memory, and where the replaced goes.

use super::arena::{Arena, OutOfMemory};
use super::dead::{Dead, Kind};
use super::map::Node;
use super::name::NamePtr;

/// The version under construction, as edits of maps see it.
pub struct Cx<'a> {
    version: u64,
    floor: u64,
    /// What a long name is charged beside its bytes.
    pub(super) overhead: u64,
    arena: &'a mut Arena,
    dead: &'a mut Vec<Dead>,
}

impl<'a> Cx<'a> {
    /// The version `version` under construction, over objects up to `floor` that belong to somebody else.
    ///
    /// # Safety
    ///
    /// For every map that is edited with it:
    ///
    /// * its objects born after `floor` came from `arena`, and none of them was freed;
    /// * those born in `version` are reachable by who edits alone;
    /// * what is put into `dead` is freed only when nobody reads a version that reaches it.
    #[inline]
    pub unsafe fn new(version: u64, floor: u64, arena: &'a mut Arena, dead: &'a mut Vec<Dead>) -> Self {
        debug_assert!(floor < version);
        Self { version, floor, overhead: 0, arena, dead }
    }

    /// The version under construction.
    #[must_use]
    #[inline]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The memory that new objects come from.
    #[inline]
    pub fn arena(&mut self) -> &mut Arena {
        self.arena
    }

    /// Makes room for `more` objects that die, so that noting them cannot fail.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    #[inline]
    pub fn reserve(&mut self, more: usize) -> Result<(), OutOfMemory> {
        Ok(self.dead.try_reserve(more)?)
    }

    /// Notes that the version under construction no longer reaches this, for which there is room. Nodes and
    /// names without a charge that were born in it are freed at once, what belongs to somebody else is left alone.
    ///
    /// # Safety
    ///
    /// The version under construction did reach it, and does so no more.
    #[inline]
    pub(super) unsafe fn kill(&mut self, dead: Dead) {
        // SAFETY: what the version reached is not freed; what was born in it is known to nobody else.
        unsafe {
            let birth = dead.birth();
            if birth == self.version {
                match dead.kind() {
                    Kind::Node => return Node::free(dead.object(), self.arena),
                    Kind::Name => {
                        let name = NamePtr::from_raw(dead.object());
                        if name.get().charged() == 0 {
                            return name.free(self.arena);
                        }
                        // What it is charged is owed once the version is published: later.
                    }
                    // Payloads are up to who made them, and subtrees may be large: later.
                    _ => {}
                }
            } else if birth <= self.floor {
                return;
            }
        }
        debug_assert!(self.dead.len() < self.dead.capacity(), "room was made before");
        self.dead.push(dead);
    }
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx")
            .field("version", &self.version)
            .field("dead", &self.dead.len())
            .finish_non_exhaustive()
    }
}
