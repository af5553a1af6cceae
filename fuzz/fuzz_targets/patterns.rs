//! Matching by steps equals the reference on any pattern and path, and prunes only what it may.
//!
//! The input is a pattern and a path with a newline between them.

#![no_main]

use arcfs::ErrorKind;
use arcfs::internals::path;
use arcfs::internals::pattern::Pattern;
use libfuzzer_sys::fuzz_target;

#[path = "../../src/pattern/reference.rs"]
mod reference;

fuzz_target!(|input: &str| {
    let (text, raw_path) = input.split_once('\n').unwrap_or((input, "a/b"));
    let Ok(clean) = path::normalize(raw_path, 64) else { return };
    let names: Vec<_> = path::components(&clean).collect();
    let expected = reference::matches(text, &names);
    match Pattern::new(text) {
        Ok(pattern) => {
            assert_eq!(Some(pattern.matches(&clean)), expected, "{text:?} on {clean:?}");
            check_steps(&pattern, text, &names);
        }
        Err(error) => {
            assert_eq!(expected, None, "{text:?}: {error}");
            assert_eq!(error.kind(), &ErrorKind::InvalidPattern);
            assert_eq!(error.path(), Some(text));
        }
    }
});

fn check_steps(pattern: &Pattern, text: &str, names: &[&str]) {
    let mut states = pattern.start();
    for (at, name) in names.iter().enumerate() {
        if states.is_empty() {
            break;
        }
        let step = pattern.step(&states, name);
        if at < 8 {
            assert_eq!(Some(step.matched), reference::matches(text, &names[..=at]), "{text:?} on {names:?}");
        }
        if let Some(only) = pattern.only_name(&states)
            && only != *name
        {
            assert!(!step.matched && step.below.is_none(), "{only:?} is not the only name");
        }
        states = step.below.unwrap_or_default();
    }
}
