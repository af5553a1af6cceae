//! Bugs on purpose: each makes a test fail that would find such a bug. Nothing of it is in ordinary builds.

/// One thing done wrongly.
#[cfg(test)]
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

#[cfg(test)]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub fn is(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
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

/// Whether the running test has this bug; a constant `false` outside of tests.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(test)]
        let planted = $crate::tree::versioned::planted::is($crate::tree::versioned::planted::Bug::$bug);
        #[cfg(not(test))]
        let planted = false;
        planted
    }};
}
pub(crate) use planted;
