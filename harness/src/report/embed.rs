//! Tables and charts within a document that people write.
//!
//! Between the lines `<!-- begin NAME -->` and `<!-- end NAME -->` stands what is generated; all else is
//! left as it is. `NAME` is that of a workload, `machine` (what was measured where), or `reading` (how to
//! read the tables), `backends` or `parameters` (what these are).

use super::charts::Chart;
use super::markdown;
use super::tables::Section;
use super::{NamedRun, View};

/// Why a document cannot take what is generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// A marker has no partner.
    #[error("line {line}: `<!-- {marker} -->` has no partner")]
    Alone {
        /// The line, from 1.
        line: usize,
        /// What stands in the marker.
        marker: String,
    },
    /// The run has nothing of that name.
    #[error("line {line}: the run has no workload {name:?}")]
    Unknown {
        /// The line, from 1.
        line: usize,
        /// The name in the marker.
        name: String,
    },
    /// The document has no markers at all.
    #[error("the document has no line like `<!-- begin WORKLOAD -->`")]
    None,
}

/// The document with everything between markers replaced; `directory` is what links to charts begin with.
pub fn embed(
    document: &str,
    directory: &str,
    named: &NamedRun<'_>,
    view: &View<'_>,
    sections: &[Section],
    charts: &[Chart<'_>],
) -> Result<String, EmbedError> {
    let mut out = String::with_capacity(document.len());
    let mut open: Option<(usize, &str)> = None;
    let mut found = false;
    for (index, line) in document.lines().enumerate() {
        let line_number = index + 1;
        let alone = |marker: String| EmbedError::Alone { line: line_number, marker };
        match (marker(line), open) {
            (Some(("begin", name)), None) => {
                let generated = generate(name, directory, named, view, sections, charts)
                    .ok_or_else(|| EmbedError::Unknown { line: line_number, name: name.to_owned() })?;
                out += &format!("{line}\n{}\n\n", generated.trim_end());
                open = Some((line_number, name));
                found = true;
            }
            (Some(("end", name)), Some((_, begun))) if name == begun => {
                out += &format!("{line}\n");
                open = None;
            }
            (Some((which, name)), _) => return Err(alone(format!("{which} {name}"))),
            (None, Some(_)) => {}
            (None, None) => out += &format!("{line}\n"),
        }
    }
    match open {
        Some((line, name)) => Err(EmbedError::Alone { line, marker: format!("begin {name}") }),
        None if !found => Err(EmbedError::None),
        None => Ok(out),
    }
}

/// `begin` or `end` with the name, where the line is a marker.
fn marker(line: &str) -> Option<(&str, &str)> {
    let (which, name) = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim().split_once(' ')?;
    matches!(which, "begin" | "end").then_some((which, name.trim()))
}

fn generate(
    name: &str,
    directory: &str,
    named: &NamedRun<'_>,
    view: &View<'_>,
    sections: &[Section],
    charts: &[Chart<'_>],
) -> Option<String> {
    match name {
        "machine" => Some(format!("\n{}", markdown::meta(&named.run.meta))),
        "backends" => Some(markdown::backends(named.run)),
        "parameters" => Some(markdown::parameters(named.run)),
        "reading" => Some(markdown::reading(view.reference.map(|backend| view.backends[backend]))),
        name => {
            let section = sections.iter().find(|section| section.name == name)?;
            Some(markdown::section(section, directory, named.name, charts))
        }
    }
}
