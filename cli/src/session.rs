//! The filesystem between commands: one for a command line, many for a shell.

use std::time::SystemTime;

use arcfs::Snapshot;
use arcfs::image::Image;

use crate::failure::{Failure, Outcome};
use crate::paths;
use crate::state::{Stamp, Store};
use crate::view::View;

/// A state that commands look at and change, and where they stand in it.
#[derive(Debug)]
pub struct Session {
    store: Store,
    loaded: Option<Loaded>,
    /// The current directory, normalised; always `/` on the command line.
    cwd: String,
    /// Whether commands come from standard input, so that they cannot read it.
    pub reads_commands: bool,
}

#[derive(Debug)]
struct Loaded {
    image: Image,
    /// That of the file which it is.
    stamp: Option<Stamp>,
}

/// What tells whether a state was changed: the version, which grows with every change of the tree, the
/// limit that can be changed, and the snapshots.
#[derive(PartialEq, Eq)]
struct Contents {
    version: u64,
    quota: u64,
    snapshots: Vec<(String, SystemTime, u64)>,
}

impl Contents {
    fn of(image: &Image) -> Self {
        let snapshots = image.snapshots.iter();
        Self {
            version: image.fs.version(),
            quota: image.fs.stats().quota_bytes,
            snapshots: snapshots
                .map(|(name, named)| (name.clone(), named.taken, named.snapshot.version()))
                .collect(),
        }
    }
}

impl Session {
    pub fn new(store: Store) -> Self {
        Self { store, loaded: None, cwd: "/".into(), reads_commands: false }
    }

    pub fn cwd(&self) -> &str {
        &self.cwd
    }

    pub fn set_cwd(&mut self, path: String) {
        self.cwd = path;
    }

    /// The path that one given by the user means, normalised. One that climbs above the root stays as
    /// it is, for the engine to refuse.
    pub fn path(&self, given: &str) -> String {
        let path = paths::resolve(&self.cwd, given);
        paths::normalize(&path).unwrap_or(path)
    }

    /// The state as it is now. Loaded again only if another process saved a new one.
    pub fn image(&mut self) -> Outcome<&mut Image> {
        // Looked at before loading: a state that is saved meanwhile has another stamp than this one,
        // and is loaded again next time.
        let stamp = self.store.stamp()?;
        let loaded = match self.loaded.take() {
            Some(loaded) if loaded.stamp == stamp => loaded,
            _ => Loaded { image: self.store.load()?, stamp },
        };
        Ok(&mut self.loaded.insert(loaded).image)
    }

    /// The tree to look at: that of a snapshot, or the current one.
    pub fn view(&mut self, snapshot: Option<&str>) -> Outcome<Snapshot> {
        let image = self.image()?;
        match snapshot {
            None => Ok(image.fs.snapshot()),
            Some(name) => Ok(snapshot_of(image, name)?.clone()),
        }
    }

    /// As [`view`](Self::view), for looking at a few files and directories: out of the file, without
    /// building what nobody asks for, where the state is not loaded and need not stay so.
    pub fn glance(&mut self, snapshot: Option<&str>) -> Outcome<View> {
        let once = !self.reads_commands && self.loaded.is_none();
        match snapshot {
            None if once && let Some(image) = self.store.open()? => {
                Ok(View::Saved { image: Box::new(image), store: self.store.clone() })
            }
            snapshot => self.view(snapshot).map(View::Tree),
        }
    }

    /// Changes the state and saves it, alone among all processes. If the change or the saving fails,
    /// the state is the one before, in the file and here. What leaves it as it is saves nothing.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Image) -> Outcome<T>) -> Outcome<T> {
        let lock = self.store.lock()?;
        self.image()?;
        // Taken out, so that what a failure leaves behind is forgotten.
        let Some(mut loaded) = self.loaded.take() else { unreachable!("it was just loaded") };
        let before = Contents::of(&loaded.image);
        let answer = change(&mut loaded.image)?;
        if Contents::of(&loaded.image) != before {
            self.store.save(&loaded.image, &lock)?;
            loaded.stamp = self.store.stamp()?;
        }
        self.loaded = Some(loaded);
        Ok(answer)
    }

    /// Puts a new state in the place of the one that is there, whatever that is.
    pub fn replace(&mut self, image: Image) -> Outcome<Option<std::path::PathBuf>> {
        let lock = self.store.lock()?;
        let kept = self.store.keep_old(&lock)?;
        self.loaded = None;
        if let Err(failure) = self.store.save(&image, &lock) {
            if let Some(kept) = kept {
                self.store.forget_old(&kept, &lock);
            }
            return Err(failure);
        }
        self.loaded = Some(Loaded { image, stamp: self.store.stamp()? });
        Ok(kept)
    }
}

/// A snapshot by name.
pub fn snapshot_of<'i>(image: &'i Image, name: &str) -> Outcome<&'i Snapshot> {
    image.snapshots.get(name).map(|named| &named.snapshot).ok_or_else(|| {
        Failure::Message(format!("there is no snapshot {name:?}; `snapshot list` shows those that there are"))
    })
}
