//! Whether two runs may be compared, and what to be told about it.
//!
//! Knows metadata only, no figures.

use crate::results::schema::{Meta, Run, VERSION};

/// What stands between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// No comparison has a meaning.
    Impossible(String),
    /// The figures differ for reasons other than arcfs; only by force.
    Refused(String),
    /// To be known when reading the outcome.
    Warning(String),
}

/// Everything that speaks against comparing `base` with `new`.
pub fn objections(base: &Run, new: &Run) -> Vec<Objection> {
    let mut found = Vec::new();
    for (which, run) in [("base", base), ("new", new)] {
        if run.schema != VERSION {
            found.push(Objection::Impossible(format!(
                "the {which} run has schema {}, this build reads {VERSION}",
                run.schema
            )));
        }
    }
    let (base, new) = (&base.meta, &new.meta);
    refusals(base, new, &mut found);
    warnings(base, new, &mut found);
    found
}

fn refusals(base: &Meta, new: &Meta, found: &mut Vec<Objection>) {
    // What could not be found out is empty, and says nothing.
    let mut differ = |what: &str, base: &str, new: &str| {
        if base != new && !base.is_empty() && !new.is_empty() {
            found.push(Objection::Refused(format!("different {what}: {base} and {new}")));
        }
    };
    let first_word = |profile: &str| profile.split_whitespace().next().unwrap_or_default().to_owned();
    differ("processors", &base.cpu, &new.cpu);
    differ("numbers of cores", &base.cores.to_string(), &new.cores.to_string());
    differ("build profiles", &first_word(&base.profile), &first_word(&new.profile));
}

fn warnings(base: &Meta, new: &Meta, found: &mut Vec<Objection>) {
    let mut warn = |text: String| found.push(Objection::Warning(text));
    for (what, base, new) in [
        ("compiler", &base.rustc, &new.rustc),
        ("kernel", &base.kernel, &new.kernel),
        ("profile or flags", &base.profile, &new.profile),
    ] {
        if base != new {
            warn(format!("different {what}: {base:?} and {new:?}"));
        }
    }
    if base.memory != new.memory {
        warn(format!("different memory: {} and {} bytes", base.memory, new.memory));
    }
    if base.extent != new.extent {
        warn(format!(
            "different extents ({:?} and {:?}): only common cells are compared",
            base.extent, new.extent
        ));
    } else if base.args != new.args {
        warn(format!("different arguments: {:?} and {:?}", base.args.join(" "), new.args.join(" ")));
    }
    if base.rounds != new.rounds {
        warn(format!(
            "{} and {} rounds: only the first of the longer run are compared",
            base.rounds, new.rounds
        ));
    }
    if base.rivals != new.rivals {
        let changed: Vec<&str> =
            base.rivals.iter().filter(|rival| !new.rivals.contains(rival)).map(|(name, _)| &**name).collect();
        warn(format!("rivals changed ({}), so they are a poorer control", changed.join(", ")));
    }
    for (which, meta) in [("base", base), ("new", new)] {
        if meta.dirty {
            warn(format!("the {which} run was built from a tree that differs from its commit"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(change: impl FnOnce(&mut Run)) -> Run {
        let meta = Meta { cpu: "A".into(), cores: 2, profile: "release".into(), ..Meta::default() };
        let mut run = Run { schema: VERSION, meta, cells: Vec::new() };
        change(&mut run);
        run
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Run), expected: fn(&Objection) -> bool) {
        let found = objections(&run(|_| {}), &run(change));
        assert!(found.iter().any(expected), "{found:?}");
    }

    #[test]
    fn equal_runs_meet_no_objection() {
        assert_eq!(objections(&run(|_| {}), &run(|_| {})), []);
    }

    #[test]
    fn objections_are_as_strong_as_their_reason() {
        check(|run| run.schema = VERSION + 1, |found| matches!(found, Objection::Impossible(_)));
        check(|run| run.meta.cpu = "B".into(), |found| matches!(found, Objection::Refused(_)));
        check(|run| run.meta.cores = 4, |found| matches!(found, Objection::Refused(_)));
        check(|run| run.meta.profile = "debug".into(), |found| matches!(found, Objection::Refused(_)));
        check(|run| run.meta.rounds = 9, |found| matches!(found, Objection::Warning(_)));
        check(
            |run| run.meta.profile = "release --cfg x".into(),
            |found| matches!(found, Objection::Warning(_)),
        );
    }

    #[test]
    fn what_is_unknown_is_no_difference() {
        let found = objections(&run(|_| {}), &run(|run| run.meta.cpu = String::new()));
        assert!(!found.iter().any(|found| matches!(found, Objection::Refused(_))), "{found:?}");
    }
}
