//! Ends the threads of a workload, also when the one that would end them fails or panics.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether threads go on.
///
/// Ordering: relaxed. The flag publishes nothing, and a thread that sees it late only works a little longer.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

/// Ends the threads when it is dropped.
#[derive(Debug)]
pub struct StopOnDrop<'flag>(&'flag Stop);

impl Stop {
    /// Whether the threads shall end.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Raises the flag when the guard is dropped, so that a scope never waits for threads that go on for ever.
    pub fn on_drop(&self) -> StopOnDrop<'_> {
        StopOnDrop(self)
    }
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
