//! The whole of the engine at work: a directory of real files is imported, many threads move the
//! files through stages, and meanwhile snapshots are taken, checked and exported.
//!
//! Try `cargo run --release --example pipeline -- --help`.

mod args;
mod check;
mod input;
mod measure;
mod transform;
mod work;

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arcfs::MemFs;

use args::Options;
use check::{Exports, Snapshots};
use input::{Manifest, Selection};
use measure::{COLUMNS, grouped, mib, rate};
use work::{Commits, Queue};

const RAW: &str = "/raw";
const PROCESSED: &str = "/processed";
const OUTPUT: &str = "/output";
const LOGS: &str = "/logs";

/// The least quota when nobody names one: a tree of a few small files is all overhead.
const LEAST_QUOTA: u64 = 1 << 20;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Something does not hold that must.
#[derive(Debug)]
struct Failed {
    check: &'static str,
    detail: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "check failed: {}: {}", self.check, self.detail)
    }
}

impl std::error::Error for Failed {}

/// One round, as all its threads see it.
struct Run {
    memory: MemFs,
    manifest: Manifest,
    queue: Queue,
    threads: usize,
    over: AtomicBool,
}

impl Run {
    /// Whether nothing moves any more: all has arrived, or something went wrong.
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Runs a part of the round; what goes wrong with it ends all of it.
    fn part<T>(&self, part: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        /// Ends the round also where the part panics.
        struct Ends<'a>(&'a AtomicBool, bool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                if self.1 {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
        }
        let mut ends = Ends(&self.over, true);
        let outcome = part();
        ends.1 = outcome.is_err();
        outcome
    }
}

/// The figures of all rounds.
#[derive(Debug, Default)]
struct Totals {
    rounds: u64,
    files: u64,
    bytes: u64,
    skipped: usize,
    importing: Duration,
    moving: Duration,
    commits: Commits,
    snapshots: Snapshots,
    exports: Exports,
    peak: u64,
}

fn main() -> ExitCode {
    let options = match args::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("pipeline: {why}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Outcome<()> {
    let dir = options.dir.clone().unwrap_or_else(input::default_dir);
    let input = Selection::of(&dir, options.all).map_err(|error| format!("{}: {error}", dir.display()))?;
    if input.files == 0 {
        return Err(format!("{}: there are no files", dir.display()).into());
    }
    let quota = options.quota.unwrap_or((4 * input.bytes).max(LEAST_QUOTA));
    let memory = MemFs::with_quota(quota);
    println!("input       {:>10} files {:>11} of {}", grouped(input.files), mib(input.bytes), dir.display());
    println!("quota       {:>28}", mib(quota));

    let start = Instant::now();
    let mut totals = Totals::default();
    while totals.rounds == 0 || start.elapsed() < options.at_least {
        round(&memory, &input, options.threads, &mut totals)?;
        totals.rounds += 1;
    }
    totals.print(options.threads, quota);
    Ok(())
}

/// Imports everything, moves it through all stages, and clears up.
fn round(memory: &MemFs, input: &Selection, threads: usize, totals: &mut Totals) -> Outcome<()> {
    let start = Instant::now();
    totals.skipped += input.import(memory)?;
    totals.importing += start.elapsed();
    let manifest = Manifest::of(memory, threads)?;
    for dir in [PROCESSED, OUTPUT, LOGS] {
        memory.create_dir(dir)?;
    }
    let queue = Queue::new(manifest.items.len());
    let run = Run { memory: memory.clone(), manifest, queue, threads, over: AtomicBool::new(false) };

    thread::scope(|scope| -> Outcome<()> {
        let run = &run;
        let (wanted, parts) = check::exports();
        let exporter = scope.spawn(move || run.part(|| check::write_exports(run, &parts)));
        let snapshots = scope.spawn(move || run.part(|| check::watch_snapshots(run, &wanted)));
        let quota = scope.spawn(move || run.part(|| check::watch_quota(run)));
        let start = Instant::now();
        let spawn = |worker| scope.spawn(move || run.part(|| work::work(run, worker)));
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        let worked: Vec<_> =
            workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).collect();
        totals.moving += start.elapsed();
        run.over.store(true, Ordering::Relaxed);

        let snapshots = snapshots.join().expect("the snapshots' thread panicked");
        let exports = exporter.join().expect("the exports' thread panicked");
        let peak = quota.join().expect("the quota's thread panicked")?;
        // What the checks say explains what the workers ran into.
        totals.add(&snapshots?, &exports?, peak);
        for commits in worked {
            totals.commits.add(&commits?);
        }
        Ok(())
    })?;
    check::arrived(&run)?;
    totals.files += run.manifest.items.len() as u64;
    totals.bytes += run.manifest.bytes;
    check::released(memory)
}

impl Totals {
    fn add(&mut self, snapshots: &Snapshots, exports: &Exports, peak: u64) {
        self.snapshots.latency.add(&snapshots.latency);
        self.snapshots.verified += snapshots.verified;
        self.snapshots.files_verified += snapshots.files_verified;
        self.exports.exported += exports.exported;
        self.exports.files += exports.files;
        self.peak = self.peak.max(peak);
    }

    fn print(&self, threads: usize, quota: u64) {
        let Self { rounds, files, bytes, commits, snapshots, exports, .. } = self;
        println!("threads     {threads:>10} workers; snapshots, exports and the quota have their own");
        println!("rounds      {:>10}", grouped(*rounds));
        println!();
        println!("import      {}", rate(*files, *bytes, self.importing));
        println!("stages      {}", rate(*files, *bytes, self.moving));
        println!();
        println!("latency                  {COLUMNS}");
        println!("  snapshot               {}", snapshots.latency);
        println!("  transaction            {}", commits.transaction);
        println!("  close, atomic          {}", commits.close);
        println!("  move                   {}", commits.rename);
        println!("  append                 {}", commits.append);
        println!();
        println!(
            "snapshots   {:>10} verified, {} files of them to the byte",
            grouped(snapshots.verified),
            grouped(snapshots.files_verified)
        );
        println!("exports     {:>10} verified, {} files", grouped(exports.exported), grouped(exports.files));
        println!("skipped     {:>10} entries of the host", grouped(self.skipped as u64));
        println!(
            "peak use    {:>10.1} % of the quota, {}",
            self.peak as f64 * 100.0 / quota.max(1) as f64,
            mib(self.peak)
        );
        println!();
        println!("All checks passed; every byte, handle and snapshot was released.");
    }
}
