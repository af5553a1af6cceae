//! Several threads at once: every answer is of one write, every view of one instant.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use arcfs_harness::load::{Payload, check_payload};
use arcfs_harness::store::{Answer, View};

use crate::{listing, on_every_store};

/// The numbers of the last writes that a view shows, by file.
fn numbers(view: &dyn View, files: usize, size: usize) -> Vec<u64> {
    let numbers = RefCell::new(vec![None; files]);
    let export = view.export(&mut |path, bytes| {
        let key: usize = path["/dir/".len()..].parse().expect("the name is the key");
        let number = check_payload(bytes, size, key as u64).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(numbers.borrow_mut()[key].replace(number), None, "{path} came twice");
    });
    export.expect("exported");
    numbers.into_inner().into_iter().map(|number| number.expect("every file is in the view")).collect()
}

#[test]
fn a_view_is_one_instant_beside_a_writer() {
    const FILES: usize = 12;
    const SIZE: usize = 1024;
    on_every_store(|store, able| {
        if !able.views {
            return;
        }
        store.create_dir_all("/dir").expect("made");
        let round = |number: u64, payload: &mut Payload| {
            (0..FILES)
                .try_for_each(|key| store.write(&format!("/dir/{key}"), payload.stamp(key as u64, number)))
        };
        round(0, &mut Payload::new(SIZE)).expect("written");
        // Relaxed: the flag publishes nothing.
        let stop = &AtomicBool::new(false);
        thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let mut payload = Payload::new(SIZE);
                for number in 1.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    round(number, &mut payload).expect("written");
                }
            });
            // A check that fails must stop the writer too, or the scope would wait for it for ever.
            let checked = catch_unwind(AssertUnwindSafe(|| {
                let (mut views, mut seen) = (0, BTreeSet::new());
                while views < 200 || seen.len() < 20 {
                    assert!(!writer.is_finished(), "the writer failed");
                    let view = store.view().expect("a view");
                    let shown = numbers(&*view, FILES, SIZE);
                    // Files are written in order, so one instant shows one step down at most.
                    assert!(shown.is_sorted_by(|a, b| a >= b), "no instant: {shown:?}");
                    assert!(shown[0] - shown[FILES - 1] <= 1, "no instant: {shown:?}");
                    thread::yield_now();
                    assert_eq!(numbers(&*view, FILES, SIZE), shown, "the view changed");
                    seen.insert(shown[0]);
                    views += 1;
                    drop(view);
                    thread::yield_now();
                }
            }));
            stop.store(true, Ordering::Relaxed);
            writer.join().expect("the writer does not fail");
            if let Err(panic) = checked {
                resume_unwind(panic);
            }
        });
    });
}

#[test]
fn four_threads_write_and_read_at_once() {
    const SIZE: usize = 4096;
    const FILES: u64 = 20;
    const HOT: u64 = 1000;
    on_every_store(|store, able| {
        store.create_dir_all("/shared").expect("made");
        store.write("/shared/hot", Payload::new(SIZE).stamp(HOT, 0)).expect("written");
        let run = |thread: u64| -> Answer<()> {
            let (mut payload, mut out) = (Payload::new(SIZE), Vec::new());
            store.create_dir_all(&format!("/own{thread}"))?;
            for number in 0..10 {
                for key in thread * FILES..(thread + 1) * FILES {
                    let dir = if key % 2 == 0 { format!("/own{thread}") } else { "/shared".to_owned() };
                    let path = format!("{dir}/{key}");
                    store.write(&path, payload.stamp(key, number))?;
                    store.read(&path, &mut out)?;
                    assert_eq!(check_payload(&out, SIZE, key)?, number);
                    assert_eq!(store.size(&path)?, SIZE as u64);
                    store.write("/shared/hot", payload.stamp(HOT, number))?;
                    store.read("/shared/hot", &mut out)?;
                    if able.whole_writes {
                        check_payload(&out, SIZE, HOT)?;
                    }
                }
                store.list("/shared", &mut |_| ())?;
                let path = format!("/own{thread}/short-lived");
                store.write(&path, b"")?;
                store.remove(&path)?;
            }
            Ok(())
        };
        let run = &run;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || run(thread))).collect();
            for thread in threads {
                thread.join().expect("no panic").unwrap_or_else(|failure| panic!("{failure}"));
            }
        });
        assert_eq!(listing(store, "/shared").len() as u64, 4 * FILES / 2 + 1);
        for thread in 0..4 {
            assert_eq!(listing(store, &format!("/own{thread}")).len() as u64, FILES / 2);
        }
    });
}
