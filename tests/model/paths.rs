//! What paths and patterns mean, in the plainest code.

use std::cmp::Ordering;

/// The canonical form of a path, or `None` for one that is not valid.
pub fn normalise(raw: &str, max_depth: usize) -> Option<String> {
    let mut components = Vec::new();
    for component in raw.replace('\\', "/").split('/') {
        if component.contains('\0') || component.len() > 255 {
            return None;
        }
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            name => components.push(name.to_owned()),
        }
    }
    (components.len() <= max_depth).then(|| format!("/{}", components.join("/")))
}

/// A path as errors name it: normalised where it can be, also one that is too deep.
pub fn as_named(raw: &str) -> String {
    normalise(raw, usize::MAX).unwrap_or_else(|| raw.to_owned())
}

pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or("")
}

pub fn depth(path: &str) -> usize {
    path.split('/').filter(|component| !component.is_empty()).count()
}

pub fn child(dir: &str, name: &str) -> String {
    if dir == "/" { format!("/{name}") } else { format!("{dir}/{name}") }
}

/// Whether `path` is strictly below `above`.
pub fn is_below(path: &str, above: &str) -> bool {
    path != above && (above == "/" || path.starts_with(&format!("{above}/")))
}

pub fn at_or_below(path: &str, above: &str) -> bool {
    path == above || is_below(path, above)
}

/// All directories above a path, the root first.
pub fn ancestors(path: &str) -> Vec<String> {
    let mut above = Vec::new();
    let mut at = path;
    while at != "/" {
        at = parent(at);
        above.push(at.to_owned());
    }
    above.reverse();
    above
}

pub fn tree_order(a: &str, b: &str) -> Ordering {
    let components =
        |path: &str| path.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    components(a).cmp(&components(b))
}

/// Whether the pattern matches the path; `None` for a pattern that is not valid.
pub fn glob(pattern: &str, path: &str) -> Option<bool> {
    let pattern = pattern.replace('\\', "/");
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    for part in &parts {
        name_matches(&part.chars().collect::<Vec<_>>(), &[])?;
    }
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    Some(!names.is_empty() && !parts.is_empty() && parts_match(&parts, &names))
}

fn parts_match(parts: &[&str], names: &[&str]) -> bool {
    match parts {
        [] => names.is_empty(),
        ["**"] => !names.is_empty(),
        ["**", rest @ ..] => (0..=names.len()).any(|skipped| parts_match(rest, &names[skipped..])),
        ["." | "..", ..] => false,
        [part, rest @ ..] => {
            let [name, below @ ..] = names else { return false };
            let part: Vec<char> = part.chars().collect();
            name_matches(&part, &name.chars().collect::<Vec<_>>()) == Some(true) && parts_match(rest, below)
        }
    }
}

/// Whether one component matches; `None` where a class is not closed, wherever it is.
fn name_matches(pattern: &[char], name: &[char]) -> Option<bool> {
    match pattern {
        [] => Some(name.is_empty()),
        ['*', rest @ ..] => {
            name_matches(rest, &[])?;
            Some((0..=name.len()).any(|skipped| name_matches(rest, &name[skipped..]) == Some(true)))
        }
        ['[', rest @ ..] => {
            let (negated, rest) = match rest {
                ['!', rest @ ..] => (true, rest),
                _ => (false, rest),
            };
            let end = 1 + rest.iter().skip(1).position(|c| *c == ']')?;
            let tail = name_matches(&rest[end + 1..], name.get(1..).unwrap_or(&[]))?;
            Some(name.first().is_some_and(|c| class_contains(&rest[..end], *c) != negated) && tail)
        }
        [c, rest @ ..] => {
            let tail = name_matches(rest, name.get(1..).unwrap_or(&[]))?;
            Some(name.first().is_some_and(|n| *c == '?' || n == c) && tail)
        }
    }
}

fn class_contains(class: &[char], c: char) -> bool {
    match class {
        [] => false,
        [from, '-', to, rest @ ..] => (*from <= c && c <= *to) || class_contains(rest, c),
        [one, rest @ ..] => *one == c || class_contains(rest, c),
    }
}
