//! What a snapshot costs in memory while a large file is rewritten.
//!
//! Every piece of the file is overwritten once, in random order, through one handle, while a view of the
//! time before is held. Both figures are live bytes beyond the empty store, in copies of the file: the
//! peak while writing, of which the old and the new content are 2, and what is left when the view is
//! gone. View and file are checked piece by piece, outside the count.

use std::cell::Cell;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::tree::{shuffled, warm_up};
use super::{UNCOUNTED, figure};
use crate::allocator;
use crate::backend::{Backend, Setup, Side};
use crate::load::{Payload, check_payload};
use crate::store::{Answer, Failure, Mode, View};
use crate::workload::{Extent, Isolation, Metric, Params, Round, Scope, Unit, Workload};

/// The workload.
#[derive(Clone, Copy, Debug)]
pub struct MemoryUnderSnapshot;

const PEAK_PER_BYTE: &str = "peak-per-byte";
const AFTER_DROP_PER_BYTE: &str = "after-drop-per-byte";

const PIECE: u64 = 4096;
const SMALL: u64 = 4 << 20;
const LARGE: u64 = 64 << 20;
/// Copies of the file that arcfs may keep when nobody looks at an old one any more.
const ONE_COPY: f64 = 1.25;
/// A first write that takes longer waits for a view to end.
const PATIENCE: Duration = Duration::from_secs(2);

impl Workload for MemoryUnderSnapshot {
    fn name(&self) -> &'static str {
        "memory-under-snapshot"
    }

    fn about(&self) -> &'static str {
        "counts the peak of live bytes while a large file is rewritten under a snapshot, and what is left \
         without it"
    }

    fn metrics(&self) -> &'static [Metric] {
        const { &[figure(PEAK_PER_BYTE, Unit::BytesPerByte), figure(AFTER_DROP_PER_BYTE, Unit::BytesPerByte)] }
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let sizes: &[u64] = match scope.extent {
            Extent::Smoke => &[SMALL],
            Extent::Quick => &[],
            Extent::Default => &[SMALL, LARGE],
            Extent::Full => &[SMALL, LARGE, 4 * LARGE],
        };
        sizes.iter().map(|size| Params::new().number("size", *size).number("piece", PIECE)).collect()
    }

    fn left_out(&self, backend: &Backend, params: &Params, _scope: &Scope) -> Option<&'static str> {
        match backend.name {
            "tempfile-disk" | "tempfile-memory" => Some("keeps its bytes outside the process"),
            "imbl-arcswap" if params.get("size") >= LARGE => {
                Some("copies the whole file for each write, so this would take minutes; see the smaller file")
            }
            _ => None,
        }
    }

    fn isolation(&self, _params: &Params) -> Isolation {
        Isolation::Process
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        rewrite(backend, params)
    }
}

const PATH: &str = "/dir/large";

/// Rewrites every piece of a large file once, in random order, while a view of the time before is held.
fn rewrite(backend: &Backend, params: &Params) -> Answer<Round> {
    let counting = allocator::start();
    let (bytes, piece) = (params.get("size"), params.get("piece"));
    let mut payload = Payload::new(piece as usize);
    let order = shuffled(bytes / piece);
    let mut whole = Vec::with_capacity(bytes as usize);
    (0..bytes / piece).for_each(|key| whole.extend_from_slice(payload.stamp(key, 1)));
    warm_up(backend)?;

    let before = allocator::live().bytes;
    let store = (backend.make)(&Setup::default())?;
    store.create_dir_all("/dir")?;
    store.write(PATH, &whole)?;
    let view = store.view()?;
    allocator::restart_peak();
    let mut highest = 0;
    let view = under(view, PATIENCE, |begun| {
        let mut file = store.open(PATH, Mode::Update)?;
        for &key in &order {
            let key = u64::from(key);
            file.write_at(payload.stamp(key, 2), key * piece)?;
            highest = highest.max(allocator::live().bytes);
            begun();
        }
        file.close()
    })?;
    // Between two pieces, and within one what asks an allocator.
    let peak = highest.max(allocator::live().bytes).max(allocator::live().peak) - before;

    let mut checks = check_view(&*view, bytes, piece)?;
    drop(view);
    let after = allocator::live().bytes - before;
    store.read(PATH, &mut whole)?;
    checks += check_pieces(&whole, bytes, piece, 2)?;
    allocator::stop();

    let round = Round { checks, ..Round::default() };
    let per_byte = |live: i64| live as f64 / bytes as f64;
    // What a view kept must go with it; of a rival it is only told.
    if backend.side == Side::Arcfs && per_byte(after) > ONE_COPY {
        let kept = per_byte(after);
        return Err(Failure::failed(format!("{kept:.2} copies of the file are left when the view is gone")));
    }
    if counting {
        Ok(round.value(PEAK_PER_BYTE, per_byte(peak)).value(AFTER_DROP_PER_BYTE, per_byte(after)))
    } else {
        Ok(Round { cannot: vec![(PEAK_PER_BYTE, UNCOUNTED), (AFTER_DROP_PER_BYTE, UNCOUNTED)], ..round })
    }
}

/// Writes in another thread while a view is held, and gives the view back. Where the writer does not get
/// through its first write, the view keeps writers out, and is given up so that the writer can end.
fn under<'store>(
    view: Box<dyn View + 'store>,
    patience: Duration,
    write: impl FnOnce(&dyn Fn()) -> Answer<()> + Send,
) -> Answer<Box<dyn View + 'store>> {
    let (first, begun) = channel();
    let first = Cell::new(Some(first));
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            // Told once: every message would be counted as memory of the store.
            write(&|| {
                if let Some(first) = first.take() {
                    let _ = first.send(()); // who waits outlives this thread
                }
            })
        });
        let joined = |writer: ScopedJoinHandle<'_, Answer<()>>| {
            writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        if let Err(RecvTimeoutError::Timeout) = begun.recv_timeout(patience) {
            drop(view);
            joined(writer)?;
            return Err(Failure::Cannot("lets nobody write while a view is held"));
        }
        joined(writer).map(|()| view)
    })
}

/// Checks that the view has the file as it was, and nothing else.
fn check_view(view: &dyn View, bytes: u64, piece: u64) -> Answer<u64> {
    let mut found = Vec::new();
    view.export(&mut |path, content| found.push((path == PATH, check_pieces(content, bytes, piece, 1))))?;
    match found.pop() {
        Some((true, checked)) if found.is_empty() => checked,
        _ => Err(Failure::failed("the view does not have the large file, or not only that")),
    }
}

/// Checks that every piece is there and whole, of the write with this number; tells how many.
fn check_pieces(content: &[u8], bytes: u64, piece: u64, number: u64) -> Answer<u64> {
    if content.len() as u64 != bytes {
        return Err(Failure::failed(format!("the large file has {} bytes, not {bytes}", content.len())));
    }
    for (key, content) in (0..).zip(content.chunks(piece as usize)) {
        let found = check_payload(content, piece as usize, key)?;
        if found != number {
            return Err(Failure::failed(format!("piece {key} is of write {found}, not {number}")));
        }
    }
    Ok(bytes / piece)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::*;

    #[test]
    fn pieces_of_another_write_or_place_are_noticed() {
        let mut payload = Payload::new(4096);
        let mut whole = [payload.stamp(0, 2).to_vec(), payload.stamp(1, 2).to_vec()].concat();
        assert_eq!(check_pieces(&whole, 8192, 4096, 2).expect("whole"), 2);
        assert!(check_pieces(&whole, 8192, 4096, 1).is_err());
        assert!(check_pieces(&whole[..4096], 8192, 4096, 2).is_err());
        whole.rotate_left(4096);
        assert!(check_pieces(&whole, 8192, 4096, 2).is_err());
    }

    /// A view that tells a writer when it is given up.
    struct Held(#[expect(dead_code, reason = "only its end matters")] Sender<()>);

    impl View for Held {
        fn walk(&self, _each: &mut dyn FnMut(&str, &str)) -> Answer<()> {
            Ok(())
        }
        fn glob(&self, _pattern: &str) -> Answer<usize> {
            Ok(0)
        }
        fn export(&self, _each: &mut dyn FnMut(&str, &[u8])) -> Answer<()> {
            Ok(())
        }
    }

    #[test]
    fn what_the_writer_answers_comes_back_with_the_view() {
        let held = || Box::new(Held(channel().0));
        let view = under(held(), PATIENCE, |begun| {
            (0..3).for_each(|_| begun());
            Ok(())
        });
        assert!(check_view(&*view.expect("written"), 8192, 4096).is_err(), "it has no file");
        assert!(matches!(under(held(), PATIENCE, |_| Err(Failure::Full)), Err(Failure::Full)));
    }

    #[test]
    fn a_view_that_keeps_writers_out_is_given_up() {
        let (held, end) = channel();
        let answer = under(Box::new(Held(held)), Duration::from_millis(20), move |begun| {
            end.recv().expect_err("nothing is sent; this waits for the end of the view");
            begun();
            Ok(())
        });
        assert!(matches!(answer, Err(Failure::Cannot(_))));
    }
}
