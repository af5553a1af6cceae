//! A filesystem written down as a list.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::MemFs;

/// A filesystem with what is listed: files as `path => content`, directories as paths that end in `/`.
///
/// Content is whatever becomes a [`Content`]: text, bytes, vectors, content of another
/// filesystem. Paths are normalised as everywhere, so a leading `/` may be left out; parents are made.
/// Files have generation 0, so that they count as clean until the test changes them. All of it appears
/// at one instant.
///
/// With `in fs;` before the list it goes into `fs`, a [`MemFs`] or a reference to one, over what is
/// there: for limits, a clock, and second steps. The macro gives back the filesystem, too.
///
/// ```
/// use arcfs::MemFs;
/// use arcfs::testing::mem_fs;
///
/// let fs = mem_fs! {
///     "src/lib.rs" => "//! A crate.\n",
///     "assets/icon" => b"\x89PNG",
///     "target/",
/// };
/// assert_eq!(fs.read_to_string("/src/lib.rs")?, "//! A crate.\n");
/// assert!(fs.is_dir("/target"));
///
/// let small = mem_fs! { in MemFs::with_quota(1 << 20); "a" => "1" };
/// mem_fs! { in &small; "b" => "2" };
/// assert_eq!(small.stats().file_count, 2);
/// # Ok::<(), arcfs::Error>(())
/// ```
///
/// # Panics
///
/// With the text of the error if a path is not valid or is listed twice, if it is below a file, if a
/// directory is given content or a file none, or if the filesystem refuses it. Nothing of the list is in
/// the filesystem then.
#[macro_export]
macro_rules! mem_fs {
    (@content) => { ::core::option::Option::None };
    (@content $content:expr) => {
        ::core::option::Option::Some(::core::convert::Into::<$crate::Content>::into($content))
    };
    (in $fs:expr; $($path:expr $(=> $content:expr)?),* $(,)?) => {
        $crate::testing::plant(
            $fs,
            ::std::vec![
                $((::std::string::String::from($path), $crate::mem_fs!(@content $($content)?))),*
            ],
        )
    };
    ($($path:expr $(=> $content:expr)?),* $(,)?) => {
        $crate::mem_fs!(in $crate::MemFs::new(); $($path $(=> $content)?),*)
    };
}

/// What [`mem_fs!`](crate::mem_fs) does.
///
/// # Panics
///
/// With the text of the error.
#[track_caller]
pub fn plant(fs: impl Borrow<MemFs>, list: Vec<(String, Option<Content>)>) -> MemFs {
    let fs = fs.borrow().clone();
    if let Err(error) = try_plant(&fs, list) {
        panic!("mem_fs!: {error}");
    }
    fs
}

fn try_plant(fs: &MemFs, list: Vec<(String, Option<Content>)>) -> Result<()> {
    let refused = |path: &str, why| Err(Error::at(ErrorKind::InvalidInput, path).during("list").because(why));
    let (mut files, mut dirs) = (Vec::new(), BTreeSet::new());
    for (path, content) in list {
        match (path.ends_with(['/', '\\']), content) {
            (false, Some(content)) => files.push((path, content)),
            (true, None) => {
                let dir = fs.volume().normalize(&path)?.into_owned();
                if let Some(twice) = dirs.replace(dir) {
                    let error = Error::at(ErrorKind::AlreadyExists, &twice).during("list");
                    return Err(error.because("the list names this directory twice"));
                }
            }
            (true, Some(_)) => {
                return refused(&path, "it ends in /, so it is a directory and has no content");
            }
            (false, None) => return refused(&path, "a file needs content, => \"\" if it is empty"),
        }
    }
    fs.transaction(|tx| {
        tx.import_tree(files.iter().map(|(path, content)| (path, content.clone())))?;
        dirs.iter().try_for_each(|dir| tx.create_dir_all(dir))
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::assert_tree_eq;

    fn message(plant: impl FnOnce() -> MemFs) -> String {
        let panic = catch_unwind(AssertUnwindSafe(plant)).expect_err("it should be refused");
        *panic.downcast::<String>().expect("a formatted message")
    }

    #[test]
    fn a_list_becomes_files_and_directories_at_one_instant() {
        let fs = MemFs::new();
        let before = fs.version();
        let path = String::from("/d/c");
        mem_fs! { in &fs; "a" => "1", "./d//b" => vec![2], path => b"3", "e\\f/", "d/" };
        assert_eq!(fs.version(), before + 1);
        assert_eq!(fs.glob("**").unwrap(), ["/a", "/d", "/d/b", "/d/c", "/e", "/e/f"]);
        assert_eq!(fs.read("/d/b").unwrap(), [2]);
        assert_eq!(fs.metadata("/a").unwrap().generation(), 0);
        assert!(fs.is_dir("/e/f"));
    }

    #[test]
    fn a_list_may_be_empty_and_may_go_over_another() {
        assert_eq!(mem_fs! {}.stats().file_count, 0);
        let fs = mem_fs! { in mem_fs! { "a" => "1", "b" => "2" }; "a" => "3", };
        assert_tree_eq!(fs, { "a" => "3", "b" => "2" });
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_path_and_leaves_nothing() {
        let fs = MemFs::with_quota(10_000);
        for (message, expected) in [
            (message(|| mem_fs! { in &fs; "x" => "", "a" => "", "/a" => "" }), r#""/a": it already exists"#),
            (message(|| mem_fs! { in &fs; "x" => "", "d/", "./d/" }), r#""/d": it already exists"#),
            (message(|| mem_fs! { in &fs; "x" => "", "a" => "", "a/b" => "" }), r#""/a/b": it is not a dir"#),
            (message(|| mem_fs! { in &fs; "x" => "", "a" => "", "a/" }), r#""/a""#),
            (message(|| mem_fs! { in &fs; "x" => "", "../a" => "" }), r#""../a": the path is not valid"#),
            (message(|| mem_fs! { in &fs; "x" => "", "a" }), "a file needs content"),
            (message(|| mem_fs! { in &fs; "x" => "", "a/" => "" }), "it is a directory"),
            (message(|| mem_fs! { in &fs; "x" => "", "a" => vec![0; 20_000] }), "the quota has no room"),
        ] {
            assert!(message.contains(expected), "{message}");
        }
        assert_eq!((fs.stats().used_bytes, fs.stats().file_count), (0, 0));
    }
}
