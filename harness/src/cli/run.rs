//! `arcfs-harness run`: chooses what is run, runs it, keeps and shows what came of it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::target::{Target, parse_name};
use super::{Execution, complain, present, print, progress, select};
use crate::python::{self, Python};
use crate::results::meta;
use crate::results::schema::{Run, VERSION};
use crate::schedule::{Fault, Outcome, Plan, Runner};
use crate::workload::{Extent, Scope};
use crate::{backend, workload};

/// Names with versions.
type Versions = Vec<(String, String)>;

/// Runs workloads on backends in turns, prints tables, and keeps the results with a page and charts.
///
/// `arcfs-harness list` has the workloads and backends. Backends take turns in every round.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every answer was right; 1 one was wrong; 2 bad input, or no place for results"
)]
pub struct Options {
    /// Runs less, in under two minutes, with three rounds.
    #[arg(long, conflicts_with_all = ["full", "smoke", "large"])]
    quick: bool,
    /// Runs every combination of parameters.
    #[arg(long, conflicts_with = "smoke")]
    full: bool,
    /// Checks the answers of every workload on every backend once; results are kept only with --out.
    #[arg(long, conflicts_with_all = ["large", "rounds"])]
    smoke: bool,
    /// Gives the large stream 2 GiB.
    #[arg(long)]
    large: bool,
    /// Runs workloads whose name matches; may be repeated.
    #[arg(long, value_name = "GLOB")]
    workload: Vec<String>,
    /// Runs the cases on D-MemFS too, timed inside Python; it is installed into target/harness-python.
    #[arg(long)]
    python: bool,
    /// Runs on backends whose name matches; may be repeated.
    #[arg(long, value_name = "GLOB")]
    backend: Vec<String>,
    /// How often each backend gets its turn [default: 5; 3 with --quick, 1 with --smoke].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// The name of the result file, without .json [default: the day and the commit].
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// The directory for results; it is created [default: results].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replaces a result file of the same name.
    #[arg(long, requires = "name")]
    force: bool,
    /// Writes no page of Markdown and no charts.
    #[arg(long)]
    no_report: bool,
}

impl Options {
    fn extent(&self) -> Extent {
        match (self.smoke, self.quick, self.full) {
            (true, ..) => Extent::Smoke,
            (_, true, _) => Extent::Quick,
            (.., true) => Extent::Full,
            _ => Extent::Default,
        }
    }

    fn rounds(&self) -> usize {
        self.rounds.map_or_else(
            || match self.extent() {
                Extent::Smoke => 1,
                Extent::Quick => 3,
                Extent::Default | Extent::Full => 5,
            },
            usize::from,
        )
    }

    /// Everybody who could run a workload.
    /// With the versions of those that are not crates.
    fn runners(&self) -> Result<(Vec<Box<dyn Runner>>, Versions), python::Error> {
        let mut runners: Vec<Box<dyn Runner>> =
            backend::all().into_iter().map(|backend| Box::new(backend) as Box<dyn Runner>).collect();
        let mut versions = Vec::new();
        if self.python {
            complain("preparing Python and D-MemFS in target/harness-python");
            let python = Python::start(Path::new("target/harness-python"))?;
            versions.push(("Python".to_owned(), python.interpreter().to_owned()));
            versions.push(("D-MemFS".to_owned(), python.package().to_owned()));
            runners.push(Box::new(python));
        }
        Ok((runners, versions))
    }

    fn plan(&self) -> Result<(Plan, Versions), Box<dyn std::error::Error + Send + Sync>> {
        let workloads =
            select::select("workload", workload::all(), |workload| workload.name(), &self.workload)?;
        let (runners, versions) = self.runners()?;
        let runners = select::select("backend", runners, |runner| runner.name(), &self.backend)?;
        let scope = Scope { extent: self.extent(), large: self.large };
        if workloads.iter().all(|workload| workload.cells(&scope).is_empty()) || runners.is_empty() {
            return Err("nothing is left to run: these workloads have no cells in this extent".into());
        }
        Ok((Plan { scope, rounds: self.rounds(), workloads, runners }, versions))
    }
}

/// Runs what the options ask for.
///
/// # Errors
/// Bad input, and a place for results that cannot be written; wrong answers are an exit code.
pub fn execute(options: &Options) -> Execution {
    let (plan, versions) = options.plan()?;
    let workloads: Vec<&'static str> = plan.workloads.iter().map(|workload| workload.name()).collect();
    let backends: Vec<String> = plan.runners.iter().map(|runner| runner.name().to_owned()).collect();
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let mut meta = meta::collect(options.extent(), options.rounds(), arguments.collect());
    meta.rivals.extend(versions);
    // What only checks answers leaves nothing behind unless a place is named, but is written and read too.
    let passing = if options.smoke && options.out.is_none() { Some(tempfile::tempdir()?) } else { None };
    let directory = match &passing {
        Some(directory) => directory.path().to_owned(),
        None => options.out.clone().unwrap_or_else(|| PathBuf::from("results")),
    };
    let target = Target::choose(&directory, options.name.as_deref(), options.force, &meta)?;
    if cfg!(debug_assertions) && !options.smoke {
        complain("warning: this harness was built without --release; its figures say nothing about arcfs");
    }

    let Outcome { cells, faults } = plan.run(&mut *progress::suitable());
    let run = Run { schema: VERSION, meta, cells };

    // The file first: whatever happens to the terminal, the figures are kept.
    let saved = target.save(&run);
    let shown = if options.smoke {
        let backends: Vec<&str> = backends.iter().map(String::as_str).collect();
        print(&present::answers(&run, &workloads, &backends))
    } else {
        print(&crate::report::terminal(&run))
    };
    let mut wrong: Vec<String> = faults.iter().map(Fault::to_string).collect();
    if options.smoke {
        let is_absent = |name: &&&str| !run.cells.iter().any(|cell| cell.workload == **name);
        let absent = workloads.iter().filter(is_absent);
        wrong
            .extend(absent.map(|name| format!("{name} has no cells in this extent, so nothing was checked")));
    } else {
        present::warnings(&run).iter().for_each(|warning| complain(warning));
    }
    wrong.iter().for_each(|wrong| complain(&format!("failed: {wrong}")));
    let path = saved?;
    // Nobody should find out later that a file cannot be read.
    crate::results::file::read(&path)?;
    let pages = if options.no_report {
        Vec::new()
    } else {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        crate::report::write(&run, &name, &directory)?
    };
    if passing.is_none() {
        complain(&format!("wrote {}", path.display()));
        pages.iter().for_each(|page| complain(&format!("wrote {}", page.display())));
    }
    if !wrong.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    shown?;
    Ok(ExitCode::SUCCESS)
}
