use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const DEPTH: usize = 4;

fn check(input: &str, expected: &str) {
    let path = normalize(input, DEPTH).unwrap_or_else(|error| panic!("{input:?}: {error}"));
    assert_eq!(path, expected, "{input:?}");
    assert!(
        matches!(normalize(expected, DEPTH), Ok(Cow::Borrowed(same)) if same == expected),
        "{expected:?}"
    );
}

fn check_refused(input: &str, why: &str) {
    let error = normalize(input, DEPTH).expect_err(input);
    assert_eq!(error.kind(), &ErrorKind::InvalidPath, "{input:?}");
    assert_eq!(error.path(), Some(input));
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn paths_take_one_form() {
    check("/", "/");
    check("", "/");
    check("//", "/");
    check(".", "/");
    check("\\", "/");
    check("/a", "/a");
    check("a", "/a");
    check("//a", "/a");
    check("/a/", "/a");
    check("/a//", "/a");
    check("/a\\", "/a");
    check("/a//b", "/a/b");
    check("/a/./b/.", "/a/b");
    check("./a", "/a");
    check("\\a\\b", "/a/b");
    check("a\\..\\b", "/b");
    check("/a/../b", "/b");
    check("/a/..", "/");
    check("/a/b/../../c", "/c");
    check("/a/.b/..c/...", "/a/.b/..c/...");
    check("/a b/ä/日本", "/a b/ä/日本");
    check("/C:/x", "/C:/x");
    check(" /a", "/ /a");
}

#[test]
fn climbing_above_the_root_is_refused() {
    for path in ["..", "/..", "/../a", "a/../..", "/a/../../b", "\\..\\a", "./.."] {
        check_refused(path, "above the root");
    }
}

#[test]
fn nul_is_refused_wherever_it_is() {
    for path in ["\0", "/a\0b", "/a/\0", "/\0/../a", "a\\b\0//"] {
        check_refused(path, "NUL");
    }
}

#[test]
fn a_component_has_at_most_255_bytes() {
    let longest = "x".repeat(MAX_NAME);
    check(&longest, &format!("/{longest}"));
    check(&format!("/{longest}/{longest}"), &format!("/{longest}/{longest}"));
    check_refused(&format!("/{longest}x"), "256 bytes");
    check_refused(&format!("/{longest}x/.."), "256 bytes");
    check_refused(&format!("a/{longest}x/b"), "256 bytes");
    let longest = format!("{}x", "ä".repeat(127));
    check(&longest, &format!("/{longest}"));
    check_refused(&"ä".repeat(128), "256 bytes");
}

#[test]
fn only_the_result_counts_towards_the_depth() {
    check("/a/b/c/d", "/a/b/c/d");
    check("a/b/c/d/e/..", "/a/b/c/d");
    check("/a/b/c/d/", "/a/b/c/d");
    check_refused("/a/b/c/d/e", "5 components of at most 4");
    check_refused("/a/b/c/d/e/", "5 components of at most 4");
    check_refused("a/b/c/d/e", "5 components of at most 4");
    assert!(normalize("/a/..", 0).is_ok_and(|path| path == "/"));
}

#[test]
fn clean_paths_are_lent() {
    for path in ["/", "", "///", "/a", "/a/b.c/d", "/a/b/", "/a/b/\\/"] {
        assert!(matches!(normalize(path, DEPTH), Ok(Cow::Borrowed(_))), "{path:?}");
    }
}

#[test]
fn what_is_odd_is_seen_at_every_place() {
    for len in 0..40 {
        for at in 0..=len {
            for odd in ["", "/", "//", "/.", "/./", "/..", "/.b", "/..b", "/b", "\\", "\0", ".", "ä"] {
                let path = format!("/{}{odd}{}", "a".repeat(at), "a".repeat(len - at));
                let (fast, full) = (glance(path.as_bytes()), scan(path.as_bytes()));
                assert!(fast.is_none() || fast == full, "{path:?}: {fast:?}, {full:?}");
                let answer = normalize(&path, DEPTH).ok().map(Cow::into_owned);
                assert_eq!(answer, reference::normalize(&path, DEPTH), "{path:?}");
            }
        }
    }
}

#[test]
fn hostile_lengths_are_linear() {
    let started = Instant::now();
    let deep = "/a".repeat(500_000);
    check_refused(&deep, "500000 components");
    check(&format!("{deep}{}", "/..".repeat(500_000)), "/");
    check(&"a/../".repeat(300_000), "/");
    check(&format!("x{}", "/".repeat(1_000_000)), "/x");
    check_refused(&"x".repeat(1_000_000), "1000000 bytes");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn components_come_from_the_top() {
    let check = |path: &str, expected: &[&str]| {
        assert_eq!(components(path).collect::<Vec<_>>(), expected, "{path:?}");
        assert_eq!(depth(path), expected.len(), "{path:?}");
    };
    check("/", &[]);
    check("/a", &["a"]);
    check("/a/bc/ä", &["a", "bc", "ä"]);
}

#[test]
fn the_last_component_splits_off_and_joins_again() {
    let check = |path: &str, expected: Option<(&str, &str)>| {
        assert_eq!(split_last(path), expected, "{path:?}");
        if let Some((parent, name)) = expected {
            assert_eq!(join(parent, name), path);
        }
    };
    check("/", None);
    check("/a", Some(("/", "a")));
    check("/a/b", Some(("/a", "b")));
    check("/a/b/ä", Some(("/a/b", "ä")));
}

#[test]
fn ancestors_are_whole_components() {
    let check = |path: &str, ancestor: &str, expected: bool| {
        assert_eq!(starts_with(path, ancestor), expected, "{path:?} below {ancestor:?}");
    };
    check("/", "/", true);
    check("/a", "/", true);
    check("/a", "/a", true);
    check("/a/b", "/a", true);
    check("/ab", "/a", false);
    check("/a", "/a/b", false);
    check("/", "/a", false);
}

#[test]
fn tree_order_is_not_string_order() {
    let sorted = ["/", "/a", "/a/b", "/a/b/c", "/a/b!", "/a!", "/a!/x", "/aa", "/b", "/ä"];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(compare(a, b), i.cmp(&j), "{a:?} and {b:?}");
        }
    }
    assert_eq!("/a/b".cmp("/a!"), Ordering::Greater);
}

#[test]
fn helpers_answer_on_any_string() {
    for path in ["", "a", "a/", "//", "//a//b/", "\\", "ä/\0"] {
        let names: Vec<_> = components(path).collect();
        assert!(names.iter().all(|name| !name.is_empty()), "{path:?}");
        let _ =
            (split_last(path), depth(path), starts_with(path, "a"), starts_with("a", path), join(path, path));
        let _ = (ancestor(path, 2), shared_len(path, "a/b"), shared_len("a/b", path));
        assert_eq!(compare(path, path), Ordering::Equal);
    }
}

/// Anything that a path may be made of, mostly things that matter.
fn raw_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        8 => Just("/".to_owned()),
        2 => Just("\\".to_owned()),
        4 => Just("..".to_owned()),
        2 => Just(".".to_owned()),
        6 => "[ab!ä]{1,3}",
        1 => Just("\0".to_owned()),
        1 => (250_usize..260).prop_map(|len| "x".repeat(len)),
    ];
    vec(part, 0..14).prop_map(|parts| parts.concat())
}

fn clean_path() -> impl Strategy<Value = String> {
    vec("[ab!\u{1}]{1,2}", 0..5).prop_map(|names| format!("/{}", names.join("/")))
}

proptest! {
    #[test]
    fn normalize_equals_the_reference(path in raw_path(), max_depth in 0_usize..6) {
        let answer = normalize(&path, max_depth);
        let expected = reference::normalize(&path, max_depth);
        prop_assert_eq!(answer.as_deref().ok(), expected.as_deref());
        if let Ok(clean) = answer {
            let again = normalize(&clean, max_depth);
            prop_assert!(matches!(again, Ok(Cow::Borrowed(same)) if same == clean));
        }
    }

    #[test]
    fn any_text_is_answered(path in any::<String>()) {
        prop_assert_eq!(normalize(&path, 512).ok().map(Cow::into_owned), reference::normalize(&path, 512));
    }

    #[test]
    fn compare_equals_comparing_components(a in clean_path(), b in clean_path()) {
        let names = |path| components(path).collect::<Vec<_>>();
        prop_assert_eq!(compare(&a, &b), names(&a).cmp(&names(&b)));
        prop_assert_eq!(starts_with(&a, &b), names(&a).starts_with(&names(&b)));
        let shared = names(&a).into_iter().zip(names(&b)).take_while(|(a, b)| a == b).map(|(name, _)| name);
        let shared: String = shared.flat_map(|name| ["/", name]).collect();
        if a != "/" && b != "/" {
            prop_assert_eq!(&a[..shared_len(&a, &b)], shared);
        }
    }

    #[test]
    fn components_rebuild_the_path(path in clean_path()) {
        let rebuilt = components(&path).fold("/".to_owned(), |dir, name| join(&dir, name));
        prop_assert_eq!(&rebuilt, &path);
        prop_assert_eq!(depth(&path), components(&path).count());
        let above = components(&path).take(depth(&path).saturating_sub(2));
        prop_assert_eq!(ancestor(&path, 2), above.fold("/".to_owned(), |dir, name| join(&dir, name)));
        let last = split_last(&path).map(|(_, name)| name);
        prop_assert_eq!(last, components(&path).last());
    }
}
