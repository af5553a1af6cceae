//! What the models in `tests/` share: how they are run, and how they are shown to be able to fail.
#![cfg(arcfs_loom)]

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Once};

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
    model_within(PREEMPTIONS, f);
}

/// As [`model`], with a bound of its own; `LOOM_MAX_PREEMPTIONS` overrides this one too.
///
/// # Panics
///
/// As [`model`].
pub fn model_within(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = builder.max_branches.max(10_000);
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        f();
    });
    println!("{} executions", executions.load(Relaxed)); // for those who set the bounds
}

/// Runs a model with the production code broken in one way, expects it to fail, and returns what it
/// failed with, so that the caller can see that it failed for the right reason.
///
/// # Panics
///
/// If the model does not notice.
pub fn expect_model_to_fail(which: Break, f: impl Fn() + Send + Sync + 'static) -> String {
    expect_model_to_fail_within(PREEMPTIONS, which, f)
}

/// As [`expect_model_to_fail`], with a bound of its own on preemptions.
///
/// # Panics
///
/// If the model does not notice.
pub fn expect_model_to_fail_within(
    preemptions: usize,
    which: Break,
    f: impl Fn() + Send + Sync + 'static,
) -> String {
    let run = || panic::catch_unwind(AssertUnwindSafe(|| model_within(preemptions, f)));
    let outcome = breaks::with(which, || quietly(run));
    let Err(payload) = outcome else { panic!("the model does not notice {which:?}") };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast_ref::<&str>().map_or_else(String::new, |&text| text.to_owned()),
    }
}

/// Makes tests of models, which are functions with their claims as names: `holds` runs a model as it
/// is, `notices` with the production code broken in each of the ways that it is there to notice; one
/// of the messages must then appear in what it says.
#[macro_export]
macro_rules! models {
    ($($name:ident within $preemptions:literal breaks with $($break:ident: $($seen:literal)|+),+;)*) => {$(
        mod $name {
            #[test]
            fn holds() {
                $crate::model_within($preemptions, super::$name);
            }

            mod notices {
                use super::super::{Break, $name as model};
                $(
                    #[test]
                    #[expect(non_snake_case, reason = "the name is that of the break")]
                    fn $break() {
                        let seen = $crate::expect_model_to_fail_within($preemptions, Break::$break, model);
                        assert!([$($seen),+].iter().any(|expected| seen.contains(expected)), "{seen}");
                    }
                )+
            }
        }
    )*};
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
