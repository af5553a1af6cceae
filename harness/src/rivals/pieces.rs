//! Open files of stores that have none: over bytes in memory, for reading, for building a new value
//! and for changing one in place.
//!
//! A stream into a map is built in a vector of its own and put into the map at close: that is how
//! one writes to a map in pieces, and readers never see half a stream. This module knows bytes and
//! positions, and nothing of what holds a store together.

use std::sync::Arc;

use super::missing;
use crate::store::{Answer, Failure, Mode, OpenFile};

/// Copies what is at `position` into `buf`; the number of bytes, 0 at the end.
pub fn copy_piece(bytes: &[u8], position: usize, buf: &mut [u8]) -> usize {
    let rest = bytes.get(position..).unwrap_or_default();
    let count = rest.len().min(buf.len());
    buf[..count].copy_from_slice(&rest[..count]);
    count
}

/// Fills `buf` with what is at `offset`.
///
/// # Errors
/// [`Failure::Failed`] where the bytes end before.
pub fn copy_exactly(bytes: &[u8], offset: u64, buf: &mut [u8]) -> Answer<()> {
    if copy_piece(bytes, offset as usize, buf) == buf.len() { Ok(()) } else { Err(ends_early(offset)) }
}

/// The failure of reading behind the end.
#[cold]
pub fn ends_early(offset: u64) -> Failure {
    Failure::failed(format!("the file ends before all bytes wanted at {offset}"))
}

/// Writes `bytes` at `offset`; a gap before it is filled with zeros.
pub fn overwrite(value: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if offset == value.len() {
        value.extend_from_slice(bytes);
        return;
    }
    if end > value.len() {
        value.resize(end, 0);
    }
    value[offset..end].copy_from_slice(bytes);
}

/// Writes `bytes` at `offset` of a shared value: in place where nobody else holds it and it keeps its
/// length, else in a copy of the whole value.
pub fn overwrite_shared(value: &mut Arc<[u8]>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if end <= value.len() {
        Arc::make_mut(value)[offset..end].copy_from_slice(bytes);
    } else {
        let mut longer = value.to_vec();
        overwrite(&mut longer, offset, bytes);
        *value = longer.into();
    }
}

/// The failure of using a file for what it was not opened for.
#[cold]
pub fn not_open_for(what: &str) -> Failure {
    Failure::failed(format!("the file is not open for {what}"))
}

/// A file open for reading whose bytes the handle holds.
pub struct Held<Bytes> {
    bytes: Bytes,
    position: usize,
}

impl<Bytes> Held<Bytes> {
    /// At the start of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0 }
    }
}

impl<Bytes: AsRef<[u8]>> OpenFile for Held<Bytes> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let count = copy_piece(self.bytes.as_ref(), self.position, buf);
        self.position += count;
        Ok(count)
    }

    fn write(&mut self, _bytes: &[u8]) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        copy_exactly(self.bytes.as_ref(), offset, buf)
    }

    fn write_at(&mut self, _bytes: &[u8], _offset: u64) -> Answer<()> {
        Err(not_open_for("writing"))
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}

/// A file that starts empty and is put into the store at close, by what it was made with.
pub struct Draft<Publish> {
    value: Vec<u8>,
    position: usize,
    publish: Publish,
}

impl<Publish: FnOnce(Vec<u8>) -> Answer<()>> Draft<Publish> {
    /// Empty.
    pub fn new(publish: Publish) -> Self {
        Self { value: Vec::new(), position: 0, publish }
    }
}

impl<Publish: FnOnce(Vec<u8>) -> Answer<()>> OpenFile for Draft<Publish> {
    fn read(&mut self, _buf: &mut [u8]) -> Answer<usize> {
        Err(not_open_for("reading"))
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        overwrite(&mut self.value, self.position, bytes);
        self.position += bytes.len();
        Ok(())
    }

    fn read_at(&mut self, _buf: &mut [u8], _offset: u64) -> Answer<()> {
        Err(not_open_for("reading"))
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        overwrite(&mut self.value, offset as usize, bytes);
        Ok(())
    }

    fn close(self: Box<Self>) -> Answer<()> {
        (self.publish)(self.value)
    }
}

/// A map whose values are shared by count, so that a handle may keep one while the map gets another.
pub trait SharedValues: Values {
    /// The value of a key.
    ///
    /// # Errors
    /// [`Failure::Failed`] where there is no such key.
    fn get(&self, path: &str) -> Answer<Arc<[u8]>>;

    /// Makes `value` the value of a key.
    fn put(&self, path: &str, value: Arc<[u8]>);

    /// Opens a value: a reader keeps it, a stream becomes a new one at close.
    ///
    /// # Errors
    /// [`Failure::Failed`] where there is no such key to read or to update.
    fn open_value<'map>(&'map self, path: &str, mode: Mode) -> Answer<Box<dyn OpenFile + 'map>>
    where
        Self: Sized,
    {
        Ok(match mode {
            Mode::Read => Box::new(Held::new(self.get(path)?)),
            Mode::Update => Box::new(InPlace::open(self, path, true)?),
            Mode::Create => {
                let path = path.to_owned();
                Box::new(Draft::new(move |value| {
                    self.put(&path, value.into());
                    Ok(())
                }))
            }
        })
    }
}

/// A map whose values can be looked at and changed where they are.
pub trait Values {
    /// Calls `look` with the value of a key and gives back what it answers; `None` where there is
    /// no such key.
    fn look<R>(&self, path: &str, look: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// Writes `bytes` at `offset` of the value of a key; `None` where there is no such key.
    fn change(&self, path: &str, offset: usize, bytes: &[u8]) -> Option<()>;
}

/// A file in a map that is found again by its key for every piece, because a handle that held on to
/// the value would hold the map's lock.
pub struct InPlace<'store, Map> {
    map: &'store Map,
    path: String,
    position: usize,
    writable: bool,
}

impl<'store, Map: Values> InPlace<'store, Map> {
    /// At the start of an existing file.
    ///
    /// # Errors
    /// [`Failure::Failed`] where there is none.
    pub fn open(map: &'store Map, path: &str, writable: bool) -> Answer<Self> {
        map.look(path, |_| ()).ok_or_else(|| missing(path))?;
        Ok(Self { map, path: path.to_owned(), position: 0, writable })
    }

    fn change(&self, offset: usize, bytes: &[u8]) -> Answer<()> {
        if !self.writable {
            return Err(not_open_for("writing"));
        }
        self.map.change(&self.path, offset, bytes).ok_or_else(|| missing(&self.path))
    }
}

impl<Map: Values> OpenFile for InPlace<'_, Map> {
    fn read(&mut self, buf: &mut [u8]) -> Answer<usize> {
        let count = self.map.look(&self.path, |bytes| copy_piece(bytes, self.position, buf));
        let count = count.ok_or_else(|| missing(&self.path))?;
        self.position += count;
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        self.change(self.position, bytes)?;
        self.position += bytes.len();
        Ok(())
    }

    fn read_at(&mut self, buf: &mut [u8], offset: u64) -> Answer<()> {
        let copied = self.map.look(&self.path, |bytes| copy_exactly(bytes, offset, buf));
        copied.ok_or_else(|| missing(&self.path))?
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        self.change(offset as usize, bytes)
    }

    fn close(self: Box<Self>) -> Answer<()> {
        Ok(())
    }
}
