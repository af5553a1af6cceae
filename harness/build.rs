//! Captures what a binary is built from, for the meta data of its results: a binary that asked git when
//! it runs would claim whatever is checked out then.
//!
//! The commit counts as dirty where a file that goes into the binary differs from it. Exactly these
//! files and the place that git writes to on each commit are watched, so the answer stays right.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes into the binary, relative to the root of the workspace.
const SOURCES: [&str; 8] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo",
    "src",
    "harness/Cargo.toml",
    "harness/build.rs",
    "harness/src",
];

fn main() {
    let harness = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = harness.parent().expect("the harness lies in its workspace").to_path_buf();
    for source in SOURCES {
        watch(&root.join(source));
    }
    let commit = commit(&root);
    set("COMMIT", commit.as_deref().unwrap_or(""));
    set("DIRTY", if commit.is_some() && is_dirty(&root) { "true" } else { "false" });
    set("RUSTC", &run(Command::new(variable("RUSTC")).arg("--version")).unwrap_or_default());
    set("PROFILE", &variable("PROFILE"));
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    set("RUSTFLAGS", &variable("CARGO_ENCODED_RUSTFLAGS").replace('\x1f', " "));
    set("DEPENDENCIES", &dependencies(&root).unwrap_or_default());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn set(name: &str, value: &str) {
    println!("cargo::rustc-env=ARCFS_HARNESS_{name}={}", value.replace('\n', " "));
}

/// Watches what exists; a missing path would make every build start anew.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// What a command prints, where it succeeds.
fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// What git answers about the repository around `root`, whatever a hook says in the environment.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    run(git.current_dir(root).arg("--no-optional-locks").args(arguments))
}

/// The commit that is checked out; none without git, without a repository, or where the sources only
/// lie inside somebody else's.
fn commit(root: &Path) -> Option<String> {
    git(root, &["ls-files", "--error-unmatch", "harness/Cargo.toml"])?;
    let commit = git(root, &["rev-parse", "--verify", "HEAD"])?;
    watch_commits(root);
    Some(commit)
}

/// Watches what a commit or a checkout changes. A ref that lies packed has no file of its own, but the
/// next commit makes one, so then its directory is watched.
fn watch_commits(root: &Path) {
    let path = |name: &str| git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    for place in [path("HEAD"), path("packed-refs"), branch.and_then(|branch| path(&branch))] {
        let Some(place) = place else { continue };
        if place.exists() {
            watch(&place);
        } else if let Some(above) = place.ancestors().skip(1).find(|above| above.ends_with("heads")) {
            watch(above);
        }
    }
}

fn is_dirty(root: &Path) -> bool {
    let arguments = ["status", "--porcelain", "--"].into_iter().chain(SOURCES).collect::<Vec<_>>();
    git(root, &arguments).is_none_or(|changed| !changed.is_empty())
}

/// `name=version` of each dependency of the harness, from the lock file.
fn dependencies(root: &Path) -> Option<String> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).ok()?;
    let packages: Vec<&str> = lock.split("[[package]]").skip(1).collect();
    let harness = packages.iter().find(|package| field(package, "name") == Some("arcfs-harness"))?;
    let (_, listed) = harness.split_once("dependencies = [")?;
    let listed = listed.split(']').next()?.lines().filter_map(|line| {
        // An entry is `"name"`, or `"name version"` where the lock file has several versions.
        let mut words = line.trim().trim_matches(|c| c == '"' || c == ',').split(' ');
        let name = words.next().filter(|name| !name.is_empty())?;
        let version = words.next().or_else(|| {
            field(packages.iter().find(|package| field(package, "name") == Some(name))?, "version")
        });
        Some(format!("{name}={}", version?))
    });
    Some(listed.collect::<Vec<_>>().join(" "))
}

/// The value of `name = "value"` in a package of the lock file.
fn field<'text>(package: &'text str, name: &str) -> Option<&'text str> {
    package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
}
