//! Doing each step to the engine and to the model, and comparing.

use std::io::{Read as _, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use arcfs::{Clock, Content, ExportOptions, MemFsBuilder, OpenOptions, Snapshot};

use crate::compare::{
    Agreed, Circumstances, History, View, compare_snapshot, compare_stats, diff, ensure, metadata_is, same,
    settle, view,
};
use crate::model::{Expected, Fail, Fs, Plan, Snap, VERSIONED, Wanted, World, cost, find};
use crate::ops::{Config, FileOp, Mode, Op, Options, Pick, Read, SeekTo, Source, Step, time};
use crate::paths::{as_named, at_or_below, child, glob, is_below, normalise, tree_order};
use crate::subject::{self, File, MemFs};
use crate::value::{Kind, Mint, Node, Range, Tree, Version, children, subtree};

/// A clock that is set by hand.
#[derive(Debug)]
struct TestClock(Mutex<SystemTime>);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("never poisoned")
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// The model and the engine side by side.
pub struct Pair {
    world: World,
    clock: Arc<TestClock>,
    // Contents, handles and snapshots go before the filesystems that they are of.
    files: Vec<Vec<File>>,
    contents: [Option<Content>; 2],
    snaps: [Option<Snapshot>; 3],
    fss: Vec<MemFs>,
    histories: Vec<History>,
    steps: usize,
}

fn builder(config: &Config, clock: &Arc<TestClock>) -> MemFsBuilder {
    arcfs::MemFs::builder()
        .max_quota(config.quota)
        .max_nodes(config.nodes)
        .max_depth(config.depth)
        .storage(config.storage)
        .promotion_limit(config.promotion_limit)
        .chunk_overhead(config.chunk_overhead)
        .node_overhead(config.node_overhead)
        .lock_timeout(Some(Duration::ZERO))
        .clock(Arc::<TestClock>::clone(clock))
}

fn model_fs(config: &Config, tree: Tree, version: u64) -> Fs {
    Fs { config: config.clone(), tree, holds: Default::default(), handles: Vec::new(), version }
}

impl Pair {
    pub fn new(config: &Config) -> Self {
        let now = time(1000);
        let clock = Arc::new(TestClock(Mutex::new(now)));
        let fs = subject::of(builder(config, &clock).build().expect("a valid configuration"));
        let mint = Mint::default();
        let root = Node {
            name: None,
            version: Version::Known(fs.metadata("/").expect("the root").version()),
            created: now,
            modified: now,
            kind: Kind::Dir { item: mint.item(0, Range::default()) },
        };
        let tree = Tree::from([("/".to_owned(), root)]);
        let world = World {
            mint,
            fss: vec![model_fs(config, tree, fs.version())],
            snaps: Default::default(),
            contents: Default::default(),
            mixed: Default::default(),
            bases: Vec::new(),
            now,
        };
        Self {
            world,
            clock,
            files: vec![Vec::new()],
            contents: Default::default(),
            snaps: Default::default(),
            fss: vec![fs],
            histories: vec![History::default()],
            steps: 0,
        }
    }

    /// One step, and everything that can be seen after it.
    pub fn step(&mut self, step: &Step) -> Agreed {
        let at = step.fs % self.fss.len();
        self.act(at, &step.op)?;
        self.steps += 1;
        self.compare(self.steps.is_multiple_of(16))
    }

    fn compare(&mut self, thoroughly: bool) -> Agreed {
        for (at, fs) in self.fss.iter().enumerate() {
            let within = |what: String| format!("filesystem {at}: {what}");
            let model = &self.world.fss[at];
            if model.tree.values().any(|node| node.version == Version::Current) {
                ensure!(fs.version() > model.version, "a change was published without a new version");
            }
            self.histories[at].compare(fs, &mut self.world, at, thoroughly).map_err(within)?;
            compare_stats(fs, &self.world, at).map_err(within)?;
            let before = std::mem::replace(&mut self.world.fss[at].version, fs.version());
            ensure!(before <= fs.version(), "the version went from {before} to {}", fs.version());
            for (index, file) in self.files[at].iter().enumerate() {
                let handle = &self.world.fss[at].handles[index];
                same("path of a handle", &file.path(), &handle.path.as_str())?;
                same("length of a handle", &file.len(), &(handle.bytes().len() as u64))?;
                match self.world.published(at, index) {
                    Some(node) => metadata_is(&handle.path, &file.metadata(), &node, fs.version())?,
                    None => ensure!(file.metadata().len() == 0, "an unpublished file has a length"),
                }
            }
        }
        Ok(())
    }

    /// After the last step: everything once more, then letting go of one thing after the other.
    pub fn finish(mut self) -> Agreed {
        self.compare(true)?;
        for slot in 0..self.snaps.len() {
            if let (Some(real), Some(model)) = (&self.snaps[slot], &self.world.snaps[slot]) {
                compare_snapshot(real, &model.tree, model.version)?;
            }
            (self.snaps[slot], self.world.snaps[slot]) = (None, None);
            self.compare(false)?;
        }
        self.contents = Default::default();
        self.world.contents = Default::default();
        for at in 0..self.fss.len() {
            while let Some(file) = self.files[at].pop() {
                let index = self.files[at].len();
                file.discard();
                self.world.close(at, index, false);
            }
        }
        self.compare(true)?;
        for (at, fs) in self.fss.iter().enumerate() {
            fs.clear().map_err(|error| format!("clear at the end: {error:?}"))?;
            self.world.clear(at);
        }
        self.compare(true)?;
        // A fork may keep what it grew from.
        while self.fss.len() > 1 {
            self.compare(false)?;
            drop((self.fss.pop(), self.files.pop(), self.histories.pop()));
            drop((self.world.fss.pop(), self.world.bases.pop()));
        }
        for fs in &self.fss {
            same("bytes used in the end", &fs.stats().used_bytes, &0)?;
            same("chunks in the end", &fs.stats().chunk_count, &0)?;
        }
        Ok(())
    }

    /// What an error about the quota must name now, in a call on these paths.
    fn around(&self, at: usize) -> impl Fn(&[&str]) -> Circumstances + use<> {
        let available = self.fss[at].stats().free_bytes;
        move |paths| {
            let known = |raw: &&str| as_named(raw);
            Circumstances { path: paths.first().map(known), other: paths.get(1).map(known), available }
        }
    }

    fn act(&mut self, at: usize, op: &Op) -> Agreed {
        let version = self.fss[at].version();
        let op = &op.spelled(&|pick, source| self.spell(at, pick, source));
        let done = self.do_op(at, op).map_err(|what| format!("{op:?}: {what}"))?;
        if done == Some(false) {
            same("version after a failure", &self.fss[at].version(), &version)?;
        }
        Ok(())
    }

    /// Whether it succeeded; `None` if that means nothing.
    #[allow(clippy::too_many_lines, reason = "one arm for each operation")]
    fn do_op(&mut self, at: usize, op: &Op<String>) -> Agreed<Option<bool>> {
        let filled = [0, 1, 2].map(|slot| self.filled(slot));
        let snapshot = |slot: usize| filled[slot];
        let around = self.around(at);
        let one = |path: &String| around(&[path]);
        let two = |a: &String, b: &String| around(&[a, b]);
        let (fs, world) = (&self.fss[at], &mut self.world);
        let model = &world.fss[at];
        let done = match op {
            Op::CreateDir(path) => settle(model.expect_create_dir(path), fs.create_dir(path), &one(path))?
                .map(|(path, ())| world.create_dir(at, &path)),
            Op::CreateDirAll(path) => {
                let expected = model.expect_create_dir_all(path);
                settle(expected, fs.create_dir_all(path), &one(path))?
                    .map(|(missing, ())| missing.iter().for_each(|dir| world.create_dir(at, dir)))
            }
            Op::RemoveFile(path) => {
                let expected = model.expect_remove(path, true, false);
                settle(expected, fs.remove_file(path), &one(path))?.map(|(path, ())| world.remove(at, &path))
            }
            Op::RemoveDir(path) => {
                let expected = model.expect_remove(path, false, false);
                settle(expected, fs.remove_dir(path), &one(path))?.map(|(path, ())| world.remove(at, &path))
            }
            Op::RemoveDirAll(path) => {
                let expected = model.expect_remove(path, false, true);
                settle(expected, fs.remove_dir_all(path), &one(path))?
                    .map(|(path, ())| world.remove(at, &path))
            }
            Op::Clear => {
                settle(model.expect_clear(), fs.clear(), &around(&[]))?.map(|((), ())| world.clear(at))
            }
            Op::Rename(a, b) => settle(model.expect_rename(a, b, false), fs.rename(a, b), &two(a, b))?
                .map(|((from, to), ())| world.rename(at, &from, &to)),
            Op::Replace(a, b) => settle(model.expect_rename(a, b, true), fs.replace(a, b), &two(a, b))?
                .map(|((from, to), ())| world.rename(at, &from, &to)),
            Op::Exchange(a, b) => settle(model.expect_exchange(a, b), fs.exchange(a, b), &two(a, b))?
                .map(|((a, b), ())| world.exchange(at, &a, &b)),
            Op::MovePath(a, b) => settle(model.expect_move_path(a, b), fs.move_path(a, b), &two(a, b))?.map(
                |((from, to, missing), ())| {
                    missing.iter().for_each(|dir| world.create_dir(at, dir));
                    world.rename(at, &from, &to);
                },
            ),
            Op::Copy(a, b) => {
                let expected = world.expect_copy(at, (&model.tree, at), (a, b), Wanted::File);
                match settle(expected, fs.copy(a, b), &two(a, b))? {
                    None => None,
                    Some((copying, bytes)) => {
                        same("bytes copied", &bytes, &copying.bytes)?;
                        world.copy(at, &copying);
                        Some(())
                    }
                }
            }
            Op::CopyDirAll(a, b) => {
                let expected = world.expect_copy(at, (&model.tree, at), (a, b), Wanted::Dir);
                settle(expected, fs.copy_dir_all(a, b), &two(a, b))?
                    .map(|(copying, ())| world.copy(at, &copying))
            }
            Op::CopyFrom(slot, a, b) => {
                let slot = &snapshot(*slot);
                let (Some(real), Some(snap)) = (&self.snaps[*slot], &world.snaps[*slot]) else {
                    return Ok(None);
                };
                let expected = world.expect_copy(at, (&snap.tree, snap.fs), (a, b), Wanted::Any);
                match settle(expected, fs.copy_from(real, a, b), &two(a, b))? {
                    None => None,
                    Some((copying, bytes)) => {
                        same("bytes copied", &bytes, &copying.bytes)?;
                        world.copy(at, &copying);
                        Some(())
                    }
                }
            }
            Op::SetModified(path, secs) => {
                let set = time(1000 + secs - 50);
                settle(model.expect_set_modified(path), fs.set_modified(path, set), &one(path))?
                    .map(|(path, ())| world.set_modified(at, &path, set))
            }
            Op::Write(path, bytes) => {
                let cost = Range::exactly(cost(&model.config, bytes.len as u64));
                let bytes = bytes.make();
                let done = settle(model.expect_write(path, cost), fs.write(path, &bytes), &one(path))?;
                done.map(|(path, ())| world.write(at, &path, world.new_data(at, bytes)))
            }
            Op::WriteVec(path, bytes) => {
                let cost = Range::exactly(cost(&model.config, bytes.len as u64));
                let bytes = bytes.make();
                let done =
                    settle(model.expect_write(path, cost), fs.write_owned(path, bytes.clone()), &one(path))?;
                done.map(|(path, ())| world.write(at, &path, world.new_data(at, bytes)))
            }
            Op::WriteContent(path, slot) => {
                let slot = if self.contents[*slot].is_some() { *slot } else { 1 - *slot };
                let (Some(real), Some(data)) = (&self.contents[slot], world.contents[slot].clone()) else {
                    return Ok(None);
                };
                let expected = model.expect_write(path, world.adoption(at, &data));
                settle(expected, fs.write_owned(path, real.clone()), &one(path))?
                    .map(|(path, ())| world.write_content(at, &path, &data))
            }
            Op::Append(path, bytes) => {
                let expected = model.expect_append(path, bytes.len as u64);
                let bytes = bytes.make();
                settle(expected, fs.append(path, &bytes), &one(path))?
                    .map(|(path, ())| world.append(at, &path, &bytes))
            }
            Op::Import(files) => {
                let lens: Vec<_> = files.iter().map(|(path, b)| (path.clone(), b.len as u64)).collect();
                let files: Vec<_> = files.iter().map(|(path, b)| (path.clone(), b.make())).collect();
                let expected = model.expect_import(&lens);
                settle(expected, fs.import_tree(files.clone()), &around(&[]))?.map(|(planned, ())| {
                    world.import(at, &planned, files.into_iter().map(|(_, bytes)| bytes).collect());
                })
            }
            Op::Read(source, read) => return self.read(at, *source, read).map(|()| None),
            Op::Open(path, options) => {
                return self.open(at, path, options, |fs| subject::open(&options_of(options), fs, path));
            }
            Op::OpenAs(path, mode) => return self.open_as(at, path, *mode),
            Op::File(index, op) => {
                return match self.files[at].len() {
                    0 => Ok(None),
                    handles => self.file_op(at, index % handles, *op).map(|()| None),
                };
            }
            Op::SetMaxQuota(bytes) => {
                fs.set_max_quota(*bytes);
                world.fss[at].config.quota = *bytes;
                return Ok(None);
            }
            Op::SetMaxNodes(nodes) => {
                fs.set_max_nodes(*nodes);
                world.fss[at].config.nodes = *nodes;
                return Ok(None);
            }
            Op::KeepContent(slot, source, path) => {
                return self.keep_content(at, *slot, *source, path).map(|()| None);
            }
            Op::DropContent(slot) => {
                (self.contents[*slot], world.contents[*slot]) = (None, None);
                return Ok(None);
            }
            Op::TakeSnapshot(slot) => {
                let model = &world.fss[at];
                let snap = Snap { fs: at, tree: model.tree.clone(), version: model.version };
                world.snaps[*slot] = Some(snap);
                self.snaps[*slot] = Some(fs.snapshot());
                return Ok(None);
            }
            Op::DropSnapshot(slot) => {
                if let (Some(real), Some(model)) = (self.snaps[*slot].take(), world.snaps[*slot].take()) {
                    compare_snapshot(&real, &model.tree, model.version)?;
                }
                return Ok(None);
            }
            Op::Restore(slot) => {
                let slot = &snapshot(*slot);
                let (Some(real), Some(snap)) = (&self.snaps[*slot], world.snaps[*slot].clone()) else {
                    return Ok(None);
                };
                let before = fs.version();
                let restored = settle(world.expect_restore(at, &snap), fs.restore(real), &around(&[]))?;
                if restored.is_some() && !diff(&model.tree, &snap.tree).is_empty() {
                    ensure!(fs.version() > before, "restored without a new version");
                }
                restored.map(|((), ())| world.restore(at, &snap))
            }
            Op::Diff(a, b) => return self.diff(snapshot(*a), *b).map(|()| None),
            Op::Fork(slot, config) => return self.fork(snapshot(*slot), config).map(|()| None),
            Op::Tick(secs) => {
                let mut now = self.clock.0.lock().expect("never poisoned");
                let by = Duration::from_secs(secs.unsigned_abs());
                *now = if *secs < 0 { *now - by } else { *now + by };
                world.now = *now;
                return Ok(None);
            }
        };
        Ok(Some(done.is_some()))
    }

    /// A snapshot that exists, if there is any: the one in the slot, or in the next that has one.
    fn filled(&self, slot: usize) -> usize {
        (slot..slot + 3).map(|slot| slot % 3).find(|slot| self.snaps[*slot].is_some()).unwrap_or(slot)
    }

    /// The path that was picked, as things stand.
    fn spell(&self, at: usize, pick: &Pick, source: Source) -> String {
        let (_, tree, _) = self.view(at, source);
        let nth = |n: usize, wanted: &dyn Fn(&str, &Node) -> bool| {
            let all: Vec<&String> =
                tree.iter().filter(|(path, node)| wanted(path, node)).map(|(path, _)| path).collect();
            if all.is_empty() { "/a".to_owned() } else { all[n % all.len()].clone() }
        };
        match pick {
            Pick::Spelled(path) => path.clone(),
            // The root is special in all that takes a node, so it is drawn seldom.
            Pick::Node(n) | Pick::Dir(n) if n % 16 == 0 => "/".to_owned(),
            Pick::Node(n) => nth(*n, &|path, _| path != "/"),
            Pick::File(n) => nth(*n, &|_, node| !node.is_dir()),
            Pick::Dir(n) => nth(*n, &|path, node| path != "/" && node.is_dir()),
            Pick::In(n, name) => child(&nth(*n, &|_, node| node.is_dir()), name),
            Pick::Held(n) => {
                let held: Vec<&String> = self.world.fss[at].holds.keys().collect();
                if held.is_empty() { "/a".to_owned() } else { held[n % held.len()].clone() }
            }
        }
    }

    fn view(&self, at: usize, source: Source) -> (View<'_>, &Tree, usize) {
        match source.map(|slot| self.filled(slot)).map(|slot| (&self.snaps[slot], &self.world.snaps[slot])) {
            Some((Some(real), Some(snap))) => {
                (View::Old(real), &snap.tree, self.world.fss[snap.fs].config.depth)
            }
            _ => (View::Live(&self.fss[at]), &self.world.fss[at].tree, self.world.fss[at].config.depth),
        }
    }

    fn read(&self, at: usize, source: Source, read: &Read<String>) -> Agreed {
        let (view, tree, depth) = self.view(at, source);
        let reads = Reads { view, tree, depth };
        match read {
            Read::Look(path) => reads.look(path),
            Read::List(path) => reads.read_dir(path),
            Read::Whole(path) => reads.read(path),
            Read::Walk(path, skip) => reads.walk(path, *skip),
            Read::Glob(pattern) => reads.glob(pattern),
            Read::Export(path, only_dirty) => reads.export(path, *only_dirty),
            Read::ExportBytes(path, max) => reads.export_bytes(path, *max),
        }
    }

    fn keep_content(&mut self, at: usize, slot: usize, source: Source, path: &str) -> Agreed {
        let (view, tree, depth) = self.view(at, source);
        let reads = Reads { view, tree, depth };
        let got = view!(view, content(path));
        let kept = settle(reads.expect_file(path), got, &reads.around(path))?;
        let Some((data, content)) =
            kept.map(|(node, content)| (node.data().expect("a file").clone(), content))
        else {
            return Ok(());
        };
        content_is(&content, &data.bytes)?;
        self.contents[slot] = Some(content);
        self.world.contents[slot] = Some(data);
        Ok(())
    }

    fn diff(&self, newer: usize, older: usize) -> Agreed {
        let slots = [newer, older].map(|slot| (&self.snaps[slot], &self.world.snaps[slot]));
        let [(Some(new), Some(new_model)), (Some(old), Some(old_model))] = slots else { return Ok(()) };
        let got: Vec<_> = new.diff(old).collect();
        let mut left = got.iter();
        let mut next = left.next();
        for (change, optional) in diff(&new_model.tree, &old_model.tree) {
            if next == Some(&change) {
                next = left.next();
            } else if !optional {
                return Err(format!("a difference lacks {change:?}: {got:?}"));
            }
        }
        ensure!(next.is_none(), "a difference has {next:?} too many: {got:?}");
        if new_model.fs == old_model.fs && new_model.version == old_model.version {
            ensure!(new.same_as(old), "two snapshots of one version are not the same");
        }
        ensure!(got.is_empty() || !new.same_as(old), "the same snapshots differ");
        Ok(())
    }

    fn fork(&mut self, slot: usize, config: &Config) -> Agreed {
        let (Some(real), Some(snap)) = (&self.snaps[slot], &self.world.snaps[slot]) else { return Ok(()) };
        if self.fss.len() >= 3 {
            return Ok(());
        }
        let nodes = snap.tree.len() as u64;
        let deep = snap.tree.keys().any(|path| crate::paths::depth(path) > config.depth);
        let forked = MemFs::from_snapshot(real, builder(config, &self.clock));
        let fs = match forked {
            Ok(fs) => fs,
            Err(error) => {
                let refused = match error.kind() {
                    arcfs::ErrorKind::NodeLimit { current, limit } => {
                        nodes > config.nodes && (*current, *limit) == (nodes, config.nodes)
                    }
                    arcfs::ErrorKind::InvalidInput => deep,
                    _ => false,
                };
                ensure!(refused, "a fork was refused: {error:?}");
                return Ok(());
            }
        };
        ensure!(nodes <= config.nodes && !deep, "a fork exceeds its limits");
        if VERSIONED {
            self.world.bases.push(snap.tree.clone());
        }
        self.world.fss.push(model_fs(config, snap.tree.clone(), fs.version()));
        self.fss.push(fs);
        self.files.push(Vec::new());
        self.histories.push(History::default());
        Ok(())
    }

    fn open_as(&mut self, at: usize, path: &str, mode: Mode) -> Agreed<Option<bool>> {
        let create = Options { write: true, create: true, truncate: true, ..Options::default() };
        match mode {
            Mode::Open => {
                let options = Options { read: true, ..Options::default() };
                self.open(at, path, &options, |fs| fs.open(path))
            }
            Mode::Create => self.open(at, path, &create, |fs| fs.create(path)),
            Mode::Named(name) => {
                let options = match name {
                    "rb" => Options { read: true, ..Options::default() },
                    "wb" => create,
                    "ab" => Options { append: true, create: true, ..Options::default() },
                    "r+b" => Options { read: true, write: true, ..Options::default() },
                    "xb" => Options { write: true, create_new: true, ..Options::default() },
                    _ => {
                        let error = OpenOptions::from_mode(name).expect_err("no mode");
                        same("kind", error.kind(), &arcfs::ErrorKind::InvalidInput)?;
                        return Ok(None);
                    }
                };
                self.open(at, path, &options, |fs| subject::open(&OpenOptions::from_mode(name)?, fs, path))
            }
        }
    }

    fn open(
        &mut self,
        at: usize,
        path: &str,
        options: &Options,
        open: impl FnOnce(&MemFs) -> arcfs::Result<File>,
    ) -> Agreed<Option<bool>> {
        if self.files[at].len() >= 5 {
            return Ok(None);
        }
        let around = self.around(at)(&[path]);
        let expected = self.world.fss[at].expect_open(path, options);
        match settle(expected, open(&self.fss[at]), &around)? {
            None => Ok(Some(false)),
            Some((opening, file)) => {
                self.world.open(at, &opening);
                self.files[at].push(file);
                Ok(Some(true))
            }
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each operation")]
    fn file_op(&mut self, at: usize, index: usize, op: FileOp) -> Agreed {
        let (world, version) = (&mut self.world, self.fss[at].version());
        let around = Circumstances {
            path: Some(world.fss[at].handles[index].path.clone()),
            other: None,
            available: self.fss[at].stats().free_bytes,
        };
        let (model, file) = (&world.fss[at], &mut self.files[at][index]);
        let handle = &model.handles[index];
        let mut publishes = false;
        match op {
            FileOp::ReadAt(len, offset) => {
                let mut buf = vec![0; len];
                let got = file.read_at(&mut buf, offset);
                read_is(model, index, offset, &buf, got, &around)?;
            }
            FileOp::Read(len) => {
                let mut buf = vec![0; len];
                let got = file.read(&mut buf).map_err(own);
                let read = read_is(model, index, handle.cursor, &buf, got, &around)?;
                world.fss[at].handles[index].cursor += read;
            }
            FileOp::WriteAt(bytes, offset) => {
                let bytes = bytes.make();
                let expected = model.expect_write_handle(index, Some(offset), bytes.len() as u64);
                if let Some((offset, n)) = settle(expected, file.write_at(&bytes, offset), &around)? {
                    same("bytes written", &n, &bytes.len())?;
                    world.write_handle(at, index, &bytes, offset);
                }
            }
            FileOp::Write(bytes) => {
                let bytes = bytes.make();
                let expected = model.expect_write_handle(index, None, bytes.len() as u64);
                let before = handle.cursor;
                if let Some((offset, n)) = settle(expected, file.write(&bytes).map_err(own), &around)? {
                    same("bytes written", &n, &bytes.len())?;
                    world.write_handle(at, index, &bytes, offset);
                    let cursor = file.stream_position().map_err(|error| error.to_string())?;
                    let handle = &mut world.fss[at].handles[index];
                    // Whether a write of no bytes moves the cursor to the end is left open.
                    handle.cursor = match bytes.len() as u64 {
                        0 if cursor == before => before,
                        n => offset + n,
                    };
                }
            }
            FileOp::Seek(to) => {
                let seek = match to {
                    SeekTo::Start(offset) => SeekFrom::Start(offset),
                    SeekTo::Current(by) => SeekFrom::Current(by),
                    SeekTo::End(by) => SeekFrom::End(by),
                };
                let expected = model.expect_seek(index, to);
                if let Some((target, got)) = settle(expected, file.seek(seek).map_err(own), &around)? {
                    same("position", &got, &target)?;
                    world.fss[at].handles[index].cursor = target;
                }
            }
            FileOp::SetLen(len) => {
                let expected = model.expect_set_len(index, len);
                if settle(expected, file.set_len(len), &around)?.is_some() {
                    world.set_len(at, index, len);
                }
            }
            FileOp::Flush => {
                file.flush().map_err(|error| format!("flush: {error:?}"))?;
                if handle.draft().is_some_and(|draft| !draft.atomic) {
                    world.publish(at, index);
                    publishes = true;
                }
            }
            FileOp::Commit => {
                file.commit().map_err(|error| format!("commit: {error:?}"))?;
                world.publish(at, index);
                publishes = true;
            }
            FileOp::Close | FileOp::Discard | FileOp::Drop => {
                let atomic = handle.draft().is_some_and(|draft| draft.atomic);
                let file = self.files[at].remove(index);
                match op {
                    FileOp::Close => file.close().map_err(|error| format!("close: {error:?}"))?,
                    FileOp::Discard => file.discard(),
                    _ => drop(file),
                }
                let dropped = matches!(op, FileOp::Drop) && subject::DROP_PUBLISHES;
                let publish = matches!(op, FileOp::Close) || (dropped && !atomic);
                world.close(at, index, publish);
                return Ok(());
            }
        }
        let handle = &self.world.fss[at].handles[index];
        let position = self.files[at][index].stream_position().map_err(|error| error.to_string())?;
        same("position of the handle", &position, &handle.cursor)?;
        self.draft_is(at, index)?;
        if !publishes {
            same("version after a call on a handle", &self.fss[at].version(), &version)?;
        }
        Ok(())
    }

    /// Whether a handle that may read sees its whole draft or content.
    fn draft_is(&self, at: usize, index: usize) -> Agreed {
        let (handle, file) = (&self.world.fss[at].handles[index], &self.files[at][index]);
        if handle.readable {
            let mut all = vec![0; handle.bytes().len() + 1];
            let n = file.read_at(&mut all, 0).map_err(|error| error.to_string())?;
            ensure!(all[..n] == *handle.bytes(), "what the handle of {:?} reads differs", handle.path);
        }
        Ok(())
    }
}

fn options_of(options: &Options) -> OpenOptions {
    let mut real = OpenOptions::new();
    real.read(options.read)
        .write(options.write)
        .append(options.append)
        .truncate(options.truncate)
        .create(options.create)
        .create_new(options.create_new)
        .atomic(options.atomic)
        .shared_lock(options.shared_lock)
        .preallocate(options.preallocate)
        .lock_timeout(Some(Duration::ZERO));
    real
}

/// The error of the engine that an error of `std::io` carries.
fn own(error: std::io::Error) -> arcfs::Error {
    let kind = error.kind();
    let inner = error.into_inner().expect("it carries one");
    let inner = *inner.downcast::<arcfs::Error>().expect("of the engine");
    let expected = match inner.kind() {
        arcfs::ErrorKind::Unsupported => std::io::ErrorKind::Unsupported,
        arcfs::ErrorKind::QuotaExceeded { .. } => std::io::ErrorKind::QuotaExceeded,
        _ => std::io::ErrorKind::InvalidInput,
    };
    assert_eq!(kind, expected, "{inner:?}");
    inner
}

/// Checks what a read of a handle gave; how many bytes that were.
fn read_is(
    model: &Fs,
    index: usize,
    offset: u64,
    buf: &[u8],
    got: arcfs::Result<usize>,
    around: &Circumstances,
) -> Agreed<u64> {
    let handle = &model.handles[index];
    let expected: Expected<()> = if handle.readable {
        Ok(Plan { what: (), need: Range::default(), unless: None })
    } else {
        Err(Fail::kind(arcfs::ErrorKind::Unsupported, &handle.path))
    };
    let Some(((), n)) = settle(expected, got, around)? else { return Ok(0) };
    let all = handle.bytes();
    let from = usize::try_from(offset).map_or(all.len(), |offset| offset.min(all.len()));
    let to = (from + buf.len()).min(all.len());
    ensure!(buf[..n] == all[from..to], "a handle read {n} bytes from {offset} on, expected {}", to - from);
    Ok(n as u64)
}

/// Everything that a content can be asked.
fn content_is(content: &Content, bytes: &[u8]) -> Agreed {
    let fine = |error: arcfs::Error| error.to_string();
    same("length of a content", &content.len(), &(bytes.len() as u64))?;
    ensure!(content.to_vec().map_err(fine)? == bytes, "to_vec differs");
    ensure!(content.to_bytes().map_err(fine)? == bytes, "to_bytes differs");
    let chunks = content.chunks().collect::<arcfs::Result<Vec<_>>>().map_err(fine)?;
    ensure!(chunks.concat() == bytes, "the chunks differ");
    ensure!(chunks.iter().all(|c| !c.is_empty() && c.len() <= 64 << 10), "a chunk is empty or too large");
    let mut part = vec![0; 100];
    let from = bytes.len() / 2;
    let n = content.read_at(&mut part, from as u64).map_err(fine)?;
    ensure!(part[..n] == bytes[from..bytes.len().min(from + 100)], "read_at differs");
    let mut all = Vec::new();
    let mut reader = content.reader();
    reader.seek(SeekFrom::Start(from as u64)).map_err(|error| error.to_string())?;
    reader.read_to_end(&mut all).map_err(|error| error.to_string())?;
    ensure!(all == bytes[from..], "the reader differs");
    Ok(())
}

/// The calls that read, on a filesystem or a snapshot.
struct Reads<'a> {
    view: View<'a>,
    tree: &'a Tree,
    depth: usize,
}

impl Reads<'_> {
    fn around(&self, path: &str) -> Circumstances {
        let path = normalise(path, self.depth).unwrap_or_else(|| path.to_owned());
        Circumstances { path: Some(path), other: None, available: u64::MAX }
    }

    fn expect_node(&self, raw: &str) -> Expected<(String, Node)> {
        let Some(path) = normalise(raw, self.depth) else {
            return Err(Fail::invalid_path(raw));
        };
        match find(self.tree, &path) {
            Err(kind) => Err(Fail::kind(kind, &path)),
            Ok(node) => Ok(Plan { what: (path, node.clone()), need: Range::default(), unless: None }),
        }
    }

    fn expect_file(&self, raw: &str) -> Expected<Node> {
        let Plan { what: (path, node), need, unless } = self.expect_node(raw)?;
        if node.is_dir() {
            return Err(Fail::kind(arcfs::ErrorKind::IsADirectory, &path));
        }
        Ok(Plan { what: node, need, unless })
    }

    fn expect_dir(&self, raw: &str) -> Expected<String> {
        let Plan { what: (path, node), need, unless } = self.expect_node(raw)?;
        if !node.is_dir() {
            return Err(Fail::kind(arcfs::ErrorKind::NotADirectory, &path));
        }
        Ok(Plan { what: path, need, unless })
    }

    fn look(&self, raw: &str) -> Agreed {
        let view = self.view;
        let node = self.expect_node(raw).ok().map(|plan| plan.what.1);
        let is_dir = node.as_ref().map(Node::is_dir);
        same(
            "exists, is_file, is_dir",
            &(view!(view, exists(raw)), view!(view, is_file(raw)), view!(view, is_dir(raw))),
            &(is_dir.is_some(), is_dir == Some(false), is_dir == Some(true)),
        )?;
        let got = settle(self.expect_node(raw), view!(view, metadata(raw)), &self.around(raw))?;
        if let Some(((path, node), metadata)) = got {
            metadata_is(&path, &metadata, &node, u64::MAX)?;
        }
        let got = settle(self.expect_node(raw), view!(view, usage(raw)), &self.around(raw))?;
        if let Some(((path, _), usage)) = got {
            let below = subtree(self.tree, &path);
            let dirs = below.iter().filter(|path| self.tree[*path].is_dir()).count() as u64;
            let bytes: u64 = below.iter().map(|path| self.tree[path].len()).sum();
            let expected = (bytes, below.len() as u64 - dirs, dirs);
            same("usage", &(usage.bytes, usage.files, usage.dirs), &expected)?;
        }
        Ok(())
    }

    fn read_dir(&self, raw: &str) -> Agreed {
        let view = self.view;
        let Some((path, listing)) =
            settle(self.expect_dir(raw), view!(view, read_dir(raw)), &self.around(raw))?
        else {
            return Ok(());
        };
        let names = children(self.tree, &path);
        same("entries to come", &listing.len(), &names.len())?;
        let entries: Vec<_> = listing.collect();
        let got: Vec<_> = entries.iter().map(|e| (e.name().to_owned(), e.path().to_owned())).collect();
        let expected: Vec<_> = names.iter().map(|name| (name.clone(), child(&path, name))).collect();
        same("entries", &got, &expected)?;
        entries.iter().try_for_each(|entry| {
            metadata_is(entry.path(), &entry.metadata(), &self.tree[entry.path()], u64::MAX)
        })
    }

    fn read(&self, raw: &str) -> Agreed {
        let (view, around) = (self.view, self.around(raw));
        if let Some((node, bytes)) = settle(self.expect_file(raw), view!(view, read(raw)), &around)? {
            ensure!(bytes == *node.data().expect("a file").bytes, "the bytes of {raw:?} differ");
        }
        let mut out = b"something older".to_vec();
        if let Some((node, n)) =
            settle(self.expect_file(raw), view!(view, read_into(raw, &mut out)), &around)?
        {
            ensure!(n == out.len() && out == *node.data().expect("a file").bytes, "read_into differs");
        }
        let mut expected = self.expect_file(raw);
        if let Ok(plan) = &expected
            && std::str::from_utf8(&plan.what.data().expect("a file").bytes).is_err()
        {
            let path = normalise(raw, self.depth).expect("found");
            expected = Err(Fail::kind(arcfs::ErrorKind::InvalidData, &path));
        }
        if let Some((node, text)) = settle(expected, view!(view, read_to_string(raw)), &around)? {
            ensure!(text.as_bytes() == *node.data().expect("a file").bytes, "read_to_string differs");
        }
        Ok(())
    }

    /// Skips what is below those directories whose turn is a set bit.
    fn walk(&self, raw: &str, skip: u8) -> Agreed {
        let view = self.view;
        let Some((path, mut walk)) = settle(self.expect_dir(raw), view!(view, walk(raw)), &self.around(raw))?
        else {
            return Ok(());
        };
        let skips = |turn: usize| turn < 8 && skip & (1 << turn) != 0;
        let mut got = Vec::new();
        while let Some(dir) = walk.next() {
            if skips(got.len()) {
                walk.skip_current_dir();
                walk.skip_current_dir(); // a second time changes nothing
            }
            let strings = |names: &[arcfs::Name]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            got.push((dir.path, strings(&dir.dirs), strings(&dir.files)));
        }
        let mut expected = Vec::new();
        let mut skipped: Vec<String> = Vec::new();
        for dir in subtree(self.tree, &path) {
            if !self.tree[&dir].is_dir() || skipped.iter().any(|above| is_below(&dir, above)) {
                continue;
            }
            if skips(expected.len()) {
                skipped.push(dir.clone());
            }
            let (dirs, files) =
                children(self.tree, &dir).into_iter().partition(|n| self.tree[&child(&dir, n)].is_dir());
            expected.push((dir, dirs, files));
        }
        same("walk", &got, &expected)
    }

    fn glob(&self, pattern: &str) -> Agreed {
        let view = self.view;
        let expected: Expected<Vec<String>> = match glob(pattern, "/") {
            None => Err(Fail::kind(arcfs::ErrorKind::InvalidPattern, pattern)),
            Some(_) => {
                let matches = |path: &&String| glob(pattern, path) == Some(true);
                let what = self.tree.keys().filter(matches).cloned().collect();
                Ok(Plan { what, need: Range::default(), unless: None })
            }
        };
        match settle(expected, view!(view, glob(pattern)), &self.around(pattern))? {
            Some((expected, got)) => same("glob", &got, &expected),
            None => Ok(()),
        }
    }

    fn export(&self, raw: &str, only_dirty: bool) -> Agreed {
        let (view, options) = (self.view, ExportOptions { only_dirty });
        let expect = || -> Expected<Vec<(String, Rc<Vec<u8>>)>> {
            let Some(prefix) = normalise(raw, self.depth) else {
                return Err(Fail::invalid_path(raw));
            };
            let wanted = |(path, node): (&String, &Node)| {
                let data = node.data()?;
                let taken = at_or_below(path, &prefix) && (!only_dirty || node.generation() > 0);
                taken.then(|| (path.clone(), Rc::clone(&data.bytes)))
            };
            let what = self.tree.iter().filter_map(wanted).collect();
            Ok(Plan { what, need: Range::default(), unless: None })
        };
        if let Some((expected, got)) =
            settle(expect(), view!(view, export_tree(raw, options)), &self.around(raw))?
        {
            let expected: Vec<_> = expected.into_iter().map(|(path, bytes)| (path, bytes.to_vec())).collect();
            ensure!(got.into_iter().collect::<Vec<_>>() == expected, "export_tree of {raw:?} differs");
        }
        if let Some((mut expected, got)) =
            settle(expect(), view!(view, iter_export_tree(raw, options)), &self.around(raw))?
        {
            expected.sort_by(|a, b| tree_order(&a.0, &b.0));
            let got: Vec<_> = got.collect();
            let paths = |path: &String| path.clone();
            let got_paths: Vec<_> = got.iter().map(|(path, _)| paths(path)).collect();
            let expected_paths: Vec<_> = expected.iter().map(|(path, _)| paths(path)).collect();
            same("iter_export_tree", &got_paths, &expected_paths)?;
            for ((_, content), (_, bytes)) in got.iter().zip(&expected) {
                content_is(content, bytes)?;
            }
        }
        Ok(())
    }

    fn export_bytes(&self, raw: &str, max: Option<u64>) -> Agreed {
        let view = self.view;
        let mut expected = self.expect_file(raw);
        if let Ok(plan) = &expected
            && max.is_some_and(|max| plan.what.len() > max)
        {
            let path = normalise(raw, self.depth).expect("found");
            expected = Err(Fail::kind(arcfs::ErrorKind::InvalidInput, &path));
        }
        match settle(expected, view!(view, export_bytes(raw, max)), &self.around(raw))? {
            Some((node, bytes)) => {
                ensure!(bytes == *node.data().expect("a file").bytes, "export_bytes of {raw:?} differs");
                Ok(())
            }
            None => Ok(()),
        }
    }
}
