//! Files with holes: what the archive leaves out comes back as zeros.

use std::io;

use tar::{GnuExtSparseHeader, GnuSparseHeader};

use super::block::{BLOCK, Block};
use super::extended::{Extended, number};
use super::stream::Stream;
use crate::archive::invalid;

/// The most pieces of data that one file may have between its holes; they are kept in memory.
const MAX_PIECES: usize = 1 << 16;

/// Where the data of a file with holes goes.
#[derive(Debug)]
pub struct Sparse {
    /// Places and lengths, ascending.
    pieces: Vec<(u64, u64)>,
    size: u64,
    /// The piece that is not behind `at` yet.
    next: usize,
    at: u64,
}

/// What a pax header says of holes.
#[derive(Debug, Default)]
pub struct PaxSparse {
    /// The map is at the beginning of the data, not here.
    in_data: bool,
    size: Option<u64>,
    /// Places and lengths in turn.
    map: Vec<u64>,
    has_map: bool,
}

impl PaxSparse {
    /// Takes a value of one of the three versions; `None` within if it is not as it should be.
    ///
    /// # Errors
    ///
    /// `InvalidData` for more pieces than are kept.
    pub fn take(&mut self, key: &str, value: &[u8]) -> io::Result<Option<()>> {
        let took = match key {
            "major" => number(value).map(|major| self.in_data = major == 1),
            "size" | "realsize" => number(value).map(|size| self.size = Some(size)),
            "offset" | "numbytes" => self.push(value),
            "map" => value.split(|byte| *byte == b',').try_for_each(|value| self.push(value)),
            _ => Some(()),
        };
        if self.map.len() > 2 * MAX_PIECES { Err(too_many()) } else { Ok(took) }
    }

    fn push(&mut self, value: &[u8]) -> Option<()> {
        self.has_map = true;
        if self.map.len() <= 2 * MAX_PIECES {
            self.map.push(number(value)?);
        }
        Some(())
    }
}

fn too_many() -> io::Error {
    let why = format!("it has more than {MAX_PIECES} pieces of data between holes");
    io::Error::new(io::ErrorKind::Unsupported, why)
}

fn damaged() -> io::Error {
    invalid("the map of its holes is damaged")
}

impl Sparse {
    /// The map of an entry, if it has holes. What of it is in front of the data is read, and
    /// counted down in `left`, the bytes of data.
    ///
    /// # Errors
    ///
    /// `InvalidData`, `Unsupported`.
    pub fn of(
        block: &Block,
        extended: &Extended,
        stream: &mut Stream,
        left: &mut u64,
    ) -> io::Result<Option<Self>> {
        let pax = &extended.sparse;
        let (pieces, size) = if block.type_flag() == b'S' {
            let header = block.header().as_gnu().ok_or_else(damaged)?;
            let pieces = gnu_pieces(&header.sparse, header.is_extended(), stream)?;
            (pieces, header.real_size().map_err(|_| damaged())?)
        } else if pax.in_data {
            (pieces_in_data(stream, left)?, pax.size.ok_or_else(damaged)?)
        } else if pax.has_map {
            let (pairs, rest) = pax.map.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(damaged());
            }
            (pairs.iter().map(|[at, len]| (*at, *len)).collect(), pax.size.ok_or_else(damaged)?)
        } else {
            return Ok(None);
        };
        Self::new(pieces, size, *left).map(Some)
    }

    fn new(pieces: Vec<(u64, u64)>, size: u64, data: u64) -> io::Result<Self> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (at, len) in &pieces {
            if *at < end {
                return Err(damaged());
            }
            end = at.checked_add(*len).ok_or_else(damaged)?;
            sum += len; // at most `end`
        }
        if end > size || size > i64::MAX as u64 || sum != data {
            return Err(damaged());
        }
        Ok(Self { pieces, size, next: 0, at: 0 })
    }

    /// The length of the file, holes included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads some of the file, its data through `data`.
    ///
    /// # Errors
    ///
    /// Those of `data`.
    pub fn read(
        &mut self,
        buf: &mut [u8],
        data: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while self.pieces.get(self.next).is_some_and(|(start, len)| start + len <= self.at) {
            self.next += 1;
        }
        let (start, end) =
            self.pieces.get(self.next).map_or((self.size, self.size), |(start, len)| (*start, start + len));
        let until = if self.at < start { start } else { end };
        let wanted = buf.len().min(usize::try_from(until - self.at).unwrap_or(usize::MAX));
        let n = if self.at < start {
            buf[..wanted].fill(0);
            wanted
        } else {
            data(&mut buf[..wanted])?
        };
        self.at += n as u64;
        Ok(n)
    }
}

/// The map of the old GNU headers: a few pieces in the header, more in blocks after it.
fn gnu_pieces(
    first: &[GnuSparseHeader],
    mut goes_on: bool,
    stream: &mut Stream,
) -> io::Result<Vec<(u64, u64)>> {
    let mut pieces = Vec::new();
    push_pieces(&mut pieces, first)?;
    while goes_on {
        let block = stream.next_block()?.ok_or_else(damaged)?;
        let mut more = GnuExtSparseHeader::new();
        more.as_mut_bytes().copy_from_slice(block.header().as_bytes());
        push_pieces(&mut pieces, more.sparse())?;
        goes_on = more.is_extended();
    }
    Ok(pieces)
}

fn push_pieces(pieces: &mut Vec<(u64, u64)>, headers: &[GnuSparseHeader]) -> io::Result<()> {
    for header in headers.iter().filter(|header| !header.is_empty()) {
        if pieces.len() == MAX_PIECES {
            return Err(too_many());
        }
        let number = |number: io::Result<u64>| number.map_err(|_| damaged());
        pieces.push((number(header.offset())?, number(header.length())?));
    }
    Ok(())
}

/// The map that is at the beginning of the data: decimal numbers, each on its line, the first
/// their number of pairs, filled up to a whole block.
fn pieces_in_data(stream: &mut Stream, left: &mut u64) -> io::Result<Vec<(u64, u64)>> {
    let (mut numbers, mut digits) = (Vec::new(), Vec::new());
    let mut wanted = 1;
    while numbers.len() < wanted {
        if *left < BLOCK as u64 {
            return Err(damaged());
        }
        let block = stream.next_block()?.ok_or_else(damaged)?;
        *left -= BLOCK as u64;
        for byte in block.header().as_bytes() {
            if *byte != b'\n' {
                digits.push(*byte);
                continue;
            }
            numbers.push(number(&digits).ok_or_else(damaged)?);
            digits.clear();
            if numbers.len() == 1 {
                let pairs = usize::try_from(numbers[0]).unwrap_or(usize::MAX);
                if pairs > MAX_PIECES {
                    return Err(too_many());
                }
                wanted = 1 + 2 * pairs;
            }
            if numbers.len() == wanted {
                break;
            }
        }
        if digits.len() > 20 && numbers.len() < wanted {
            return Err(damaged());
        }
    }
    Ok(numbers[1..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut sparse: Sparse, mut data: &[u8], step: usize) -> Vec<u8> {
        let mut file = Vec::new();
        let mut buf = vec![0xaa; step];
        loop {
            let n = sparse.read(&mut buf, |buf| io::Read::read(&mut data, buf)).unwrap();
            if n == 0 {
                return file;
            }
            file.extend_from_slice(&buf[..n]);
        }
    }

    #[test]
    fn holes_come_back_as_zeros() {
        let pieces = vec![(0, 2), (5, 0), (5, 3), (9, 1), (12, 0)];
        for step in [1, 2, 100] {
            let sparse = Sparse::new(pieces.clone(), 12, 6).unwrap();
            assert_eq!(read_all(sparse, b"abcdef", step), b"ab\0\0\0cde\0f\0\0");
        }
        assert_eq!(read_all(Sparse::new(vec![], 3, 0).unwrap(), b"", 2), [0; 3]);
    }

    #[test]
    fn maps_that_do_not_add_up_are_damaged() {
        for (pieces, size, data) in [
            (vec![(2, 2), (3, 1)], 9, 3),
            (vec![(0, 2)], 1, 2),
            (vec![(0, 2)], 9, 3),
            (vec![(u64::MAX, 2)], 9, 2),
            (vec![], u64::MAX, 0),
        ] {
            assert!(Sparse::new(pieces, size, data).is_err());
        }
    }
}
