//! Loom models of arcfs; see `tests/`.
//!
//! A model runs production code through the crate's shim, in every order that a bounded number of
//! preemptions allows. Each has a twin that makes the production code err on purpose
//! (`arcfs::internals::Break`) and expects the model to notice.

#[cfg(arcfs_loom)]
mod harness {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use arcfs::internals::{Break, breaks};

    /// Preemptions per run that a model explores unless it says otherwise.
    const PREEMPTIONS: usize = 3;

    /// One model at a time: the mistake in force is global.
    static SERIAL: Mutex<()> = Mutex::new(());

    fn turn() -> MutexGuard<'static, ()> {
        SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(f: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound.get_or_insert(PREEMPTIONS);
        builder.check(f);
    }

    /// Checks that `f` holds in every order.
    pub fn model(f: impl Fn() + Send + Sync + 'static) {
        let _turn = turn();
        breaks::set(None);
        check(f);
    }

    /// Checks that some order breaks `f` while the production code makes `mistake`.
    ///
    /// # Panics
    ///
    /// If `f` holds all the same: the model is too weak to notice.
    pub fn expect_model_to_fail(mistake: Break, f: impl Fn() + Send + Sync + 'static) {
        let _turn = turn();
        breaks::set(Some(mistake));
        let outcome = catch_unwind(AssertUnwindSafe(|| check(f)));
        breaks::set(None);
        assert!(outcome.is_err(), "the model does not notice {mistake:?}");
    }
}

#[cfg(arcfs_loom)]
pub use harness::{expect_model_to_fail, model};
