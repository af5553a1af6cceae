//! Files in pieces: streams, and bytes in the middle.

use arcfs_harness::store::Mode;

use crate::{assert_content, assert_failed, bytes, expect, on_every_store};

#[test]
fn streams_of_odd_sizes_arrive_whole() {
    on_every_store(|store, _| {
        store.write("/stream", b"longer than the first stream").expect("written");
        for (total, piece) in [(0, 1), (7, 3), (65_536, 4096), (1_000_003, 65_521), (300_000, 777)] {
            let expected = bytes(total, piece as u8);
            let mut file = store.open("/stream", Mode::Create).expect("opened");
            let mut buffer = vec![0; piece];
            for part in expected.chunks(piece) {
                buffer[..part.len()].copy_from_slice(part);
                file.write(&buffer[..part.len()]).expect("written");
                buffer.fill(0xee);
            }
            file.close().expect("closed");
            assert_content(store, "/stream", &expected);

            let mut file = store.open("/stream", Mode::Read).expect("opened");
            let (mut seen, mut buffer) = (Vec::new(), vec![0; piece + 1]);
            loop {
                match file.read(&mut buffer).expect("read") {
                    0 => break,
                    count => seen.extend_from_slice(&buffer[..count]),
                }
            }
            assert_eq!(file.read(&mut buffer).expect("still at the end"), 0);
            file.close().expect("closed");
            assert!(seen == expected, "{} other bytes instead of {total}", seen.len());
        }
    });
}

#[test]
fn bytes_in_the_middle_are_read_where_they_are() {
    on_every_store(|store, _| {
        let size = 200_000;
        let expected = bytes(size, 1);
        store.write("/file", &expected).expect("written");
        let mut file = store.open("/file", Mode::Read).expect("opened");
        for (offset, count) in [(0, 1), (199_999, 1), (4095, 2), (65_530, 70_000), (0, size), (100, 0)] {
            let mut buf = vec![0; count];
            file.read_at(&mut buf, offset as u64).expect("read");
            assert!(buf == expected[offset..offset + count], "at {offset}");
        }
        assert_failed(file.read_at(&mut [0; 2], size as u64 - 1));
        assert_failed(file.read_at(&mut [0; 2], size as u64 + 10));
        // Reading at an offset does not move the position.
        let mut buf = [0; 10];
        assert_eq!(file.read(&mut buf).expect("read"), 10);
        assert_eq!(buf, expected[..10]);
    });
}

#[test]
fn bytes_in_the_middle_are_written_in_place() {
    on_every_store(|store, able| {
        let mut model = bytes(100_000, 2);
        store.write("/file", &model).expect("written");
        let opened = store.open("/file", Mode::Update);
        let Some(mut file) = expect(able.updates, "update", opened) else { return };
        // The last ones end behind the end, begin at it, and leave a gap.
        let places =
            [(0, 1), (4095, 3), (50_000, 30_000), (99_999, 1), (99_990, 20), (100_010, 5), (100_020, 4)];
        for (round, (offset, count)) in places.into_iter().enumerate() {
            let piece = bytes(count, 0x80 + round as u8);
            file.write_at(&piece, offset as u64).expect("written");
            model.resize(model.len().max(offset + count), 0);
            model[offset..offset + count].copy_from_slice(&piece);
            let start = offset.saturating_sub(10);
            let mut buf = vec![0; offset + count - start];
            file.read_at(&mut buf, start as u64).expect("read");
            assert!(buf == model[start..offset + count], "around {offset}");
        }
        // The position has not moved yet.
        let mut buf = [0; 100];
        assert_eq!(file.read(&mut buf).expect("read"), 100);
        assert_eq!(buf, model[..100]);
        file.write(b"in order").expect("written");
        model[100..108].copy_from_slice(b"in order");
        assert_eq!(file.read(&mut buf).expect("read"), 100);
        assert_eq!(buf, model[108..208]);
        file.close().expect("closed");
        assert_content(store, "/file", &model);
    });
}
