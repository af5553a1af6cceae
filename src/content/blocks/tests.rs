//! Blocks under many hands.
//!
//! The pool is that of the process and other tests use it too, so nothing here counts exactly.

use std::sync::mpsc;

use proptest::prelude::*;

use super::class::{Class, SHORTEST};
use super::{Buffer, ContentMemory};
use crate::content::CHUNK;

/// Bytes that tell who wrote them.
fn stamp(buffer: &mut Buffer, len: usize, seed: u64) {
    let mut state = seed | 1;
    while buffer.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let n = (len - buffer.len()).min(8);
        buffer.extend_from_slice(&state.to_le_bytes()[..n]);
    }
}

fn check(buffer: &Buffer, len: usize, seed: u64) {
    let mut state = seed | 1;
    assert_eq!(buffer.len(), len);
    for word in buffer.chunks(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        assert!(word == &state.to_le_bytes()[..word.len()], "someone else wrote here");
    }
}

#[test]
fn a_buffer_has_room_for_what_was_asked_and_shows_only_what_was_written() {
    for len in [0, 1, 100, SHORTEST - 1, SHORTEST, 2048, 2049, 4096, 5000, 40_000, CHUNK - 1, CHUNK] {
        for _ in 0..3 {
            let mut buffer = Buffer::with_room(len).unwrap();
            assert!(buffer.is_empty() && buffer.capacity() >= len);
            assert_eq!(buffer.capacity(), Class::of(len).map_or(len, Class::size));
            stamp(&mut buffer, len, 7);
            check(&buffer, len, 7);
            assert!(buffer.is_exact());
            let room = buffer.capacity() - len;
            buffer.extend_with_zeros(room);
            assert!(buffer[len..].iter().all(|&byte| byte == 0));
            buffer.truncate(len / 2);
            assert_eq!(buffer.len(), len / 2);
            buffer.extend_with_zeros(len - len / 2);
            assert!(buffer[len / 2..].iter().all(|&byte| byte == 0), "what was cut off is back");
        }
    }
}

#[test]
fn growing_keeps_the_bytes_and_moves_only_beyond_the_capacity() {
    let mut buffer = Buffer::with_room(0).unwrap();
    let (mut expected, mut moves) = (Vec::new(), 0);
    for byte in 0..CHUNK {
        let before = (buffer.as_ptr(), buffer.capacity());
        buffer.reserve(1).unwrap();
        if buffer.as_ptr() != before.0 {
            assert_eq!(before.1, byte);
            moves += 1;
            buffer.reserve((byte + 1).min(CHUNK - byte)).unwrap();
        }
        buffer.extend_from_slice(&[byte as u8]);
        expected.push(byte as u8);
    }
    assert!(moves <= 17 && *buffer == *expected && buffer.is_exact());
}

#[test]
#[should_panic(expected = "longer than its memory")]
fn more_than_there_is_room_for_is_refused() {
    let mut buffer = Buffer::with_room(4000).unwrap();
    let room = buffer.capacity();
    buffer.extend_from_slice(&vec![1; room + 1]);
}

#[test]
fn a_vector_is_taken_as_it_is() {
    let mut vec = Vec::with_capacity(5000);
    vec.extend_from_slice(&[3; 4000]);
    let address = vec.as_ptr();
    let buffer = Buffer::from(vec);
    assert_eq!((buffer.as_ptr(), buffer.len(), buffer.capacity()), (address, 4000, 5000));
    assert!(!buffer.is_exact());
    assert_eq!(*Buffer::from(Vec::new()), []);
}

#[test]
fn what_was_given_last_is_taken_first() {
    // Unless another test of the same shard comes in between, now and then.
    let found = (0..100).any(|_| {
        let first = Buffer::copied(&[1; 12_345]).unwrap();
        let address = first.as_ptr();
        drop(first);
        Buffer::with_room(12_345).unwrap().as_ptr() == address
    });
    assert!(found);
}

#[test]
fn neighbouring_chunks_of_a_stream_lie_beside_each_other() {
    let buffers: Vec<_> = (0..256).map(|_| Buffer::with_room(CHUNK).unwrap()).collect();
    let beside =
        buffers.windows(2).filter(|pair| pair[0].as_ptr().wrapping_add(CHUNK) == pair[1].as_ptr()).count();
    assert!(beside >= 128, "{beside} of 255");
}

#[test]
fn threads_hand_blocks_to_each_other() {
    let work = |number: u64, out: &mpsc::SyncSender<(Buffer, usize, u64)>, back: &mpsc::Receiver<_>| {
        let (mut state, mut mine) = (number * 2 + 1, Vec::new());
        for step in 0..3_000_u64 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let len = SHORTEST + state as usize % if step % 8 == 0 { CHUNK - SHORTEST } else { 6_000 };
            let mut buffer = Buffer::with_room(len).unwrap();
            stamp(&mut buffer, len, state);
            match state % 3 {
                0 => mine.push((buffer, len, state)),
                1 => drop(out.send((buffer, len, state))), // who has ended takes no more
                _ => check(&buffer, len, state),
            }
            while let Ok((buffer, len, seed)) = back.try_recv() {
                check(&buffer, len, seed);
            }
            if mine.len() > 200 {
                let (buffer, len, seed) = mine.swap_remove(state as usize % mine.len());
                check(&buffer, len, seed);
            }
            if step % 500 == 0 {
                ContentMemory::trim();
            }
        }
        mine.iter().for_each(|(buffer, len, seed)| check(buffer, *len, *seed));
    };
    std::thread::scope(|scope| {
        let (outs, backs): (Vec<_>, Vec<_>) = (0..4).map(|_| mpsc::sync_channel(10_000)).unzip();
        for (number, back) in backs.into_iter().enumerate() {
            let out = outs[(number + 1) % outs.len()].clone();
            scope.spawn(move || work(number as u64, &out, &back));
        }
    });
}

#[test]
fn memory_comes_back_after_a_large_drop() {
    const BYTES: usize = 160 << 20;
    let mut buffers: Vec<_> = (0..BYTES / 4096).map(|_| Buffer::with_room(4096).unwrap()).collect();
    let full = ContentMemory::now();
    assert!(full.used() >= BYTES as u64 && full.reserved() >= full.used());
    // In an order in which each slab keeps some blocks for long.
    let mut at = 0;
    while !buffers.is_empty() {
        at = (at + 2_654_435_761) % buffers.len();
        buffers.swap_remove(at);
    }
    // What others use meanwhile is little.
    let rest = ContentMemory::now().reserved();
    assert!(rest < 64 << 20, "{rest} bytes are kept");
}

proptest! {
    #[test]
    fn live_blocks_do_not_overlap(
        steps in prop::collection::vec((any::<bool>(), 1..=CHUNK, any::<prop::sample::Index>()), 1..200),
    ) {
        let mut live: Vec<(Buffer, usize, u64)> = Vec::new();
        for (seed, (take, len, which)) in steps.into_iter().enumerate() {
            if take || live.is_empty() {
                let mut buffer = Buffer::with_room(len).unwrap();
                stamp(&mut buffer, len, seed as u64);
                live.push((buffer, len, seed as u64));
            } else {
                let (buffer, len, seed) = live.swap_remove(which.index(live.len()));
                check(&buffer, len, seed);
            }
        }
        for (buffer, len, seed) in &live {
            check(buffer, *len, *seed);
        }
        let mut ranges: Vec<_> =
            live.iter().map(|(buffer, ..)| (buffer.as_ptr().addr(), buffer.capacity())).collect();
        ranges.sort_unstable();
        prop_assert!(ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
    }
}
