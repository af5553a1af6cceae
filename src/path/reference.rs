//! What the normaliser should answer, in the plainest code; for its tests and its fuzz target.

/// The normalised path, or `None` where the normaliser must refuse.
pub fn normalize(path: &str, max_depth: usize) -> Option<String> {
    let mut names = Vec::new();
    for name in path.replace('\\', "/").split('/') {
        if name.contains('\0') || name.len() > 255 {
            return None;
        } else if name == ".." {
            names.pop()?;
        } else if !name.is_empty() && name != "." {
            names.push(name.to_owned());
        }
    }
    (names.len() <= max_depth).then(|| format!("/{}", names.join("/")))
}
