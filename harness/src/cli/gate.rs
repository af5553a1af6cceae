//! `arcfs-harness gate`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::compare::percent;
use super::{Execution, Failure, complain, print};
use crate::gate::{self, Baseline, Change, Counts, GUNGRAUN, SLACK, Toolchain, Verdict, changes};
use crate::report::{PlainTable, format};

/// Counts the instructions of the single-thread paths, and compares them with the committed baseline.
///
/// Needs valgrind and gungraun-runner. Run it in the repository.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 none grew, or nothing could be counted; 1 one grew, or is not in both; 2 counting failed"
)]
pub struct Options {
    /// Makes the counts of now the baseline of this compiler, target and C library.
    #[arg(long)]
    bless: bool,
    /// The file with the baseline [default: harness/instructions.json of the workspace].
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Changes up to this are no change.
    #[arg(long, value_name = "PERCENT", default_value = "2%", value_parser = percent)]
    tolerance: f64,
    /// Fails where nothing can be counted or compared, instead of skipping.
    #[arg(long)]
    require: bool,
}

/// Counts, compares, prints, and answers 0, or 1 where a path became worse.
///
/// # Errors
/// Where counting was possible and went wrong; with `--require` also where it was not possible.
pub fn execute(options: &Options) -> Execution {
    let root = workspace()?;
    let path = options.baseline.clone().unwrap_or_else(|| root.join("harness/instructions.json"));
    let mut baseline = Baseline::read(&path)?;
    if let Err(why) = can_count() {
        return skipped(&why, options);
    }
    let toolchain = toolchain(&root)?;
    if let Some(flags) = flags() {
        if options.bless {
            return Err(
                format!("{flags} is set, and the baseline is that of a build without: unset it").into()
            );
        }
        complain(&format!("warning: {flags} is set, and the baseline is that of a build without"));
    }
    let known = match baseline.entry(&toolchain) {
        Some(entry) => entry.counts.clone(),
        None if options.bless => Counts::new(),
        None => return skipped(&unknown(&baseline, &toolchain), options),
    };
    let counts = count(&root)?;
    if options.bless {
        print(&table(&changes(&known, &counts, options.tolerance)).to_string())?;
        baseline.bless(toolchain, counts);
        baseline.write(&path)?;
        print(&format!("wrote {}", path.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    judge(&changes(&known, &counts, options.tolerance), options.tolerance)
}

/// Says which toolchains the baseline knows.
fn unknown(baseline: &Baseline, toolchain: &Toolchain) -> String {
    let known: Vec<String> = baseline.toolchains().map(Toolchain::to_string).collect();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    format!("the baseline knows {known}, and this is {toolchain}; `gate --bless` adds it")
}

fn skipped(why: &str, options: &Options) -> Execution {
    if options.require {
        return Err(format!("nothing was compared: {why}").into());
    }
    print(&format!("SKIPPED, NOTHING WAS COMPARED: {why}"))?;
    Ok(ExitCode::SUCCESS)
}

fn judge(changes: &[Change], tolerance: f64) -> Execution {
    let mut text = format!("{}\n", table(changes));
    let count = |verdict| changes.iter().filter(|change| change.verdict == verdict).count();
    let (worse, better) = (count(Verdict::Worse), count(Verdict::Better));
    let unmatched = count(Verdict::Gone) + count(Verdict::Unknown);
    text += &format!(
        "{worse} worse, {better} better, {} the same, by {} % and {SLACK} instructions for each operation\n",
        count(Verdict::Same),
        (tolerance * 1000.0).round() / 10.0
    );
    if unmatched > 0 {
        text += &format!(
            "{unmatched} are in only one of bench and baseline: `gate --bless`, and commit the file"
        );
    } else if better > 0 && worse == 0 {
        text += "better than the baseline: `gate --bless`, and commit the file, so that it stays so";
    }
    print(&text)?;
    // A path that is not counted any more could hide any loss.
    Ok(if worse > 0 || unmatched > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn table(changes: &[Change]) -> PlainTable {
    let mut table = PlainTable::new(["bench", "baseline", "now", "change", ""], 1..4);
    for change in changes {
        let number = |count: Option<u64>| count.map_or_else(String::new, format::grouped);
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
        table.push([
            change.name.clone(),
            number(change.base),
            number(change.new),
            percent,
            verdict.to_owned(),
        ]);
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
        output.map(|output| String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("").to_owned())
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

/// The variable with flags for the compiler, where one is set: other flags make other instructions.
fn flags() -> Option<&'static str> {
    let names = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"];
    names.into_iter().find(|name| std::env::var_os(name).is_some_and(|flags| !flags.is_empty()))
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
    complain("building, and counting under callgrind");
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
