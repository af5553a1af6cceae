//! Bugs on purpose: each makes a test fail that would find such a bug. Nothing of it is in ordinary builds.
//!
//! Unit tests choose one for a thread. With `--cfg arcfs_planted` the whole program has the one that the environment
//! names: `ARCFS_PLANTED=IgnoresReaders`. Models choose among the breaks (`sync::breaks`) of the same names.

/// One thing done wrongly.
#[cfg(any(test, arcfs_planted))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An edit writes nodes that are published.
    EditsPublished,
    /// A commit frees what only the newest snapshot needs.
    CommitIgnoresNewest,
    /// Who drops a snapshot frees what an older one needs.
    DropIgnoresOlder,
    /// What died is freed whoever still reads it.
    IgnoresReaders,
    /// Of readers, those that said exactly which version they read are ignored.
    IgnoresExact,
    /// What an abandoned version had built is forgotten.
    AbortForgetsBorn,
    /// What an abandoned version had replaced is freed.
    AbortFreesDead,
    /// A fork frees what it shares with the snapshot that it grew from.
    IgnoresFloor,
    /// A subtree that died is freed without looking who needs parts of it.
    SliceIgnoresSnapshots,
}

#[cfg(all(arcfs_planted, not(test)))]
impl Bug {
    const ALL: [Self; 9] = [
        Self::EditsPublished,
        Self::CommitIgnoresNewest,
        Self::DropIgnoresOlder,
        Self::IgnoresReaders,
        Self::IgnoresExact,
        Self::AbortForgetsBorn,
        Self::AbortFreesDead,
        Self::IgnoresFloor,
        Self::SliceIgnoresSnapshots,
    ];
}

#[cfg(test)]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub fn is(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}

#[cfg(all(arcfs_planted, not(test)))]
pub fn is(bug: Bug) -> bool {
    static NAMED: std::sync::OnceLock<Option<Bug>> = std::sync::OnceLock::new();
    let find = |name: String| {
        let bug = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
        Some(bug.unwrap_or_else(|| panic!("there is no bug {name}")))
    };
    *NAMED.get_or_init(|| std::env::var("ARCFS_PLANTED").ok().and_then(find)) == Some(bug)
}

/// Runs `f` with this bug.
#[cfg(test)]
pub fn with<T>(bug: Bug, f: impl FnOnce() -> T) -> T {
    struct Mend;
    impl Drop for Mend {
        fn drop(&mut self) {
            CHOSEN.set(None);
        }
    }
    CHOSEN.set(Some(bug));
    let _mend = Mend;
    f()
}

/// Whether the running test has this bug; a constant `false` in ordinary builds.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(any(test, arcfs_planted))]
        let planted = $crate::tree::versioned::planted::is($crate::tree::versioned::planted::Bug::$bug);
        #[cfg(all(arcfs_loom, not(any(test, arcfs_planted))))]
        let planted = $crate::sync::breaks::is_called(stringify!($bug));
        #[cfg(not(any(test, arcfs_planted, arcfs_loom)))]
        let planted = false;
        planted
    }};
}
pub(crate) use planted;
