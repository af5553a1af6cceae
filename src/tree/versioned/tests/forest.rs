//! A small filesystem over the store, with a model of what each version contains and of which objects it reaches.
//!
//! What was freed is compared with what is needed by address, before anybody looks at it: a test that catches a
//! planted bug does not read freed memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ptr::NonNull;

use super::super::arena::round;
use super::super::dead::{Dead, Kind};
use super::super::{Announced, Arena, Directory, Kinds, Map, Object, OutOfMemory, Store, Value};

#[repr(C)]
pub struct File {
    birth: u64,
    number: u32,
}

#[repr(C)]
pub struct Dir {
    birth: u64,
    entries: Map,
}

/// Counts what was freed.
#[derive(Debug, Default)]
pub struct Remains {
    pub files: usize,
}

// SAFETY: the birth is the first field, and the block is given back.
unsafe impl Object<Remains> for File {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, remains: &mut Remains) {
        remains.files += 1;
        // SAFETY: as the caller warrants.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: as above.
unsafe impl Object<Remains> for Dir {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, _: &mut Remains) {
        // SAFETY: as the caller warrants.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: the forest puts files and directories of its store there alone.
unsafe impl Directory<Remains> for Dir {
    fn entries(&self) -> &Map {
        &self.entries
    }
}

#[derive(Debug)]
pub struct Sorts;

impl Kinds for Sorts {
    type File = File;
    type Directory = Dir;
    type Remains = Remains;
}

/// What a version contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    File(u32),
    Dir(BTreeMap<String, Tree>),
}

impl Tree {
    pub fn dir(&mut self, path: &[&str]) -> &mut BTreeMap<String, Tree> {
        let Tree::Dir(entries) = self else { panic!("a file") };
        match path {
            [] => entries,
            [name, rest @ ..] => entries.get_mut(*name).expect("it is there").dir(rest),
        }
    }
}

/// Objects by address, with their sizes.
pub type Objects = HashMap<Dead, usize>;

/// A version that is kept: its root, what it contains, and what it reaches.
pub struct Version {
    pub number: u64,
    pub root: Value,
    pub tree: Tree,
    pub objects: Objects,
}

pub struct Forest {
    pub store: Store<Sorts>,
    /// Of the version under construction, or of the last one.
    pub root: Value,
    pub tree: Tree,
    published: (Value, Tree),
    pub snapshots: Vec<Version>,
    pub readers: Vec<(Version, bool)>,
    /// Of a fork: what belongs to the other store.
    foreign: HashSet<Dead>,
}

impl Forest {
    pub fn new() -> Self {
        let mut store = Store::new(0);
        let root = make_dir(&mut store, Map::new()).unwrap();
        // SAFETY: nobody reads yet.
        unsafe { store.commit() };
        let tree = Tree::Dir(BTreeMap::new());
        let published = (root, tree.clone());
        Self { store, root, tree, published, snapshots: vec![], readers: vec![], foreign: HashSet::new() }
    }

    /// A forest that grows from a version of another one, which must outlive it.
    pub fn fork(version: &Version) -> Self {
        let (root, tree) = (version.root, version.tree.clone());
        Self {
            store: Store::new(version.number),
            root,
            tree: tree.clone(),
            published: (root, tree),
            snapshots: vec![],
            readers: vec![],
            foreign: version.objects.keys().copied().collect(),
        }
    }

    /// The directory at `path`, made one's own by copying the way to it.
    fn dir_mut(&mut self, path: &[&str]) -> Result<NonNull<Dir>, OutOfMemory> {
        // SAFETY: what is written is of the version under construction; what is replaced is killed.
        unsafe {
            let root = own_dir(&mut self.store, self.root)?;
            self.root = Value::directory(root);
            let mut dir = root;
            for name in path {
                let mut cx = self.store.edit();
                let slot: *mut Value = (*dir.as_ptr()).entries.get_mut(&mut cx, name)?.expect("it is there");
                let child = own_dir(&mut self.store, *slot)?;
                *slot = Value::directory(child);
                dir = child;
            }
            Ok(dir)
        }
    }

    fn put(&mut self, path: &[&str], name: &str, value: Value) -> Result<(), OutOfMemory> {
        let dir = self.dir_mut(path)?;
        // SAFETY: as in `dir_mut`; an old value is not reachable any more.
        unsafe {
            let mut cx = self.store.edit();
            if let Some(old) = (*dir.as_ptr()).entries.insert(&mut cx, name, value)? {
                self.store.kill_whole(old)?;
            }
        }
        Ok(())
    }

    pub fn write(&mut self, path: &[&str], name: &str, number: u32) {
        let birth = self.store.version() + 1;
        let file = self.store.arena_mut().alloc(size_of::<File>()).unwrap().cast::<File>();
        // SAFETY: the block is ours and large enough.
        unsafe { file.write(File { birth, number }) };
        self.put(path, name, Value::file(file)).unwrap();
        self.tree.dir(path).insert(name.to_owned(), Tree::File(number));
    }

    pub fn create_dir(&mut self, path: &[&str], name: &str) {
        let dir = make_dir(&mut self.store, Map::new()).unwrap();
        self.put(path, name, dir).unwrap();
        self.tree.dir(path).insert(name.to_owned(), Tree::Dir(BTreeMap::new()));
    }

    fn take_out(&mut self, path: &[&str], name: &str) -> Value {
        let dir = self.dir_mut(path).unwrap();
        // SAFETY: as in `dir_mut`.
        unsafe {
            let mut cx = self.store.edit();
            (*dir.as_ptr()).entries.remove(&mut cx, name).unwrap().expect("it is there")
        }
    }

    pub fn remove(&mut self, path: &[&str], name: &str) {
        let value = self.take_out(path, name);
        // SAFETY: it is not reachable any more.
        unsafe { self.store.kill_whole(value).unwrap() };
        self.tree.dir(path).remove(name);
    }

    /// Moves an entry; its object stays what it is.
    pub fn rename(&mut self, from: &[&str], name: &str, to: &[&str], new_name: &str) {
        let value = self.take_out(from, name);
        self.put(to, new_name, value).unwrap();
        let tree = self.tree.dir(from).remove(name).unwrap();
        self.tree.dir(to).insert(new_name.to_owned(), tree);
    }

    /// Takes all entries of a directory out at once.
    pub fn clear(&mut self, path: &[&str]) {
        let dir = self.dir_mut(path).unwrap();
        // SAFETY: as in `dir_mut`.
        unsafe {
            let mut cx = self.store.edit();
            (*dir.as_ptr()).entries.clear(&mut cx).unwrap();
        }
        self.tree.dir(path).clear();
    }

    pub fn commit(&mut self) {
        self.none_needed_was_freed(false);
        self.store.prepare().unwrap();
        self.published = (self.root, self.tree.clone());
        // SAFETY: the root was published, as far as it goes here.
        unsafe { self.store.commit() };
    }

    pub fn abort(&mut self) {
        // SAFETY: the root is as far as it was built, if it was at all.
        unsafe { self.store.abort(Some(self.root)) };
        (self.root, self.tree) = self.published.clone();
        self.none_needed_was_freed(true);
    }

    fn current(&self) -> Version {
        let (root, tree) = self.published.clone();
        let mut objects = Objects::new();
        // SAFETY: the published version is alive.
        unsafe { reach(root, &mut objects) };
        objects.retain(|object, _| !self.foreign.contains(object));
        Version { number: self.store.version(), root, tree, objects }
    }

    pub fn keep(&mut self) {
        let number = self.store.take().unwrap();
        assert_eq!(number, self.store.version());
        let version = self.current();
        self.snapshots.push(version);
    }

    pub fn read(&mut self, exact: bool) {
        let version = self.current();
        self.readers.push((version, exact));
    }

    /// Drops a snapshot after everything that waits is done, and checks that this frees what only it needed.
    pub fn drop_kept(&mut self, at: usize) {
        self.settle();
        let version = self.snapshots.swap_remove(at);
        let needed = self.needed();
        // SAFETY: its version is read no more.
        unsafe { self.store.drop_snapshot(version.number) };
        // SAFETY: these are all readers there are.
        unsafe { self.store.sweep(&self.announced(), usize::MAX) };
        if self.readers.is_empty() {
            let only: HashSet<_> =
                version.objects.into_keys().filter(|object| !needed.contains_key(object)).collect();
            let freed: HashSet<_> = self.store.freed.iter().copied().collect();
            assert!(freed.is_subset(&only), "freed what is still needed");
            assert!(only.is_subset(&freed), "kept what nobody needs");
        }
        self.settle();
    }

    pub fn announced(&self) -> Vec<Announced> {
        self.readers
            .iter()
            .map(|(reader, exact)| Announced { version: reader.number, exact: *exact })
            .collect()
    }

    pub fn sweep(&mut self, budget: usize) -> bool {
        let announced = self.announced();
        // SAFETY: these are all readers there are.
        let more = unsafe { self.store.sweep(&announced, budget) };
        self.none_needed_was_freed(true);
        more
    }

    /// Everything that some version needs, the current one included.
    fn needed(&self) -> Objects {
        let kept = self.snapshots.iter().chain(self.readers.iter().map(|(reader, _)| reader));
        let mut needed: Objects = kept.flat_map(|version| &version.objects).map(|(k, v)| (*k, *v)).collect();
        needed.extend(self.current().objects);
        needed
    }

    /// Nothing that was freed since the last look is needed.
    fn none_needed_was_freed(&mut self, current: bool) {
        let freed = std::mem::take(&mut self.store.freed);
        let kept = self.snapshots.iter().chain(self.readers.iter().map(|(reader, _)| reader));
        for version in kept {
            let wrong = freed.iter().find(|object| version.objects.contains_key(object));
            assert!(wrong.is_none(), "freed what is still needed: {wrong:?} of version {}", version.number);
        }
        assert!(freed.iter().all(|object| !self.foreign.contains(object)), "freed what is not its own");
        if current && !freed.is_empty() {
            let freed: HashSet<_> = freed.iter().copied().collect();
            // SAFETY: what is reached is looked up before it is looked at.
            unsafe { reach_unless(self.published.0, &freed) };
        }
    }

    /// Does all that can be done; then what is alive is what is needed, and nothing else.
    pub fn settle(&mut self) {
        while self.sweep(1000) {}
        let needed = self.needed();
        let (objects, live) = (self.store.arena().objects(), self.store.arena().live());
        if self.readers.is_empty() {
            assert_eq!(self.store.pending(), 0);
            assert_eq!(objects, needed.len(), "not exactly what is needed is alive");
            assert_eq!(live, needed.values().sum::<usize>());
        } else {
            assert!(objects >= needed.len());
        }
    }

    /// All versions contain what they should.
    pub fn check(&self) {
        for version in self.snapshots.iter().chain(self.readers.iter().map(|(reader, _)| reader)) {
            // SAFETY: it is kept.
            unsafe { same(version.root, &version.tree, version.number) };
        }
        // SAFETY: the current version is alive.
        unsafe { same(self.root, &self.tree, self.store.version() + 1) };
    }

    pub fn end(mut self) {
        for version in std::mem::take(&mut self.snapshots) {
            // SAFETY: it is read no more.
            unsafe { self.store.drop_snapshot(version.number) };
        }
        self.close();
    }

    /// As `end`, with snapshots that nobody drops before.
    pub fn close(mut self) {
        let store = std::mem::replace(&mut self.store, Store::new(0));
        // SAFETY: nobody reads any more.
        let (arena, _) = unsafe { store.end(Some(self.root)) };
        assert_eq!((arena.objects(), arena.live()), (0, 0), "something outlived its store");
    }

    /// Directories one in the other, not in the model.
    pub fn grow_deep(&mut self, depth: usize) {
        let mut dir = make_dir(&mut self.store, Map::new()).unwrap();
        for _ in 0..depth {
            let mut entries = Map::new();
            // SAFETY: all of it is of the version under construction.
            unsafe { entries.insert(&mut self.store.edit(), "d", dir).unwrap() };
            dir = make_dir(&mut self.store, entries).unwrap();
        }
        self.put(&[], "deep", dir).unwrap();
    }
}

fn make_dir(store: &mut Store<Sorts>, entries: Map) -> Result<Value, OutOfMemory> {
    let birth = store.version() + 1;
    let dir = store.arena_mut().alloc(size_of::<Dir>())?.cast::<Dir>();
    // SAFETY: the block is ours and large enough.
    unsafe { dir.write(Dir { birth, entries }) };
    Ok(Value::directory(dir))
}

/// # Safety
///
/// The directory is reachable, and the caller replaces it by what is returned.
unsafe fn own_dir(store: &mut Store<Sorts>, value: Value) -> Result<NonNull<Dir>, OutOfMemory> {
    let old = value.object::<Dir>();
    // SAFETY: as the caller warrants.
    unsafe {
        if old.as_ref().birth == store.version() + 1 {
            return Ok(old);
        }
        let new = make_dir(store, old.as_ref().entries.alias())?;
        store.kill(value)?;
        Ok(new.object())
    }
}

/// Everything that a value reaches.
///
/// # Safety
///
/// It is alive.
unsafe fn reach(value: Value, objects: &mut Objects) {
    let once = |objects: &mut Objects, object, size| {
        assert!(objects.insert(object, size).is_none(), "an object has two parents");
    };
    if value.is_directory() {
        once(objects, Dead::new(Kind::Directory, value.object()), round(size_of::<Dir>()));
        // SAFETY: as the caller warrants.
        let entries = unsafe { &value.object::<Dir>().as_ref().entries };
        entries.objects(&mut |object, size| once(objects, object, size));
        for (_, value) in entries {
            // SAFETY: as the caller warrants.
            unsafe { reach(value, objects) };
        }
    } else {
        once(objects, Dead::new(Kind::File, value.object()), round(size_of::<File>()));
    }
}

/// Panics if a value reaches something that was freed, before looking at that.
///
/// # Safety
///
/// What it reaches is alive, but for `freed`.
unsafe fn reach_unless(value: Value, freed: &HashSet<Dead>) {
    let alive = |object| {
        assert!(!freed.contains(&object), "freed what is still needed: {object:?} of the current one");
    };
    alive(value.alone());
    if value.is_directory() {
        // SAFETY: as the caller warrants.
        let entries = unsafe { &value.object::<Dir>().as_ref().entries };
        let mut nodes: Vec<_> = entries.whole().into_iter().collect();
        while let Some(node) = nodes.pop() {
            alive(Dead::new(Kind::Node, node.object()));
            // SAFETY: it was not freed.
            unsafe {
                super::super::map::below(node.object(), |below| match below.kind() {
                    Kind::Nodes => nodes.push(below),
                    Kind::Tree => reach_unless(Value::directory(below.object::<u128>()), freed),
                    _ => alive(below),
                });
            }
        }
    }
}

/// # Safety
///
/// It is alive.
unsafe fn same(value: Value, tree: &Tree, newest: u64) {
    match tree {
        Tree::File(number) => {
            assert!(!value.is_directory());
            // SAFETY: as the caller warrants.
            assert_eq!(unsafe { value.object::<File>().as_ref().number }, *number);
        }
        Tree::Dir(expected) => {
            assert!(value.is_directory());
            // SAFETY: as the caller warrants.
            let dir = unsafe { value.object::<Dir>().as_ref() };
            assert!(dir.birth <= newest);
            dir.entries.check(dir.birth).unwrap();
            assert_eq!(dir.entries.len(), expected.len());
            for ((name, value), (expected, tree)) in dir.entries.iter().zip(expected) {
                assert_eq!(name.as_str(), expected);
                // SAFETY: as the caller warrants.
                unsafe { same(value, tree, dir.birth) };
            }
        }
    }
}
