//! What must hold while the pipeline runs, and after it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use arcfs::{MemFs, Snapshot};

use crate::measure::Timings;
use crate::transform;
use crate::{Failed, LOGS, OUTPUT, Outcome, PROCESSED, RAW, Run};

/// From one snapshot to the next.
const PAUSE: Duration = Duration::from_millis(5);
/// Files under way, and as many others, whose bytes are looked at in each snapshot.
const SAMPLE: usize = 16;
/// At most so much is exported of one snapshot.
const EXPORT: u64 = 16 << 20;
/// The logs are long: only those of every so many snapshots are read.
const LOGS_EVERY: u64 = 8;

/// Where an item is, in the order in which it gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Raw,
    Processed,
    Output,
}

const STAGES: [(Stage, &str); 3] =
    [(Stage::Raw, RAW), (Stage::Processed, PROCESSED), (Stage::Output, OUTPUT)];

/// Part of a snapshot: a directory of it.
pub type Part = (Snapshot, String);

/// What the snapshots had to show.
#[derive(Debug, Default)]
pub struct Snapshots {
    pub latency: Timings,
    pub verified: u64,
    pub files_verified: u64,
}

/// What was written to the host and read back.
#[derive(Debug, Default)]
pub struct Exports {
    pub exported: u64,
    pub files: u64,
}

/// Takes snapshots until the run is over, and checks each of them; hands some on to be exported.
pub fn watch_snapshots(run: &Run, exports: &SyncSender<Part>) -> Outcome<Snapshots> {
    let mut seen = Snapshots::default();
    let mut before: Vec<Option<Stage>> = vec![None; run.manifest.items.len()];
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    loop {
        let last = run.is_over();
        let snapshot = seen.latency.time(|| run.memory.snapshot());
        let now = stages(run, &snapshot)?;
        for (at, (before, now)) in before.iter().zip(&now).enumerate() {
            if before.is_some_and(|before| Some(before) > *now) {
                let name = &run.manifest.items[at].name;
                return failed("no item goes back", format!("{name}: from {before:?} to {now:?}"));
            }
        }
        // What is under way is the most likely to be torn; the rest is taken at random.
        let under_way = (0..now.len()).filter(|at| now[*at] == Some(Stage::Processed)).take(SAMPLE);
        let others = (0..SAMPLE).map(|_| random.below(now.len()));
        for at in under_way.chain(others) {
            check_bytes(run, &snapshot, at, now[at])?;
            seen.files_verified += 1;
        }
        if seen.verified.is_multiple_of(LOGS_EVERY) || last {
            check_logs(run, &snapshot, &now)?;
        }
        seen.verified += 1;
        before = now;
        if last {
            return Ok(seen);
        }
        let dir = part_to_export(run, &snapshot, &before, &mut random);
        // If the last one is still being written, this one is not wanted.
        let _ = dir.map(|dir| exports.try_send((snapshot, dir)));
        std::thread::sleep(PAUSE);
    }
}

/// The stage of every item, each in exactly one.
fn stages(run: &Run, snapshot: &Snapshot) -> Outcome<Vec<Option<Stage>>> {
    let mut found = vec![None; run.manifest.items.len()];
    let mut name = String::new();
    for (stage, top) in STAGES {
        if !snapshot.is_dir(top) {
            continue;
        }
        for dir in snapshot.walk(top)? {
            for file in &dir.files {
                name.clear();
                name.extend([&dir.path[top.len()..], "/", file.as_ref()]);
                let Some(&at) = run.manifest.index.get(&name) else {
                    return failed("only items are in the stages", format!("{top}{name}"));
                };
                if let Some(other) = found[at].replace(stage) {
                    let detail = format!("{name} is in {other:?} and {stage:?}");
                    return failed("each item is in exactly one stage", detail);
                }
            }
        }
    }
    match found.iter().position(Option::is_none) {
        Some(at) => {
            let name = &run.manifest.items[at].name;
            failed("each item is in exactly one stage", format!("{name} is in none"))
        }
        None => Ok(found),
    }
}

/// Whether a file of a snapshot is what its stage says, to the last byte.
fn check_bytes(run: &Run, snapshot: &Snapshot, at: usize, stage: Option<Stage>) -> Outcome<()> {
    let (item, stage) = (&run.manifest.items[at], stage.expect("looked up"));
    let (_, top) = STAGES[stage as usize];
    let path = format!("{top}{}", item.name);
    let bytes = snapshot.read(&path)?;
    let sum = transform::checksum(&bytes);
    let whole = match stage {
        Stage::Raw => sum == item.raw_sum,
        // Packed files are the same wherever they are; texts are known by their own checksum.
        Stage::Processed if sum == item.packed_sum => true,
        Stage::Processed => match transform::text_of(&bytes) {
            Ok((_, text_sum)) => text_sum == item.text_sum,
            Err(why) => return failed("no file is half written", format!("{path}: {why}")),
        },
        Stage::Output => sum == item.packed_sum,
    };
    if whole { Ok(()) } else { failed("checksums match", format!("{path} is not what it was made of")) }
}

/// Whether the logs tell only what has happened by then, in whole lines; gives their number.
fn check_logs(run: &Run, snapshot: &Snapshot, stages: &[Option<Stage>]) -> Outcome<u64> {
    let mut lines = HashSet::new();
    for entry in snapshot.read_dir(LOGS)? {
        let log = snapshot.read_to_string(entry.path())?;
        if !log.is_empty() && !log.ends_with('\n') {
            return failed("logs have whole lines", entry.path().to_owned());
        }
        for line in log.lines() {
            let told = line.split_once(' ').and_then(|(stage, item)| {
                let stage = match stage {
                    "processed" => Stage::Processed,
                    "output" => Stage::Output,
                    _ => return None,
                };
                Some((stage, item.parse::<usize>().ok()?))
            });
            let Some((stage, at)) = told.filter(|(_, at)| *at < stages.len()) else {
                return failed("logs have whole lines", format!("{}: {line:?}", entry.path()));
            };
            if stages[at] < Some(stage) {
                let name = &run.manifest.items[at].name;
                let detail = format!("{name} is in {:?}, a log says {line:?}", stages[at]);
                return failed("what is logged has happened", detail);
            }
            if !lines.insert((stage as u8, at)) {
                return failed("nothing is logged twice", line.to_owned());
            }
        }
    }
    Ok(lines.len() as u64)
}

/// A directory above some item that is not too large to be exported.
fn part_to_export(
    run: &Run,
    snapshot: &Snapshot,
    stages: &[Option<Stage>],
    random: &mut Random,
) -> Option<String> {
    let at = random.below(stages.len());
    let (_, top) = STAGES[stages[at]? as usize];
    let path = format!("{top}{}", run.manifest.items[at].name);
    let above = path.match_indices('/').skip(1).map(|(end, _)| &path[..end]);
    above.filter(|dir| snapshot.usage(dir).is_ok_and(|usage| usage.bytes <= EXPORT)).map(str::to_owned).next()
}

/// Where snapshots wait to be exported: one at a time, others are not kept for it.
pub fn exports() -> (SyncSender<Part>, Receiver<Part>) {
    sync_channel(0)
}

/// Exports parts of snapshots to the host until no more come, and compares what is there.
pub fn write_exports(run: &Run, parts: &Receiver<Part>) -> Outcome<Exports> {
    let mut sum = Exports::default();
    while let Ok((snapshot, dir)) = parts.recv() {
        if run.is_over() && sum.exported > 0 {
            continue;
        }
        let host = tempfile::tempdir()?;
        let report = snapshot.export_dir(&dir, host.path())?;
        if let Some(skipped) = report.skipped.first() {
            return failed("exports are complete", skipped.to_string());
        }
        let usage = snapshot.usage(&dir)?;
        if (report.files, report.dirs + 1, report.bytes) != (usage.files, usage.dirs, usage.bytes) {
            return failed("exports are complete", format!("{dir}: {report:?} of {usage:?}"));
        }
        for (path, content) in snapshot.iter_export_tree(&dir, Default::default())? {
            let below = path.strip_prefix(&dir).expect("it is below").trim_start_matches('/');
            if std::fs::read(host.path().join(Path::new(below)))? != content.to_vec()? {
                return failed("exports are what the snapshot is", path);
            }
        }
        sum.exported += 1;
        sum.files += report.files;
    }
    Ok(sum)
}

/// Looks at the use of the quota until the run is over; gives the peak.
pub fn watch_quota(run: &Run) -> Outcome<u64> {
    let mut peak = 0;
    loop {
        let last = run.is_over();
        let stats = run.memory.stats();
        peak = peak.max(stats.used_bytes);
        if stats.used_bytes > stats.quota_bytes {
            let detail = format!("{} of {} bytes", stats.used_bytes, stats.quota_bytes);
            return failed("use never passes the quota", detail);
        }
        if last {
            return Ok(peak);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Looks at every item once all have arrived, and at the logs.
pub fn arrived(run: &Run) -> Outcome<()> {
    let snapshot = run.memory.snapshot();
    let stages = stages(run, &snapshot)?;
    if let Some(at) = stages.iter().position(|stage| *stage != Some(Stage::Output)) {
        return failed("every item arrives", run.manifest.items[at].name.clone());
    }
    let logged = check_logs(run, &snapshot, &stages)?;
    if logged != 2 * stages.len() as u64 {
        return failed("every step is logged", format!("{logged} lines about {} items", stages.len()));
    }
    let next = AtomicUsize::new(0);
    let work = || -> Outcome<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(stage) = stages.get(at) else { return Ok(()) };
            check_bytes(run, &snapshot, at, *stage)?;
            // The checksum is that of the text: unpack it once more.
            let item = &run.manifest.items[at];
            let packed = snapshot.read(format!("{OUTPUT}{}", item.name))?;
            if transform::text_of(&packed)?.1 != item.text_sum {
                return failed("checksums match", item.name.clone());
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..run.threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("it does not panic"))
    })
}

/// Clears the filesystem, which nobody uses any more, and looks whether everything comes back.
pub fn released(memory: &MemFs) -> Outcome<()> {
    for stage in [RAW, PROCESSED] {
        let files = memory.usage(stage)?.files;
        if files > 0 {
            return failed("earlier stages are empty", format!("{files} files are in {stage}"));
        }
        memory.remove_dir_all(stage)?;
    }
    memory.clear()?;
    let stats = memory.stats();
    let left = [
        ("bytes", stats.used_bytes),
        ("chunks", stats.chunk_count),
        ("pinned bytes", stats.pinned_bytes),
        ("files", stats.file_count),
        ("open handles", stats.open_handles),
        ("snapshots", stats.snapshots),
    ];
    match left.iter().find(|(_, left)| *left > 0) {
        Some((what, left)) => failed("everything is released", format!("{left} {what} are left")),
        None => Ok(()),
    }
}

fn failed<T>(check: &'static str, detail: String) -> Outcome<T> {
    Err(Failed { check, detail }.into())
}

/// Which files are looked at: the same ones each time, if the machine allows.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
