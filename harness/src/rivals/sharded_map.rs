//! `DashMap<String, Arc<[u8]>>`: a hash map in shards with a reader/writer lock each.
//!
//! A write makes the new value before it takes the lock and swaps it in; a read takes a reference
//! under the lock and copies after it. A handle that reads keeps its reference; one that updates
//! finds the value for each piece and changes it in place unless a reader holds it, in which case the
//! whole value is copied. A file written at once is one allocation and a stream is copied once more at
//! close; with `Arc<Vec<u8>>` it would be two and none. Directories are found by scanning all keys, shard after shard.

use std::sync::Arc;

use dashmap::DashMap;

use super::flat::{Names, below, moved};
use super::pieces::{SharedValues, Values, overwrite_shared};
use super::{missing, without_limit};
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// See the module.
pub const BACKEND: Backend = Backend {
    name: "dashmap",
    about: "DashMap<String, Arc<[u8]>>, a hash map in shards with a lock each",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Sharded(DashMap::new())))
    },
};

struct Sharded(DashMap<String, Arc<[u8]>>);

impl SharedValues for Sharded {
    fn get(&self, path: &str) -> Answer<Arc<[u8]>> {
        self.0.get(path).map(|value| Arc::clone(&value)).ok_or_else(|| missing(path))
    }

    /// Puts a value in; the one before is freed when the shard is free again.
    fn put(&self, path: &str, value: Arc<[u8]>) {
        let replaced = match self.0.get_mut(path) {
            Some(mut slot) => Some(std::mem::replace(&mut *slot, value)),
            None => self.0.insert(path.to_owned(), value),
        };
        drop(replaced);
    }
}

impl Values for Sharded {
    fn look<R>(&self, path: &str, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.0.get(path).map(|value| look(&value))
    }

    fn change(&self, path: &str, offset: usize, bytes: &[u8]) -> Option<()> {
        self.0.get_mut(path).map(|mut value| overwrite_shared(&mut value, offset, bytes))
    }
}

impl Store for Sharded {
    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        self.put(path, bytes.into());
        Ok(())
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let value = self.get(path)?;
        out.clear();
        out.extend_from_slice(&value);
        Ok(())
    }

    fn read_shared(&self, path: &str, each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        each(&self.get(path)?);
        Ok(())
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.look(path, |bytes| bytes.len() as u64).ok_or_else(|| missing(path))
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        let mut names = Names::new(path, each);
        self.0.iter().for_each(|file| names.see(file.key()));
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        self.0.remove(path).map(drop).ok_or_else(|| missing(path))
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        // Collected first: the map must not be written to while its shards are locked for reading.
        let copies = self
            .0
            .iter()
            .filter_map(|file| moved(file.key(), from, to).map(|path| (path, Arc::clone(&file))));
        let copies: Vec<_> = copies.collect();
        for (path, value) in copies {
            self.0.insert(path, value);
        }
        Ok(())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        self.0.retain(|file, _| below(path, file).is_none());
        Ok(())
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        self.open_value(path, mode)
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Err(Failure::Cannot("locks one shard after the other, so no pass over the files shows one instant"))
    }
}
