//! Small operations timed in batches: a clock is too coarse and too slow to time each.
//!
//! The buffers of a batch fit a core's second-level cache. All payloads of a batch are rewritten before
//! its writes, and everything that its reads delivered is checked after them, both outside the time. So
//! a figure is the time of the store's calls alone, and the checks disturb the caches of all stores alike.
//! A read finds a buffer that has the right length and whose pages are there, as in a program that reads
//! one file after the other.

use super::repeat::Stopwatch;
use crate::load::{Payload, check_payload};
use crate::store::{Answer, Failure};

/// Operations of a batch.
pub const BATCH: usize = 16;

/// The buffers of a batch.
#[derive(Debug)]
pub struct Batch {
    size: usize,
    payloads: Vec<Payload>,
    buffers: Vec<Vec<u8>>,
}

impl Batch {
    /// Buffers for contents of `size` bytes.
    ///
    /// # Panics
    /// Where no [`Payload`] has this size.
    pub fn new(size: usize) -> Self {
        let payloads = (0..BATCH).map(|_| Payload::new(size)).collect();
        // Filled, so that their memory is there before the first read.
        Self { size, payloads, buffers: vec![vec![0xa5; size]; BATCH] }
    }

    /// Writes the files `keys`, at most [`BATCH`]; `number` tells the number of each write by its place.
    ///
    /// # Errors
    /// The failure of `write`, which is given the key and the bytes.
    pub fn write(
        &mut self,
        watch: &mut Stopwatch,
        keys: &[usize],
        number: impl Fn(usize) -> u64,
        mut write: impl FnMut(usize, &[u8]) -> Answer<()>,
    ) -> Answer<()> {
        let payloads = &mut self.payloads[..keys.len()];
        for (place, (payload, key)) in payloads.iter_mut().zip(keys).enumerate() {
            payload.stamp(*key as u64, number(place));
        }
        watch.time(|| payloads.iter().zip(keys).try_for_each(|(payload, key)| write(*key, payload.bytes())))
    }

    /// Reads the files `keys`, at most [`BATCH`], and checks that each holds its `number`-th write.
    ///
    /// # Errors
    /// The failure of `read`, which is given the key and the buffer, and [`Failure::Failed`] for a wrong
    /// content.
    pub fn read(
        &mut self,
        watch: &mut Stopwatch,
        keys: &[usize],
        number: u64,
        mut read: impl FnMut(usize, &mut Vec<u8>) -> Answer<()>,
    ) -> Answer<()> {
        let buffers = &mut self.buffers[..keys.len()];
        watch.time(|| buffers.iter_mut().zip(keys).try_for_each(|(buffer, key)| read(*key, buffer)))?;
        let size = self.size;
        buffers.iter().zip(keys).try_for_each(|(buffer, key)| check_write(buffer, size, *key, number))
    }
}

/// Checks that `bytes` are the `number`-th write of `size` bytes to the file `key`.
///
/// # Errors
/// [`Failure::Failed`] with what is wrong.
pub fn check_write(bytes: &[u8], size: usize, key: usize, number: u64) -> Answer<()> {
    let found = check_payload(bytes, size, key as u64)?;
    check_number(found, key, number)
}

/// Checks the number of a write that was found in the file `key`.
///
/// # Errors
/// [`Failure::Failed`] where it is another.
pub fn check_number(found: u64, key: usize, number: u64) -> Answer<()> {
    if found == number {
        Ok(())
    } else {
        Err(Failure::failed(format!("file {key} holds write {found} where write {number} was the last")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_write_is_not_the_last_one() {
        let mut batch = Batch::new(64);
        let mut watch = Stopwatch::default();
        let mut files = vec![Vec::new(); 3];
        batch
            .write(
                &mut watch,
                &[0, 1, 2],
                |place| 10 + place as u64,
                |key, bytes| {
                    files[key] = bytes.to_vec();
                    Ok(())
                },
            )
            .expect("nothing fails");
        let mut read = |key: usize, number| {
            batch.read(&mut watch, &[key], number, |key, buffer| {
                buffer.clone_from(&files[key]);
                Ok(())
            })
        };
        (0..3).for_each(|key| read(key, 10 + key as u64).expect("it is that write"));
        assert!(read(1, 10).is_err());
        assert!(read(1, 12).is_err());
    }
}
