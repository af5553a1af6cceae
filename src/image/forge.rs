//! Images made by hand, with the right digests: for tests and for the fuzz target.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::format::{DIGEST, GROUP, Header, Meta};

/// The longest data that is made up for a forged meta.
const MOST_DATA: usize = 1 << 20;

/// An image with this meta and these bytes of chunks, which are made as many as the meta asks for,
/// within reason. Every digest is right.
#[must_use]
pub fn seal(meta: &[u8], data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let mut ends = Vec::new();
    let (mut end, mut len) = (0, 0);
    if let Ok(meta) = Meta::parse(meta) {
        let chunks = meta.chunks;
        for (number, chunk) in chunks.iter().enumerate() {
            (end, len) = (end + chunk.0, len + chunk.0);
            if len >= GROUP || number + 1 == chunks.len() {
                ends.push(end);
                len = 0;
            }
        }
        data.resize(end.min(MOST_DATA), 0);
    }
    let header = Header { meta: meta.len() as u64, data: data.len() as u64, groups: ends.len() as u64 };
    let mut image = header.encode().to_vec();
    image.extend_from_slice(meta);
    let mut digests = Xxh3::new();
    let digest = xxh3_128(&image).to_le_bytes();
    digests.update(&digest);
    image.extend_from_slice(&digest);
    let mut from = 0;
    for end in ends {
        let group = data.get(from..end).unwrap_or_default();
        let digest = xxh3_128(group).to_le_bytes();
        digests.update(&digest);
        image.extend_from_slice(group);
        image.extend_from_slice(&digest);
        from = end;
    }
    image.extend_from_slice(&digests.digest128().to_le_bytes());
    image
}

/// The meta of an image and the bytes of its chunks, whether or not its digests are right; `None` if
/// the bytes are not as many as its header and its tables say.
#[must_use]
pub fn open(image: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let field = |at: usize| Some(u64::from_le_bytes(*image.get(at..)?.first_chunk()?));
    let len = usize::try_from(field(16)?).ok()?;
    let rest = image.get(Header::SIZE..)?;
    let (meta, rest) = rest.split_at_checked(len)?;
    let mut rest = rest.get(DIGEST..)?;
    let mut data = Vec::new();
    let mut group = 0;
    let chunks = Meta::parse(meta).ok()?.chunks;
    for (number, chunk) in chunks.iter().enumerate() {
        let (bytes, after) = rest.split_at_checked(chunk.0)?;
        data.extend_from_slice(bytes);
        group += chunk.0;
        rest = after;
        if group >= GROUP || number + 1 == chunks.len() {
            rest = rest.get(DIGEST..)?;
            group = 0;
        }
    }
    Some((meta.to_vec(), data))
}
