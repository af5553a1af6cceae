//! Reports of a run: Markdown, charts as SVG, tables for a terminal.
//!
//! | module | what | knows nothing of |
//! |---|---|---|
//! | `format` | digits and units | everything else |
//! | `plain` | tables of text, not of figures | runs |
//! | `text` | hostile names made harmless | results |
//! | `view` | cells sorted; best, ratio, noise | how it is shown |
//! | `glossary` | what names mean | results |
//! | `growth` | tables of fitted exponents | how they are fitted |
//! | `tables` | which figures stand beside each other | Markdown, terminals |
//! | `markdown`, `terminal` | the tables, written | statistics |
//! | `embed` | the same within a document | what it says |
//! | [`history`] | runs over commits | where they come from |
//! | `charts` | which charts there are, and their SVG | Markdown |
//!
//! A report is a function of the run and its name: equal runs give equal bytes. But for the glossary, the
//! module knows no workload and no backend, only the schema; parameters called `threads` and `files` are
//! what charts run over.

mod charts;
mod embed;
pub(crate) mod format;
mod glossary;
mod growth;
pub mod history;
mod markdown;
mod plain;
mod tables;
mod terminal;
pub(crate) mod text;
mod view;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use charts::{Timeline, Trend, timeline};
pub use embed::EmbedError;
pub use plain::PlainTable;

use crate::results::file;
use crate::results::schema::Run;
use view::View;

/// A run with the name that its files have.
#[derive(Clone, Copy, Debug)]
pub struct NamedRun<'a> {
    /// The name; charts are linked as `<name>/<chart>.svg`.
    pub name: &'a str,
    /// The run.
    pub run: &'a Run,
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name cannot be that of a file and a directory.
    #[error("{0:?} cannot be the name of a report: it must be a file name without separators")]
    Name(String),
    /// A file or directory could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the host said.
        source: io::Error,
    },
}

/// The run as a page of Markdown.
pub fn markdown(named: &NamedRun<'_>) -> String {
    let view = View::new(named.run);
    page(named, &view, &charts::charts(&view))
}

fn sections(run: &Run, view: &View<'_>) -> Vec<tables::Section> {
    let mut sections = tables::sections(view);
    growth::add(run, view, &mut sections);
    sections
}

fn page(named: &NamedRun<'_>, view: &View<'_>, charts: &[charts::Chart<'_>]) -> String {
    let reference = view.reference.map(|backend| view.backends[backend]);
    markdown::page(named, &sections(named.run, view), charts, reference)
}

/// The document with the tables and charts of the run between its markers, lines such as
/// `<!-- begin small-files -->` and `<!-- end small-files -->`; the names `machine`, `reading`,
/// `backends` and `parameters` give what was measured where, how to read it, and what the words mean. Links to charts begin with `directory`, which is empty or
/// ends with a slash.
///
/// # Errors
/// [`EmbedError`] with the line, where a marker has no partner or names no workload of the run.
pub fn embed(document: &str, directory: &str, named: &NamedRun<'_>) -> Result<String, EmbedError> {
    let view = View::new(named.run);
    embed::embed(document, directory, named, &view, &sections(named.run, &view), &charts::charts(&view))
}

/// The tables for the terminal that standard output is, or for 120 columns where it is none.
pub fn terminal(run: &Run) -> String {
    let columns = console::Term::stdout().size_checked().map_or(120, |(_, columns)| columns);
    terminal_within(run, usize::from(columns))
}

/// The tables for a terminal of so many columns. A table is cut between its columns, never within.
pub fn terminal_within(run: &Run, columns: usize) -> String {
    terminal::tables(&sections(run, &View::new(run)), columns)
}

/// The charts of a run as `(file name, SVG)`.
pub fn svgs(run: &Run) -> Vec<(String, String)> {
    let view = View::new(run);
    let charts = charts::charts(&view);
    charts.iter().map(|chart| (format!("{}.svg", chart.file()), chart.svg())).collect()
}

/// Writes `<dir>/<name>.md` and the charts in `<dir>/<name>/`, and gives their paths. Files that are
/// there are replaced; others in the directory of charts are left alone.
///
/// # Errors
/// [`Error::Name`] where the name is not that of a file, [`Error::Write`] with the path and the cause.
pub fn write(run: &Run, name: &str, dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let hostile = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.is_empty() || name.starts_with('.') || name.contains(hostile) {
        return Err(Error::Name(name.to_owned()));
    }
    let view = View::new(run);
    let charts = charts::charts(&view);
    let mut written = Vec::new();
    let pictures = dir.join(name);
    create(if charts.is_empty() { dir } else { &pictures })?;
    for chart in &charts {
        let path = pictures.join(format!("{}.svg", chart.file()));
        put(&path, &chart.svg())?;
        written.push(path);
    }
    // The page comes last: where it is, its pictures are.
    let path = dir.join(format!("{name}.md"));
    put(&path, &page(&NamedRun { name, run }, &view, &charts))?;
    written.push(path);
    Ok(written)
}

fn create(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    file::overwrite(path, text.as_bytes()).map_err(|source| Error::Write { path: path.to_owned(), source })
}
