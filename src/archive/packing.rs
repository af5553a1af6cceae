//! Decoders, none of which takes more memory than it must.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::input::SourceError;
use super::invalid;

/// How many packed bytes are read at once.
pub const BUFFER: usize = 32 << 10;

/// The most bytes that a decoder keeps of what it has given. They are outside the quota.
pub const MAX_WINDOW: u64 = 128 << 20;
const _: () = assert!(MAX_WINDOW >= 64 << 20, "what the usual packers use at their best");

/// Zstandard, one frame after the other.
///
/// # Errors
///
/// Those of the library's start.
pub fn zstd(packed: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(MAX_WINDOW.ilog2())?;
    Ok(Box::new(Zstd(decoder)))
}

/// Zstandard, with an error that says so where a window would be too large.
struct Zstd<R>(R);

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf).map_err(|error| {
            // The library gives nothing but its text.
            match !SourceError::is(&error) && error.to_string().contains("too much memory") {
                true => io::Error::new(io::ErrorKind::OutOfMemory, error),
                false => error,
            }
        })
    }
}

/// xz, one stream after the other.
pub fn xz(packed: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    let limit = (MAX_WINDOW >> 10) as u32 + 1024; // the window, and what the decoder needs besides
    Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, limit))
}

/// bzip2, one stream after the other.
pub fn bzip2(packed: impl BufRead + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(bzip2::bufread::MultiBzDecoder::new(packed))
}

/// gzip, one member after the other. Zeros behind the last, with which tapes are filled up, are
/// not read.
pub struct Gzip<R> {
    /// `None` once there is nothing more.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    /// Begins with the first member.
    pub fn new(packed: R) -> Self {
        Self { member: Some(GzDecoder::new(packed)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let n = member.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            let next = member.get_mut().fill_buf()?.first().copied();
            let packed = self.member.take().map(GzDecoder::into_inner);
            match next {
                None | Some(0) => {}
                Some(0x1f) => self.member = packed.map(GzDecoder::new),
                Some(_) => return Err(invalid("behind the gzip data is something else")),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gunzip(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Gzip::new(packed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn gzip_has_many_members_and_padding() {
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(gunzip(&members).unwrap(), b"one two");
        assert_eq!(gunzip(&[&members[..], &[0; 700]].concat()).unwrap(), b"one two");
    }

    #[test]
    fn damaged_gzip_is_an_error_wherever_it_ends() {
        let members = [gzip(b"one "), gzip(b"two")].concat();
        for len in 0..members.len() {
            // Between the members it is whole.
            let whole = len == gzip(b"one ").len();
            assert_eq!(gunzip(&members[..len]).is_ok(), whole, "{len}");
        }
        assert!(gunzip(&[&members[..], b"more"].concat()).is_err());
        let mut wrong = members.clone();
        let crc = wrong.len() - 8;
        wrong[crc] ^= 1;
        assert!(gunzip(&wrong).is_err());
    }
}
