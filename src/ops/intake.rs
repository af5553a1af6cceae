//! Content read from outside, straight into chunks that are paid for.

use std::io::{self, Read};

use crate::charge::Charge;
use crate::content::{Assembly, Buffer, CHUNK, Content};
use crate::error::{Error, Result};
use crate::volume::Volume;

impl Volume {
    /// Reads content: all of `source`, or its first `len` bytes, or fewer if it ends before. What
    /// comes of it after its end is not read: it would make more chunks than `len` bytes take.
    ///
    /// With a length, quota for all of it is reserved before the first byte is read; without one,
    /// for each chunk as it comes. `watch` is asked before each chunk and at the end, with the
    /// number of bytes read so far, and may end the reading. Whatever ends it, all that was charged
    /// goes back with what it paid for. Never more than one chunk is allocated beyond what is paid.
    ///
    /// # Errors
    ///
    /// Those of `watch` and of `source`; `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
    pub fn take_in<E: From<Error> + From<io::Error>>(
        &self,
        source: &mut (impl Read + ?Sized),
        len: Option<u64>,
        mut watch: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<Content, E> {
        let (account, overhead) = (self.account(), self.config.chunk_overhead);
        let mut purse = match len {
            Some(len) => self.reserve(Content::cost(len, overhead))?,
            None => Charge::none(),
        };
        let (mut assembly, mut done, mut ended) = (Assembly::default(), 0, false);
        loop {
            watch(done)?;
            let wanted = len.map_or(CHUNK as u64, |len| (len - done).min(CHUNK as u64)) as usize;
            if wanted == 0 || ended {
                break;
            }
            let Some(bytes) = piece::<E>(source, wanted)? else { break };
            ended = bytes.len() < wanted;
            done += bytes.len() as u64;
            let cost = Content::cost(bytes.len() as u64, overhead);
            let receipt = if len.is_some() { purse.split(cost) } else { self.reserve(cost)? };
            assembly.push(bytes, receipt, account);
        }
        Ok(assembly.finish())
    }
}

/// The next `wanted` bytes in memory of exactly their length, or fewer at the end of the
/// source; `None` after it.
fn piece<E: From<Error> + From<io::Error>>(
    source: &mut (impl Read + ?Sized),
    wanted: usize,
) -> Result<Option<Buffer>, E> {
    let mut bytes = Buffer::with_room(wanted)?;
    bytes.extend_with_zeros(wanted);
    Ok(match fill(source, &mut bytes)? {
        0 => None,
        n if n < wanted => Some(Buffer::copied(&bytes[..n])?),
        _ => Some(bytes),
    })
}

/// Reads until `buf` is full or the source ends; gives how many bytes.
///
/// # Errors
///
/// That of the source.
pub fn fill(source: &mut (impl Read + ?Sized), buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match source.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemFs;

    /// Ends after every hundred bytes, and goes on: as a file that others make shorter and longer.
    struct Ending(usize);

    impl Read for Ending {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(self.0);
            self.0 = if n == 0 { 100 } else { self.0 - n };
            Ok(n)
        }
    }

    /// Either error.
    #[derive(Debug)]
    struct Failed;

    impl From<Error> for Failed {
        fn from(_: Error) -> Self {
            Self
        }
    }

    impl From<io::Error> for Failed {
        fn from(_: io::Error) -> Self {
            Self
        }
    }

    #[test]
    fn the_first_end_is_the_end() {
        let fs = MemFs::builder().max_quota(10_000).chunk_overhead(4000).node_overhead(0).build().unwrap();
        for len in [None, Some(1000), Some(101)] {
            let mut told = Vec::new();
            let content = fs.volume().take_in::<Failed>(&mut Ending(100), len, |done| {
                told.push(done);
                Ok(())
            });
            let content = content.unwrap();
            assert_eq!((content.len(), told), (100, vec![0, 100]));
            assert_eq!(fs.stats().used_bytes, 4100);
        }
        assert_eq!(fs.stats().used_bytes, 0);
    }
}
