//! Freeing whole trees at once: a version that is given up, and the end.

use std::ptr::NonNull;

use super::super::arena::Arena;
use super::super::dead::{Dead, Kind, Value};
use super::super::map;
use super::super::planted::planted;
use super::{Directory, Kinds, Store};

impl<K: Kinds> Store<K> {
    /// Gives the version under construction up: frees what was born in it, and forgets what it killed (I13). Then
    /// everything is as after the last commit. O(objects born in it); allocates nothing.
    ///
    /// To be called after a panic, too: the maps are as an edit left them.
    ///
    /// # Safety
    ///
    /// `root` is the root of the version under construction as far as it was built, `None` if there was none. Nobody
    /// uses what was born in it any more, and all that was is reachable from `root`, or was killed.
    pub unsafe fn abort(&mut self, root: Option<Value>) {
        let born = self.version + 1;
        let mut dead = std::mem::take(&mut self.dead);
        // SAFETY: as the caller warrants: nobody else knows what was born in this version, and what it killed is
        // not below its root.
        unsafe {
            if planted!(AbortFreesDead) {
                for object in dead.drain(..).filter(|object| matches!(object.kind(), Kind::Node | Kind::Name))
                {
                    self.free(object);
                }
            }
            if !planted!(AbortForgetsBorn) {
                self.fell(dead.drain(..), born);
                self.fell(root.map(Value::whole), born);
            }
        }
        dead.clear();
        self.dead = dead;
    }

    /// Frees everything that is left (I14). O(objects); allocates nothing, recurses by nothing that users choose.
    /// Returns the arena, which is empty if nothing was forgotten, and what freed objects left.
    ///
    /// # Safety
    ///
    /// `root` is the root of the last published version. Nobody reads any version any more, whether by a snapshot or
    /// not; no version is under construction.
    pub unsafe fn end(mut self, root: Option<Value>) -> (Arena, K::Remains) {
        let from = self.floor + 1;
        // SAFETY: as the caller warrants; each object is in one of the lists, once, or below the root (I6).
        unsafe {
            self.fell(root.map(Value::whole), from);
            for held in std::mem::take(&mut self.snapshots) {
                self.fell(held.dead, from);
            }
            for dropped in std::mem::take(&mut self.dropped) {
                self.fell(dropped.dead, from);
            }
            let work = std::mem::take(&mut self.work);
            self.fell(work.into_iter().map(|work| work.object), from);
            let retired = std::mem::take(&mut self.retired);
            self.fell(retired.into_objects(), from);
        }
        (self.arena, self.remains)
    }

    /// Frees these objects and what is below them, as far as it was born in `from` or later.
    ///
    /// Nobody reads them, so the word with the birth becomes the link to the next one: no memory is needed.
    ///
    /// # Safety
    ///
    /// Nobody uses any of them; each is in the list or below one that is, once.
    unsafe fn fell(&mut self, objects: impl IntoIterator<Item = Dead>, from: u64) {
        let mut first = None;
        for object in objects {
            // SAFETY: as the caller warrants; what is linked was not freed, what is below an object is read before
            // that is.
            unsafe {
                link(&mut first, object, from);
                while let Some(object) = first {
                    first = object.object::<Option<Dead>>().read();
                    match object.kind() {
                        Kind::Nodes => map::below(object.object(), |below| link(&mut first, below, from)),
                        Kind::Tree => {
                            for below in below_directory::<K>(object.object()).into_iter().flatten() {
                                link(&mut first, below, from);
                            }
                        }
                        _ => {}
                    }
                    self.free(object);
                }
            }
        }
    }
}

/// Puts an object in front of a list, if it was born in `from` or later.
///
/// # Safety
///
/// Nobody uses it, and it is in no list.
unsafe fn link(first: &mut Option<Dead>, object: Dead, from: u64) {
    // SAFETY: as the caller warrants; every object begins with a word.
    unsafe {
        if object.birth() >= from {
            object.object::<Option<Dead>>().write(first.replace(object));
        }
    }
}

/// The entries and the receipt of a directory whose birth is a link now.
///
/// # Safety
///
/// It was not freed.
unsafe fn below_directory<K: Kinds>(directory: NonNull<K::Directory>) -> [Option<Dead>; 2] {
    // SAFETY: as the caller warrants; any word is a valid birth.
    let directory = unsafe { directory.as_ref() };
    [directory.entries().whole(), directory.receipt().map(Value::alone)]
}
