//! Archives for tests: usual ones through the crates' writers, wrong ones byte by byte.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

/// A zip of files, and of directories whose names end in `/`, compressed by `method`.
pub fn zip_of(entries: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let time = zip::DateTime::from_date_and_time(2023, 11, 14, 22, 13, 20).unwrap();
    let options = SimpleFileOptions::default().compression_method(method).last_modified_time(time);
    for (name, bytes) in entries {
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// A deflated zip.
pub fn deflated(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_of(entries, zip::CompressionMethod::Deflated)
}

/// One member of a tar, made byte by byte.
pub fn member(name: &[u8], kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, body.len() as u64);
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The header of a member: ustar, if the name fits, last modified 1.7e9 seconds after 1970.
pub fn header(name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[136..147].copy_from_slice(b"14524770400");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    with_checksum(header)
}

/// A header with the checksum that it should have.
pub fn with_checksum(mut header: Vec<u8>) -> Vec<u8> {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A record of a pax header.
pub fn pax(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut len = rest.len() + 1;
    while len != rest.len() + len.to_string().len() {
        len += 1;
    }
    format!("{len}{rest}")
}

/// Members, and the end of a tar.
pub fn tar_of(members: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = members.concat();
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A tar of files and of directories whose names end in `/`.
pub fn tar_of_files(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let kind = |name: &str| if name.ends_with('/') { b'5' } else { b'0' };
    let members = entries.iter().map(|(name, bytes)| member(name.as_bytes(), kind(name), bytes));
    tar_of(&members.collect::<Vec<_>>())
}

/// gzip, as one member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// An entry of a zip, with everything that can be wrong about one.
#[derive(Clone)]
pub struct RawEntry {
    pub name: Vec<u8>,
    /// The name in the entry's own header.
    pub local_name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    /// The bytes that stand in the archive.
    pub data: Vec<u8>,
    /// The mode of Unix.
    pub mode: u32,
    pub extra: Vec<u8>,
    /// Where the list says that the entry is, if that is a lie.
    pub at: Option<u32>,
}

impl RawEntry {
    /// A stored entry with nothing wrong about it.
    pub fn stored(name: &[u8], data: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        Self {
            name: name.to_vec(),
            local_name: name.to_vec(),
            flags: 0,
            method: 0,
            crc: crc.sum(),
            packed: data.len() as u64,
            size: data.len() as u64,
            data: data.to_vec(),
            mode: 0,
            extra: Vec::new(),
            at: None,
        }
    }
}

/// A zip of such entries, behind `prefix`.
pub fn raw_zip(prefix: &[u8], entries: &[RawEntry]) -> Vec<u8> {
    let mut zip = prefix.to_vec();
    let mut list = Vec::new();
    for entry in entries {
        let at = entry.at.unwrap_or((zip.len() - prefix.len()) as u32);
        let common = |bytes: &mut Vec<u8>, name: &[u8], extra: &[u8]| {
            bytes.extend([20, 0]);
            bytes.extend(entry.flags.to_le_bytes());
            bytes.extend(entry.method.to_le_bytes());
            bytes.extend([0, 0, 0x21, 0]); // 1980-01-01
            bytes.extend(entry.crc.to_le_bytes());
            bytes.extend((entry.packed as u32).to_le_bytes());
            bytes.extend((entry.size as u32).to_le_bytes());
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend((extra.len() as u16).to_le_bytes());
        };
        zip.extend(b"PK\x03\x04");
        common(&mut zip, &entry.local_name, &[]);
        zip.extend(&entry.local_name);
        zip.extend(&entry.data);
        list.extend(b"PK\x01\x02\x14\x03");
        common(&mut list, &entry.name, &entry.extra);
        list.extend([0; 6]);
        list.extend((entry.mode << 16).to_le_bytes());
        list.extend(at.to_le_bytes());
        list.extend(&entry.name);
        list.extend(&entry.extra);
    }
    let start = (zip.len() - prefix.len()) as u32;
    let (count, size) = (entries.len() as u16, list.len() as u32);
    zip.extend(list);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.to_le_bytes());
    zip.extend(count.to_le_bytes());
    zip.extend(size.to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}
