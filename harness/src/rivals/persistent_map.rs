//! A persistent map of `imbl` whose root is swapped: readers load it without a lock, writers make a
//! new version. This is what one would write in an afternoon for readers that never wait.
//!
//! Writers hold a mutex instead of using `ArcSwap::rcu`: with `rcu` the writer that comes second
//! throws its new version away and makes another, with the mutex it waits and makes one. Keys are
//! `Arc<str>`, because a version copies the nodes on its way with all keys in them. A value is never
//! changed where it is, since an older version may hold it: writing a part copies the whole value.
//! A stream is copied once more at close, as in [`sharded_map`](super::sharded_map). An ordered map would
//! list a directory without looking at the rest, and be slower to look up and to write; this one is hashed.
//! Directories are found by scanning all keys; a copied directory shares its values.

use std::sync::Arc;

use arc_swap::ArcSwap;
use imbl::HashMap;
use parking_lot::Mutex;

use super::flat::{FlatView, Frozen, Names, below, moved};
use super::pieces::{SharedValues, Values, overwrite_shared};
use super::{missing, without_limit};
use crate::backend::{Backend, Side};
use crate::store::{Answer, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "imbl-arcswap",
    about: "a persistent map of imbl behind ArcSwap, writers one after the other",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Swapped::default()))
    },
};

type Map = HashMap<Arc<str>, Arc<[u8]>>;

#[derive(Default)]
struct Swapped {
    root: ArcSwap<Map>,
    /// Held while the next version is made.
    writer: Mutex<()>,
}

impl Swapped {
    /// Makes the next version by `change`, which says whether there is one.
    fn next<R>(&self, change: impl FnOnce(&mut Map) -> Option<R>) -> Option<R> {
        let turn = self.writer.lock();
        let mut map = Map::clone(&self.root.load());
        let answer = change(&mut map)?;
        let before = self.root.swap(Arc::new(map));
        // What only the version before held is freed while others may write.
        drop(turn);
        drop(before);
        Some(answer)
    }
}

impl Values for Swapped {
    fn look<R>(&self, path: &str, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.root.load().get(path).map(|value| look(value))
    }

    fn change(&self, path: &str, offset: usize, bytes: &[u8]) -> Option<()> {
        self.next(|map| map.get_mut(path).map(|value| overwrite_shared(value, offset, bytes)))
    }
}

impl Frozen for Map {
    fn paths(&self, mut each: impl FnMut(&str)) -> Answer<()> {
        self.keys().for_each(|path| each(path));
        Ok(())
    }

    fn files(&self, mut each: impl FnMut(&str, &[u8])) -> Answer<()> {
        self.iter().for_each(|(path, bytes)| each(path, bytes));
        Ok(())
    }
}

impl SharedValues for Swapped {
    fn get(&self, path: &str) -> Answer<Arc<[u8]>> {
        self.root.load().get(path).cloned().ok_or_else(|| missing(path))
    }

    fn put(&self, path: &str, value: Arc<[u8]>) {
        self.next(|map| {
            match map.get_mut(path) {
                Some(slot) => *slot = value,
                None => drop(map.insert(path.into(), value)),
            }
            Some(())
        });
    }
}

impl Store for Swapped {
    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        self.put(path, bytes.into());
        Ok(())
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        out.clear();
        self.look(path, |bytes| out.extend_from_slice(bytes)).ok_or_else(|| missing(path))
    }

    fn read_shared(&self, path: &str, each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        self.look(path, each).ok_or_else(|| missing(path))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.look(path, |bytes| bytes.len() as u64).ok_or_else(|| missing(path))
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        let mut names = Names::new(path, each);
        self.root.load().paths(|path| names.see(path))
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.next(|map| map.remove(path)).map(drop).ok_or_else(|| missing(path))
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        self.next(|map| {
            let before = map.clone();
            let copies = before.iter().filter_map(|(path, value)| Some((moved(path, from, to)?, value)));
            map.extend(copies.map(|(path, value)| (Arc::<str>::from(path), Arc::clone(value))));
            Some(())
        });
        Ok(())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        self.next(|map| {
            map.retain(|file, _| below(path, file).is_none());
            Some(())
        });
        Ok(())
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        self.open_value(path, mode)
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Ok(Box::new(FlatView(self.root.load_full())))
    }
}
