//! A store with one fault at will, to see that the checks of workloads can fail, and what all tests of
//! workloads share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::backend::{self, Backend, Setup, Side};
use crate::store::{Answer, Failure, Mode, OpenFile, Store, View};
use crate::workload::{Extent, Params, Scope, Workload};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    NoViews,
    ViewFileByFile,
    ViewDirByDir,
    ViewStale,
    ViewLive,
    WalkMissesOne,
    GlobMissesOne,
    /// Every tenth write that does not change the size of a file is accepted and forgotten.
    WritesLost,
    AdmitsTooMuch,
    CountsTooLittle,
    CountsBeforeRefusing,
    RefusesEarly,
    RefusedLeavesFile,
    RefusedLeavesPart,
    RefusedStaysCounted,
    RemovedStaysCounted,
    RemovedKeepsRoom,
    SizeWrong,
    ListMissesOne,
    CopyMixes,
    CopyShares,
    RemoveDirForgets,
}

/// A backend for each fault: what makes a store is a plain function and cannot capture one.
macro_rules! backends {
    ($($fault:ident)*) => {
        impl Fault {
            /// A backend that makes stores with this fault.
            pub fn backend(self) -> Backend {
                let make = match self {
                    $(Self::$fault => |setup: &Setup| Ok(Planted::boxed(Self::$fault, setup)),)*
                };
                Backend { name: "planted", about: "A store with a fault", side: Side::Rival, make }
            }
        }
    };
}

backends! {
    None NoViews ViewFileByFile ViewDirByDir ViewStale ViewLive WalkMissesOne GlobMissesOne WritesLost
    AdmitsTooMuch CountsTooLittle CountsBeforeRefusing RefusesEarly RefusedLeavesFile RefusedLeavesPart
    RefusedStaysCounted RemovedStaysCounted RemovedKeepsRoom SizeWrong ListMissesOne CopyMixes CopyShares
    RemoveDirForgets
}

type Files = BTreeMap<String, Arc<[u8]>>;

#[derive(Default)]
struct State {
    files: Files,
    /// Bytes that the store says are used.
    used: u64,
    /// Bytes that count against the limit and are not said.
    hidden: u64,
    writes: u64,
}

struct Planted {
    fault: Fault,
    limit: u64,
    state: Mutex<State>,
    /// Bytes counted for a write that is yet to be refused.
    hasty: AtomicU64,
    /// Writes of the two writers of the consistency workload.
    writes: [AtomicU64; 2],
    last_view: Mutex<Files>,
}

impl Planted {
    fn boxed(fault: Fault, setup: &Setup) -> Box<dyn Store> {
        let limit = setup.limit.unwrap_or(u64::MAX / 4);
        let limit = match fault {
            Fault::AdmitsTooMuch => limit * 2,
            Fault::RefusesEarly => limit / 8,
            _ => limit,
        };
        Box::new(Self {
            fault,
            limit,
            state: Mutex::default(),
            hasty: AtomicU64::new(0),
            writes: Default::default(),
            last_view: Mutex::default(),
        })
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// What `bytes` of payload count.
    fn count(&self, bytes: u64) -> u64 {
        if self.is(Fault::CountsTooLittle) { bytes / 8 } else { bytes }
    }

    fn refuse(&self, state: &mut State, path: &str, bytes: &[u8]) {
        match self.fault {
            Fault::RefusedLeavesFile if !state.files.contains_key(path) => {
                state.files.insert(path.to_owned(), [].into());
            }
            Fault::RefusedLeavesPart => {
                if let Some(old) = state.files.get_mut(path) {
                    *old = bytes[..old.len().min(bytes.len()) / 2].into();
                }
            }
            Fault::RefusedStaysCounted if state.used < self.limit => state.used += 1,
            _ => {}
        }
    }

    /// Waits until a writer has begun and ended at least one more write, but not for ever.
    fn await_writes(&self, writer: usize) {
        let began = Instant::now();
        let before = self.writes[writer].load(Ordering::SeqCst);
        while self.writes[writer].load(Ordering::SeqCst) < before + 2
            && began.elapsed() < Duration::from_millis(20)
        {
            thread::yield_now();
        }
    }

    fn files_below(&self, prefix: &str) -> Files {
        let state = self.state.lock();
        let below = state.files.iter().filter(|(path, _)| path.starts_with(prefix));
        below.map(|(path, bytes)| (path.clone(), Arc::clone(bytes))).collect()
    }
}

fn missing(path: &str) -> Failure {
    Failure::failed(format!("{path} is missing"))
}

/// What a path is below a directory.
fn below<'path>(path: &'path str, dir: &str) -> Option<&'path str> {
    path.strip_prefix(dir)?.strip_prefix('/')
}

impl Store for Planted {
    fn create_dir_all(&self, _path: &str) -> Answer<()> {
        Ok(())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        let size = self.count(bytes.len() as u64);
        if self.is(Fault::CountsBeforeRefusing) && self.state.lock().used + size > self.limit {
            self.hasty.fetch_add(size, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
            self.hasty.fetch_sub(size, Ordering::SeqCst);
        }
        let mut state = self.state.lock();
        let old = state.files.get(path).map_or(0, |old| self.count(old.len() as u64));
        if state.used - old + size + state.hidden > self.limit {
            self.refuse(&mut state, path, bytes);
            return Err(Failure::Full);
        }
        state.writes += 1;
        if !(self.is(Fault::WritesLost) && old == size && state.writes.is_multiple_of(10)) {
            state.used = state.used - old + size;
            state.files.insert(path.to_owned(), bytes.into());
        }
        if let (Fault::CopyShares, Some(rest)) = (self.fault, below(path, "/copy")) {
            state.files.insert(format!("/data/{rest}"), bytes.into());
        }
        drop(state);
        self.writes[usize::from(path.starts_with("/w1"))].fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn read(&self, path: &str, out: &mut Vec<u8>) -> Answer<()> {
        let state = self.state.lock();
        out.clear();
        out.extend_from_slice(state.files.get(path).ok_or_else(|| missing(path))?);
        Ok(())
    }

    fn size(&self, path: &str) -> Answer<u64> {
        let state = self.state.lock();
        let bytes = state.files.get(path).ok_or_else(|| missing(path))?;
        Ok(bytes.len() as u64 + u64::from(self.is(Fault::SizeWrong)))
    }

    fn list(&self, path: &str, each: &mut dyn FnMut(&str)) -> Answer<()> {
        let state = self.state.lock();
        let names =
            state.files.keys().filter_map(|file| below(file, path)).filter(|name| !name.contains('/'));
        names.skip(usize::from(self.is(Fault::ListMissesOne))).for_each(each);
        Ok(())
    }

    fn remove(&self, path: &str) -> Answer<()> {
        let mut state = self.state.lock();
        let bytes = state.files.remove(path).ok_or_else(|| missing(path))?;
        state.used -= self.count(bytes.len() as u64);
        match self.fault {
            Fault::RemovedStaysCounted if state.used < self.limit => state.used += 1,
            Fault::RemovedKeepsRoom => state.hidden = (state.hidden + 512).min(self.limit / 4),
            _ => {}
        }
        Ok(())
    }

    fn copy_dir_all(&self, from: &str, to: &str) -> Answer<()> {
        let files = self.files_below(&format!("{from}/"));
        let first = files.values().next().cloned();
        for (path, mut bytes) in files {
            if let (Fault::CopyMixes, Some(first)) = (self.fault, &first) {
                bytes = Arc::clone(first);
            }
            self.state.lock().files.insert(path.replacen(from, to, 1), bytes);
        }
        Ok(())
    }

    fn remove_dir_all(&self, path: &str) -> Answer<()> {
        if !self.is(Fault::RemoveDirForgets) {
            self.state.lock().files.retain(|file, _| below(file, path).is_none());
        }
        Ok(())
    }

    fn open<'store>(&'store self, _path: &str, _mode: Mode) -> Answer<Box<dyn OpenFile + 'store>> {
        Err(Failure::Cannot("opens no files"))
    }

    fn view(&self) -> Answer<Box<dyn View + '_>> {
        let all = || self.files_below("/");
        let files = match self.fault {
            Fault::NoViews => return Err(Failure::Cannot("has no views")),
            Fault::ViewFileByFile => {
                let mut files = Files::new();
                for path in all().into_keys() {
                    self.await_writes(usize::from(path.starts_with("/w1")));
                    files.append(&mut self.files_below(&path));
                }
                files
            }
            Fault::ViewDirByDir => {
                let mut files = self.files_below("/w0/");
                self.await_writes(0);
                self.await_writes(1);
                files.append(&mut self.files_below("/w1/"));
                files
            }
            Fault::ViewStale => {
                let now = all();
                let last = std::mem::replace(&mut *self.last_view.lock(), now.clone());
                if last.is_empty() { now } else { last }
            }
            _ => all(),
        };
        Ok(Box::new(PlantedView { store: self, files }))
    }

    fn used(&self) -> Answer<u64> {
        Ok(self.state.lock().used + self.hasty.load(Ordering::SeqCst))
    }
}

/// A view, as far as its store has no fault there.
struct PlantedView<'store> {
    store: &'store Planted,
    files: Files,
}

impl PlantedView<'_> {
    fn files(&self) -> Files {
        if self.store.is(Fault::ViewLive) { self.store.files_below("/") } else { self.files.clone() }
    }
}

impl View for PlantedView<'_> {
    fn walk(&self, each: &mut dyn FnMut(&str, &str)) -> Answer<()> {
        let skipped = usize::from(self.store.is(Fault::WalkMissesOne));
        for path in self.files().keys().skip(skipped) {
            let (dir, name) = path.rsplit_once('/').expect("an absolute path");
            each(dir, name);
        }
        Ok(())
    }

    fn glob(&self, pattern: &str) -> Answer<usize> {
        assert_eq!(pattern, "**/f*7", "the only pattern that is known here");
        let matches = self.files().keys().filter(|path| path.ends_with('7')).count();
        Ok(matches - usize::from(self.store.is(Fault::GlobMissesOne)))
    }

    fn export(&self, each: &mut dyn FnMut(&str, &[u8])) -> Answer<()> {
        self.files().iter().for_each(|(path, bytes)| each(path, bytes));
        Ok(())
    }
}

/// Rounds in which something must show that depends on when threads run.
pub const ROUNDS: usize = 50;

/// The smallest cells of a workload.
pub fn smoke(workload: &dyn Workload) -> Vec<Params> {
    workload.cells(&Scope { extent: Extent::Smoke, large: false })
}

/// Runs the smallest cells on every backend. Each metric has a value or a reason; only rivals may be unable.
#[track_caller]
pub fn assert_smoke(workload: &dyn Workload) {
    for backend in backend::all() {
        for params in smoke(workload) {
            let place = format!("{} {params} on {}", workload.name(), backend.name);
            let round = match workload.round(&backend, &params) {
                Ok(round) => round,
                Err(Failure::Cannot(_)) if backend.side == Side::Rival => continue,
                Err(failure) => panic!("{place}: {failure}"),
            };
            assert!(round.checks > 0, "{place}: nothing was checked");
            for (metric, value) in &round.values {
                assert!(value.is_finite() && *value >= 0.0, "{place}: {metric} is {value}");
            }
            let values = round.values.iter().map(|(metric, _)| *metric);
            let mut names: Vec<_> = values.chain(round.cannot.iter().map(|(metric, _)| *metric)).collect();
            let mut metrics: Vec<_> = workload.metrics().iter().map(|metric| metric.name).collect();
            names.sort_unstable();
            metrics.sort_unstable();
            assert_eq!(names, metrics, "{place}");
        }
    }
}

/// Runs a cell on a store with a fault; a round must fail and say why. Whether a fault shows in a round can depend
/// on when threads run, so there are several.
#[track_caller]
pub fn assert_caught(workload: &dyn Workload, fault: Fault, params: &Params, why: &str) {
    for _ in 0..ROUNDS {
        match workload.round(&fault.backend(), params) {
            Ok(_) => {}
            Err(Failure::Failed(cause)) => {
                assert!(cause.to_string().contains(why), "{fault:?} {params}: {cause}");
                return;
            }
            Err(other) => panic!("{fault:?} {params}: {other}"),
        }
    }
    panic!("{fault:?} {params} was not caught in {ROUNDS} rounds");
}
