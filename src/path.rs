//! The one normaliser of virtual paths, and questions about normalised ones.
//!
//! Every entry point passes its path through [`normalize`] once; everything behind it works on
//! the result and never checks again. A normalised path is `/`, or a `/` before each component;
//! no component is empty, `.`, `..`, over [`MAX_NAME`] bytes or contains `/`, `\` or NUL. The
//! helpers state their answers for such paths. Given any other string they answer something, and
//! never panic.
//!
//! This module knows nothing of the tree: not which paths exist, not what is a directory, not who
//! asks. It knows no host paths either, and keeps no state.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::iter::FusedIterator;

use crate::error::{Error, ErrorKind, Result};
use marks::{MOST, marks};

/// The most bytes that one component may have.
pub const MAX_NAME: usize = 255;

/// Brings a path into the one form that the engine works with.
///
/// `\` counts as `/`; empty components and `.` are dropped, `..` takes the component before it
/// away, a missing leading `/` is added. A path that is clean already, also one that only has
/// separators too many at its end, is lent back without allocating. Linear in the length of the
/// path.
///
/// # Errors
///
/// `InvalidPath`, naming the path as it was given, if it climbs above the root at any point,
/// contains NUL, has a component over [`MAX_NAME`] bytes (also one that a later `..` takes away),
/// or if the result has more than `max_depth` components.
pub fn normalize(path: &str, max_depth: usize) -> Result<Cow<'_, str>> {
    if let Some(depth) = clean_depth(path.as_bytes()) {
        return if depth <= max_depth {
            Ok(Cow::Borrowed(path))
        } else {
            Err(too_deep(path, depth, max_depth))
        };
    }
    let trimmed = path.trim_end_matches(is_separator);
    match clean_depth(trimmed.as_bytes()) {
        Some(depth) if depth <= max_depth => Ok(Cow::Borrowed(trimmed)),
        Some(depth) => Err(too_deep(path, depth, max_depth)),
        None if trimmed.is_empty() => Ok(Cow::Borrowed("/")),
        None => rebuild(path, max_depth).map(Cow::Owned),
    }
}

/// The number of components if the path is normalised already, but for its depth.
#[inline]
fn clean_depth(path: &[u8]) -> Option<usize> {
    glance(path).or_else(|| scan(path))
}

/// As [`scan`], many bytes at a time, for the usual paths; `None` means only "look closer".
///
/// It gives up on paths that are long, and on names that start with a dot.
#[inline]
fn glance(path: &[u8]) -> Option<usize> {
    let (b'/', 2..=MOST) = (*path.first()?, path.len()) else { return None };
    let [slashes, dots, backslashes, nuls] = marks(path, *b"/.\\\0");
    let begins = slashes << 1;
    let ends_in_slash = slashes >> (path.len() - 1);
    let odd = backslashes | nuls | begins & (slashes | dots) | ends_in_slash;
    (odd == 0).then_some(slashes.count_ones() as usize)
}

/// As [`clean_depth`], byte by byte, with the whole answer.
fn scan(path: &[u8]) -> Option<usize> {
    let (b'/', names) = path.split_first()? else { return None };
    if names.is_empty() {
        return Some(0);
    }
    let (mut depth, mut start) = (1, 0);
    for (at, &byte) in names.iter().enumerate() {
        if byte == b'/' {
            if !is_clean_name(&names[start..at]) {
                return None;
            }
            depth += 1;
            start = at + 1;
        } else if byte == b'\\' || byte == 0 {
            return None;
        }
    }
    is_clean_name(&names[start..]).then_some(depth)
}

fn is_clean_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= MAX_NAME
}

/// Whether the text can be a component of a normalised path.
#[cfg(feature = "image")]
#[must_use]
pub fn is_name(text: &str) -> bool {
    is_clean_name(text.as_bytes()) && !text.bytes().any(|byte| matches!(byte, b'/' | b'\\' | 0))
}

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// The way for paths that are not clean: component by component into a new string.
#[cold]
fn rebuild(path: &str, max_depth: usize) -> Result<String> {
    if let Some(at) = path.bytes().position(|byte| byte == 0) {
        return Err(invalid(path, format!("it contains NUL at byte {at}; take it out")));
    }
    let mut clean = String::with_capacity(path.len() + 1);
    let mut depth = 0;
    for name in path.split(is_separator) {
        match name {
            "" | "." => {}
            ".." => match clean.rfind('/') {
                Some(at) => {
                    clean.truncate(at);
                    depth -= 1;
                }
                None => {
                    return Err(invalid(path, "it climbs above the root; take the excess `..` out".into()));
                }
            },
            _ if name.len() > MAX_NAME => {
                let (len, head) = (name.len(), name.chars().take(16).collect::<String>());
                let detail = format!("the component {head:?}... has {len} bytes; shorten it to {MAX_NAME}");
                return Err(invalid(path, detail));
            }
            _ => {
                clean.push('/');
                clean.push_str(name);
                depth += 1;
            }
        }
    }
    if depth > max_depth {
        return Err(too_deep(path, depth, max_depth));
    }
    if clean.is_empty() {
        clean.push('/');
    }
    Ok(clean)
}

#[cold]
fn too_deep(path: &str, depth: usize, max_depth: usize) -> Error {
    invalid(path, format!("it has {depth} components of at most {max_depth}; nest less, or raise max_depth"))
}

#[cold]
fn invalid(path: &str, detail: String) -> Error {
    Error::at(ErrorKind::InvalidPath, path).because(detail)
}

/// The components of a normalised path from the top down; none for `/`.
#[must_use]
#[inline]
pub fn components(path: &str) -> Components<'_> {
    let seen = path.len().min(MOST);
    let [slashes] = marks(&path.as_bytes()[..seen], *b"/");
    Components { rest: path, slashes, seen }
}

/// An iterator over the components of a path; see [`components`].
#[derive(Debug, Clone)]
pub struct Components<'a> {
    /// What is still to come, with the `/` before it.
    rest: &'a str,
    /// Where in its first `seen` bytes there is a `/`.
    slashes: u64,
    seen: usize,
}

impl<'a> Components<'a> {
    /// What is still to come, with the `/` before it; `/` or nothing at the end.
    #[must_use]
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next component where it may not end in the part that was marked: byte by byte.
    #[cold]
    fn next_of_many(&mut self) -> Option<&'a str> {
        let start = self.rest.bytes().position(|byte| byte != b'/')?;
        let name = &self.rest[start..];
        let name = &name[..name.bytes().position(|byte| byte == b'/').unwrap_or(name.len())];
        *self = components(&self.rest[start + name.len()..]);
        Some(name)
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = self.slashes.trailing_ones() as usize;
        let behind = self.slashes.unbounded_shr(start as u32);
        let end = match behind {
            0 if self.seen < self.rest.len() => return self.next_of_many(),
            0 if start >= self.rest.len() => return None,
            0 => self.rest.len(),
            _ => start + behind.trailing_zeros() as usize,
        };
        let name = &self.rest[start..end];
        self.rest = &self.rest[end..];
        self.slashes = self.slashes.unbounded_shr(end as u32);
        self.seen -= end;
        Some(name)
    }
}

impl FusedIterator for Components<'_> {}

/// The directory that contains the path, and its name there; `None` for `/`.
#[must_use]
pub fn split_last(path: &str) -> Option<(&str, &str)> {
    let slash = last_slash(path.as_bytes())?;
    match (&path[..slash], &path[slash + 1..]) {
        (_, "") => None,
        ("", name) => Some(("/", name)),
        split => Some(split),
    }
}

/// Where the last `/` is.
#[inline]
fn last_slash(path: &[u8]) -> Option<usize> {
    if path.len() > MOST {
        return path.iter().rposition(|&byte| byte == b'/');
    }
    let [slashes] = marks(path, *b"/");
    slashes.checked_ilog2().map(|at| at as usize)
}

/// The path so many levels up; `/` where there are not as many.
#[must_use]
pub fn ancestor(path: &str, levels: usize) -> &str {
    let mut above = path;
    for _ in 0..levels {
        match split_last(above) {
            Some((parent, _)) => above = parent,
            None => break,
        }
    }
    above
}

/// The bytes at the beginning of `path` that are components of `other` as well, in the same place.
#[must_use]
pub fn shared_len(path: &str, other: &str) -> usize {
    let (a, b) = (path.as_bytes(), other.as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let ends = |path: &[u8]| path.get(same).is_none_or(|&byte| byte == b'/');
    if ends(a) && ends(b) { same } else { a[..same].iter().rposition(|&byte| byte == b'/').unwrap_or(0) }
}

/// The number of components of a normalised path; 0 for `/`.
#[must_use]
pub fn depth(path: &str) -> usize {
    match path.len() {
        ..=1 => 0,
        2..=MOST => marks(path.as_bytes(), *b"/")[0].count_ones() as usize,
        _ => path.bytes().filter(|&byte| byte == b'/').count(),
    }
}

/// Whether the path is `ancestor` or below it, component by component; `/` is above all.
#[must_use]
pub fn starts_with(path: &str, ancestor: &str) -> bool {
    let ancestor = if ancestor == "/" { "" } else { ancestor };
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path of the entry `name` in the directory `dir`.
#[must_use]
pub fn join(dir: &str, name: &str) -> String {
    let dir = if dir == "/" { "" } else { dir };
    let mut path = String::with_capacity(dir.len() + 1 + name.len());
    path.push_str(dir);
    path.push('/');
    path.push_str(name);
    path
}

/// Tree order: component by component, each bytewise, a directory before what is below it.
///
/// It differs from the order of the strings in that `/` comes before every other byte, so that
/// `/a/b` comes before `/a!`.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    /// Where a byte stands among those that can follow the same beginning.
    fn rank(byte: u8) -> u16 {
        if byte == b'/' { 0 } else { u16::from(byte) + 1 }
    }
    match a.bytes().zip(b.bytes()).find(|(a, b)| a != b) {
        Some((a, b)) => rank(a).cmp(&rank(b)),
        None => a.len().cmp(&b.len()),
    }
}

mod marks;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
