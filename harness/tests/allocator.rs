//! The counting allocator, called directly: the counters belong to the process, so the only test of this
//! file has a process of its own, and the process's own allocator is another one.

#![allow(unsafe_code, reason = "an allocator is unsafe to call")]

use std::alloc::{GlobalAlloc, Layout};

use arcfs_harness::allocator::{Counting, live, restart_peak, start, stop};

#[test]
fn live_blocks_and_the_peak_are_counted_between_start_and_stop() {
    assert!(!start(), "the test binary has its own allocator");
    let layout = Layout::from_size_align(1000, 8).expect("valid");
    let begin = live();
    // SAFETY: every block is of a layout with a size above zero and is freed once with the layout
    // that it has then.
    unsafe {
        let plain = Counting.alloc(layout);
        let zeroed = Counting.alloc_zeroed(layout);
        assert_eq!((live().bytes - begin.bytes, live().blocks - begin.blocks), (2000, 2));
        assert_eq!(*zeroed.add(999), 0);
        let plain = Counting.realloc(plain, layout, 5000);
        assert_eq!((live().bytes - begin.bytes, live().blocks - begin.blocks), (6000, 2));
        let plain = Counting.realloc(plain, Layout::from_size_align(5000, 8).expect("valid"), 1000);
        Counting.dealloc(zeroed, layout);
        let now = live();
        assert_eq!((now.bytes - begin.bytes, now.blocks - begin.blocks), (1000, 1));
        assert_eq!(now.peak - begin.bytes, 6000);
        restart_peak();
        assert_eq!(live().peak - begin.bytes, 1000);
        Counting.dealloc(plain, layout);
        assert_eq!(live().bytes, begin.bytes);
        stop();
        Counting.dealloc(Counting.alloc(layout), layout);
    }
    assert_eq!((live().bytes, live().blocks), (begin.bytes, begin.blocks));
    assert_eq!(live().peak - begin.bytes, 1000, "what is not counted makes no peak");
}
