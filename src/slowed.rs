//! An engine that is slow on purpose, so that what guards its speed can be shown to bite.
//!
//! With `--cfg arcfs_slowed` each look-up of a path and each publication does work for nothing:
//! `compare`, `ab` and the gate on instructions must then say that this engine is slower. Nothing
//! else may use it; without the cfg it compiles to nothing.

use std::hint::black_box;

/// Rounds of a look-up: about 150 ns.
const LOOK_UP: u32 = 500;
/// Rounds of a publication, which does them while others wait for their turn: about 1.5 µs.
const PUBLICATION: u32 = 5_600;

/// Called by each look-up of a path.
#[inline]
pub fn look_up() {
    waste(LOOK_UP);
}

/// Called by each publication, before it swaps the root.
#[inline]
pub fn publication() {
    waste(PUBLICATION);
}

#[inline]
fn waste(rounds: u32) {
    if cfg!(arcfs_slowed) {
        for round in 0..rounds {
            black_box(round);
        }
    }
}
