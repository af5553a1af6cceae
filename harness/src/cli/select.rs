//! Choosing by name: glob patterns, and what to say when one matches nothing.

use globset::Glob;

/// Why a choice is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pattern is malformed.
    #[error("{pattern:?} is no pattern for names")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        cause: globset::Error,
    },
    /// The pattern matches nothing.
    #[error("there is no {kind} {pattern:?}{}; known are: {}", did_you_mean(.known, .pattern), .known.join(", "))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// The pattern.
        pattern: String,
        /// All names.
        known: Vec<String>,
    },
}

/// Those of `items` whose name matches one of the patterns, in the order of `items`; all without patterns.
///
/// # Errors
/// [`Error`]; each pattern must match something, so that a typing mistake does not run less than was meant.
pub fn select<T>(
    kind: &'static str,
    items: Vec<T>,
    name: impl Fn(&T) -> &str,
    patterns: &[String],
) -> Result<Vec<T>, Error> {
    if patterns.is_empty() {
        return Ok(items);
    }
    let mut chosen = vec![false; items.len()];
    for pattern in patterns {
        let malformed = |cause| Error::Pattern { pattern: pattern.clone(), cause };
        let matcher = Glob::new(pattern).map_err(malformed)?.compile_matcher();
        let matches: Vec<bool> = items.iter().map(|item| matcher.is_match(name(item))).collect();
        if !matches.contains(&true) {
            let known = items.iter().map(|item| name(item).to_owned()).collect();
            return Err(Error::Unknown { kind, pattern: pattern.clone(), known });
        }
        chosen.iter_mut().zip(matches).for_each(|(chosen, matches)| *chosen |= matches);
    }
    Ok(items.into_iter().zip(chosen).filter_map(|(item, chosen)| chosen.then_some(item)).collect())
}

/// The nearest name, where one is near.
fn did_you_mean(known: &[String], pattern: &str) -> String {
    const NEAR: f64 = 0.75;
    let scored = known.iter().map(|name| (strsim::jaro_winkler(name, &pattern.to_lowercase()), name));
    let nearest = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    nearest
        .filter(|(score, _)| *score >= NEAR)
        .map_or_else(String::new, |(_, name)| format!(", did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(patterns: &[&str]) -> Result<Vec<&'static str>, String> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let names = vec!["contention", "stream", "stream-large"];
        select("workload", names, |name| name, &patterns).map_err(|error| error.to_string())
    }

    #[test]
    fn patterns_choose_in_the_order_of_tables_and_nothing_twice() {
        assert_eq!(chosen(&[]).expect("all").len(), 3);
        assert_eq!(chosen(&["stream*", "*o*", "stream"]).expect("all").len(), 3);
        assert_eq!(chosen(&["stream-large", "contention"]).expect("two"), ["contention", "stream-large"]);
    }

    #[test]
    fn a_pattern_without_match_names_the_nearest_and_all() {
        let message = chosen(&["stream", "Contenton"]).expect_err("refused");
        assert_eq!(
            message,
            "there is no workload \"Contenton\", did you mean \"contention\"?; known are: contention, \
             stream, stream-large"
        );
        assert!(!chosen(&["zzz"]).expect_err("refused").contains("did you mean"));
        assert!(chosen(&["[a"]).expect_err("refused").contains("is no pattern"));
    }
}
