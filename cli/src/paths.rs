//! Paths as people write them: relative to a directory, and parts of patterns.

/// The path that `given` means in the directory `cwd`. What climbs above the root is left for the
/// engine to refuse, with the text that was given.
pub fn resolve(cwd: &str, given: &str) -> String {
    if given.starts_with(['/', '\\']) || cwd == "/" { given.to_owned() } else { format!("{cwd}/{given}") }
}

/// A path without `.`, `..`, empty components and backslashes; `None` if it climbs above the root.
pub fn normalize(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// The last component, without slashes behind it; empty for the root.
pub fn base_name(path: &str) -> &str {
    path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The path of an entry of a directory.
pub fn join(dir: &str, name: &str) -> String {
    let dir = dir.trim_end_matches('/');
    if name.is_empty() { format!("{dir}/") } else { format!("{dir}/{name}") }
}

/// A pattern that matches exactly this path.
pub fn literal_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

/// Whether `path` is `dir` or lies below it; both normalised.
pub fn is_within(path: &str, dir: &str) -> bool {
    dir == "/" || path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_start_where_one_is() {
        assert_eq!(resolve("/", "a"), "a");
        assert_eq!(resolve("/d/e", "a/b"), "/d/e/a/b");
        assert_eq!(resolve("/d/e", "/a"), "/a");
        assert_eq!(resolve("/d/e", r"\a"), r"\a");
        assert_eq!(resolve("/d", ".."), "/d/..");
    }

    #[test]
    fn normalising_follows_the_engine() {
        for (path, normal) in
            [("", "/"), ("a//b/./", "/a/b"), (r"\a\b", "/a/b"), ("/a/../b", "/b"), ("/a/..", "/")]
        {
            assert_eq!(normalize(path).as_deref(), Some(normal), "{path:?}");
            let fs = arcfs::MemFs::new();
            assert_eq!(fs.read(format!("{normal}/x")).unwrap_err().kind(), &arcfs::ErrorKind::NotFound);
            let refused = fs.rename(path, "/x").unwrap_err();
            assert_eq!(refused.path(), Some(normal));
        }
        assert_eq!(normalize("/.."), None);
        assert_eq!(normalize("a/../../b"), None);
    }

    #[test]
    fn the_last_component_needs_no_tidy_path() {
        assert_eq!(base_name("/a/b.txt"), "b.txt");
        assert_eq!(base_name("/a/b//"), "b");
        assert_eq!(base_name("b"), "b");
        assert_eq!(base_name("/"), "");
        assert_eq!(
            (join("/", "a"), join("/d/", "a"), join("/d", "")),
            ("/a".into(), "/d/a".into(), "/d/".into())
        );
    }

    #[test]
    fn a_literal_pattern_matches_its_path_alone() {
        let fs = arcfs::MemFs::new();
        for name in ["/a*b", "/a?b", "/a[b]c", "/axb", "/a]b"] {
            fs.write(name, b"").unwrap();
        }
        for name in ["/a*b", "/a?b", "/a[b]c", "/a]b"] {
            assert_eq!(fs.glob(literal_pattern(name)).unwrap(), [name]);
        }
    }

    #[test]
    fn within_means_by_component() {
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", "/"));
        assert!(!is_within("/ab", "/a") && !is_within("/", "/a"));
    }
}
