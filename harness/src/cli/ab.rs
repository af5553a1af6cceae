//! `arcfs-harness ab REV_A REV_B`.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::compare::percent;
use super::{Execution, complain, print};
use crate::ab::build::{Repository, Request};
use crate::ab::{in_turns, turn};
use crate::compare::{Rules, compare, table};

/// Builds two revisions of the engine and runs them in turns.
///
/// Both get the harness of this checkout. What is built stays in target/ab.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing regressed; 1 something did; 2 a revision is none, does not build, or fails"
)]
pub struct Options {
    /// The revision to compare with; WORKTREE or . is the working tree as it is.
    #[arg(required_unless_present = "turn")]
    rev_a: Option<String>,
    /// The revision in question.
    #[arg(required_unless_present = "turn")]
    rev_b: Option<String>,
    /// How often each of them gets its turn.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    rounds: u32,
    /// Runs workloads whose name matches instead of those made for this.
    #[arg(long, value_name = "GLOB")]
    workload: Option<String>,
    /// Flags for the compiler of A, such as `--cfg arcfs_slowed`.
    #[arg(
        long,
        value_name = "FLAGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    flags_a: String,
    /// Flags for the compiler of B.
    #[arg(
        long,
        value_name = "FLAGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    flags_b: String,
    /// Changes up to this are of no interest.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    threshold: f64,
    /// Shows every cell.
    #[arg(long)]
    all: bool,
    /// Leaves the worktrees of git in target/ab.
    #[arg(long)]
    keep: bool,
    /// Runs one turn and prints it as JSON; what the other mode starts.
    #[arg(long, hide = true, conflicts_with_all = ["rev_a", "rev_b"])]
    turn: bool,
}

/// Builds, runs, compares, prints, and answers 0, or 1 where something regressed.
///
/// # Errors
/// Where a revision is none, does not build, or fails in its turn.
pub fn execute(options: &Options) -> Execution {
    let workloads = turn::chosen(options.workload.as_deref())?;
    let (Some(rev_a), Some(rev_b)) = (&options.rev_a, &options.rev_b) else {
        serde_json::to_writer(std::io::stdout().lock(), &turn::cells(&workloads, &[], false)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let repository = Repository::find()?;
    let requests = [(rev_a, &options.flags_a), (rev_b, &options.flags_b)]
        .map(|(revision, flags)| Request { revision: revision.clone(), flags: flags.clone() });
    // Both are looked up before the first is built.
    for (index, request) in requests.iter().enumerate() {
        let told = requests[..index].iter().any(|other| other.revision == request.revision);
        if !matches!(&*request.revision, "." | "WORKTREE") {
            let commit = repository.commit(&request.revision)?;
            if !told && commit == repository.commit("HEAD")? && repository.is_dirty()? {
                complain(&format!(
                    "note: {} is the commit, without the changes of the working tree to the engine; . has them",
                    request.revision
                ));
            }
        }
    }
    let [a, b] = &requests;
    let built = |request: &Request| {
        complain(format!("building {} {}", request.revision, request.flags).trim_end());
        repository.build(request, options.keep)
    };
    let (side_a, side_b) = (built(a)?, built(b)?);
    if side_a.program == side_b.program {
        complain("note: both are the same build, so only the method is tried");
    }

    let mut arguments = vec!["ab".to_owned(), "--turn".to_owned()];
    if let Some(glob) = &options.workload {
        arguments.extend(["--workload".to_owned(), glob.clone()]);
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} pairs, {eta} left")?;
    let bar = ProgressBar::new(u64::from(options.rounds)).with_style(style);
    let turns = in_turns([&side_a, &side_b], options.rounds as usize, &arguments, |done| {
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let [base, new] = turns?;

    let rules = Rules::interleaved(options.threshold);
    let comparison = compare(&base, &new, &rules);
    if comparison.judged.is_empty() {
        return Err("the two builds have no cell in common that has a ratio".into());
    }
    let report = table::report(&comparison, &rules, options.all);
    print(&format!("base: {}\nnew:  {}\n\n{report}", side_a.name, side_b.name))?;
    Ok(if comparison.regressed() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
