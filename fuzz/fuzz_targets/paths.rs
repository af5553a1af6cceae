//! The normaliser equals its reference on any text, and the helpers agree with each other.
//!
//! The input is two paths with a newline between them.

#![no_main]

use std::borrow::Cow;

use arcfs::ErrorKind;
use arcfs::internals::path;
use libfuzzer_sys::fuzz_target;

#[path = "../../src/path/reference.rs"]
mod reference;

const MAX_DEPTH: usize = 8;

fuzz_target!(|input: &str| {
    let (a, b) = input.split_once('\n').unwrap_or((input, ""));
    check_helpers(a);
    if let (Some(a), Some(b)) = (check_normalize(a), check_normalize(b)) {
        check_helpers(&a);
        check_order(&a, &b);
        check_order(&b, &a);
        check_order(&a, &a);
    }
});

fn check_normalize(text: &str) -> Option<Cow<'_, str>> {
    let answer = path::normalize(text, MAX_DEPTH);
    assert_eq!(answer.as_deref().ok(), reference::normalize(text, MAX_DEPTH).as_deref());
    match answer {
        Ok(clean) => {
            let again = path::normalize(&clean, MAX_DEPTH);
            assert!(
                matches!(again, Ok(Cow::Borrowed(same)) if same == clean),
                "{clean:?} is not its own form"
            );
            let names = path::components(&clean);
            assert_eq!(names.clone().count(), path::depth(&clean));
            assert_eq!(names.fold("/".to_owned(), |dir, name| path::join(&dir, name)), clean);
            if let Some((parent, name)) = path::split_last(&clean) {
                assert_eq!(path::join(parent, name), clean);
                assert!(path::starts_with(&clean, parent));
            }
            Some(clean)
        }
        Err(error) => {
            assert_eq!(error.kind(), &ErrorKind::InvalidPath);
            assert_eq!(error.path(), Some(text));
            None
        }
    }
}

/// They answer on any text, whatever it is.
fn check_helpers(text: &str) {
    assert!(path::components(text).all(|name| !name.is_empty() && !name.contains('/')));
    assert!(path::starts_with(text, text));
    let _ = (path::depth(text), path::split_last(text), path::join(text, text));
}

fn check_order(a: &str, b: &str) {
    let (names_a, names_b): (Vec<_>, Vec<_>) = (path::components(a).collect(), path::components(b).collect());
    assert_eq!(path::compare(a, b), names_a.cmp(&names_b), "{a:?} and {b:?}");
    assert_eq!(path::starts_with(a, b), names_a.starts_with(&names_b), "{a:?} and {b:?}");
}
