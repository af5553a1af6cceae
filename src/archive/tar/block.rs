//! One header of a tar.

use std::io;
use std::time::{Duration, SystemTime};

use tar::Header;

use crate::archive::invalid;

/// What a tar is made of.
pub const BLOCK: usize = 512;

/// A header, or the zeros that end a tar.
pub struct Block(Header);

impl Block {
    /// These bytes.
    pub fn new(bytes: &[u8; BLOCK]) -> Self {
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(bytes);
        Self(header)
    }

    /// Whether it is the end.
    pub fn is_zero(&self) -> bool {
        self.0.as_bytes().iter().all(|byte| *byte == 0)
    }

    /// Whether the checksum is that of the bytes. Some old writers took bytes for signed numbers.
    pub fn has_right_checksum(&self) -> bool {
        let Ok(said) = self.0.cksum() else { return false };
        let byte = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
        let bytes = || self.0.as_bytes().iter().enumerate().map(byte);
        let unsigned: u32 = bytes().map(u32::from).sum();
        let signed: i32 = bytes().map(|byte| i32::from(byte.cast_signed())).sum();
        said == unsigned || i64::from(said) == i64::from(signed)
    }

    /// The letter that says what entry it is.
    pub fn type_flag(&self) -> u8 {
        self.0.entry_type().as_byte()
    }

    /// The bytes that the entry has in the archive.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is no number.
    pub fn size(&self) -> io::Result<u64> {
        self.0.entry_size().map_err(|_| invalid("the size in its header is not a number"))
    }

    /// The name, with the prefix that the later tars have.
    pub fn name(&self) -> Vec<u8> {
        self.0.path_bytes().into_owned()
    }

    /// When the entry was modified, in whole seconds.
    pub fn modified(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0.mtime().ok()?))
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.0
    }
}

/// Whether a tar can begin so: with a right header, or with the two blocks of zeros that end it.
pub fn begins_tar(head: &[u8]) -> bool {
    let Some((first, rest)) = head.split_first_chunk() else { return false };
    let first = Block::new(first);
    match first.is_zero() {
        true => rest.len() >= BLOCK && rest[..BLOCK].iter().all(|byte| *byte == 0),
        false => first.has_right_checksum(),
    }
}
