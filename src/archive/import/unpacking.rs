//! Entries that are unpacked by many threads, dealt with in the order of the archive.
//!
//! What comes of an entry that is not unpacked waits for those before it, so that whoever is told
//! learns of all entries in one order, however many threads there are. Threads go ahead of the entry
//! that is waited for as far as [`ENTRIES`] and [`NAMES`] allow: far, because one entry may take as
//! long as thousands of others.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;

use super::course::Course;
use super::intake::{Failed, Intake};
use crate::archive::EntryInfo;
use crate::archive::pipeline::{Pipeline, Work};
use crate::content::Content;
use crate::error::Result;
use crate::host::SkipReason;
use crate::volume::Volume;

/// How many entries are under way at most, where there are other threads.
const ENTRIES: usize = 4096;

/// How many bytes the names of those may have: these are not charged.
const NAMES: usize = 1 << 20;

/// What came of an entry that was in line.
pub enum Turn {
    /// A file, and whether it stands in the place of another.
    File { info: EntryInfo, path: String, overwrites: bool, content: Content },
    /// A directory.
    Dir { name: String, path: String },
    /// Left out.
    Skipped { name: String, reason: SkipReason },
    /// Passed over; or stopped, because what ends the import is soon found in line.
    Passed,
}

/// The entries that have yet to be dealt with, in the order of the archive.
pub struct Unpacking {
    volume: Arc<Volume>,
    course: Arc<Course>,
    failed: Arc<Failed>,
    /// Made for the first entry that can be unpacked beside others.
    pipeline: Option<Pipeline<Inflate>>,
    /// How many entries may be under way.
    most: usize,
    line: VecDeque<Place>,
    names: usize,
    /// How many jobs there were.
    jobs: usize,
}

/// One place in the line.
struct Place {
    /// `None` for the next job.
    turn: Option<Turn>,
    names: usize,
}

struct Inflate;

struct Job {
    volume: Arc<Volume>,
    course: Arc<Course>,
    failed: Arc<Failed>,
    index: usize,
    info: EntryInfo,
    path: String,
    overwrites: bool,
    bytes: Box<dyn Read + Send>,
}

impl Work for Inflate {
    type Job = Job;
    type Done = Turn;
    type Tools = ();

    fn tools(&self) -> Result<()> {
        Ok(())
    }

    fn run(&self, job: Job, (): &mut ()) -> Result<Turn> {
        let Job { volume, course, failed, index, info, path, overwrites, mut bytes } = job;
        let intake = Intake { volume: &volume, course: &course };
        match intake.read_unless(&mut bytes, &info, &path, index, &failed) {
            Some(content) => content.map(|content| Turn::File { info, path, overwrites, content }),
            None => Ok(Turn::Passed),
        }
    }
}

impl Unpacking {
    /// None yet.
    pub fn new(volume: &Arc<Volume>, course: &Arc<Course>) -> Self {
        Self {
            volume: Arc::clone(volume),
            course: Arc::clone(course),
            failed: Arc::new(Failed::none()),
            pipeline: None,
            most: ENTRIES,
            line: VecDeque::new(),
            names: 0,
            jobs: 0,
        }
    }

    /// Whether so many are under way that one must be dealt with.
    pub fn is_full(&self) -> bool {
        self.line.len() >= self.most || self.names >= NAMES
    }

    /// Has a file unpacked, and puts it in line.
    pub fn unpack(&mut self, info: EntryInfo, path: String, overwrites: bool, bytes: Box<dyn Read + Send>) {
        // Its record has the name twice, as it is written and as it is meant.
        self.put(None, 3 * info.name().len() + path.len());
        let pipeline = self.pipeline.get_or_insert_with(|| {
            let threads = rayon::current_num_threads();
            self.most = if threads > 1 { ENTRIES } else { 1 };
            Pipeline::new(Inflate, threads)
        });
        self.jobs += 1;
        pipeline.submit(Job {
            volume: Arc::clone(&self.volume),
            course: Arc::clone(&self.course),
            failed: Arc::clone(&self.failed),
            index: self.jobs,
            info,
            path,
            overwrites,
            bytes,
        });
    }

    /// Puts what came of another entry in line.
    pub fn follow(&mut self, turn: Turn) {
        let names = match &turn {
            Turn::File { info, path, .. } => info.name().len() + path.len(),
            Turn::Dir { name, path } => name.len() + path.len(),
            Turn::Skipped { name, .. } => name.len(),
            Turn::Passed => 0,
        };
        self.put(Some(turn), names);
    }

    fn put(&mut self, turn: Option<Turn>, names: usize) {
        self.names += names;
        self.line.push_back(Place { turn, names });
    }

    /// What came of the entry that is next in line, if that is known; `wait`s for it, doing what is
    /// to be done meanwhile. `None` also if there is none.
    ///
    /// # Errors
    ///
    /// That of the entry. What is behind it is not unpacked any further.
    pub fn next(&mut self, wait: bool) -> Option<Result<Turn>> {
        let first = self.line.front_mut()?;
        let turn = match (first.turn.take(), &self.pipeline) {
            (Some(turn), _) => Ok(turn),
            (None, Some(pipeline)) if wait => pipeline.next()?,
            (None, pipeline) => pipeline.as_ref()?.next_if_done()?,
        };
        self.names -= self.line.pop_front()?.names;
        Some(turn)
    }

    /// Leaves the line: nothing of what is in it matters any more.
    pub fn give_up(&mut self) {
        self.failed.mark(0);
        self.line.clear();
    }
}

impl Drop for Unpacking {
    /// Whoever leaves early waits for no more than a chunk of each thread.
    fn drop(&mut self) {
        self.give_up();
    }
}
