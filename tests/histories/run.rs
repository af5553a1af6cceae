//! Performs plans on a filesystem, on several threads at once, and records what happens.

use std::cell::Cell;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arcfs::{
    Clock, ErrorKind, ExportOptions, File, MemFs, Metadata, OpenOptions, Result, Snapshot, Transaction,
};

use crate::generate::{Plan, Random, Temper};
use crate::history::{Answer, Create, Event, Meta, Node, Op, Opening, Outcome, THREADS, Tree, kind_of};

/// No lock is waited for that long, unless something is wrong.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

thread_local! {
    static JITTER: Cell<(Temper, u64)> = const { Cell::new((Temper::Fast, 0)) };
}

fn spin(times: usize) {
    (0..times).for_each(|_| std::hint::spin_loop());
}

/// Now and then lets the other threads go first.
fn jitter() {
    let (temper, seed) = JITTER.get();
    let mut random = Random::new(seed);
    match temper {
        Temper::Fast => return,
        Temper::Pausing => spin(random.below(100)),
        Temper::Yielding => match random.below(8) {
            0..4 => {}
            4..6 => spin(random.below(300)),
            6 => std::thread::yield_now(),
            _ => (0..random.below(8)).for_each(|_| std::thread::yield_now()),
        },
    }
    JITTER.set((temper, random.next()));
}

/// A clock that stands still, so that times can be compared with the model's. The engine asks it
/// in the middle of its operations, between looking at a root and replacing it: the best place to
/// let others go first.
#[derive(Debug)]
struct JitterClock;

impl Clock for JitterClock {
    fn now(&self) -> SystemTime {
        jitter();
        time(0)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn time(number: u8) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + u64::from(number))
}

/// The calls that a filesystem and a transaction have in common.
macro_rules! perform {
    ($on:expr, $op:expr) => {{
        let on = $on;
        let unit = |()| Answer::Unit;
        match $op {
            Op::Write(path, bytes) => on.write(path, bytes).map(unit),
            Op::Append(path, bytes) => on.append(path, bytes).map(unit),
            Op::Read(path) => on.read(path).map(Answer::Bytes),
            Op::Content(path) => on.content(path).and_then(|content| {
                jitter();
                content.to_vec().map(Answer::Bytes)
            }),
            Op::RemoveFile(path) => on.remove_file(path).map(unit),
            Op::CreateDir(path) => on.create_dir(path).map(unit),
            Op::CreateDirAll(path) => on.create_dir_all(path).map(unit),
            Op::RemoveDir(path) => on.remove_dir(path).map(unit),
            Op::RemoveDirAll(path) => on.remove_dir_all(path).map(unit),
            Op::Clear => on.clear().map(unit),
            Op::Rename(from, to) => on.rename(from, to).map(unit),
            Op::Replace(from, to) => on.replace(from, to).map(unit),
            Op::Exchange(a, b) => on.exchange(a, b).map(unit),
            Op::MovePath(from, to) => on.move_path(from, to).map(unit),
            Op::Copy(from, to) => on.copy(from, to).map(Answer::Len),
            Op::CopyDirAll(from, to) => on.copy_dir_all(from, to).map(unit),
            Op::Metadata(path) => on.metadata(path).map(|metadata| Answer::Meta(meta(&metadata))),
            Op::SetModified(path, number) => on.set_modified(path, time(*number)).map(unit),
            Op::ReadDir(path) => on.read_dir(path).map(|entries| {
                jitter();
                let entry = |entry: arcfs::DirEntry| (entry.name().to_owned(), meta(&entry.metadata()));
                Answer::Entries(entries.map(entry).collect())
            }),
            Op::Glob => on.glob("/**").map(Answer::Paths),
            Op::Walk => on.walk("/").map(|dirs| {
                let names = |names: &[arcfs::Name]| names.iter().map(ToString::to_string).collect();
                let step = |dir: arcfs::WalkDir| {
                    jitter();
                    (dir.path.clone(), names(&dir.dirs), names(&dir.files))
                };
                Answer::Walk(dirs.map(step).collect())
            }),
            Op::Usage => on.usage("/").map(|usage| Answer::Usage {
                bytes: usage.bytes,
                files: usage.files,
                dirs: usage.dirs,
            }),
            Op::Import(files) => {
                let files = files.iter().map(|(path, bytes)| (path, bytes.clone()));
                on.import_tree(files).map(unit)
            }
            op => unreachable!("{op} is performed elsewhere"),
        }
    }};
}

/// A filesystem for one history.
pub fn filesystem() -> MemFs {
    let builder = MemFs::builder().clock(Arc::new(JitterClock)).lock_timeout(Some(LOCK_TIMEOUT));
    builder.build().expect("it has room")
}

/// Lets threads begin together, again and again.
#[derive(Debug, Default)]
struct Start {
    arrived: AtomicUsize,
    broken: AtomicBool,
    /// How far each thread is in its plan.
    at: [AtomicUsize; THREADS],
}

impl Start {
    /// Waits for the others to come for the `round`-th time.
    fn line_up(&self, round: usize) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let mut spins = 0;
        while self.arrived.load(Ordering::SeqCst) < THREADS * (round + 1) {
            assert!(!self.broken.load(Ordering::SeqCst), "another thread has panicked");
            spins += 1;
            if spins < 100 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    /// Ends the process, with words, if no history ends for a long time: threads that wait for ever
    /// cannot be stopped.
    fn watch(&self, plans: &[Plan], done: &AtomicBool) {
        let (mut last, mut since) = (0, Instant::now());
        while !done.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_secs(1));
            let arrived = self.arrived.load(Ordering::SeqCst);
            if arrived != last {
                (last, since) = (arrived, Instant::now());
            } else if since.elapsed() > 3 * LOCK_TIMEOUT && !done.load(Ordering::SeqCst) {
                let plan = &plans[arrived.saturating_sub(1) / THREADS];
                let mut report = format!("\na history does not end:\n{plan}");
                for (thread, at) in self.at.iter().enumerate() {
                    report += &format!("thread {thread} has begun {} calls\n", at.load(Ordering::SeqCst));
                }
                // Past the capture of test output, which would be lost.
                std::io::stderr().write_all(report.as_bytes()).ok();
                std::process::abort();
            }
        }
    }
}

struct BreakOnPanic<'a>(&'a Start);

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.store(true, Ordering::SeqCst);
        }
    }
}

/// Performs all plans, one after the other, with the same threads. Each has a filesystem of its
/// own, which its preparations have been performed on.
pub fn run(plans: &[Plan]) -> Vec<Vec<Event>> {
    let (start, sequence) = (Start::default(), AtomicU64::new(0));
    let prepared: Vec<MemFs> = plans.iter().map(prepare).collect();
    let mut histories: Vec<Vec<Event>> = plans.iter().map(|_| Vec::new()).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (start, sequence, prepared, done) = (&start, &sequence, &prepared, &done);
        let watch = scope.spawn(move || start.watch(plans, done));
        let threads = [0, 1, 2].map(|thread| {
            scope.spawn(move || {
                let _guard = BreakOnPanic(start);
                let perform = |(round, plan): (usize, &Plan)| {
                    let mut hand = Hand { fs: prepared[round].clone(), handle: None, saved: None };
                    JITTER.set((plan.temper, plan.jitter[thread]));
                    start.line_up(round);
                    let events = hand.perform_all(thread, &plan.threads[thread], sequence, &start.at[thread]);
                    JITTER.set((Temper::Fast, 0));
                    events
                };
                plans.iter().enumerate().map(perform).collect::<Vec<_>>()
            })
        });
        let joined = threads.map(std::thread::ScopedJoinHandle::join);
        done.store(true, Ordering::SeqCst);
        watch.thread().unpark();
        for of_thread in joined {
            match of_thread {
                Ok(of_thread) => histories.iter_mut().zip(of_thread).for_each(|(all, own)| all.extend(own)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    histories.iter_mut().for_each(|events| events.sort_by_key(|event| event.invoked));
    histories
}

fn prepare(plan: &Plan) -> MemFs {
    let mut hand = Hand { fs: filesystem(), handle: None, saved: None };
    for op in &plan.before {
        hand.perform(op).expect("what comes before succeeds");
    }
    hand.fs
}

/// A thread at work: the filesystem, and what it holds.
struct Hand {
    fs: MemFs,
    handle: Option<File>,
    saved: Option<Snapshot>,
}

impl Hand {
    fn perform_all(
        &mut self,
        thread: usize,
        ops: &[Op],
        sequence: &AtomicU64,
        at: &AtomicUsize,
    ) -> Vec<Event> {
        let mut events = Vec::with_capacity(ops.len());
        let mut path = "/";
        for (number, op) in ops.iter().enumerate() {
            at.store(number + 1, Ordering::SeqCst);
            if let Op::Open(opened, _) = op {
                path = opened;
            }
            let mut op = op.clone();
            if needs_handle(&op) && self.handle.is_none() {
                op = Op::Metadata(path); // it could not be opened
            }
            jitter();
            let invoked = sequence.fetch_add(1, Ordering::SeqCst);
            let outcome = self.perform(&op);
            let responded = sequence.fetch_add(1, Ordering::SeqCst);
            events.push(Event { thread, op, outcome, invoked, responded });
        }
        assert!(self.handle.is_none(), "a plan ends with its handle closed");
        events
    }

    fn perform(&mut self, op: &Op) -> Outcome {
        let answer = match op {
            Op::Transaction(steps) => self.fs.transaction(|tx| transact(tx, steps)).map(Answer::Many),
            Op::Export => export(&self.fs),
            Op::Snapshot => {
                let snapshot = self.fs.snapshot();
                let answer = read_all(&snapshot).map(Answer::Tree);
                self.saved = Some(snapshot);
                answer
            }
            Op::Restore => {
                let saved = self.saved.as_ref().expect("a snapshot was taken before");
                self.fs.restore(saved).map(|()| Answer::Unit)
            }
            Op::CopyFrom(from, to) => {
                let saved = self.saved.as_ref().expect("a snapshot was taken before");
                self.fs.copy_from(saved, from, to).map(Answer::Len)
            }
            Op::Open(path, opening) => open(&self.fs, path, *opening).map(|file| {
                self.handle = Some(file);
                Answer::Unit
            }),
            op if needs_handle(op) => self.use_handle(op),
            op => perform!(&self.fs, op),
        };
        answer.map_err(|error| kind_of(&error))
    }

    fn use_handle(&mut self, op: &Op) -> Result<Answer> {
        let file = self.handle.as_mut().expect("it is open");
        match op {
            Op::HandleWrite(bytes) => {
                // Not `write_all`, which does not even try to write no bytes.
                let written = engine_error(file.write(bytes.as_bytes()))?;
                assert_eq!(written, bytes.len());
            }
            Op::HandleSetLen(len) => file.set_len(u64::from(*len))?,
            Op::Flush => return engine_error(file.flush()).map(|()| Answer::Unit),
            Op::Commit => file.commit()?,
            Op::HandleRead => {
                let (mut bytes, mut buffer) = (Vec::new(), [0; 16]);
                loop {
                    match file.read_at(&mut buffer, bytes.len() as u64)? {
                        0 => break,
                        read => bytes.extend(&buffer[..read]),
                    }
                    jitter();
                }
                return Ok(Answer::Bytes(bytes));
            }
            _ => {
                let file = self.handle.take().expect("it is open");
                match op {
                    Op::Close => file.close()?,
                    Op::Discard => file.discard(),
                    _ => drop(file),
                }
            }
        }
        Ok(Answer::Unit)
    }
}

fn needs_handle(op: &Op) -> bool {
    matches!(
        op,
        Op::HandleWrite(_)
            | Op::HandleSetLen(_)
            | Op::HandleRead
            | Op::Flush
            | Op::Commit
            | Op::Close
            | Op::Discard
            | Op::DropHandle
    )
}

fn engine_error<T>(outcome: std::io::Result<T>) -> Result<T> {
    outcome.map_err(|error| error.downcast::<arcfs::Error>().expect("an error of the engine"))
}

fn open(fs: &MemFs, path: &str, opening: Opening) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    let zero = Some(Duration::ZERO);
    match opening {
        Opening::Read => {}
        Opening::Shared { wait } => {
            options.shared_lock(true);
            if !wait {
                options.lock_timeout(zero);
            }
        }
        Opening::Write { create, truncate, append, atomic, wait } => {
            options.write(true).truncate(truncate).append(append).atomic(atomic);
            options.create(create == Create::IfMissing).create_new(create == Create::New);
            if !wait {
                options.lock_timeout(zero);
            }
        }
    }
    options.open(fs, path)
}

fn meta(metadata: &Metadata) -> Meta {
    let since = metadata.modified().duration_since(time(0)).expect("no time is earlier");
    Meta {
        is_dir: metadata.is_dir(),
        len: metadata.len(),
        generation: metadata.generation(),
        modified: u8::try_from(since.as_secs()).expect("no time is later"),
    }
}

/// Everything in a snapshot, by two ways that must agree.
fn read_all(snapshot: &Snapshot) -> Result<Tree> {
    let mut tree = Tree::new();
    for dir in snapshot.walk("/")? {
        jitter();
        let full = |name: &arcfs::Name| format!("{}/{name}", dir.path.trim_end_matches('/'));
        for path in dir.dirs.iter().map(full) {
            let modified = meta(&snapshot.metadata(&path)?).modified;
            tree.insert(path, Node::Dir { modified });
        }
        for path in dir.files.iter().map(full) {
            let meta = meta(&snapshot.metadata(&path)?);
            let bytes = snapshot.read(&path)?;
            tree.insert(path, Node::File { bytes, generation: meta.generation, modified: meta.modified });
        }
    }
    let exported = snapshot.export_tree("/", ExportOptions::default())?;
    let files = tree.iter().filter_map(|(path, node)| match node {
        Node::File { bytes, .. } => Some((path, bytes)),
        Node::Dir { .. } => None,
    });
    assert!(exported.iter().eq(files), "{exported:?} of {tree:?}");
    Ok(tree)
}

fn export(fs: &MemFs) -> Result<Answer> {
    let mut files = Vec::new();
    for (path, content) in fs.iter_export_tree("/", ExportOptions::default())? {
        jitter();
        files.push((path, content.to_vec()?));
    }
    Ok(Answer::Files(files))
}

fn transact(tx: &mut Transaction, steps: &[Op]) -> Result<Vec<Outcome>> {
    let mut answers = Vec::with_capacity(steps.len());
    for step in steps {
        jitter();
        match perform!(&mut *tx, step) {
            Ok(answer) => answers.push(Ok(answer)),
            Err(error) if matches!(error.kind(), ErrorKind::Busy { .. }) => return Err(error),
            Err(error) => answers.push(Err(kind_of(&error))),
        }
    }
    jitter();
    Ok(answers)
}
