//! `arcfs-harness list`: workloads and backends, with what they cannot do.
//!
//! What a backend cannot do is not written down anywhere but in its code, so each is asked, on a store
//! with one small file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::{Execution, print};
use crate::backend::{self, Backend, Setup};
use crate::python;
use crate::store::{Answer, Failure, Mode, OpenFile, Store};
use crate::workload::{self, Extent, Scope, Workload};

/// Lists workloads with their metrics and cells, and backends with what they cannot do here.
#[derive(Debug, Args)]
pub struct Options {}

/// Lists workloads and backends.
///
/// # Errors
/// Standard output cannot be written.
pub fn execute(_options: &Options) -> Execution {
    let mut text = String::from("Workloads\n");
    let backends = backend::all();
    for workload in workload::all() {
        describe_workload(&mut text, &*workload, &backends);
    }
    text.push_str("\nBackends\n");
    for backend in &backends {
        entry(&mut text, backend.name, backend.about);
        for (what, reason) in inabilities(backend) {
            detail(&mut text, &format!("{what}: {reason}"));
        }
    }
    entry(&mut text, python::NAME, python::ABOUT);
    detail(&mut text, "runs with `run --python` only, which installs it; workloads it lacks stay empty");
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn entry(text: &mut String, name: &str, about: &str) {
    let _infallible = writeln!(text, "  {name:<24}{about}");
}

fn detail(text: &mut String, line: &str) {
    let _infallible = writeln!(text, "  {:<26}{line}", "");
}

fn describe_workload(text: &mut String, workload: &dyn Workload, backends: &[Backend]) {
    entry(text, workload.name(), workload.about());
    let metrics: Vec<&str> = workload.metrics().iter().map(|metric| metric.name).collect();
    detail(text, &format!("metrics: {}", metrics.join(", ")));
    let extents = [
        (Extent::Smoke, "smoke"),
        (Extent::Quick, "quick"),
        (Extent::Default, "default"),
        (Extent::Full, "full"),
    ];
    let scopes = extents.map(|(extent, name)| (Scope { extent, large: false }, name));
    let counts = scopes.map(|(scope, name)| format!("{} {name}", workload.cells(&scope).len()));
    detail(text, &format!("cells: {}", counts.join(", ")));
    // By reason, so that one reason for many backends is one line.
    let mut left_out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for backend in backends {
        for (scope, _) in &scopes {
            for params in workload.cells(scope) {
                if let Some(reason) = workload.left_out(backend, &params, scope) {
                    let names = left_out.entry(reason).or_default();
                    if !names.contains(&backend.name) {
                        names.push(backend.name);
                    }
                }
            }
        }
    }
    for (reason, names) in left_out {
        detail(text, &format!("leaves out some cells of {}: {reason}", names.join(", ")));
    }
}

/// What a backend cannot do or fails at here, with its own reason.
fn inabilities(backend: &Backend) -> Vec<(String, String)> {
    let store = match (backend.make)(&Setup::default()) {
        Ok(store) => store,
        Err(failure) => return Vec::from_iter(inability("exist here", Err(failure))),
    };
    let limited = (backend.make)(&Setup { limit: Some(1 << 20) });
    let store = &*store;
    let answers = [
        ("hold a file", store.create_dir_all("/dir").and_then(|()| store.write("/dir/file", &[7; 64]))),
        ("keep a limit on bytes", limited.and_then(|limited| limited.used().map(drop))),
        ("read without a copy", store.read_shared("/dir/file", &mut |_| {})),
        ("read in pieces", store.open("/dir/file", Mode::Read).and_then(OpenFile::close)),
        ("write in pieces", write_in_pieces(store)),
        ("write at an offset", write_at_an_offset(store)),
        ("show one instant of all files", store.view().map(drop)),
        ("copy a directory", store.copy_dir_all("/dir", "/copy")),
        ("remove a directory", store.remove_dir_all("/dir")),
    ];
    answers.into_iter().filter_map(|(what, answer)| inability(what, answer)).collect()
}

fn write_in_pieces(store: &dyn Store) -> Answer<()> {
    let mut file = store.open("/dir/pieces", Mode::Create)?;
    file.write(&[7; 64])?;
    file.close()
}

fn write_at_an_offset(store: &dyn Store) -> Answer<()> {
    let mut file = store.open("/dir/file", Mode::Update)?;
    file.write_at(&[8; 8], 16)?;
    file.close()
}

fn inability(what: &str, answer: Answer<()>) -> Option<(String, String)> {
    match answer {
        Ok(()) => None,
        Err(Failure::Cannot(reason)) => Some((format!("cannot {what}"), reason.to_owned())),
        Err(failure) => Some((format!("fails to {what}"), failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Side;

    #[test]
    fn a_backend_is_asked_what_it_cannot_do() {
        let calls = backend::all().into_iter().find(|backend| backend.name == "arcfs-calls").expect("there");
        let found = inabilities(&calls);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "cannot write at an offset");
    }

    #[test]
    fn a_backend_that_cannot_be_here_says_so() {
        let make = |_: &Setup| Err(Failure::Cannot("needs a memory filesystem"));
        let absent = Backend { name: "absent", about: "A fake.", side: Side::Rival, make };
        let expected = ("cannot exist here".to_owned(), "needs a memory filesystem".to_owned());
        assert_eq!(inabilities(&absent), [expected]);
        let make = |_: &Setup| Err(Failure::failed("no such device"));
        let broken = Backend { make, ..absent };
        assert_eq!(inabilities(&broken)[0].0, "fails to exist here");
    }
}
