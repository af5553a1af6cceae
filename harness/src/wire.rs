//! A round as one line of JSON, for processes that answer to the harness.
//!
//! ```text
//! {"values": {"metric": 1.5}, "cannot": {"metric": "reason"}, "checks": 3}
//! {"cannot": "reason"}   {"full": true}   {"failed": "what went wrong"}
//! ```
//!
//! Histograms do not travel. This module does not know processes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::store::{Answer, Failure};
use crate::workload::{Metric, Round};

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Round {
        values: BTreeMap<String, f64>,
        #[serde(default)]
        cannot: BTreeMap<String, String>,
        checks: u64,
    },
    Cannot {
        cannot: String,
    },
    Full {
        full: bool,
    },
    Failed {
        failed: String,
    },
}

/// The line that says what a round answered. It has no line break in it.
///
/// # Panics
/// Never: a round can always be written as JSON.
pub fn encode(answer: &Answer<Round>) -> String {
    let line = match answer {
        Ok(round) => match round.values.iter().find(|(_, value)| !value.is_finite()) {
            Some((metric, value)) => Line::Failed { failed: format!("the value of {metric} is {value}") },
            None => Line::Round {
                values: round.values.iter().map(|&(metric, value)| (metric.to_owned(), value)).collect(),
                cannot: round
                    .cannot
                    .iter()
                    .map(|&(metric, why)| (metric.to_owned(), why.to_owned()))
                    .collect(),
                checks: round.checks,
            },
        },
        Err(Failure::Cannot(why)) => Line::Cannot { cannot: (*why).to_owned() },
        Err(Failure::Full) => Line::Full { full: true },
        Err(Failure::Failed(cause)) => Line::Failed { failed: cause.to_string() },
    };
    serde_json::to_string(&line).expect("strings and finite numbers")
}

/// What a line says that a round answered. Its metrics must be among `metrics`.
///
/// # Errors
/// The failure that the line says, or [`Failure::Failed`] where it is no such line.
pub fn decode(line: &str, metrics: &'static [Metric]) -> Answer<Round> {
    let known = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.name == name);
        metric
            .map(|metric| metric.name)
            .ok_or_else(|| Failure::failed(format!("no metric has the name {name}")))
    };
    match serde_json::from_str(line) {
        Ok(Line::Round { values, cannot, checks }) => {
            let values = values.iter().map(|(name, value)| Ok((known(name)?, *value)));
            let cannot = cannot.into_iter().map(|(name, why)| Ok((known(&name)?, lasting(why))));
            Ok(Round {
                values: values.collect::<Answer<_>>()?,
                cannot: cannot.collect::<Answer<_>>()?,
                checks,
                ..Round::default()
            })
        }
        Ok(Line::Cannot { cannot }) => Err(Failure::Cannot(lasting(cannot))),
        Ok(Line::Full { .. }) => Err(Failure::Full),
        Ok(Line::Failed { failed }) => Err(Failure::failed(failed)),
        Err(_) => {
            let shown: String = line.chars().take(200).collect();
            Err(Failure::failed(format!("not the answer of a round: {shown:?}")))
        }
    }
}

/// The text for as long as the program runs. Each text is kept once, and there are few: reasons are
/// written in sources.
fn lasting(text: String) -> &'static str {
    static TEXTS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut texts = TEXTS.lock().expect("nobody panics while holding it");
    if let Some(known) = texts.iter().find(|known| **known == text) {
        return known;
    }
    let text: &'static str = text.leak();
    texts.push(text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &[Metric] = &[Metric::time("write"), Metric::rate("ops")];

    fn there_and_back(answer: &Answer<Round>) -> Answer<Round> {
        let line = encode(answer);
        assert!(!line.contains('\n'), "{line}");
        decode(&line, METRICS)
    }

    #[test]
    fn a_round_survives_the_trip() {
        let round = Round {
            values: vec![("ops", 1e9), ("write", 0.125)],
            cannot: vec![("ops", "is \"slow\"\nand shy")],
            checks: 7,
            ..Round::default()
        };
        let back = there_and_back(&Ok(round)).expect("a round");
        assert_eq!(back.values, [("ops", 1e9), ("write", 0.125)]);
        assert_eq!(back.cannot, [("ops", "is \"slow\"\nand shy")]);
        assert_eq!(back.checks, 7);
        let empty = there_and_back(&Ok(Round::default())).expect("a round");
        assert!(empty.values.is_empty() && empty.cannot.is_empty());
    }

    #[test]
    fn every_failure_survives_the_trip() {
        let trip = |failure| there_and_back(&Err(failure)).expect_err("a failure");
        assert!(matches!(trip(Failure::Cannot("is a map")), Failure::Cannot("is a map")));
        assert!(matches!(trip(Failure::Full), Failure::Full));
        assert_eq!(trip(Failure::failed("two\nlines")).to_string(), "two\nlines");
    }

    #[test]
    fn what_is_no_answer_of_this_workload_fails() {
        for line in
            ["", "null", "{}", "{\"values\":{}}", "{\"checks\":1,\"values\":{\"other\":1}}", "{\"values\":3}"]
        {
            assert!(matches!(decode(line, METRICS), Err(Failure::Failed(_))), "{line}");
        }
        let endless =
            there_and_back(&Ok(Round::default().value("ops", f64::INFINITY))).expect_err("no number");
        assert!(endless.to_string().contains("ops"), "{endless}");
    }

    #[test]
    fn equal_reasons_are_kept_once() {
        assert!(std::ptr::eq(lasting("a reason".to_owned()), lasting("a reason".to_owned())));
    }
}
