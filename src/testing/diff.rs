//! What differs between two trees.

use std::cmp::Ordering;
use std::fmt;

use super::show;
use crate::content::Content;
use crate::error::Result;
use crate::fs::MemFs;
use crate::path;
use crate::snapshot::Snapshot;

/// The most differences that are shown.
const SHOWN: usize = 40;

/// What has a tree to compare: a [`MemFs`], as of now, a [`Snapshot`], or a reference to one.
///
/// ```
/// use arcfs::testing::AsSnapshot;
///
/// let fs = arcfs::MemFs::new();
/// assert!((&fs).as_snapshot().same_as(&fs.snapshot()));
/// ```
pub trait AsSnapshot {
    /// The tree.
    ///
    /// ```
    /// use arcfs::testing::AsSnapshot;
    ///
    /// let snapshot = arcfs::MemFs::new().snapshot();
    /// assert!(snapshot.as_snapshot().same_as(&snapshot));
    /// ```
    fn as_snapshot(&self) -> Snapshot;
}

impl AsSnapshot for MemFs {
    fn as_snapshot(&self) -> Snapshot {
        self.snapshot()
    }
}

impl AsSnapshot for Snapshot {
    fn as_snapshot(&self) -> Snapshot {
        self.clone()
    }
}

impl<T: AsSnapshot + ?Sized> AsSnapshot for &T {
    fn as_snapshot(&self) -> Snapshot {
        (**self).as_snapshot()
    }
}

/// Asserts that two trees have the same directories and files with the same bytes.
///
/// A side is a [`MemFs`], a [`Snapshot`], a reference to one, or a list in braces, as
/// [`mem_fs!`](crate::testing::mem_fs) takes. A message with its arguments may follow, as in [`assert!`].
/// Times, generations and versions are not compared.
///
/// ```
/// use arcfs::testing::{assert_tree_eq, mem_fs};
///
/// let fs = mem_fs! { "a" => "1" };
/// let before = fs.snapshot();
/// fs.create_dir("/d")?;
/// fs.rename("/a", "/d/a")?;
/// assert_tree_eq!(before, { "a" => "1" });
/// assert_tree_eq!(fs, { "d/a" => "1" }, "after the move from {}", "a");
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// # Panics
///
/// If they differ, and says where: paths that only one side has, kinds, lines of text, bytes.
///
/// ```should_panic
/// # use arcfs::testing::{assert_tree_eq, mem_fs};
/// let fs = mem_fs! { "list" => "milk\neggs\n", "old" => "" };
/// assert_tree_eq!(fs, { "list" => "milk\nbread\n", "new/" });
/// // the trees differ in 3 places (-: left only, +: right only)
/// // ~ "/list"
/// //      1   milk
/// //      2 - eggs
/// //      2 + bread
/// // + "/new", a directory
/// // - "/old", a file of 0 bytes
/// ```
#[macro_export]
macro_rules! assert_tree_eq {
    ({ $($left:tt)* }, $($rest:tt)+) => {
        $crate::assert_tree_eq!($crate::mem_fs! { $($left)* }, $($rest)+)
    };
    ($left:expr, { $($right:tt)* } $(,)?) => {
        $crate::assert_tree_eq!($left, $crate::mem_fs! { $($right)* })
    };
    ($left:expr, { $($right:tt)* }, $($message:tt)+) => {
        $crate::assert_tree_eq!($left, $crate::mem_fs! { $($right)* }, $($message)+)
    };
    ($left:expr, $right:expr $(,)?) => {
        $crate::testing::assert_same(&$left, &$right, ::core::option::Option::None)
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::testing::assert_same(
            &$left,
            &$right,
            ::core::option::Option::Some(::core::format_args!($($message)+)),
        )
    };
}

/// What [`assert_tree_eq!`](crate::assert_tree_eq) does.
///
/// # Panics
///
/// If they differ.
#[track_caller]
pub fn assert_same(left: &dyn AsSnapshot, right: &dyn AsSnapshot, message: Option<fmt::Arguments<'_>>) {
    let diff = diff_trees(&left, &right);
    match message {
        _ if diff.is_empty() => {}
        Some(message) => panic!("{message}: {diff}"),
        None => panic!("{diff}"),
    }
}

/// What differs between two trees; see [`diff_trees`]. Its `Display` is the text that
/// [`assert_tree_eq!`](crate::testing::assert_tree_eq) prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDiff {
    differences: Vec<Difference>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    path: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// What it is, and on which side it is.
    Only(Side, String),
    /// What it is on the left, and on the right.
    Kind(String, String),
    /// How the bytes differ, in lines.
    Content(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Compares two trees: directories, files and their bytes. About O(files + bytes).
///
/// ```
/// use arcfs::testing::{diff_trees, mem_fs};
///
/// let (a, b) = (mem_fs! { "x" => "1", "y" => "2" }, mem_fs! { "x" => "1", "y" => "3" });
/// let diff = diff_trees(&a, &b);
/// assert_eq!(diff.paths().collect::<Vec<_>>(), ["/y"]);
/// assert!(diff_trees(&a, &a.snapshot()).is_empty());
/// ```
///
/// # Panics
///
/// If content cannot be read for want of memory.
#[must_use]
pub fn diff_trees(left: &impl AsSnapshot, right: &impl AsSnapshot) -> TreeDiff {
    let (left, right) = (left.as_snapshot(), right.as_snapshot());
    if left.same_as(&right) {
        return TreeDiff { differences: Vec::new() };
    }
    let list = |tree: &Snapshot| listing(tree).unwrap_or_else(|error| panic!("{error}"));
    compare(&list(&left), &list(&right)).unwrap_or_else(|error| panic!("{error}"))
}

/// Paths in tree order; a directory has no content.
type Listing = Vec<(String, Option<Content>)>;

fn listing(tree: &Snapshot) -> Result<Listing> {
    let mut list = Listing::new();
    for dir in tree.walk("/")? {
        let base = if dir.path == "/" { "" } else { &dir.path };
        for name in dir.files {
            let path = format!("{base}/{name}");
            let content = tree.content(&path)?;
            list.push((path, Some(content)));
        }
        list.push((dir.path, None));
    }
    list.sort_by(|(a, _), (b, _)| path::compare(a, b));
    Ok(list)
}

fn compare(left: &[(String, Option<Content>)], right: &[(String, Option<Content>)]) -> Result<TreeDiff> {
    let mut differences = Vec::new();
    let (mut l, mut r) = (0, 0);
    loop {
        let order = match (left.get(l), right.get(r)) {
            (None, None) => return Ok(TreeDiff { differences }),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => path::compare(a, b),
        };
        let (path, what) = match order {
            Ordering::Less => {
                let (what, entries) = describe(&left[l..]);
                l += entries;
                (&left[l - entries].0, What::Only(Side::Left, what))
            }
            Ordering::Greater => {
                let (what, entries) = describe(&right[r..]);
                r += entries;
                (&right[r - entries].0, What::Only(Side::Right, what))
            }
            Ordering::Equal => {
                let ((path, a), (_, b)) = (&left[l], &right[r]);
                let what = match (a, b) {
                    (Some(a), Some(b)) => show::difference(a, b)?.map(What::Content),
                    (None, None) => None,
                    _ => Some(What::Kind(describe(&left[l..]).0, describe(&right[r..]).0)),
                };
                // What is below a directory on one side only is told with it.
                let kinds = matches!(what, Some(What::Kind(..)));
                l += if kinds { describe(&left[l..]).1 } else { 1 };
                r += if kinds { describe(&right[r..]).1 } else { 1 };
                match what {
                    Some(what) => (path, what),
                    None => continue,
                }
            }
        };
        differences.push(Difference { path: path.clone(), what });
    }
}

/// What the first entry is, and how many entries it and those below it are.
fn describe(entries: &[(String, Option<Content>)]) -> (String, usize) {
    let (path, content) = &entries[0];
    if let Some(content) = content {
        return (format!("a file of {} byte{}", content.len(), plural(content.len())), 1);
    }
    let count = entries.iter().take_while(|(below, _)| path::starts_with(below, path)).count();
    let what = match count - 1 {
        0 => "a directory".to_owned(),
        below => format!("a directory with {below} below it"),
    };
    (what, count)
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

impl TreeDiff {
    /// Whether nothing differs.
    ///
    /// ```
    /// use arcfs::testing::{diff_trees, mem_fs};
    ///
    /// assert!(diff_trees(&mem_fs! { "a" => "1" }, &mem_fs! { "a" => "1" }).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }

    /// The paths that differ, in tree order. Of a directory that only one side has it is the only one,
    /// also for what is below it.
    ///
    /// ```
    /// use arcfs::testing::{diff_trees, mem_fs};
    ///
    /// let diff = diff_trees(&mem_fs! { "a/b/c" => "1", "d" => "" }, &mem_fs! { "d" => "1" });
    /// assert_eq!(diff.paths().collect::<Vec<_>>(), ["/a", "/d"]);
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.differences.iter().map(|difference| &*difference.path)
    }
}

impl fmt::Display for TreeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.differences.len();
        if count == 0 {
            return f.write_str("the trees are the same");
        }
        let places = plural(count as u64);
        writeln!(f, "the trees differ in {count} place{places} (-: left only, +: right only)")?;
        for Difference { path, what } in self.differences.iter().take(SHOWN) {
            match what {
                What::Only(Side::Left, what) => writeln!(f, "- {path:?}, {what}")?,
                What::Only(Side::Right, what) => writeln!(f, "+ {path:?}, {what}")?,
                What::Kind(left, right) => {
                    writeln!(f, "! {path:?} is {left} on the left, {right} on the right")?;
                }
                What::Content(lines) => write!(f, "~ {path:?}\n{lines}")?,
            }
        }
        if count > SHOWN {
            writeln!(f, "and {} more", count - SHOWN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::mem_fs;

    fn shown(left: &MemFs, right: &MemFs) -> String {
        diff_trees(left, right).to_string()
    }

    #[test]
    fn a_difference_of_each_sort_is_shown_in_tree_order() {
        let left = mem_fs! {
            "a/gone" => "12", "a/kept" => "same", "kind/x" => "", "kind/y" => "", "text" => "1\n2\n3\n",
            "z/deep/er/file" => "", "z.txt" => "1",
        };
        let right = mem_fs! {
            "a/kept" => "same", "a/new/" , "kind" => "?", "text" => "1\n3\nfour", "z.txt" => "1",
        };
        assert_eq!(
            shown(&left, &right),
            r#"the trees differ in 5 places (-: left only, +: right only)
- "/a/gone", a file of 2 bytes
+ "/a/new", a directory
! "/kind" is a directory with 2 below it on the left, a file of 1 byte on the right
~ "/text"
     1   1
     2 - 2
     2   3
     3 + four  (no newline at the end)
- "/z", a directory with 3 below it
"#
        );
    }

    #[test]
    fn all_differences_are_counted_and_some_are_shown() {
        let right = MemFs::new();
        for i in 0..100 {
            right.write(format!("/{i:03}"), b"").unwrap();
        }
        let diff = diff_trees(&MemFs::new(), &right);
        assert_eq!(diff.paths().count(), 100);
        let text = diff.to_string();
        assert!(text.contains("100 places") && text.ends_with("and 60 more\n"), "{text}");
    }

    #[test]
    fn trees_are_the_same_by_what_they_hold() {
        let (left, right) = (mem_fs! { "a/b" => "1", "c/" }, mem_fs! { "c/" });
        right.create_dir("/a").unwrap();
        for byte in [b"0", b"1"] {
            right.write("/a/b", byte).unwrap();
        }
        assert!(diff_trees(&left, &right.snapshot()).is_empty());
        assert_eq!(shown(&left, &right), "the trees are the same");
    }

    #[test]
    fn the_macro_takes_lists_and_trees_on_both_sides() {
        let fs = mem_fs! { "a" => "1" };
        let reference = &fs;
        crate::assert_tree_eq!(fs, reference);
        crate::assert_tree_eq!(reference, fs.snapshot(),);
        crate::assert_tree_eq!({ "a" => "1" }, fs);
        crate::assert_tree_eq!(fs, { "a" => "1" },);
        crate::assert_tree_eq!({ "a" => "1" }, { "a" => "1" }, "always {}", 1);
        crate::assert_tree_eq!(fs, reference, "step {step}", step = 1);
    }

    #[test]
    fn what_fails_says_the_message_first() {
        let failed = AssertUnwindSafe(|| crate::assert_tree_eq!({ "a" => "" }, {}, "step {}", 7));
        let panic = catch_unwind(failed).expect_err("they differ");
        let text = panic.downcast::<String>().unwrap();
        assert!(text.starts_with("step 7: the trees differ in 1 place "), "{text}");
    }
}
