//! Programs of two revisions, each the engine of its revision with the harness of this checkout.
//!
//! Everything is under `target/ab/`, in a directory for each commit and its flags: `tree`, a worktree
//! of git that lives as long as `Tree`, and `target`, which stays, so that dependencies are built once.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Error, Side, last_lines};

/// What is asked to be built.
#[derive(Clone, Debug)]
pub struct Request {
    /// A revision for git; `WORKTREE` or `.` for the working tree as it is.
    pub revision: String,
    /// Flags for the compiler, such as `--cfg arcfs_slowed`.
    pub flags: String,
}

/// The repository that the current directory is in.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Finds it.
    ///
    /// # Errors
    /// [`Error::Elsewhere`] where the current directory is in none, or in that of something else.
    pub fn find() -> Result<Self, Error> {
        let root = match git(Path::new("."), &["rev-parse", "--show-toplevel"]) {
            Err(Error::Git { answer, .. }) => return Err(Error::Elsewhere(answer)),
            root => PathBuf::from(root?),
        };
        if !root.join("harness/Cargo.toml").is_file() {
            return Err(Error::Elsewhere(format!("{} has no harness", root.display())));
        }
        Ok(Self { root })
    }

    /// Whether the working tree differs from its commit.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn is_dirty(&self) -> Result<bool, Error> {
        Ok(!git(&self.root, &["status", "--porcelain"])?.is_empty())
    }

    /// The full name of a commit.
    ///
    /// # Errors
    /// [`Error::Revision`] where it is none.
    pub fn commit(&self, revision: &str) -> Result<String, Error> {
        let commit = format!("{revision}^{{commit}}");
        git(&self.root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .map_err(|_| Error::Revision(revision.to_owned()))
    }

    /// Builds what is asked for. With `keep` its worktree stays.
    ///
    /// # Errors
    /// [`Error`] for a revision that is none, or that does not build.
    pub fn build(&self, request: &Request, keep: bool) -> Result<Side, Error> {
        let flags = [std::env::var("RUSTFLAGS").unwrap_or_default(), request.flags.clone()].join(" ");
        let flags = flags.trim();
        let mut name = request.revision.clone();
        if !request.flags.is_empty() {
            name = format!("{name} with {}", request.flags);
        }
        if matches!(&*request.revision, "." | "WORKTREE") {
            let place = self.place("worktree", flags);
            let program = compile(&self.root, &place.join("target"), flags, &name)?;
            return Ok(Side { name, program });
        }
        let commit = self.commit(&request.revision)?;
        let place = self.place(&commit[..12.min(commit.len())], flags);
        let tree = Tree::add(self, place.join("tree"), &commit, keep)?;
        self.lay_harness_over(&tree.path, &request.revision)?;
        let program = compile(&tree.path, &place.join("target"), flags, &name)?;
        Ok(Side { name, program })
    }

    fn place(&self, what: &str, flags: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        flags.hash(&mut hasher);
        let suffix =
            if flags.is_empty() { String::new() } else { format!("-{:08x}", hasher.finish() as u32) };
        self.root.join("target/ab").join(format!("{what}{suffix}"))
    }

    /// Replaces the harness of the worktree at `tree` with that of this checkout, uncommitted changes included.
    fn lay_harness_over(&self, tree: &Path, revision: &str) -> Result<(), Error> {
        let failed = |path: &Path| {
            let (revision, path) = (revision.to_owned(), path.display().to_string());
            move |cause| Error::Overlay { revision, path, cause }
        };
        let old = tree.join("harness");
        if old.exists() {
            fs::remove_dir_all(&old).map_err(failed(&old))?;
        }
        let list =
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "harness"];
        for file in git(&self.root, &list)?.split('\0').filter(|file| !file.is_empty()) {
            let (from, to) = (self.root.join(file), tree.join(file));
            // Listed, and deleted in the working tree.
            if !from.exists() {
                continue;
            }
            if let Some(dir) = to.parent() {
                fs::create_dir_all(dir).map_err(failed(dir))?;
            }
            fs::copy(&from, &to).map_err(failed(&to))?;
        }
        let manifest = tree.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(failed(&manifest))?;
        let text = with_member(&text).ok_or_else(|| Error::NoWorkspace(revision.to_owned()))?;
        fs::write(&manifest, text).map_err(failed(&manifest))
    }
}

/// The manifest of a workspace with the harness among its members; `None` where it is no workspace.
fn with_member(manifest: &str) -> Option<String> {
    let start = manifest.find("members = [")? + "members = [".len();
    let end = start + manifest[start..].find(']')?;
    if manifest[start..end].contains("\"harness\"") {
        return Some(manifest.to_owned());
    }
    Some(format!("{}\"harness\", {}", &manifest[..start], &manifest[start..]))
}

/// A worktree of git, removed when dropped.
struct Tree<'repository> {
    repository: &'repository Repository,
    path: PathBuf,
    keep: bool,
}

impl<'repository> Tree<'repository> {
    fn add(
        repository: &'repository Repository,
        path: PathBuf,
        commit: &str,
        keep: bool,
    ) -> Result<Self, Error> {
        let tree = Self { repository, path, keep };
        // One that was kept, or left by a process that was killed.
        tree.remove();
        git(
            &repository.root,
            &["worktree", "add", "--quiet", "--detach", &tree.path.to_string_lossy(), commit],
        )?;
        Ok(tree)
    }

    /// Removes what is there; what is not is no error.
    fn remove(&self) {
        let path = self.path.to_string_lossy();
        let removed = git(&self.repository.root, &["worktree", "remove", "--force", &path]);
        if removed.is_err() {
            let _gone = fs::remove_dir_all(&self.path);
            let _pruned = git(&self.repository.root, &["worktree", "prune"]);
        }
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        if !self.keep {
            self.remove();
        }
    }
}

fn git(dir: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new("git").current_dir(dir).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|cause| Error::Start { program: "git".to_owned(), cause })?;
    if !output.status.success() {
        let answer = last_lines(&output.stderr, 3);
        return Err(Error::Git { command: arguments[..2.min(arguments.len())].join(" "), answer });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}

/// Builds the harness in `tree` into `target`, and gives the program.
fn compile(tree: &Path, target: &Path, flags: &str, revision: &str) -> Result<PathBuf, Error> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "-p", "arcfs-harness", "--bin", "arcfs-harness"]);
    cargo.current_dir(tree).env("CARGO_TARGET_DIR", target).env_remove("CARGO_ENCODED_RUSTFLAGS");
    // Set by the cargo and the rustup that started this process; another revision may want another toolchain.
    cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("CARGO_BUILD_TARGET");
    if flags.is_empty() {
        cargo.env_remove("RUSTFLAGS")
    } else {
        cargo.env("RUSTFLAGS", flags)
    };
    let output = cargo.stdin(Stdio::null()).output();
    let output = output.map_err(|cause| Error::Start { program: "cargo".to_owned(), cause })?;
    if !output.status.success() {
        let lines = last_lines(&output.stderr, 40);
        return Err(Error::Build { revision: revision.to_owned(), lines });
    }
    Ok(target.join("release").join(format!("arcfs-harness{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with one commit that has a workspace and no harness.
    fn repository() -> (tempfile::TempDir, Repository) {
        let dir = tempfile::tempdir().expect("a directory");
        let repository = Repository { root: dir.path().to_owned() };
        fs::write(dir.path().join("Cargo.toml"), "[workspace]\nmembers = [\".\"]\n").expect("written");
        fs::write(dir.path().join(".gitignore"), "target\n").expect("written");
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "."],
            &["-c", "user.name=n", "-c", "user.email=e@example", "commit", "--quiet", "-m", "first"],
        ] {
            git(dir.path(), arguments).expect("git works");
        }
        (dir, repository)
    }

    #[test]
    fn a_revision_that_is_none_is_told() {
        let (_dir, repository) = repository();
        assert!(repository.commit("HEAD").is_ok());
        for revision in ["nonsense", "--help", "HEAD:Cargo.toml", ""] {
            assert!(matches!(repository.commit(revision), Err(Error::Revision(_))), "{revision}");
        }
    }

    #[test]
    fn the_harness_of_the_checkout_is_laid_over_and_the_worktree_goes_away() {
        let (dir, repository) = repository();
        fs::create_dir_all(dir.path().join("harness/src")).expect("created");
        fs::write(dir.path().join("harness/src/lib.rs"), "// uncommitted").expect("written");
        let path = dir.path().join("target/ab/x/tree");
        let commit = repository.commit("HEAD").expect("a commit");
        for _ in 0..2 {
            let tree = Tree::add(&repository, path.clone(), &commit, false).expect("added");
            repository.lay_harness_over(&tree.path, "HEAD").expect("laid over");
            assert_eq!(fs::read_to_string(path.join("harness/src/lib.rs")).expect("there"), "// uncommitted");
            assert!(fs::read_to_string(path.join("Cargo.toml")).expect("there").contains("\"harness\""));
        }
        assert!(!path.exists());
        assert_eq!(git(dir.path(), &["worktree", "list"]).expect("a list").lines().count(), 1);
    }

    #[test]
    fn a_build_that_fails_shows_the_compiler_and_leaves_no_worktree() {
        let (dir, repository) = repository();
        let request = Request { revision: "HEAD".to_owned(), flags: String::new() };
        let error = repository.build(&request, false).expect_err("there is no harness");
        assert!(matches!(&error, Error::Build { lines, .. } if lines.contains("harness")), "{error}");
        assert_eq!(git(dir.path(), &["worktree", "list"]).expect("a list").lines().count(), 1);
    }

    #[test]
    fn the_harness_joins_a_workspace_once() {
        let joined = with_member("[workspace]\nmembers = [\".\"]").expect("a workspace");
        assert_eq!(joined, "[workspace]\nmembers = [\"harness\", \".\"]");
        assert_eq!(with_member(&joined).as_deref(), Some(&*joined));
        assert_eq!(with_member("[package]"), None);
    }
}
