//! Who is told how far long work is.

use std::sync::Arc;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A function of the user that is told.
pub type Tell<P> = Arc<dyn Fn(P) + Send + Sync>;

/// Somebody who is told by many threads, by one at a time, or nobody.
///
/// Nothing of a filesystem may be held while somebody is told: they may call it.
pub struct Listener<P> {
    tell: Option<Tell<P>>,
    /// Held while they are told, so that of two calls the later one knows no less.
    turn: Mutex<()>,
    /// Whether a call has panicked: there is no further one then.
    ///
    /// Ordering: relaxed; it only ends work sooner, the panic itself is carried by the threads.
    panicked: AtomicBool,
}

impl<P> Listener<P> {
    pub fn new(tell: Option<&Tell<P>>) -> Self {
        Self { tell: tell.cloned(), turn: Mutex::default(), panicked: AtomicBool::new(false) }
    }

    /// Whether there is somebody to tell.
    pub fn listens(&self) -> bool {
        self.tell.is_some()
    }

    /// Whether a call has panicked, so that the work is to end.
    pub fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Relaxed)
    }

    /// Tells, unless a call is under way. So nobody waits for it, nor for themselves, where the call
    /// leads back here through the threads of a pool.
    pub fn tell_if_free(&self, how_far: impl FnOnce() -> P) {
        if let Some(tell) = &self.tell
            && let Some(_turn) = self.turn.try_lock()
        {
            self.call(tell, how_far);
        }
    }

    /// Tells, behind a call that is under way; for one thread, which must not be within that call.
    pub fn tell(&self, how_far: impl FnOnce() -> P) {
        if let Some(tell) = &self.tell {
            let _turn = self.turn.lock();
            self.call(tell, how_far);
        }
    }

    fn call(&self, tell: &Tell<P>, how_far: impl FnOnce() -> P) {
        struct Unwinding<'a>(&'a AtomicBool);
        impl Drop for Unwinding<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        if !self.has_panicked() {
            let unwinding = Unwinding(&self.panicked);
            tell(how_far());
            std::mem::forget(unwinding);
        }
    }
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::OnceLock;
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn a_call_that_leads_back_does_not_wait_for_itself() {
        let (told, listener) = (Arc::new(AtomicU32::new(0)), Arc::new(OnceLock::<Listener<()>>::new()));
        let (count, again) = (Arc::clone(&told), Arc::clone(&listener));
        let tell: Tell<()> = Arc::new(move |()| {
            count.fetch_add(1, Ordering::Relaxed);
            again.get().unwrap().tell_if_free(|| ());
        });
        listener.get_or_init(|| Listener::new(Some(&tell))).tell(|| ());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn after_a_panic_nobody_is_told() {
        let told = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&told);
        let tell: Tell<()> = Arc::new(move |()| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("no more");
        });
        let listener = Listener::new(Some(&tell));
        assert!(!listener.has_panicked());
        assert!(catch_unwind(AssertUnwindSafe(|| listener.tell_if_free(|| ()))).is_err());
        assert!(listener.has_panicked());
        listener.tell(|| ());
        listener.tell_if_free(|| ());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
