use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use crate::{MemFs, OpenOptions};

/// Contents of no, one and many chunks.
fn sizes() -> impl Iterator<Item = Vec<u8>> {
    [0, 1, 4096, 65536, 65537, 300_000].into_iter().map(|len| (0..len).map(|at| (at % 251) as u8).collect())
}

#[test]
fn the_rest_is_read_from_any_place_by_any_handle() {
    for bytes in sizes() {
        let fs = MemFs::new();
        fs.write("/f", &bytes).unwrap();
        for writes in [false, true] {
            for from in [0, 1, bytes.len() as u64 / 2, bytes.len() as u64, bytes.len() as u64 + 9] {
                let mut file = OpenOptions::new().read(true).write(writes).open(&fs, "/f").unwrap();
                file.seek(SeekFrom::Start(from)).unwrap();
                let rest = bytes.get(from as usize..).unwrap_or_default();
                let mut read = b"before".to_vec();
                assert_eq!(file.read_to_end(&mut read).unwrap(), rest.len());
                assert_eq!((&read[..6], &read[6..]), (&b"before"[..], rest));
                assert_eq!(file.stream_position().unwrap(), from + rest.len() as u64);
                assert_eq!(file.read_to_end(&mut read).unwrap(), 0);
            }
        }
    }
}

#[test]
fn text_is_appended_and_what_is_no_text_is_not() {
    let fs = MemFs::new();
    fs.write("/text", "grün".as_bytes()).unwrap();
    fs.write("/other", [b'a', 0xff]).unwrap();
    let (mut empty, mut text) = (String::new(), String::from("so "));
    assert_eq!(fs.open("/text").unwrap().read_to_string(&mut empty).unwrap(), 5);
    assert_eq!(fs.open("/text").unwrap().read_to_string(&mut text).unwrap(), 5);
    assert_eq!((&*empty, &*text), ("grün", "so grün"));
    let error = fs.open("/other").unwrap().read_to_string(&mut text).unwrap_err();
    assert_eq!((error.kind(), &*text), (ErrorKind::InvalidData, "so grün"));
}

#[test]
fn a_handle_that_does_not_read_says_so() {
    let fs = MemFs::new();
    let mut file = fs.create("/f").unwrap();
    file.write_all(b"abc").unwrap();
    let error = file.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("/f"), "{error}");
}
