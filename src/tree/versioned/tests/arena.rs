//! The arena: blocks are disjoint and aligned, counters are exact, memory goes back.

use std::collections::BTreeMap;
use std::ptr::NonNull;

use proptest::prelude::*;

use super::super::arena::round;
use super::super::{Arena, KEPT, LARGEST, SLAB, Slab, WATERMARK};

/// What the test holds: size and pattern of each block, by address.
type Blocks = BTreeMap<usize, (NonNull<u8>, usize, u8)>;

fn fill(block: NonNull<u8>, size: usize, pattern: u8) {
    // SAFETY: the block is ours, of this size.
    unsafe { block.write_bytes(pattern, size) };
}

fn intact(block: NonNull<u8>, size: usize, pattern: u8) -> bool {
    // SAFETY: the block is ours, of this size, and was written.
    unsafe { std::slice::from_raw_parts(block.as_ptr(), size) }.iter().all(|byte| *byte == pattern)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn blocks_are_disjoint_and_counted(
        ops in proptest::collection::vec((any::<prop::sample::Index>(), 0..5usize, 1..3000usize), 1..if cfg!(miri) { 60 } else { 1000 }),
    ) {
        let mut arena = Arena::new();
        let mut blocks = Blocks::new();
        for (turn, (which, op, size)) in ops.iter().enumerate() {
            // Mostly few sizes, so that slabs fill up.
            let size = if size % 3 == 0 { *size } else { size % 4 * 250 + 30 };
            match op {
                0..=2 => {
                    let block = arena.alloc(size).unwrap();
                    prop_assert_eq!(block.addr().get() % 16, 0);
                    let next = blocks.range(block.addr().get()..).next();
                    prop_assert!(next.is_none_or(|(at, _)| block.addr().get() + round(size) <= *at));
                    let previous = blocks.range(..block.addr().get()).next_back();
                    prop_assert!(previous.is_none_or(|(at, (_, size, _))| at + round(*size) <= block.addr().get()));
                    fill(block, size, turn as u8);
                    blocks.insert(block.addr().get(), (block, size, turn as u8));
                }
                3 if !blocks.is_empty() => {
                    let at = *which.get(&blocks.keys().copied().collect::<Vec<_>>());
                    let (block, size, pattern) = blocks.remove(&at).unwrap();
                    prop_assert!(intact(block, size, pattern));
                    // SAFETY: it came from this arena with this size, and is forgotten.
                    unsafe { arena.free(block, size) };
                }
                _ if turn % 16 == 0 => arena.trim(),
                _ => {}
            }
            prop_assert_eq!(arena.objects(), blocks.len());
            prop_assert_eq!(arena.live(), blocks.values().map(|(_, size, _)| round(*size)).sum::<usize>());
            prop_assert!(arena.reserved() >= arena.live());
        }
        for (block, size, pattern) in blocks.into_values() {
            prop_assert!(intact(block, size, pattern));
            // SAFETY: as above.
            unsafe { arena.free(block, size) };
        }
        arena.trim();
        prop_assert_eq!((arena.live(), arena.objects(), arena.reserved()), (0, 0, 0));
    }
}

#[test]
fn a_large_drop_gives_memory_back_without_being_told() {
    let mut arena = Arena::new();
    let count = if cfg!(miri) { 300 } else { 50_000 };
    for size in [64, 784, 2048] {
        let blocks: Vec<_> = (0..count).map(|_| arena.alloc(size).unwrap()).collect();
        let full = arena.reserved();
        assert!(
            cfg!(miri) || full <= arena.live() / 100 * 110 + SLAB,
            "slack of {size}: {full} for {}",
            arena.live()
        );
        for block in blocks {
            // SAFETY: it came from this arena with this size.
            unsafe { arena.free(block, size) };
        }
    }
    // Empty slabs, and for each of the sizes two magazines.
    assert!(arena.reserved() <= (KEPT + 3 * 5) * SLAB, "{arena:?}");
    arena.trim();
    assert_eq!(arena.reserved(), 0);
}

#[test]
fn one_block_holds_one_slab() {
    let mut arena = Arena::new();
    let blocks: Vec<_> =
        (0..if cfg!(miri) { 600 } else { 5000 }).map(|_| arena.alloc(112).unwrap()).collect();
    for block in &blocks[1..] {
        // SAFETY: it came from this arena with this size.
        unsafe { arena.free(*block, 112) };
    }
    arena.trim();
    assert_eq!((arena.live(), arena.reserved()), (112, SLAB));
    // SAFETY: as above.
    unsafe { arena.free(blocks[0], 112) };
}

#[test]
fn slabs_that_were_brought_are_used_before_the_system_is_asked() {
    let mut arena = Arena::new();
    while arena.low() {
        arena.add(Slab::new().unwrap());
    }
    let reserved = arena.reserved();
    assert_eq!(reserved, WATERMARK * SLAB);
    let blocks: Vec<_> =
        (1..=WATERMARK).map(|class| (arena.alloc(class * 64).unwrap(), class * 64)).collect();
    assert_eq!(arena.reserved(), reserved);
    assert!(arena.low());
    for (block, size) in blocks {
        // SAFETY: it came from this arena with this size.
        unsafe { arena.free(block, size) };
    }
}

#[test]
fn large_blocks_come_and_go_one_by_one() {
    let mut arena = Arena::new();
    let block = arena.alloc(LARGEST + 1).unwrap();
    fill(block, LARGEST + 1, 7);
    assert_eq!(arena.reserved(), LARGEST + 16);
    // SAFETY: it came from this arena with this size.
    unsafe { arena.free(block, LARGEST + 1) };
    assert_eq!(arena.reserved(), 0);
    assert!(arena.alloc(usize::MAX).is_err());
    assert_eq!(arena.live(), 0);
}
