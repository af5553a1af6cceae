//! Streams: one file written in pieces from start to end, then read in pieces.
//!
//! Each piece is a payload of its own, whose key is its position, so that a piece that is lost, doubled,
//! exchanged or torn is noticed. Each call is timed by itself; rewriting the buffer before a write and
//! checking it after a read are outside the time. Opening and closing are inside.
//!
//! The large stream is done once, in a process of its own: most of its memory is new to any process, and
//! in a shared one a store that keeps it in blocks would find those of the round before in the allocator,
//! where one that keeps it in one piece gets new pages from the kernel each time.

use super::batch::check_write;
use super::repeat::{PHASES, READ, Repetition, Stopwatch, WRITE, once, repeat};
use crate::backend::{Backend, Setup};
use crate::load::Payload;
use crate::store::{Answer, Failure, Mode, OpenFile, Store};
use crate::workload::{Extent, Isolation, Metric, Params, Round, Scope, Workload};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// 16 MiB in pieces of 64 KiB, as in D-MemFS.
#[derive(Debug)]
pub struct Stream;

impl Workload for Stream {
    fn name(&self) -> &'static str {
        "stream"
    }

    fn about(&self) -> &'static str {
        "writes a file in pieces, then reads it in pieces"
    }

    fn metrics(&self) -> &'static [Metric] {
        PHASES
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let size = if scope.extent == Extent::Smoke { 512 * KIB } else { 16 * MIB };
        vec![cell(size, 64 * KIB)]
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let mut case = Case::new(params);
        repeat(|number| case.once(backend, number))
    }
}

/// 512 MiB or 2 GiB in pieces of 1 MiB, as in D-MemFS; 64 MiB in a quick run.
#[derive(Debug)]
pub struct LargeStream;

impl Workload for LargeStream {
    fn name(&self) -> &'static str {
        "large-stream"
    }

    fn about(&self) -> &'static str {
        "writes a large file in large pieces, then reads it in large pieces"
    }

    fn metrics(&self) -> &'static [Metric] {
        PHASES
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let size = match scope.extent {
            Extent::Smoke => 4 * MIB,
            _ if scope.large => 2048 * MIB,
            Extent::Quick => 64 * MIB,
            Extent::Default | Extent::Full => 512 * MIB,
        };
        vec![cell(size, MIB)]
    }

    fn isolation(&self, _params: &Params) -> Isolation {
        Isolation::Process
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let mut case = Case::new(params);
        once(|number| case.once(backend, number))
    }
}

fn cell(size: u64, piece: u64) -> Params {
    Params::new().number("size", size).number("piece", piece)
}

struct Case {
    size: u64,
    pieces: usize,
    payload: Payload,
    buffer: Vec<u8>,
}

impl Case {
    fn new(params: &Params) -> Self {
        let (size, piece) = (params.get("size"), params.get("piece"));
        let payload = Payload::new(piece as usize);
        Self { size, pieces: (size / piece) as usize, payload, buffer: vec![0xa5; piece as usize] }
    }

    fn once(&mut self, backend: &Backend, number: u64) -> Answer<Repetition> {
        let store = (backend.make)(&Setup::default())?;
        let (mut written, mut read) = (Stopwatch::default(), Stopwatch::default());
        write(&*store, &mut written, self.pieces, number, &mut self.payload)?;
        check_size(&*store, self.size)?;
        self::read(&*store, &mut read, self.pieces, number, &mut self.buffer)?;
        // Each piece, the size, and the end where the last piece ends.
        let checks = self.pieces as u64 + 2;
        Ok(Repetition { times: vec![(WRITE, written), (READ, read)], checks, cannot: vec![] })
    }
}

const PATH: &str = "/stream";

fn write(
    store: &dyn Store,
    watch: &mut Stopwatch,
    pieces: usize,
    number: u64,
    payload: &mut Payload,
) -> Answer<()> {
    let mut file = watch.time(|| store.open(PATH, Mode::Create))?;
    for piece in 0..pieces {
        let bytes = payload.stamp(piece as u64, number);
        watch.time(|| file.write(bytes))?;
    }
    watch.time(|| file.close())
}

fn check_size(store: &dyn Store, size: u64) -> Answer<()> {
    let found = store.size(PATH)?;
    if found == size {
        Ok(())
    } else {
        Err(Failure::failed(format!("the file has {found} bytes where {size} were written")))
    }
}

fn read(
    store: &dyn Store,
    watch: &mut Stopwatch,
    pieces: usize,
    number: u64,
    buffer: &mut [u8],
) -> Answer<()> {
    let mut file = watch.time(|| store.open(PATH, Mode::Read))?;
    for piece in 0..pieces {
        let filled = watch.time(|| fill(&mut *file, buffer))?;
        check_write(&buffer[..filled], buffer.len(), piece, number)?;
    }
    if watch.time(|| file.read(buffer))? != 0 {
        return Err(Failure::failed("the file goes on where it had to end"));
    }
    watch.time(|| file.close())
}

/// Reads until the buffer is full or the file ends; tells how much was read.
fn fill(file: &mut dyn OpenFile, buffer: &mut [u8]) -> Answer<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::wrong_store::{Flaw, WrongStore};

    #[test]
    fn a_file_that_is_too_long_or_too_short_is_noticed() {
        let store = WrongStore::new(Flaw::None);
        let (mut watch, mut buffer) = (Stopwatch::default(), vec![0; 64]);
        write(&store, &mut watch, 3, 1, &mut Payload::new(64)).expect("the store is right");
        check_size(&store, 192).expect("three pieces");
        assert!(check_size(&store, 256).is_err());
        read(&store, &mut watch, 3, 1, &mut buffer).expect("three pieces");
        assert!(read(&store, &mut watch, 2, 1, &mut buffer).is_err(), "it goes on");
        assert!(read(&store, &mut watch, 4, 1, &mut buffer).is_err(), "it ends before");
        assert!(read(&store, &mut watch, 3, 2, &mut buffer).is_err(), "it was written by another repetition");
    }

    #[test]
    fn the_large_stream_has_the_size_of_its_extent() {
        let size = |extent, large| LargeStream.cells(&Scope { extent, large })[0].get("size") / MIB;
        assert_eq!(size(Extent::Smoke, true), 4);
        assert_eq!(size(Extent::Quick, false), 64);
        assert_eq!(size(Extent::Default, false), 512);
        assert_eq!(size(Extent::Default, true), 2048);
        assert_eq!(size(Extent::Full, true), 2048);
    }
}
