//! Small reads and writes at random offsets of one file.
//!
//! The file is written whole, outside the time. Four phases, in this order:
//!
//! * `read`: random reads of the file as it was written, which stores without writes in place can do too;
//! * `write`: random writes in place to the file as it was written whole; before each pass it is written
//!   whole again;
//! * `write-again`: random writes in place to the file as the passes before left it;
//! * `mixed`: writes and reads in turns through one handle, so that reads meet what was just written, on
//!   the file as the passes before left it.
//!
//! The two phases of writes are apart because a store may take the first writes to a file as the moment to
//! copy it, or to change how it keeps it, and pay for that once: a mean over passes on one file would be
//! the smaller the more passes there are.
//!
//! A phase is repeated until enough was timed, and its time is the mean of a pass: all operations, with
//! opening and closing the file. `total` is `write` and `read`.
//!
//! Offsets are any byte, so that operations cross whatever blocks a store has, as in D-MemFS, whose
//! pieces are 64 KiB and whose reads are not random. They are seeded by phase and pass: a fast store does
//! more passes, and a pass has the same offsets on every store. A copy of the file is kept beside the
//! store; every read is compared with it after each batch, and the whole file at the end, outside the time.

use std::time::Duration;

use super::batch::BATCH;
use super::repeat::{READ, Stopwatch, TOTAL, WRITE};
use crate::backend::{Backend, Setup};
use crate::load::{Choice, Keys, Payload};
use crate::store::{Answer, Failure, Mode, OpenFile, Store};
use crate::workload::{Extent, Metric, Params, Round, Scope, Workload};

const WRITE_AGAIN: &str = "write-again";
const MIXED: &str = "mixed";
const METRICS: &[Metric] = &[
    Metric::time(TOTAL),
    Metric::time(WRITE),
    Metric::time(READ),
    Metric::time(WRITE_AGAIN),
    Metric::time(MIXED),
];
const PATH: &str = "/random";
/// A phase goes on until this much was timed, or so many passes.
const ENOUGH: Duration = Duration::from_millis(7);
const MOST_PASSES: u64 = 256;
/// Fewer where writing the whole file before each pass takes far longer than the pass.
const MOST_PASSES_ON_NEW: u64 = 8;

/// 4 KiB at random offsets of 16 MiB.
#[derive(Debug)]
pub struct RandomAccess;

impl Workload for RandomAccess {
    fn name(&self) -> &'static str {
        "random-access"
    }

    fn about(&self) -> &'static str {
        "reads and writes small pieces at random offsets of an open file"
    }

    fn metrics(&self) -> &'static [Metric] {
        METRICS
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let (size, operations) =
            if scope.extent == Extent::Smoke { (256 << 10, 96) } else { (16 << 20, 256) };
        vec![Params::new().number("size", size).number("piece", 4096).number("operations", operations)]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let [size, piece, operations] = ["size", "piece", "operations"].map(|name| params.get(name) as usize);
        let store = (backend.make)(&Setup::default())?;
        let content = Payload::new(size);
        let mut twin = Twin::new(&*store, content, piece, operations)?;

        let read = twin.phase(1, Mode::Read, |_| Kind::Read)?;
        let mut round = Round::default().value(READ, read);
        match twin.phase_on_new(2, Mode::Update, |_| Kind::Write) {
            Ok(write) => {
                let again = twin.phase(3, Mode::Update, |_| Kind::Write)?;
                let in_turns = |index| if index % 2 == 0 { Kind::Write } else { Kind::Read };
                let mixed = twin.phase(4, Mode::Update, in_turns)?;
                let total = write + read;
                round.values.extend([(TOTAL, total), (WRITE, write), (WRITE_AGAIN, again), (MIXED, mixed)]);
            }
            Err(Failure::Cannot(reason)) => {
                round.cannot.extend([TOTAL, WRITE, WRITE_AGAIN, MIXED].map(|metric| (metric, reason)));
            }
            Err(failure) => return Err(failure),
        }
        round.checks = twin.finish()?;
        Ok(round)
    }
}

/// What an operation of a phase is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

/// The file in the store, what is written when it is written whole, the copy of what it must hold, and the
/// buffers of a batch.
struct Twin<'a> {
    store: &'a dyn Store,
    content: Payload,
    copy: Vec<u8>,
    operations: usize,
    slots: Vec<Slot>,
    writes: u64,
    checks: u64,
}

/// An operation of a batch.
struct Slot {
    kind: Kind,
    offset: usize,
    payload: Payload,
    buffer: Vec<u8>,
}

impl<'a> Twin<'a> {
    fn new(store: &'a dyn Store, content: Payload, piece: usize, operations: usize) -> Answer<Self> {
        let (payload, buffer) = (|| Payload::new(piece), || vec![0xa5; piece]);
        let slot = |_| Slot { kind: Kind::Read, offset: 0, payload: payload(), buffer: buffer() };
        let slots = (0..BATCH).map(slot).collect();
        let copy = content.bytes().to_vec();
        let mut twin = Self { store, content, copy, operations, slots, writes: 0, checks: 0 };
        twin.renew(0)?;
        Ok(twin)
    }

    /// Writes the file whole.
    fn renew(&mut self, number: u64) -> Answer<()> {
        let bytes = self.content.stamp(0, number);
        self.copy.copy_from_slice(bytes);
        self.store.write(PATH, bytes)
    }

    /// The mean time in nanoseconds of a pass over all operations, of as many passes as are long enough.
    fn phase(&mut self, phase: u64, mode: Mode, kind: impl Fn(usize) -> Kind) -> Answer<f64> {
        let (mut watch, mut passes) = (Stopwatch::default(), 0);
        while passes < MOST_PASSES && watch.taken() < ENOUGH {
            passes += 1;
            self.pass(phase << 32 | passes, mode, &kind, &mut watch)?;
        }
        Ok(watch.taken().as_nanos() as f64 / passes as f64)
    }

    /// The same, the file written whole before each pass.
    fn phase_on_new(&mut self, phase: u64, mode: Mode, kind: impl Fn(usize) -> Kind) -> Answer<f64> {
        let (mut watch, mut passes) = (Stopwatch::default(), 0);
        while passes < MOST_PASSES_ON_NEW && watch.taken() < ENOUGH {
            passes += 1;
            self.renew(passes)?;
            self.pass(phase << 32 | passes, mode, &kind, &mut watch)?;
        }
        Ok(watch.taken().as_nanos() as f64 / passes as f64)
    }

    fn pass(
        &mut self,
        seed: u64,
        mode: Mode,
        kind: &impl Fn(usize) -> Kind,
        watch: &mut Stopwatch,
    ) -> Answer<()> {
        let piece = self.slots[0].buffer.len();
        let mut offsets = Keys::new(Choice::Uniform, (self.copy.len() - piece + 1) as u64, seed);
        let mut file = watch.time(|| self.store.open(PATH, mode))?;
        for first in (0..self.operations).step_by(BATCH) {
            let slots = &mut self.slots[..BATCH.min(self.operations - first)];
            for (slot, index) in slots.iter_mut().zip(first..) {
                slot.kind = kind(index);
                slot.offset = offsets.next_key() as usize;
                if slot.kind == Kind::Write {
                    self.writes += 1;
                    slot.payload.stamp(index as u64, self.writes);
                }
            }
            watch.time(|| slots.iter_mut().try_for_each(|slot| slot.run(&mut *file)))?;
            for slot in slots {
                self.checks += slot.compare(&mut self.copy)?;
            }
        }
        watch.time(|| file.close())
    }

    /// Compares the whole file; tells how many answers were compared in all.
    fn finish(self) -> Answer<u64> {
        let mut whole = Vec::with_capacity(self.copy.len());
        self.store.read(PATH, &mut whole)?;
        if whole == self.copy {
            Ok(self.checks + 1)
        } else {
            Err(Failure::failed("the file is not what its writes make it"))
        }
    }
}

impl Slot {
    fn run(&mut self, file: &mut dyn OpenFile) -> Answer<()> {
        let offset = self.offset as u64;
        match self.kind {
            Kind::Read => file.read_at(&mut self.buffer, offset),
            Kind::Write => file.write_at(self.payload.bytes(), offset),
        }
    }

    /// Does to the copy what was done to the file; tells how many answers were compared.
    fn compare(&self, copy: &mut [u8]) -> Answer<u64> {
        let there = &mut copy[self.offset..][..self.buffer.len()];
        match self.kind {
            Kind::Write => {
                there.copy_from_slice(self.payload.bytes());
                Ok(0)
            }
            Kind::Read if there == self.buffer => Ok(1),
            Kind::Read => Err(Failure::failed(format!("other bytes were read at {}", self.offset))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::wrong_store::{Flaw, WrongStore};

    #[test]
    fn a_write_that_no_read_met_is_looked_for_at_the_end() {
        let store = WrongStore::new(Flaw::None);
        let size = 1 << 16;
        let finish = |spoilt: bool| {
            let mut twin = Twin::new(&store, Payload::new(size), 4096, 20)?;
            twin.pass(1, Mode::Update, &|_| Kind::Write, &mut Stopwatch::default())?;
            if spoilt {
                let last = size as u64 - 1;
                store.open(PATH, Mode::Update)?.write_at(&[8], last)?;
            }
            twin.finish()
        };
        assert_eq!(finish(false).expect("the store is right"), 1);
        assert!(finish(true).is_err());
    }
}
