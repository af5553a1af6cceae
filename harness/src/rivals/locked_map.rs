//! A `HashMap<String, Vec<u8>>` behind one lock of `parking_lot`: a mutex, or a lock that readers
//! share.
//!
//! A value is overwritten where it is, in the memory that it has, and looked up without making a key.
//! The bytes are copied under the lock, into the map or out of it: they belong to it. For the same
//! reason a copied directory copies its bytes. A view of the map behind the mutex is a copy of all
//! files, made under the lock; a view of the other is its read lock, and writers wait while it lives.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, RwLock};

use super::flat::{FlatView, Frozen, Names, below, moved};
use super::pieces::{Draft, InPlace, Values, overwrite};
use super::{missing, without_limit};
use crate::backend::{Backend, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};

/// Behind a mutex.
pub const MUTEX: Backend = Backend {
    name: "map-mutex",
    about: "HashMap<String, Vec<u8>> behind a mutex",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Locked(Mutex::new(Map::new()))))
    },
};

/// Behind a lock that readers share.
pub const RWLOCK: Backend = Backend {
    name: "map-rwlock",
    about: "HashMap<String, Vec<u8>> behind a reader/writer lock",
    side: Side::Rival,
    make: |setup| {
        without_limit(setup)?;
        Ok(Box::new(Locked(RwLock::new(Map::new()))))
    },
};

type Map = HashMap<String, Vec<u8>>;

/// A lock around the map.
trait Lock: Send + Sync {
    /// Taken for looking.
    fn shared(&self) -> impl Deref<Target = Map>;

    /// Taken for changing.
    fn exclusive(&self) -> impl DerefMut<Target = Map>;

    /// All files at one instant.
    fn view(&self) -> Box<dyn View + '_>;
}

impl Lock for Mutex<Map> {
    fn shared(&self) -> impl Deref<Target = Map> {
        self.lock()
    }

    fn exclusive(&self) -> impl DerefMut<Target = Map> {
        self.lock()
    }

    fn view(&self) -> Box<dyn View + '_> {
        let copy = self.lock().clone();
        Box::new(FlatView(Box::new(copy)))
    }
}

impl Lock for RwLock<Map> {
    fn shared(&self) -> impl Deref<Target = Map> {
        self.read()
    }

    fn exclusive(&self) -> impl DerefMut<Target = Map> {
        self.write()
    }

    fn view(&self) -> Box<dyn View + '_> {
        Box::new(FlatView(self.read()))
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

struct Locked<L>(L);

impl<L: Lock> Values for Locked<L> {
    fn look<R>(&self, path: &str, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.0.shared().get(path).map(|bytes| look(bytes))
    }

    fn change(&self, path: &str, offset: usize, bytes: &[u8]) -> Option<()> {
        self.0.exclusive().get_mut(path).map(|value| overwrite(value, offset, bytes))
    }
}

impl<L: Lock> Store for Locked<L> {
    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        let mut files = self.0.exclusive();
        match files.get_mut(path) {
            Some(value) => {
                value.clear();
                value.extend_from_slice(bytes);
            }
            None => drop(files.insert(path.to_owned(), bytes.to_vec())),
        }
        Ok(())
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        out.clear();
        self.look(path, |bytes| out.extend_from_slice(bytes)).ok_or_else(|| missing(path))
    }

    fn read_shared(&self, _path: &str, _each: &mut dyn FnMut(&[u8])) -> Answer<()> {
        Err(Failure::Cannot("lends its bytes only while the lock of the whole map is held"))
    }

    fn size(&self, path: &str) -> Answer<u64> {
        self.look(path, |bytes| bytes.len() as u64).ok_or_else(|| missing(path))
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        let mut names = Names::new(path, each);
        self.0.shared().paths(|path| names.see(path))
    }

    fn remove(&self, path: &str) -> Answer<()> {
        // The value is freed when the lock is free again.
        let removed = self.0.exclusive().remove(path);
        removed.map(drop).ok_or_else(|| missing(path))
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        let mut files = self.0.exclusive();
        let copies = files.iter().filter_map(|(path, bytes)| Some((moved(path, from, to)?, bytes.clone())));
        let copies: Vec<_> = copies.collect();
        files.extend(copies);
        Ok(())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        self.0.exclusive().retain(|file, _| below(path, file).is_none());
        Ok(())
    }

    fn open<'store>(&'store self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        Ok(match mode {
            Mode::Read => Box::new(InPlace::open(self, path, false)?),
            Mode::Update => Box::new(InPlace::open(self, path, true)?),
            Mode::Create => {
                let path = path.to_owned();
                Box::new(Draft::new(move |value| {
                    let replaced = self.0.exclusive().insert(path, value);
                    drop(replaced);
                    Ok(())
                }))
            }
        })
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        Ok(self.0.view())
    }
}
