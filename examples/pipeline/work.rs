//! The threads that move files from stage to stage.
//!
//! An item is in exactly one stage at every instant, because each step ends in one publication:
//! a transaction that writes the new file and removes the old one, or a move.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Mutex;

use arcfs::OpenOptions;

use crate::measure::Timings;
use crate::transform;
use crate::{LOGS, OUTPUT, Outcome, PROCESSED, RAW, Run};

/// What is still to be done. A worker packs what waits for it before it normalises more, if that is
/// much.
#[derive(Debug)]
pub struct Queue(Mutex<Waiting>);

#[derive(Debug)]
struct Waiting {
    to_normalise: std::ops::Range<usize>,
    to_pack: VecDeque<usize>,
    /// Being normalised, so that they will have to be packed.
    under_way: usize,
}

/// One step of one item.
enum Step {
    Normalise(usize),
    Pack(usize),
    /// Nothing now; others are still at work.
    Wait,
}

impl Queue {
    pub fn new(items: usize) -> Self {
        Self(Mutex::new(Waiting { to_normalise: 0..items, to_pack: VecDeque::new(), under_way: 0 }))
    }

    fn next(&self, threads: usize) -> Option<Step> {
        let mut waiting = self.0.lock().expect("nobody panics with it");
        if (waiting.to_pack.len() > 4 * threads || waiting.to_normalise.is_empty())
            && let Some(item) = waiting.to_pack.pop_front()
        {
            return Some(Step::Pack(item));
        }
        if let Some(item) = waiting.to_normalise.next() {
            waiting.under_way += 1;
            return Some(Step::Normalise(item));
        }
        (waiting.under_way > 0).then_some(Step::Wait)
    }

    fn normalised(&self, item: usize) {
        let mut waiting = self.0.lock().expect("nobody panics with it");
        waiting.under_way -= 1;
        waiting.to_pack.push_back(item);
    }
}

/// How long the publications of a worker took.
#[derive(Debug, Clone, Default)]
pub struct Commits {
    pub transaction: Timings,
    pub close: Timings,
    pub rename: Timings,
    pub append: Timings,
}

impl Commits {
    pub fn add(&mut self, other: &Self) {
        self.transaction.add(&other.transaction);
        self.close.add(&other.close);
        self.rename.add(&other.rename);
        self.append.add(&other.append);
    }
}

/// Moves items until none is left or the run has ended.
pub fn work(run: &Run, worker: usize) -> Outcome<Commits> {
    let mut commits = Commits::default();
    let log = format!("{LOGS}/worker-{worker}");
    while let Some(step) = run.queue.next(run.threads).filter(|_| !run.is_over()) {
        let line = match step {
            Step::Normalise(item) => {
                normalise(run, item, &mut commits)?;
                run.queue.normalised(item);
                format!("processed {item}\n")
            }
            Step::Pack(item) => {
                pack(run, item, &mut commits)?;
                format!("output {item}\n")
            }
            Step::Wait => {
                std::thread::yield_now();
                continue;
            }
        };
        // Only once it is true, so that no snapshot has a line about what is not in it.
        commits.append.time(|| run.memory.append(&log, line))?;
    }
    Ok(commits)
}

/// Raw to processed: the new file appears and the old one goes at one instant.
fn normalise(run: &Run, item: usize, commits: &mut Commits) -> Outcome<()> {
    let name = &run.manifest.items[item].name;
    let (from, to) = (format!("{RAW}{name}"), format!("{PROCESSED}{name}"));
    let text = transform::normalise(&run.memory.read(&from)?);
    let (parent, _) = to.rsplit_once('/').expect("it is absolute");
    commits.transaction.time(|| {
        run.memory.transaction(|tx| {
            tx.create_dir_all(parent)?;
            tx.write(&to, &text)?;
            tx.remove_file(&from)
        })
    })?;
    Ok(())
}

/// Processed to output: the packed form replaces the text as a whole, then the file moves.
fn pack(run: &Run, item: usize, commits: &mut Commits) -> Outcome<()> {
    let name = &run.manifest.items[item].name;
    let (from, to) = (format!("{PROCESSED}{name}"), format!("{OUTPUT}{name}"));
    let mut text = Vec::new();
    run.memory.open(&from)?.read_to_end(&mut text)?;
    let packed = transform::pack(&text).map_err(|error| format!("{from}: {error}"))?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).truncate(true).atomic(true).open(&run.memory, &from)?;
    for piece in packed.chunks(16 << 10) {
        file.write_all(piece)?; // in pieces: a torn file would be seen
    }
    commits.close.time(|| file.close())?;
    commits.rename.time(|| run.memory.move_path(&from, &to))?;
    Ok(())
}
