//! All runs of a directory, in the order of their commits, and each cell's values over them.
//!
//! Knows nothing of drawing and of verdicts: values of different days differ for many reasons.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::key::Key;
use super::schema::Run;
use super::{file, samples};
use crate::workload::{Better, Unit};

/// A run, without its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of its file, without `.json`.
    pub label: String,
    /// When it began, as RFC 3339.
    pub date: String,
    /// The commit that it was built from.
    pub commit: String,
    /// Whether the tree differed from that commit.
    pub dirty: bool,
    /// The processor and its cores. Only runs of one machine can be compared.
    pub machine: String,
}

/// The value of a cell in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The median of the samples.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

/// One cell over all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name.
    pub key: Key,
    /// Whether it is arcfs.
    pub arcfs: bool,
    /// Whether it is the first figure of its workload.
    pub main: bool,
    /// The unit of the values.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// The value in each of [`History::runs`]; nothing where the run has none, or has it in another unit.
    pub points: Vec<Option<Point>>,
}

/// The runs of a directory.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The runs, oldest commit first.
    pub runs: Vec<Entry>,
    /// The cells, in the order of the newest run, then those that only older runs have.
    pub series: Vec<Series>,
    /// Files that are no results, with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

impl History {
    /// Reads every `.json` file of `dir`.
    ///
    /// # Errors
    /// Where the directory cannot be read. A file that is no result is in [`History::skipped`].
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let (mut runs, mut skipped) = (Vec::new(), Vec::new());
        for path in paths {
            match file::read(&path) {
                Ok(run) => {
                    let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    runs.push((label, run));
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    let because = cause.map(|cause| format!(", because: {cause}")).unwrap_or_default();
                    skipped.push((path, format!("{error}{because}")));
                }
            }
        }
        let commits: Vec<&str> = runs.iter().map(|(_, run)| &*run.meta.commit).collect();
        let order = commit_order(dir, &commits);
        Ok(Self { skipped, ..Self::of(runs, &order) })
    }

    /// From runs with their labels, and the place of each commit that is known.
    pub fn of(mut runs: Vec<(String, Run)>, order: &HashMap<String, usize>) -> Self {
        sort(&mut runs, order);
        let entry = |(label, run): &(String, Run)| Entry {
            label: label.clone(),
            date: run.meta.date.clone(),
            commit: run.meta.commit.clone(),
            dirty: run.meta.dirty,
            machine: format!("{}, {} cores", run.meta.cpu, run.meta.cores),
        };
        let mut history = Self { runs: runs.iter().map(entry).collect(), ..Self::default() };
        let mut places: BTreeMap<Key, usize> = BTreeMap::new();
        for (index, (_, run)) in runs.iter().enumerate().rev() {
            let mut first: HashMap<&str, &str> = HashMap::new();
            for cell in &run.cells {
                let main = *first.entry(&cell.workload).or_insert(&cell.metric) == cell.metric;
                let Some(summary) = samples::summary(&cell.samples) else { continue };
                let key = Key::of(cell);
                let place = *places.entry(key.clone()).or_insert_with(|| {
                    history.series.push(Series {
                        key,
                        arcfs: cell.arcfs,
                        main,
                        unit: cell.unit,
                        better: cell.better,
                        points: vec![None; runs.len()],
                    });
                    history.series.len() - 1
                });
                let series = &mut history.series[place];
                if (series.unit, series.better) == (cell.unit, cell.better) {
                    let samples::Summary { median, min, max, .. } = summary;
                    series.points[index] = Some(Point { median, min, max });
                }
            }
        }
        history
    }

    /// The last run before `run` on the same machine in which `series` has a value.
    pub fn before(&self, series: &Series, run: usize) -> Option<usize> {
        let same = |other: &usize| {
            self.runs[*other].machine == self.runs[run].machine && series.points[*other].is_some()
        };
        (0..run).rev().find(same)
    }
}

/// Sorts by commit where the place of the commit is known; the others go where their date belongs among these.
fn sort(runs: &mut Vec<(String, Run)>, order: &HashMap<String, usize>) {
    runs.sort_by(|left, right| left.1.meta.date.cmp(&right.1.meta.date));
    let (mut known, unknown): (Vec<_>, Vec<_>) =
        std::mem::take(runs).into_iter().partition(|(_, run)| order.contains_key(&run.meta.commit));
    known.sort_by_key(|(_, run)| order[&run.meta.commit]); // stable: by date within a commit
    for run in unknown {
        let later = |other: &(String, Run)| other.1.meta.date > run.1.meta.date;
        let place = known.iter().position(later).unwrap_or(known.len());
        known.insert(place, run);
    }
    *runs = known;
}

/// The places of `commits` in the history of the repository that `dir` is in, ancestors first. Commits that git does
/// not know, or all where there is no git, are left out.
fn commit_order(dir: &Path, commits: &[&str]) -> HashMap<String, usize> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(dir).args(arguments).stdin(Stdio::null()).output();
        output.ok().filter(|output| output.status.success())
    };
    let is_name = |commit: &&str| !commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut full: HashMap<String, String> = HashMap::new();
    for commit in commits.iter().copied().filter(is_name) {
        let name = format!("{commit}^{{commit}}");
        if let Some(output) = git(&["rev-parse", "--verify", "--quiet", &name]) {
            full.insert(commit.to_owned(), String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
    }
    if full.is_empty() {
        return HashMap::new();
    }
    let mut arguments = vec!["rev-list", "--topo-order", "--reverse"];
    arguments.extend(full.values().map(|commit| &**commit));
    let Some(output) = git(&arguments) else { return HashMap::new() };
    let list = String::from_utf8_lossy(&output.stdout);
    let places: HashMap<&str, usize> = list.lines().enumerate().map(|(place, name)| (name, place)).collect();
    let placed = full.iter().filter_map(|(commit, name)| Some((commit.clone(), *places.get(&**name)?)));
    placed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::schema::{Cell, Meta, VERSION};
    use crate::workload::Params;

    fn run(label: &str, commit: &str, date: &str, samples: &[f64]) -> (String, Run) {
        let cell = |metric: &str| Cell {
            workload: "w".to_owned(),
            params: Params::new(),
            metric: metric.to_owned(),
            backend: "arcfs-calls".to_owned(),
            arcfs: true,
            unit: Unit::Nanoseconds,
            better: Better::Lower,
            samples: samples.to_vec(),
            median: samples::median(samples),
            min: samples.iter().copied().reduce(f64::min),
            max: samples.iter().copied().reduce(f64::max),
            latency: None,
            checks: 1,
            empty: samples.is_empty().then(|| "cannot: is a stranger".to_owned()),
        };
        let meta = Meta { commit: commit.to_owned(), date: date.to_owned(), ..Meta::default() };
        (label.to_owned(), Run { schema: VERSION, meta, cells: vec![cell("total"), cell("read")] })
    }

    #[test]
    fn commits_give_the_order_and_dates_the_rest() {
        let order = HashMap::from([("aaaa".to_owned(), 0), ("bbbb".to_owned(), 1)]);
        let runs = vec![
            run("old commit, run late", "aaaa", "2026-05-01", &[1.0]),
            run("new commit", "bbbb", "2026-03-01", &[3.0, 1.0, 2.0]),
            run("stranger", "cccc", "2026-06-01", &[]),
            run("early stranger", "dddd", "2026-01-01", &[1.0]),
        ];
        let history = History::of(runs, &order);
        let labels: Vec<&str> = history.runs.iter().map(|run| &*run.label).collect();
        assert_eq!(labels, ["early stranger", "old commit, run late", "new commit", "stranger"]);
        assert_eq!(history.series.len(), 2);
        let total = &history.series[0];
        assert!(total.main && !history.series[1].main);
        assert_eq!(total.points[2], Some(Point { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(total.points[3], None);
        assert_eq!(history.before(total, 2), Some(1));
        assert_eq!(history.before(total, 0), None);
    }

    #[test]
    fn files_that_are_no_results_are_skipped_and_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let (_, good) = run("good", "", "2026-01-01", &[1.0]);
        let text = serde_json::to_string(&good).expect("JSON");
        std::fs::write(dir.path().join("good.json"), &text).expect("written");
        std::fs::write(dir.path().join("half.json"), &text[..text.len() / 2]).expect("written");
        std::fs::write(dir.path().join("other.json"), "{}").expect("written");
        std::fs::write(dir.path().join("README.md"), "no JSON").expect("written");
        let history = History::read(dir.path()).expect("a directory");
        assert_eq!(history.runs.len(), 1);
        assert_eq!(history.skipped.len(), 2);
        assert!(History::read(&dir.path().join("missing")).is_err());
    }
}
