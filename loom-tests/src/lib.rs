//! What the models in `tests/` share: how they are run, and how they are shown to be able to fail.
#![cfg(arcfs_loom)]

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use arcfs::internals::breaks::{self, Break};

/// Preemptions that are explored in one run, unless `LOOM_MAX_PREEMPTIONS` says otherwise. The
/// check is exhaustive up to this bound, as far as loom's own limits allow, and not beyond it.
const PREEMPTIONS: usize = 2;

/// Explores the interleavings of `f` with a bounded number of preemptions.
///
/// # Panics
///
/// If `f` panics, or all its threads wait, in one of them.
pub fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.max_branches = builder.max_branches.max(10_000);
    builder.check(f);
}

/// Runs a model with the production code broken in one way, expects it to fail, and returns what it
/// failed with, so that the caller can see that it failed for the right reason.
///
/// # Panics
///
/// If the model does not notice.
pub fn expect_model_to_fail(which: Break, f: impl Fn() + Send + Sync + 'static) -> String {
    let outcome = breaks::with(which, || quietly(|| panic::catch_unwind(AssertUnwindSafe(|| model(f)))));
    let Err(payload) = outcome else { panic!("the model does not notice {which:?}") };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().map_or_else(String::new, |&text| text.to_owned()),
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, which may panic inside, without the reports of panics on this thread.
fn quietly<T>(f: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = f();
    QUIET.set(false);
    result
}
