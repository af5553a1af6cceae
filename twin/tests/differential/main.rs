//! The two trees of arcfs side by side: one stream of operations drives both, and after every step all that
//! can be seen of them is the same: answers and errors, listings, bytes and how they are laid out, times,
//! versions, what is charged.
//!
//! | module | what |
//! |---|---|
//! | `ops` | the operations, which the model of the engine is driven with, too |
//! | `script` | what is done in one case: operations alone, in a transaction, beside an injected failure; iterators |
//! | `side` | one of the two, built twice: `left` with arcfs as it is used, `right` with its twin |
//! | `pair` | a step on both sides, and the accounts |
//! | `apart` | where the trees differ on purpose |
//!
//! Where the trees differ on purpose (`ARCHITECTURE.md`, §2a) it is in what is charged, and by whom a version is
//! kept: [`apart`] has each difference with its figures, and [`pair::Reasons`] says from when on accounts are
//! not compared any more. All else is, always.

mod apart;
mod left;
#[allow(dead_code, reason = "cases of the model are drawn elsewhere")]
#[path = "../../../tests/model/ops.rs"]
mod ops;
mod pair;
mod right;
mod script;

use std::time::SystemTime;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// Cases of one run; `PROPTEST_CASES` asks for more.
const CASES: u32 = 2_000;

/// What a side is asked for. Answers are texts, so that they can be held against each other.
pub trait Side: Sized {
    /// Whether its tree frees objects by version.
    const VERSIONED: bool;

    /// One filesystem, empty.
    fn new(config: &ops::Config) -> Self;

    /// Does something to a filesystem, and says how it ended.
    fn act(&mut self, at: usize, what: &script::Act) -> String;

    /// Everything that can be seen of a filesystem.
    fn look(&self, at: usize) -> Seen;

    /// The same of a snapshot, if the slot has one.
    fn look_back(&self, slot: usize) -> Option<Seen>;

    /// What its account says.
    fn account(&self, at: usize) -> Account;

    /// Filesystems that there are: the first one, and forks.
    fn filesystems(&self) -> usize;

    /// Whether a snapshot or an iterator holds an older version of any of them.
    fn holds_versions(&self) -> bool;

    /// Lets everything go but the filesystems themselves.
    fn let_go(&mut self);

    /// Lets the filesystem go that was forked last.
    fn end_fork(&mut self);
}

/// Everything that can be seen of a version.
#[derive(Debug, PartialEq)]
pub struct Seen {
    /// Figures, then a line for each node, in order.
    pub lines: Vec<String>,
    /// All paths, and whether they are directories.
    pub paths: Vec<(String, bool)>,
    /// The bytes of all files, as they are cut into chunks.
    pub bytes: Vec<Vec<bytes::Bytes>>,
}

/// What is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Bytes.
    pub used: u64,
    /// Bytes that neither the tree nor a draft accounts for.
    pub pinned: u64,
    /// Bytes that can still be charged.
    pub free: u64,
    /// Chunks alive.
    pub chunks: u64,
}

/// The time at which filesystems begin.
fn start() -> SystemTime {
    ops::time(1000)
}

fn settings() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(CASES),
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/differential/regressions.txt",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn both_trees_answer_the_same(config in ops::config(), script in script::script()) {
        let mut pair = pair::Pair::<left::World, right::World>::new(&config);
        for (at, line) in script.iter().enumerate() {
            pair.step(line).map_err(|what| TestCaseError::fail(format!("step {at}, {line:?}: {what}")))?;
        }
        pair.finish().map_err(|what| TestCaseError::fail(format!("in the end: {what}")))?;
    }
}
