use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::path;

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn check(text: &str, path: &str, expected: bool) {
    assert_eq!(pattern(text).matches(path), expected, "{text:?} on {path:?}");
    let names: Vec<_> = path::components(path).collect();
    assert_eq!(reference::matches(text, &names), Some(expected), "the reference: {text:?} on {path:?}");
}

fn check_name(text: &str, yes: &[&str], no: &[&str]) {
    for name in yes {
        check(text, &format!("/{name}"), true);
    }
    for name in no {
        check(text, &format!("/{name}"), false);
    }
}

fn check_refused(text: &str, why: &str) {
    let error = Pattern::new(text).expect_err(text);
    assert_eq!(error.kind(), &ErrorKind::InvalidPattern, "{text:?}");
    assert_eq!(error.path(), Some(text));
    assert!(error.to_string().contains(why), "{error}");
    assert_eq!(reference::matches(text, &[]), None, "{text:?}");
}

#[test]
fn stars_and_question_marks_stay_in_one_component() {
    check_name("*", &["a", ".a", "a.b", "日本"], &["a/b"]);
    check_name("*.rs", &["a.rs", ".rs", "a.b.rs"], &["a.rsx", "rs", "a/b.rs"]);
    check_name("a*", &["a", "ab"], &["ba", "b"]);
    check_name("a*a", &["aa", "aba"], &["a", "ab"]);
    check_name("a*b*c", &["abc", "axbxc", "abcbc", "aabbcc"], &["ac", "acb", "abcd"]);
    check_name("*a*b", &["ab", "aabab"], &["ba", "abc"]);
    check_name("?", &["a", "ä", "日"], &["ab", "a/b"]);
    check_name("a?c", &["abc", "aäc"], &["ac", "abbc"]);
    check_name("?*?", &["ab", "abc"], &["a"]);
    check_name("***", &["a"], &["a/b"]);
    check_name("a**b", &["ab", "axxb"], &["a/b", "a/x/b"]);
}

#[test]
fn classes_hold_members_and_ranges() {
    check_name("[abc]", &["a", "c"], &["d", "ab", "["]);
    check_name("[a-c]x", &["ax", "bx", "cx"], &["dx", "-x"]);
    check_name("[!a-c]", &["d", "-", "ä"], &["a", "b"]);
    check_name("[a-cx-z]", &["b", "y"], &["m", "-"]);
    check_name("[]]", &["]"], &["a"]);
    check_name("[!]]", &["a"], &["]"]);
    check_name("[]a]", &["]", "a"], &["b"]);
    check_name("[[]", &["["], &["a"]);
    check_name("[*]", &["*"], &["a"]);
    check_name("[?]", &["?"], &["a"]);
    check_name("[-a]", &["-", "a"], &["b"]);
    check_name("[a-]", &["-", "a"], &["b"]);
    check_name("[a-c-z]", &["b", "-", "z"], &["d", "y"]);
    check_name("[a!]", &["a", "!"], &["b"]);
    check_name("[ä-ü]", &["ö", "ü"], &["a"]);
    check_name("[a-]b]", &["ab]", "-b]"], &["a"]);
    check_name("*[0-9]", &["a1", "7", "1a2"], &["1a", ""]);
}

#[test]
fn a_backward_range_has_no_members() {
    check_name("[z-a]", &[], &["a", "m", "z", "-"]);
    check_name("[z-ab]", &["b"], &["a", "z"]);
    check_name("[!z-a]", &["a", "m", "-"], &[]);
    assert!(pattern("**/[z-a]").start().is_empty());
}

#[test]
fn nothing_else_is_special() {
    check_name("^{a,b}$(.+)|", &["^{a,b}$(.+)|"], &["a"]);
    check_name("[^a]", &["^", "a"], &["b"]);
    check_name("]", &["]"], &["a"]);
    check_name("!a-b", &["!a-b"], &["b"]);
    check_name("\\*", &["a"], &["a/b"]); // not an escape, a separator
}

#[test]
fn double_stars_are_any_number_of_directories() {
    check_name("**", &["a", "a/b", "a/b/c"], &[]);
    check_name("**/c", &["c", "a/c", "a/b/c"], &["a", "c/a", "xc"]);
    check_name("a/**/c", &["a/c", "a/b/c", "a/b/b/c", "a/c/c"], &["a", "c", "b/a/c", "a/c/b"]);
    check_name("a/**", &["a/b", "a/b/c"], &["a", "b", "b/a"]);
    check_name("**/**", &["a", "a/b"], &[]);
    check_name("**/**/c", &["c", "a/c", "a/b/c"], &["a"]);
    check_name("**/a/**/b/**", &["a/b/c", "x/a/x/b/x/x"], &["a/b", "b/a/c", "a/x"]);
    check_name("**/*", &["a", "a/b"], &[]);
    check_name("*/**", &["a/b", "a/b/c"], &["a"]);
    check_name("**/*/*", &["a/b", "a/b/c"], &["a"]);
    check("**", "/", false);
    check("**/**", "/", false);
}

#[test]
fn patterns_are_split_like_paths() {
    for text in ["a/b", "/a/b", "//a//b//", "\\a\\b\\", "a\\/b"] {
        check_name(text, &["a/b"], &["a", "b", "a/b/c"]);
    }
}

#[test]
fn some_patterns_match_nothing() {
    let long = "x".repeat(256);
    let classes = "?".repeat(256);
    for text in
        ["", "/", "\\", "//", ".", "..", "./a", "**/.", "../**", "a/./b", &long, &classes, "**/a/[z-a]"]
    {
        let pattern = pattern(text);
        assert!(pattern.start().is_empty(), "{text:?}");
        for path in ["/", "/a", "/a/b", &format!("/{long}")] {
            assert!(!pattern.matches(path), "{text:?} on {path:?}");
        }
    }
    check_name("...", &["..."], &["a"]);
    check_name(".*", &[".a", "..."], &["a"]);
    check_name(&"x".repeat(255), &[&"x".repeat(255)], &["x"]);
}

#[test]
fn malformed_classes_are_refused() {
    for text in ["[", "a[", "[]", "[!", "[!]", "[a", "[a-", "[a-z", "a/[b", "../["] {
        check_refused(text, "is not closed");
    }
    for text in ["[/]", "[a/b]", "[!/]", "a[b\\c]", "[a-/]", "[/", "[a-\\", "[]/]", "./[/]"] {
        check_refused(text, "contains a separator");
    }
    check_refused("ab/c[x", "at byte 4 ");
}

#[test]
fn below_is_none_where_nothing_can_match() {
    let check = |text: &str, path: &str, expected: bool| {
        let pattern = pattern(text);
        let last = path::components(path).try_fold(pattern.start(), |at, name| pattern.step(&at, name).below);
        assert_eq!(last.is_some(), expected, "{text:?} below {path:?}");
        assert!(last.is_none_or(|states| !states.is_empty()));
    };
    check("a/b", "/a", true);
    check("a/b", "/b", false);
    check("a/b", "/a/b", false);
    check("a/*", "/a", true);
    check("a/*", "/a/b", false);
    check("a/**", "/a/b/c", true);
    check("a/**", "/b", false);
    check("a/**/c", "/a/c", true);
    check("**/a", "/a", true);
    check("*.d/x", "/a.d", true);
    check("*.d/x", "/a.e", false);
}

#[test]
fn one_name_is_known_before_listing() {
    let check = |text: &str, path: &str, expected: Option<&str>| {
        let pattern = pattern(text);
        let states = path::components(path)
            .try_fold(pattern.start(), |at, name| pattern.step(&at, name).below)
            .unwrap_or_default();
        assert_eq!(pattern.only_name(&states), expected, "{text:?} at {path:?}");
    };
    check("a/bc/*", "/", Some("a"));
    check("a/bc/*", "/a", Some("bc"));
    check("a/bc/*", "/a/bc", None);
    check("**/a", "/", None);
    check("a/**/b", "/a", None);
    check("[a]", "/", None);
    check("a/b", "/b", None);
    check("", "/", None);
    check(&"a/".repeat(300), &"/a".repeat(299), Some("a"));
}

/// Every path of up to `depth` names out of `names`, with the steps that it took to find those
/// that match.
fn glob(pattern: &Pattern, names: &[&str], depth: usize) -> (Vec<String>, usize) {
    let (mut found, mut steps) = (Vec::new(), 0);
    let mut open = vec![("/".to_owned(), pattern.start())];
    while let Some((dir, states)) = open.pop() {
        for name in names {
            steps += 1;
            let Step { matched, below } = pattern.step(&states, name);
            let path = path::join(&dir, name);
            if let Some(below) = below
                && path::depth(&path) < depth
            {
                open.push((path.clone(), below));
            }
            if matched {
                found.push(path);
            }
        }
    }
    found.sort();
    (found, steps)
}

#[test]
fn a_walk_finds_each_match_once_and_prunes() {
    let names = ["a", "b", "c"];
    let everything = glob(&pattern("**"), &names, 6);
    let entries = (1..=6).map(|depth| 3_usize.pow(depth)).sum::<usize>();
    assert_eq!((everything.0.len(), everything.1), (entries, entries));

    for text in ["a/**/b/**/c", "**/a/**/b/**/c/**/a", "**/[ab]/**/[bc]/**", "*/*/b", "**/**/c/**/**"] {
        let (found, steps) = glob(&pattern(text), &names, 6);
        let all = everything.0.iter();
        let expected: Vec<_> = all
            .filter(|path| reference::matches(text, &path::components(path).collect::<Vec<_>>()).unwrap())
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text:?}");
        assert!(steps <= entries, "{text:?}: {steps}");
    }
    assert_eq!(
        glob(&pattern("a/b/*"), &names, 6),
        (["/a/b/a", "/a/b/b", "/a/b/c"].map(String::from).to_vec(), 9)
    );
    assert_eq!(glob(&pattern("a/**"), &names, 3).1, 3 + 3 + 9);
}

#[test]
fn hostile_patterns_finish() {
    let started = Instant::now();
    let deep = "/a".repeat(4096);
    for count in [60, 500] {
        let text = "**/a/".repeat(count);
        assert!(pattern(&text).matches(&deep));
        assert!(!pattern(&format!("{text}b")).matches(&deep));
    }
    let (found, steps) = glob(&pattern(&format!("{}c", "**/a/".repeat(60))), &["a", "b"], 12);
    assert_eq!((found.len(), steps), (0, (1_usize << 13) - 2));

    let name = "a".repeat(255);
    check_name("*a*a*a*a*b", &["aaaab", "xaxaxaxab"], &[&name]);
    check_name(&format!("{}b*", "*a".repeat(100)), &[], &[&name]);
    check_name(&format!("{}*", "*?".repeat(127)), &[&name], &["aa"]);

    assert!(pattern(&"a/".repeat(100_000)).matches(&"/a".repeat(100_000)));
    assert!(pattern(&"**/".repeat(100_000)).matches("/a"));
    assert!(pattern(&format!("{}a", "*".repeat(1_000_000))).matches("/ba"));
    check_refused(&"[".repeat(100_000), "is not closed");
    assert!(pattern(&format!("[{}]", "a-b".repeat(100_000))).matches("/b"));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn states_are_a_set_of_any_positions() {
    let mut states = States::default();
    assert!(states.is_empty());
    for at in [3, 127, 3, 128, 200, 128, 0, 199, 200] {
        states.insert(at);
        assert!(!states.is_empty());
    }
    assert_eq!(states.iter().collect::<Vec<_>>(), [0, 3, 127, 128, 199, 200]);
    assert_eq!(states.only(), None);
    let mut one = States::default();
    one.insert(500);
    assert_eq!(one.only(), Some(500));
}

#[test]
fn states_of_another_pattern_do_no_harm() {
    let states = pattern("a/b/c/d/e/f/**/g").start();
    let far = pattern(&"a/".repeat(300)).step(&pattern(&"a/".repeat(300)).start(), "a").below.unwrap();
    for states in [states, far] {
        let _ = (pattern("a").step(&states, "a"), pattern("a").only_name(&states));
    }
}

/// One component of a pattern; what is special comes often.
fn part() -> impl Strategy<Value = String> {
    let tokens = vec!["a", "b", "*", "?", "[a]", "[!a]", "[a-b]", "[b-a]", "[]a]", "."];
    prop_oneof![
        4 => Just("**".to_owned()),
        1 => Just("*".to_owned()),
        4 => "[ab]{1,2}",
        4 => vec(select(tokens), 1..5).prop_map(|tokens| tokens.concat()),
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec("[ab.]{1,3}".prop_filter("is no name", |name| name != "." && name != ".."), 0..7)
}

fn check_agreement(text: &str, names: &[String]) -> Result<(), TestCaseError> {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let path = format!("/{}", names.join("/"));
    let answer = Pattern::new(text).map(|pattern| pattern.matches(&path)).ok();
    prop_assert_eq!(answer, reference::matches(text, &names), "{:?} on {:?}", text, path);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn patterns_equal_the_reference(parts in vec(part(), 0..8), names in names()) {
        check_agreement(&parts.join("/"), &names)?;
    }

    #[test]
    fn any_text_equals_the_reference(text in "[ab*?!\\[\\]/.\\\\-]{0,12}", names in names()) {
        check_agreement(&text, &names)?;
    }

    #[test]
    fn long_patterns_equal_short_ones(parts in vec(part(), 0..6), names in names()) {
        // 130 leading parts take the set of states past its compact form.
        let text = parts.join("/");
        let long = pattern(&format!("{}{text}", "x/".repeat(130)));
        let path = format!("{}/{}", "/x".repeat(130), names.join("/"));
        prop_assert_eq!(
            long.matches(&path),
            !names.is_empty() && !parts.is_empty() && pattern(&text).matches(&format!("/{}", names.join("/")))
                || names.is_empty() && parts.is_empty(),
            "{:?} on {:?}", text, names
        );
    }

    #[test]
    fn no_other_name_does_anything(parts in vec(part(), 1..5), names in names(), other in "[ab]{1,2}") {
        let pattern = pattern(&parts.join("/"));
        let mut states = pattern.start();
        for name in &names {
            let only = pattern.only_name(&states);
            if only.is_some_and(|only| only != other) {
                prop_assert_eq!(pattern.step(&states, &other), Step { matched: false, below: None });
            }
            let Some(below) = pattern.step(&states, name).below else { break };
            states = below;
        }
    }
}
