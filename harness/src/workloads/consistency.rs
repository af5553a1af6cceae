//! Consistency under load: writers at full speed while another thread takes views and uses them.
//!
//! A round has phases with and without views in alternation, so both see the same machine. In phases
//! without views the thread wakes up all the same, so what the writers lose is lost to the views. A view
//! is due every millisecond. Its latency begins when it is due if the store itself made the thread late,
//! and otherwise when the thread woke up: a late timer of the kernel is not the store's. What the thread
//! does with a view takes its own time, and no view is due in it.
//!
//! A view may be a held lock, which costs nothing to take and makes the writers wait while it is used, or a
//! copy, which costs its making; the one shows in `writes` and `writers-kept`, the other in `view-p99`, and
//! neither figure is to be read alone. Looking at what a view shows is part of using it and the same for all
//! stores: which file a name is of, and the sum over the bytes of a content. A store may lend them.
//!
//! Every export and one view after each phase that is kept while writers go on are checked to be one
//! instant ([`shape`]), no older than the last write that had returned.

mod shape;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use self::shape::{PATTERN, SIZE, Shape, Shown, Walked, Written};
use super::stop::Stop;
use crate::backend::{Backend, Setup};
use crate::load::{Payload, check_payload, histogram};
use crate::store::{Answer, Failure, Store, View};
use crate::workload::{Better, Extent, Metric, Params, Round, Scope, Unit, Workload};

/// Writes of all writers per second in the phases with views.
const WRITES: Metric = Metric::rate("writes");
/// The same as a share of the writes per second in the phases without views. In cells with the use `none`,
/// where there are none either, it is 1 but for noise.
const WRITERS_KEPT: Metric = Metric { name: "writers-kept", unit: Unit::Share, better: Better::Higher };
/// 99 of 100 views were there after this time; with the distribution.
const VIEW_P99: Metric = Metric::time("view-p99");
/// The median time of one walk, glob or export with giving the view back; for `take` giving back alone.
const USE_TIME: Metric = Metric::time("use-time");
/// Views per second: 1,000 where using one takes less than the millisecond between them.
const VIEWS: Metric = Metric::rate("views");

/// The time between views.
const TICK: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Consistency;

/// What is done with a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// None is taken.
    None,
    /// It is given back at once.
    Take,
    /// The names of all files are gone through.
    Walk,
    /// Files are found by a pattern.
    Glob,
    /// The content of all files is gone through.
    Export,
}

impl Use {
    const ALL: [Self; 5] = [Self::None, Self::Take, Self::Walk, Self::Glob, Self::Export];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Take => "take",
            Self::Walk => "walk",
            Self::Glob => "glob",
            Self::Export => "export",
        }
    }

    fn named(name: &str) -> Answer<Self> {
        let found = Self::ALL.into_iter().find(|candidate| candidate.name() == name);
        found.ok_or_else(|| Failure::failed(format!("no use of a view is called {name}")))
    }
}

impl Workload for Consistency {
    fn name(&self) -> &'static str {
        "consistency"
    }

    fn about(&self) -> &'static str {
        "Writers at full speed on 4 KiB files while a view is taken every millisecond and walked, globbed or exported"
    }

    fn metrics(&self) -> &'static [Metric] {
        &[WRITES, WRITERS_KEPT, VIEW_P99, USE_TIME, VIEWS]
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let (writers, files, phase): (&[u64], _, _) = match scope.extent {
            Extent::Smoke => (&[2], 32, 10),
            Extent::Quick => (&[2], 256, 50),
            Extent::Default => (&[2], 256, 75),
            Extent::Full => (&[1, 2, 4], 256, 250),
        };
        let cell = |writers, usage: Use| {
            let sizes = Params::new().number("writers", writers).number("files", files);
            sizes.number("phase-ms", phase).word("use", usage.name())
        };
        writers.iter().flat_map(|&writers| Use::ALL.map(|usage| cell(writers, usage))).collect()
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let usage = Use::named(params.get_word("use"))?;
        let length = Duration::from_millis(params.get("phase-ms"));
        let writers = params.get("writers") as usize;
        let shape = Shape { writers, each: params.get("files") as usize / writers };
        let store = (backend.make)(&Setup::default())?;
        if usage != Use::None {
            drop(store.view()?); // says before all the work whether there are views
        }
        let load = Load::new(&*store, shape);
        load.fill()?;
        let measured = thread::scope(|scope| {
            let stop = load.stop.on_drop();
            let load = &load;
            let threads: Vec<_> =
                (0..writers).map(|writer| scope.spawn(move || load.keep_writing(writer))).collect();
            let measured = load.observe(usage, length);
            drop(stop);
            let written: Answer<()> =
                threads.into_iter().try_for_each(|thread| thread.join().expect("a writer does not panic"));
            written.and(measured)
        })?;
        let checks = measured.checks + load.check_end(usage)?;
        Ok(measured.into_round(usage, checks))
    }
}

/// How many writes a writer has finished.
///
/// Ordering: who reads a count sees all that the writer had done before it finished that write, and the
/// checks of views rely on it: a view that is asked for afterwards must show the write.
#[repr(align(128))] // a cache line of its own, for two lines are fetched at a time
#[derive(Debug, Default)]
struct Progress(AtomicU64);

impl Progress {
    fn finished(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn finish(&self, position: u64) {
        self.0.store(position, Ordering::Release);
    }
}

/// The writers and what they write to.
struct Load<'store> {
    store: &'store dyn Store,
    shape: Shape,
    progress: Vec<Progress>,
    stop: Stop,
}

impl<'store> Load<'store> {
    fn new(store: &'store dyn Store, shape: Shape) -> Self {
        let progress = (0..shape.writers).map(|_| Progress::default()).collect();
        Self { store, shape, progress, stop: Stop::default() }
    }

    /// Writes each file once.
    fn fill(&self) -> Answer<()> {
        for writer in 0..self.shape.writers {
            self.store.create_dir_all(&Shape::dir(writer))?;
            self.write(writer, |position| position == self.shape.each as u64)?;
        }
        Ok(())
    }

    fn keep_writing(&self, writer: usize) -> Answer<()> {
        self.write(writer, |_| self.stop.is_raised())
    }

    /// Writes the files of a writer in their order, again and again, until the number of its writes is enough.
    fn write(&self, writer: usize, enough: impl Fn(u64) -> bool) -> Answer<()> {
        let paths: Vec<_> = (0..self.shape.each).map(|file| Shape::path(writer, file)).collect();
        let neighbour = &self.progress[self.shape.neighbour(writer)];
        let mut payload = Payload::new(SIZE);
        let mut position = self.progress[writer].finished();
        while !enough(position) {
            let file = position as usize % self.shape.each;
            let generation = position / self.shape.each as u64 + 1;
            let written = Written { generation, seen: neighbour.finished() };
            let key = self.shape.key(writer, file) as u64;
            self.store.write(&paths[file], payload.stamp(key, written.number()))?;
            position += 1;
            self.progress[writer].finish(position);
        }
        Ok(())
    }

    fn finished(&self) -> Vec<u64> {
        self.progress.iter().map(Progress::finished).collect()
    }

    /// Phases with and without views, in an order that a steady drift of the machine does not favour.
    fn observe(&self, usage: Use, length: Duration) -> Answer<Measured> {
        let mut without = Measured::new();
        let mut with = Measured::new();
        self.phase(Use::None, length / 4, &mut Measured::new())?; // until the writers are up to speed
        for viewed in [false, true, true, false] {
            if viewed {
                self.phase(usage, length, &mut with)?;
                with.checks += self.keep_view(usage)?;
            } else {
                self.phase(Use::None, length, &mut without)?;
            }
        }
        with.baseline = without.writes as f64 / without.time.as_secs_f64();
        Ok(with)
    }

    /// Takes a view at every tick for a while, and counts what the writers do meanwhile.
    fn phase(&self, usage: Use, length: Duration, measured: &mut Measured) -> Answer<()> {
        let before: u64 = self.finished().iter().sum();
        let began = Instant::now();
        let mut due = began;
        while due < began + length && began.elapsed() < length {
            let early = due.saturating_duration_since(Instant::now());
            thread::sleep(early);
            if usage == Use::None {
                due += TICK;
                continue;
            }
            let start = if early.is_zero() { due } else { Instant::now() };
            let used = self.view_once(usage, start, measured)?;
            due += TICK;
            // Ticks that went by while the view was used are no view's delay.
            while used.contains(&due) {
                due += TICK;
            }
        }
        let end = Instant::now();
        while usage != Use::None && due < began + length {
            measured.view.saturating_record(end.saturating_duration_since(due).as_nanos() as u64);
            due += TICK;
        }
        measured.writes += self.finished().iter().sum::<u64>() - before;
        measured.time += end - began;
        Ok(())
    }

    /// Takes a view, uses it, gives it back, and tells from when to when the last two took.
    fn view_once(&self, usage: Use, start: Instant, measured: &mut Measured) -> Answer<Range<Instant>> {
        let before = self.finished();
        let view = self.store.view()?;
        measured.view.saturating_record(start.elapsed().as_nanos() as u64);
        let after = self.finished();
        let begin = Instant::now();
        let (mut walked, mut shown, mut matched) = (None, None, None);
        match usage {
            Use::None | Use::Take => {}
            Use::Walk => {
                let walked = walked.insert(Walked::new(self.shape));
                view.walk(&mut |dir, name| walked.name(dir, name))?;
            }
            Use::Glob => matched = Some(view.glob(PATTERN)?),
            Use::Export => export(&*view, shown.insert(Shown::new(self.shape)))?,
        }
        drop(view);
        let used = begin..Instant::now();
        measured.used.saturating_record((used.end - used.start).as_nanos() as u64);
        if let Some(walked) = walked {
            measured.checks += walked.check()?;
        }
        if let Some(shown) = shown {
            measured.checks += shown.check(&before, &after)?;
        }
        if let Some(matched) = matched {
            if matched != self.shape.matches() {
                let must = self.shape.matches();
                return Err(Failure::failed(format!(
                    "{PATTERN} matches {matched} files of a view, not {must}"
                )));
            }
            measured.checks += 1;
        }
        Ok(used)
    }

    /// A view that is kept while the writers go on still shows the instant at which it was taken.
    fn keep_view(&self, usage: Use) -> Answer<u64> {
        if usage == Use::None {
            return Ok(0);
        }
        let before = self.finished();
        let view = self.store.view()?;
        let after = self.finished();
        thread::sleep(TICK);
        let mut shown = Shown::new(self.shape);
        export(&*view, &mut shown)?;
        shown.check(&before, &after)
    }

    /// After the writers ended, each file holds the last write to it, and a view shows the same.
    fn check_end(&self, usage: Use) -> Answer<u64> {
        let mut checks = self.keep_view(usage)?;
        let mut bytes = Vec::new();
        for (writer, position) in self.finished().into_iter().enumerate() {
            for file in 0..self.shape.each {
                let path = Shape::path(writer, file);
                self.store.read(&path, &mut bytes)?;
                let number = check_payload(&bytes, SIZE, self.shape.key(writer, file) as u64)?;
                let (is, must) =
                    (Written::from_number(number).generation, self.shape.generation(position, file));
                if is != must {
                    return Err(Failure::failed(format!(
                        "{path} holds its write {is} at the end, not the last one, {must}"
                    )));
                }
                checks += 1;
            }
        }
        Ok(checks)
    }
}

fn export(view: &dyn View, shown: &mut Shown) -> Answer<()> {
    view.export(&mut |path, bytes| shown.content(path, bytes))
}

/// What phases of one kind gave.
struct Measured {
    /// Writes, and the time in which they were done.
    writes: u64,
    time: Duration,
    /// Writes per second without views.
    baseline: f64,
    /// Nanoseconds until a view was there.
    view: Histogram<u64>,
    /// Nanoseconds to use a view and to give it back.
    used: Histogram<u64>,
    checks: u64,
}

impl Measured {
    fn new() -> Self {
        let (view, used) = (histogram(), histogram());
        Self { writes: 0, time: Duration::ZERO, baseline: 0.0, view, used, checks: 0 }
    }

    fn into_round(self, usage: Use, checks: u64) -> Round {
        let seconds = self.time.as_secs_f64();
        let writes = self.writes as f64 / seconds;
        let mut round = Round { checks, ..Round::default() }.value(WRITES.name, writes);
        if self.baseline > 0.0 {
            round = round.value(WRITERS_KEPT.name, writes / self.baseline);
        } else {
            round.cannot.push((WRITERS_KEPT.name, "no write ended in the phases without views"));
        }
        if usage == Use::None {
            let none =
                [VIEW_P99, USE_TIME, VIEWS].map(|metric| (metric.name, "no view is taken in this cell"));
            round.cannot.extend(none);
            return round;
        }
        round = round.value(VIEW_P99.name, self.view.value_at_quantile(0.99) as f64);
        round = round.value(USE_TIME.name, self.used.value_at_quantile(0.5) as f64);
        round = round.value(VIEWS.name, self.used.len() as f64 / seconds);
        round.latencies = vec![(VIEW_P99.name, self.view), (USE_TIME.name, self.used)];
        round
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted::{Fault, assert_caught, assert_smoke, smoke};
    use super::*;

    fn cell(usage: &str) -> Params {
        let is = |params: &Params| params.get_word("use") == usage;
        smoke(&Consistency).into_iter().find(is).expect("a use of that name")
    }

    #[test]
    fn every_backend_gives_right_answers() {
        assert_smoke(&Consistency);
    }

    #[test]
    fn a_store_without_faults_passes() {
        for params in smoke(&Consistency) {
            let round = Consistency.round(&Fault::None.backend(), &params).expect("right answers");
            assert!(round.checks > 0);
        }
    }

    #[test]
    fn views_that_are_not_one_instant_are_caught() {
        assert_caught(&Consistency, Fault::ViewFileByFile, &cell("export"), "not one instant");
        assert_caught(&Consistency, Fault::ViewDirByDir, &cell("export"), "not one instant");
        assert_caught(&Consistency, Fault::ViewDirByDir, &cell("take"), "not one instant");
    }

    #[test]
    fn views_of_another_time_are_caught() {
        assert_caught(&Consistency, Fault::ViewStale, &cell("export"), "stale");
        assert_caught(&Consistency, Fault::ViewLive, &cell("take"), "changed after it had been taken");
    }

    #[test]
    fn wrong_walks_globs_and_writes_are_caught() {
        assert_caught(&Consistency, Fault::WalkMissesOne, &cell("walk"), "does not show");
        assert_caught(&Consistency, Fault::GlobMissesOne, &cell("glob"), "matches");
        assert_caught(&Consistency, Fault::WritesLost, &cell("none"), "at the end");
    }

    #[test]
    fn a_store_without_views_has_a_baseline_only() {
        let store = Fault::NoViews.backend();
        assert!(matches!(Consistency.round(&store, &cell("export")), Err(Failure::Cannot(_))));
        let round = Consistency.round(&store, &cell("none")).expect("writes");
        assert!(round.values.iter().any(|(metric, _)| *metric == WRITES.name));
    }
}
