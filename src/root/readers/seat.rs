//! The line of this thread, and a place for a pin.

use std::cell::Cell;

use super::place::{Announcement, Place, StoreId};
use super::registry::{Line, claim};
use crate::sync::{model_has_failed, thread_local_const};

thread_local_const! {
    /// The line that this thread has claimed. Without a destructor: it is one load from a register.
    static LINE: Cell<Option<&'static Line>> = Cell::new(None)
}

thread_local_const! {
    /// Gives the line back when the thread ends.
    static RETURN: Return = Return(Cell::new(None))
}

struct Return(Cell<Option<&'static Line>>);

impl Drop for Return {
    fn drop(&mut self) {
        if let Some(line) = self.0.get()
            && !model_has_failed()
        {
            // Whoever still reads on this thread, in a destructor of another variable, has a line for
            // each pin from here on.
            let _ = LINE.try_with(|own| own.set(None));
            line.give_back();
        }
    }
}

/// A place in which this thread has announced itself, until it leaves.
#[derive(Debug)]
pub struct Seat {
    place: &'static Place,
    /// The line, if it was claimed for this pin alone.
    spare: Option<&'static Line>,
}

impl Seat {
    /// Announces a reader of `store` in a place that is free. What it loads after this is what it announced
    /// or newer, if that was published before (R2, R4).
    #[inline]
    #[must_use]
    pub fn announce(store: StoreId, announcement: Announcement) -> Self {
        let line = LINE.try_with(Cell::get).ok().flatten();
        let seat = match line.and_then(Line::first) {
            Some(place) => Self { place, spare: None },
            None => Self::take_another(line),
        };
        seat.place.announce(store, announcement);
        seat
    }

    /// From now on only `version` is read.
    #[inline]
    pub fn announce_exactly(&self, version: u64) {
        self.place.announce_exactly(version);
    }

    /// The first of a thread, a nested one, or one without a thread's line.
    #[cold]
    #[inline(never)]
    fn take_another(line: Option<&'static Line>) -> Self {
        if let Some(place) = line.or_else(claim_for_thread).and_then(Line::place) {
            return Self { place, spare: None };
        }
        let line = claim();
        let place = line.place().expect("a line that was claimed is idle");
        Self { place, spare: Some(line) }
    }

    /// The reader has read what it wanted.
    #[inline]
    pub fn leave(&self) {
        self.place.leave();
        if let Some(line) = self.spare {
            line.give_back();
        }
    }
}

/// The line of this thread; none if the thread's variables are gone.
fn claim_for_thread() -> Option<&'static Line> {
    let line = RETURN.try_with(|owed| {
        let line = claim();
        owed.0.set(Some(line));
        line
    });
    let line = line.ok()?;
    let _ = LINE.try_with(|own| own.set(Some(line)));
    Some(line)
}
