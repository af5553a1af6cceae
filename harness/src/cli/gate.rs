//! `arcfs-harness gate`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::compare::percent;
use crate::gate::{self, Baseline, Change, Counts, GUNGRAUN, Toolchain, Verdict, changes};

/// Counts the instructions of the single-thread paths: exit 1 where they grew beyond the tolerance.
///
/// Needs valgrind and gungraun-runner. Run it in the repository.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Makes the counts of now the baseline of this compiler.
    #[arg(long)]
    bless: bool,
    /// The file with the baseline; by default harness/instructions.json of the workspace.
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// Changes up to this are no change.
    #[arg(long, default_value = "2%", value_parser = percent)]
    tolerance: f64,
    /// Fails where nothing can be counted or compared, instead of skipping.
    #[arg(long)]
    require: bool,
}

type Failure = Box<dyn Error + Send + Sync>;

/// Counts, compares, prints, and answers 0, or 1 where a path became worse.
///
/// # Errors
/// Where counting was possible and went wrong; with `--require` also where it was not possible.
pub fn execute(options: &Options) -> Result<ExitCode, Failure> {
    let root = workspace()?;
    let path = options.baseline.clone().unwrap_or_else(|| root.join("harness/instructions.json"));
    let mut baseline = Baseline::read(&path)?;
    if let Err(why) = can_count() {
        return skipped(&why, options);
    }
    let toolchain = toolchain(&root)?;
    let counts = count(&root)?;
    if options.bless {
        let known = baseline.entry(&toolchain).map(|entry| entry.counts.clone()).unwrap_or_default();
        println!("{}", table(&changes(&known, &counts, options.tolerance)));
        baseline.bless(toolchain, counts);
        baseline.write(&path)?;
        println!("wrote {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(entry) = baseline.entry(&toolchain) else {
        let known: Vec<String> =
            baseline.toolchains().map(|known| format!("{} {}", known.rustc, known.target)).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        let Toolchain { rustc, target, .. } = &toolchain;
        let why = format!("the baseline knows {known}, and this is {rustc} {target}; `gate --bless` adds it");
        return skipped(&why, options);
    };
    if entry.toolchain.libc != toolchain.libc {
        let (then, now) = (&entry.toolchain.libc, &toolchain.libc);
        eprintln!(
            "warning: the baseline was counted with {then:?}, this is {now:?}: allocation may count differently"
        );
    }
    Ok(judge(&changes(&entry.counts, &counts, options.tolerance), options.tolerance))
}

fn skipped(why: &str, options: &Options) -> Result<ExitCode, Failure> {
    if options.require {
        return Err(format!("nothing was compared: {why}").into());
    }
    println!("SKIPPED, NOTHING WAS COMPARED: {why}");
    Ok(ExitCode::SUCCESS)
}

fn judge(changes: &[Change], tolerance: f64) -> ExitCode {
    println!("{}", table(changes));
    let count = |verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    let (worse, better) = (count(Verdict::Worse), count(Verdict::Better));
    let unmatched = count(Verdict::Gone) + count(Verdict::Unknown);
    println!("{worse} worse, {better} better, {} the same, by {} %", count(Verdict::Same), tolerance * 100.0);
    if unmatched > 0 {
        println!("{unmatched} are in only one of bench and baseline: `gate --bless`, and commit the file");
    } else if better > 0 && worse == 0 {
        println!("better than the baseline: `gate --bless`, and commit the file, so that it stays so");
    }
    // A path that is not counted any more could hide any loss.
    if worse > 0 || unmatched > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn table(changes: &[Change]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["bench", "baseline", "now", "change", ""]);
    for change in changes {
        let number = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
        let percent = match (change.base, change.new) {
            (Some(base), Some(new)) => format!("{:+.2} %", (new as f64 / base as f64 - 1.0) * 100.0),
            _ => String::new(),
        };
        let verdict = match change.verdict {
            Verdict::Worse => "WORSE",
            Verdict::Gone => "not counted any more",
            Verdict::Unknown => "not in the baseline",
            Verdict::Better => "better",
            Verdict::Same => "",
        };
        table.add_row([&*change.name, &number(change.base), &number(change.new), &percent, verdict]);
    }
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The directory of the workspace that the current directory is in.
fn workspace() -> Result<PathBuf, Failure> {
    let cargo =
        Command::new("cargo").args(["locate-project", "--workspace", "--message-format", "plain"]).output();
    let output = cargo.map_err(|cause| format!("cannot run cargo: {cause}"))?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    match manifest.parent() {
        Some(root) if output.status.success() && root.join("harness/benches/instructions.rs").exists() => {
            Ok(root.to_owned())
        }
        _ => Err("the gate builds the bench, so it must run inside the repository of arcfs".into()),
    }
}

/// Whether valgrind and the runner are there, and if not, what to do.
fn can_count() -> Result<(), String> {
    let version = |program: &Path| {
        let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if version(Path::new("valgrind")).is_err() {
        return Err("valgrind is not installed (Debian: apt-get install valgrind)".to_owned());
    }
    let runner = std::env::var_os("GUNGRAUN_RUNNER").unwrap_or_else(|| "gungraun-runner".into());
    let install = format!("cargo install gungraun-runner --version {GUNGRAUN} --locked");
    match version(Path::new(&runner)) {
        Ok(version) if version.split(' ').next_back() == Some(GUNGRAUN) => Ok(()),
        Ok(version) => Err(format!("found {version:?}, and {GUNGRAUN} is needed: {install}")),
        Err(_) => Err(format!("gungraun-runner is not installed: {install}")),
    }
}

fn toolchain(root: &Path) -> Result<Toolchain, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc).arg("-vV").current_dir(root).output();
    let output = output.map_err(|cause| format!("cannot run rustc: {cause}"))?;
    let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output().map(|output| output.stdout);
    let libc = String::from_utf8_lossy(&libc.unwrap_or_default()).into_owned();
    let text = String::from_utf8_lossy(&output.stdout);
    Toolchain::parse(&text, &libc).ok_or_else(|| "rustc -vV does not tell its version and host".into())
}

/// Builds and runs the bench.
fn count(root: &Path) -> Result<Counts, Failure> {
    eprintln!("building, and counting under callgrind");
    let output = Command::new("cargo")
        .args(["bench", "-p", "arcfs-harness", "--bench", "instructions", "--", "--output-format=json"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| format!("cannot run cargo: {cause}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(25)..].join("\n");
        return Err(format!("the bench failed ({}); its last lines:\n{last}", output.status).into());
    }
    Ok(gate::parse(&String::from_utf8_lossy(&output.stdout))?)
}
