//! The gate on instructions: counts of the single-thread paths against a baseline that is committed.
//!
//! A count depends on the compiler, the target and the C library (`malloc`, string functions), so the
//! baseline has one entry for each combination of them, and without an entry for the running one nothing
//! is compared. On the processor it does not depend; the bench sees to that. Fewer instructions never
//! fail: they ask for a new baseline, or the next loss up to the old one would pass.
//!
//! Knows how counts are kept and judged; `cli::gate` runs the bench and prints.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::results::file;

/// The version of `gungraun` that the bench is built with; `gungraun-runner` must be the same.
pub const GUNGRAUN: &str = "0.20.0";

/// The version of the baseline's format.
const SCHEMA: u32 = 1;

/// Instructions by the name of the bench.
pub type Counts = BTreeMap<String, u64>;

/// What counts depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// `rustc --version`.
    pub rustc: String,
    /// The target, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// The C library and its version; empty where it has no name.
    pub libc: String,
}

impl Toolchain {
    /// From what `rustc -vV` and `getconf GNU_LIBC_VERSION` print; `None` where the former is something else.
    pub fn parse(rustc: &str, libc: &str) -> Option<Self> {
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: "))?;
        let version = rustc.lines().next().filter(|line| line.starts_with("rustc "))?;
        Some(Self { rustc: version.to_owned(), target: host.to_owned(), libc: libc.trim().to_owned() })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rustc, target, libc } = self;
        write!(f, "{rustc} {target} {}", if libc.is_empty() { "with an unnamed C library" } else { libc })
    }
}

/// The counts of one toolchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The toolchain.
    #[serde(flatten)]
    pub toolchain: Toolchain,
    /// Its counts.
    pub counts: Counts,
}

/// The committed counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    schema: u32,
    entries: Vec<Entry>,
}

/// Why there are no counts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The baseline could not be read or written.
    #[error("cannot {operation} the baseline {path}")]
    Io {
        /// "read" or "write".
        operation: &'static str,
        /// The file.
        path: String,
        /// What the operating system answered.
        #[source]
        cause: std::io::Error,
    },
    /// The baseline is no baseline.
    #[error("{path} is no baseline of instructions: restore it from git, or remove it and `gate --bless`")]
    Baseline {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        cause: serde_json::Error,
    },
    /// The baseline has another schema.
    #[error("{path} has schema {found}, this build knows {SCHEMA}: remove it and `gate --bless`")]
    Schema {
        /// The file.
        path: String,
        /// The version it has.
        found: u32,
    },
    /// The output of gungraun was not understood.
    #[error("the output of gungraun is not what version {GUNGRAUN} prints: {0}")]
    Output(String),
}

impl Baseline {
    /// Without entries.
    pub fn empty() -> Self {
        Self { schema: SCHEMA, entries: Vec::new() }
    }

    /// Reads a baseline; a file that does not exist has no entries.
    ///
    /// # Errors
    /// [`Error`] where the file cannot be read or is something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Self::empty()),
            Err(cause) => return Err(Error::Io { operation: "read", path: name(), cause }),
        };
        let baseline: Self =
            serde_json::from_str(&text).map_err(|cause| Error::Baseline { path: name(), cause })?;
        if baseline.schema != SCHEMA {
            return Err(Error::Schema { path: name(), found: baseline.schema });
        }
        Ok(baseline)
    }

    /// Writes the baseline.
    ///
    /// # Errors
    /// [`Error::Io`] where that is not possible.
    ///
    /// # Panics
    /// Never: a baseline is valid JSON.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).expect("a baseline is valid JSON") + "\n";
        file::overwrite(path, text.as_bytes()).map_err(|cause| {
            let path = path.display().to_string();
            Error::Io { operation: "write", path, cause }
        })
    }

    /// The entry of a toolchain.
    pub fn entry(&self, toolchain: &Toolchain) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.toolchain == *toolchain)
    }

    /// The toolchains that have entries.
    pub fn toolchains(&self) -> impl Iterator<Item = &Toolchain> {
        self.entries.iter().map(|entry| &entry.toolchain)
    }

    /// Makes `counts` those of `toolchain`. Entries of others stay.
    pub fn bless(&mut self, toolchain: Toolchain, counts: Counts) {
        self.entries.retain(|entry| entry.toolchain != toolchain);
        self.entries.push(Entry { toolchain, counts });
        self.entries.sort_by(|left, right| {
            let key = |entry: &Entry| {
                let Toolchain { rustc, target, libc } = entry.toolchain.clone();
                (target, rustc, libc)
            };
            key(left).cmp(&key(right))
        });
    }
}

/// The counts in what gungraun prints with `--output-format=json`: one object a line, one line a bench.
///
/// # Errors
/// [`Error::Output`] where a line has no count, a bench comes twice, or there is none.
pub fn parse(output: &str) -> Result<Counts, Error> {
    let mut counts = Counts::new();
    for line in output.lines().filter(|line| line.trim_start().starts_with('{')) {
        let summary: Value = serde_json::from_str(line).map_err(|cause| Error::Output(cause.to_string()))?;
        let function = summary["function_name"].as_str();
        let function = function.ok_or_else(|| Error::Output("a summary without function_name".to_owned()))?;
        let name = match summary["id"].as_str() {
            Some(id) => format!("{function} {id}"),
            None => function.to_owned(),
        };
        let profiles = summary["profiles"].as_array().map(Vec::as_slice).unwrap_or_default();
        let callgrind = profiles.iter().find(|profile| profile["tool"] == "Callgrind");
        let count = callgrind
            .and_then(|profile| profile["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_u64())
            .filter(|count| *count > 0);
        let count = count.ok_or_else(|| Error::Output(format!("no instruction count of {name}")))?;
        if counts.insert(name.clone(), count).is_some() {
            return Err(Error::Output(format!("two counts of {name}")));
        }
    }
    if counts.is_empty() {
        return Err(Error::Output("no summary at all".to_owned()));
    }
    Ok(counts)
}

/// What is said of one bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// More instructions than the tolerance allows.
    Worse,
    /// The baseline has it, the bench does not.
    Gone,
    /// The bench has it, the baseline does not.
    Unknown,
    /// Fewer instructions than the tolerance allows.
    Better,
    /// Within the tolerance.
    Same,
}

/// One bench, then and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name of the bench.
    pub name: String,
    /// Instructions in the baseline.
    pub base: Option<u64>,
    /// Instructions now.
    pub new: Option<u64>,
    /// The conclusion.
    pub verdict: Verdict,
}

/// Instructions for each operation that code generation moves alone, when code beside the path changes:
/// a register saved, a block laid out otherwise. They are more than 2 % of the shortest path only, that of
/// a snapshot.
pub const SLACK: u64 = 4;

/// The operations of a bench by its name, such as `metadata x1024`; those of a stranger are none.
fn operations(name: &str) -> u64 {
    let count = name.rsplit_once(" x").map(|(_, count)| count);
    let digits = count.and_then(|count| count.split(|c: char| !c.is_ascii_digit()).next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Compares counts with those of the baseline, the worst first.
pub fn changes(base: &Counts, new: &Counts, tolerance: f64) -> Vec<Change> {
    let names: std::collections::BTreeSet<&String> = base.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (base, new) = (base.get(name).copied(), new.get(name).copied());
        let slack = operations(name).saturating_mul(SLACK) as f64;
        let verdict = match (base, new) {
            (Some(_), None) => Verdict::Gone,
            (None, _) => Verdict::Unknown,
            (Some(base), Some(new)) if new as f64 > base as f64 * (1.0 + tolerance) + slack => Verdict::Worse,
            (Some(base), Some(new)) if (new as f64) < base as f64 * (1.0 - tolerance) - slack => {
                Verdict::Better
            }
            _ => Verdict::Same,
        };
        Change { name: name.clone(), base, new, verdict }
    };
    let mut changes: Vec<Change> = names.into_iter().map(change).collect();
    changes.sort_by_key(|change| change.verdict);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(name: &str, count: u64) -> String {
        format!(
            r#"{{"function_name":"{name}","id":"x1","profiles":[{{"tool":"Callgrind","data":{{"parts":[],"total":{{"metrics":{{"Ir":{{"values":{{"new":{count},"old":7}},"diffs":{{}}}}}}}}}}}}]}}"#
        )
    }

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn the_new_count_of_each_bench_is_read() {
        let output = format!("noise\n{}\n{}\n", summary("read", 1_000), summary("write", 2_000));
        assert_eq!(parse(&output).expect("counts"), counts(&[("read x1", 1_000), ("write x1", 2_000)]));
    }

    #[test]
    fn output_without_counts_is_no_pass() {
        let twice = format!("{}\n{}", summary("read", 1), summary("read", 1));
        for output in
            ["", "gungraun: hello", "{\"function_name\":\"read\"}", "{", &twice, &summary("read", 0)]
        {
            assert!(parse(output).is_err(), "{output}");
        }
    }

    #[test]
    fn verdicts_at_the_edge_of_the_tolerance() {
        let base = counts(&[("a", 10_000), ("b", 10_000), ("c", 10_000), ("d", 10_000), ("gone", 1)]);
        let new = counts(&[("a", 10_200), ("b", 10_201), ("c", 9_800), ("d", 9_799), ("unknown", 1)]);
        let changes = changes(&base, &new, 0.02);
        let found: Vec<_> = changes.iter().map(|change| (&*change.name, change.verdict)).collect();
        assert_eq!(
            found,
            [
                ("b", Verdict::Worse),
                ("gone", Verdict::Gone),
                ("unknown", Verdict::Unknown),
                ("d", Verdict::Better),
                ("a", Verdict::Same),
                ("c", Verdict::Same),
            ]
        );
    }

    #[test]
    fn short_paths_have_their_slack() {
        let base = counts(&[("short x1000", 100_000), ("few x8_of_1024_files", 100_000)]);
        let new = |short, few| counts(&[("short x1000", short), ("few x8_of_1024_files", few)]);
        let verdicts = |new| changes(&base, &new, 0.02).into_iter().map(|c| c.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(new(106_000, 102_032)), [Verdict::Same, Verdict::Same]);
        assert_eq!(verdicts(new(106_001, 102_033)), [Verdict::Worse, Verdict::Worse]);
        assert_eq!(verdicts(new(93_999, 97_967)), [Verdict::Better, Verdict::Better]);
    }

    #[test]
    fn a_baseline_is_kept_for_each_toolchain() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("baseline.json");
        let toolchain = |rustc: &str, libc: &str| Toolchain {
            rustc: rustc.to_owned(),
            target: "t".to_owned(),
            libc: libc.to_owned(),
        };
        let mut baseline = Baseline::read(&path).expect("none yet is empty");
        baseline.bless(toolchain("rustc 2", "glibc 1"), counts(&[("a", 1)]));
        baseline.bless(toolchain("rustc 1", "glibc 1"), counts(&[("a", 2)]));
        baseline.bless(toolchain("rustc 2", "glibc 2"), counts(&[("a", 3)]));
        baseline.bless(toolchain("rustc 1", "glibc 1"), counts(&[("a", 4)]));
        baseline.write(&path).expect("written");
        let read = Baseline::read(&path).expect("a baseline");
        assert_eq!(read, baseline);
        assert_eq!(read.toolchains().count(), 3);
        let count = |rustc, libc| read.entry(&toolchain(rustc, libc)).map(|entry| entry.counts["a"]);
        assert_eq!((count("rustc 1", "glibc 1"), count("rustc 1", "glibc 2")), (Some(4), None));
        assert_eq!((count("rustc 2", "glibc 1"), count("rustc 2", "glibc 2")), (Some(1), Some(3)));
    }

    #[test]
    fn foreign_files_are_no_baseline() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("baseline.json");
        for text in ["", "[]", "{\"schema\":1}", "{\"schema\":2,\"entries\":[]}"] {
            fs::write(&path, text).expect("written");
            assert!(Baseline::read(&path).is_err(), "{text}");
        }
    }

    #[test]
    fn the_toolchain_is_read_from_rustc() {
        let text = "rustc 1.95.0 (5980 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        let toolchain = Toolchain::parse(text, "glibc 2.36\n").expect("rustc");
        assert_eq!((&*toolchain.target, &*toolchain.libc), ("x86_64-unknown-linux-gnu", "glibc 2.36"));
        assert!(Toolchain::parse("clang", "").is_none());
    }

    #[test]
    fn the_runner_that_is_asked_for_is_the_version_that_is_built() {
        let lock =
            fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).expect("a lock file");
        assert!(lock.contains(&format!("name = \"gungraun\"\nversion = \"{GUNGRAUN}\"\n")));
    }
}
