//! Text over files of the filesystem and of the host: what reaches the quota, what is published, and
//! where the cursor is.

use std::fmt::Debug;
use std::io::{Read, Seek, SeekFrom, Write};

use arcfs::{
    ErrorKind, File, MemFs, Newline, OpenOptions, Result, Storage, TextEncoding, TextErrors, TextFile,
    TextOptions,
};

fn written(options: TextOptions, texts: &[&str]) -> Vec<u8> {
    let fs = MemFs::new();
    let mut text = options.open(fs.create("/a").unwrap());
    for one in texts {
        text.write_str(one).unwrap();
    }
    text.close().unwrap();
    fs.read("/a").unwrap()
}

fn encoded(label: &str) -> TextOptions {
    TextOptions::new().encoding(label).unwrap()
}

fn appending(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().append(true).create(true).open(fs, path).unwrap()
}

fn extending(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().read(true).append(true).create(true).open(fs, path).unwrap()
}

fn updating(fs: &MemFs, path: &str) -> File {
    OpenOptions::new().read(true).write(true).open(fs, path).unwrap()
}

fn refused<T: Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.expect_err("it should be refused").kind().clone()
}

#[test]
fn a_write_reaches_the_quota_at_once_and_fails_as_a_whole() {
    for label in ["utf-8", "utf-16", "shift_jis"] {
        let fs = MemFs::with_quota(4096);
        let mut text = encoded(label).open(fs.create("/a").unwrap());
        text.write_str("kept").unwrap();
        let used = fs.stats().used_bytes;
        let before = text.get_ref().len();
        let error = text.write_str(&"too much ".repeat(1000)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
        assert_eq!((error.operation(), error.path()), ("write", Some("/a")));
        assert_eq!((text.get_ref().len(), fs.stats().used_bytes), (before, used));
        text.write_str(" too").unwrap();
        text.close().unwrap();
        assert_eq!(encoded(label).open(fs.open("/a").unwrap()).read_text().unwrap(), "kept too");
    }
}

#[test]
fn a_character_that_the_encoding_lacks_is_named_and_nothing_is_written() {
    let fs = MemFs::new();
    let mut text = encoded("shift_jis").open(fs.create("/a").unwrap()).named("/a");
    text.write_str("日本").unwrap();
    let error = text.write_str("naïve").unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::InvalidData, "write_str"));
    let message = error.to_string();
    assert!(message.contains("'ï' (U+00EF)") && message.contains("byte 2 of the text"), "{message}");
    assert_eq!(text.get_ref().len(), 4);
    text.close().unwrap();
    assert_eq!(written(encoded("shift_jis").errors(TextErrors::Replace), &["naïve"]), b"na?ve");
}

#[test]
fn bytes_that_are_no_character_are_named_after_what_was_before_them() {
    let fs = MemFs::new();
    fs.write("/a", b"first\nsecond \xff\xfe third\nfourth").unwrap();
    let mut text = fs.open_text("/a").unwrap();
    let (mut line, mut seen) = (String::new(), Vec::new());
    loop {
        match text.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => seen.push(std::mem::take(&mut line)),
            Err(error) => {
                assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidData, Some("/a")));
                let message = error.to_string();
                let offset = message.split("offset ").nth(1).unwrap().split(' ').next().unwrap();
                seen.push(format!("!{offset}"));
            }
        }
    }
    assert_eq!(seen, ["first\n", "second ", "!13", "!14", " third\n", "fourth"]);

    let mut text = fs.open_text("/a").unwrap();
    let mut all = String::new();
    let error = text.read_to_string(&mut all).unwrap_err();
    assert_eq!((error.operation(), all.as_str()), ("read_to_string", "first\nsecond "));
    let lines: Vec<_> = fs.open_text("/a").unwrap().lines().map(|line| line.is_ok()).collect();
    assert_eq!(lines, [true, true, false]); // it ends after an error
}

/// `text` in this encoding behind the byte order mark.
fn marked(label: &str, text: &str) -> Vec<u8> {
    written(encoded(label).bom(true), &[text])
}

#[test]
fn the_mark_says_the_byte_order_wherever_reading_begins() {
    for (label, order) in [("utf-16", "utf-16be"), ("utf-16", "utf-16le"), ("utf-32", "utf-32be")] {
        let fs = MemFs::new();
        fs.write("/a", marked(order, "one\ntwo\n")).unwrap();
        let mut first = encoded(label).open(fs.open("/a").unwrap());
        first.read_line(&mut String::new()).unwrap();
        let saved = first.position().unwrap();

        let mut text = encoded(label).open(updating(&fs, "/a"));
        text.seek(SeekFrom::Start(saved)).unwrap();
        assert_eq!(text.position().unwrap(), saved);
        assert_eq!(text.read_chars(2).unwrap(), "tw", "{order}");
        text.write_str("O").unwrap();
        text.seek(SeekFrom::End(0)).unwrap();
        text.write_str("three\n").unwrap();
        text.close().unwrap();
        assert_eq!(fs.read("/a").unwrap(), marked(order, "one\ntwO\nthree\n"));

        // At the end, where nothing is left to read, and where it is only asked for.
        let mut text = encoded(label).open(extending(&fs, "/a"));
        text.seek(SeekFrom::End(0)).unwrap();
        assert_eq!(text.read_chars(0).unwrap(), "");
        text.write_str("4").unwrap();
        text.close().unwrap();
        assert_eq!(fs.read("/a").unwrap(), marked(order, "one\ntwO\nthree\n4"));
    }

    // Without a mark it is little-endian, as from the start.
    let mut text = encoded("utf-16").open(std::io::Cursor::new(b"a\0b\0"));
    text.seek(SeekFrom::Start(2)).unwrap();
    assert_eq!(text.read_text().unwrap(), "b");
}

#[test]
fn nothing_is_added_in_a_byte_order_that_was_not_read() {
    for (label, order) in [("utf-16", "utf-16be"), ("utf-32", "utf-32le")] {
        let fs = MemFs::new();
        fs.write("/a", marked(order, "one")).unwrap();
        let before = fs.read("/a").unwrap();
        for open in [appending, updating] {
            for options in [encoded(label), encoded(label).bom(false)] {
                let mut text = options.open(open(&fs, "/a")).named("/a");
                let error = text.write_str("two").unwrap_err();
                assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidInput, Some("/a")));
                let named = format!("name {label}le or {label}be");
                assert!(error.to_string().contains(&named), "{error}");
                text.close().unwrap();
            }
        }
        assert_eq!(fs.read("/a").unwrap(), before);

        let mut text = encoded(order).open(appending(&fs, "/a"));
        text.write_str("two").unwrap();
        text.close().unwrap();
        assert_eq!(fs.read("/a").unwrap(), marked(order, "onetwo"));
    }
}

#[test]
fn a_byte_order_mark_is_written_once_and_only_into_an_empty_file() {
    let bom = |label| encoded(label).bom(true);
    assert_eq!(written(bom("utf-8"), &["a", "b"]), b"\xef\xbb\xbfab");
    assert_eq!(written(encoded("utf-16"), &["a", "b"]), b"\xff\xfea\0b\0");
    assert_eq!(written(encoded("utf-32"), &["a", "b"]), b"\xff\xfe\0\0a\0\0\0b\0\0\0");
    assert_eq!(written(encoded("utf-16be"), &["a"]), b"\0a");
    assert_eq!(written(bom("utf-16be"), &["", "a"]), b"\xfe\xff\0a");
    assert_eq!(written(encoded("utf-16").bom(false), &["a"]), b"a\0");
    assert_eq!(written(bom("shift_jis"), &["a"]), b"a");

    let fs = MemFs::new();
    for round in 0..3 {
        let mut text = encoded("utf-16").open(extending(&fs, "/log"));
        text.read_chars(0).unwrap(); // the byte order
        text.write_str(&round.to_string()).unwrap();
        text.write_str("\n").unwrap();
        text.close().unwrap();
    }
    assert_eq!(fs.read("/log").unwrap(), b"\xff\xfe0\0\n\x001\0\n\x002\0\n\0");
    let lines: Result<Vec<_>> = encoded("utf-16").open(fs.open("/log").unwrap()).lines().collect();
    assert_eq!(lines.unwrap(), ["0", "1", "2"]);

    // A file that was emptied through the handle gets one again.
    let mut text = encoded("utf-16").open(updating(&fs, "/log"));
    text.get_mut().set_len(0).unwrap();
    text.rewind().unwrap();
    text.write_str("x").unwrap();
    text.close().unwrap();
    assert_eq!(fs.read("/log").unwrap(), b"\xff\xfex\0");
}

#[test]
fn a_byte_order_mark_is_skipped_and_says_how_to_go_on_writing() {
    let fs = MemFs::new();
    fs.write("/a", b"\xfe\xff\0h\0i").unwrap();
    let mut text = encoded("utf-16").open(updating(&fs, "/a"));
    assert_eq!(text.position().unwrap(), 0);
    assert_eq!(text.read_chars(0).unwrap(), "");
    assert_eq!(text.read_text().unwrap(), "hi");
    text.write_str("!").unwrap();
    text.rewind().unwrap();
    assert_eq!(text.read_text().unwrap(), "hi!"); // again without the mark
    text.close().unwrap();
    assert_eq!(fs.read("/a").unwrap(), b"\xfe\xff\0h\0i\0!");

    // In the middle of a file it is a character.
    fs.write("/b", "a\u{feff}b").unwrap();
    assert_eq!(fs.open_text("/b").unwrap().read_text().unwrap(), "a\u{feff}b");
    for (label, bytes) in [("utf-8", &b"\xef\xbb"[..]), ("utf-16", b"\xff"), ("utf-32", b"\xff\xfe\0")] {
        let mut text = encoded(label).errors(TextErrors::Replace).stream(bytes);
        assert_eq!(text.read_text().unwrap(), "\u{fffd}", "{label}");
    }
}

#[test]
fn what_was_read_ahead_does_not_displace_what_is_written() {
    let fs = MemFs::new();
    fs.write("/a", "first\nsecond\nthird\n").unwrap();
    let mut text = TextFile::new(updating(&fs, "/a"));
    let mut line = String::new();
    text.read_line(&mut line).unwrap();
    text.write_str("SEC").unwrap();
    assert_eq!(text.position().unwrap(), 9);
    assert_eq!(text.read_chars(4).unwrap(), "ond\n");
    let mut file = text.into_inner().unwrap();
    assert_eq!(file.stream_position().unwrap(), 13);
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "third\n");
    file.close().unwrap();
    assert_eq!(fs.read_to_string("/a").unwrap(), "first\nSECond\nthird\n");
}

#[test]
fn a_text_can_be_borrowed_for_a_part_of_a_file() {
    let fs = MemFs::new();
    let mut file = fs.create("/a").unwrap();
    file.write_all(&[0, 1]).unwrap();
    let mut text = encoded("latin1").open(&mut file);
    text.write_str("é\n").unwrap();
    file.write_all(&[2]).unwrap();
    file.close().unwrap();
    assert_eq!(fs.read("/a").unwrap(), [0, 1, 0xe9, b'\n', 2]);
}

#[test]
fn files_of_the_host_are_text_as_well() {
    let mut file = tempfile::tempfile().unwrap();
    let options = encoded("euc-kr").newline(Newline::CrLf);
    let mut text = options.open(&mut file);
    writeln!(text, "한국 {}", 1).unwrap();
    text.write_str("둘\n").unwrap();
    text.flush().unwrap();
    text.rewind().unwrap();
    let lines: Result<Vec<_>> = text.lines().collect();
    assert_eq!(lines.unwrap(), ["한국 1", "둘"]);
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"\xc7\xd1\xb1\xb9 1\r\n\xb5\xd1\r\n");
}

#[test]
fn streams_read_and_write_on_their_own() {
    struct Socket(&'static [u8], Vec<u8>);
    impl Read for Socket {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buf)
        }
    }
    impl Write for Socket {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.1.write(buf)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut text = TextOptions::new().newline(Newline::CrLf).stream(Socket(b"EHLO\r\nQUIT\r\n", vec![]));
    let mut line = String::new();
    while text.read_line(&mut line).unwrap() > 0 {
        write!(text, "250 {}", line.to_lowercase()).unwrap();
        line.clear();
    }
    assert_eq!(text.into_inner().unwrap().1, b"250 ehlo\r\n250 quit\r\n");
}

#[test]
fn the_state_of_the_encoder_lives_on_from_text_to_text() {
    let jis = encoded("iso-2022-jp");
    let parts = ["日", "本", "a", "本\n"];
    assert_eq!(written(jis, &parts), written(jis, &[&parts.concat()]));
    // Two escape sequences in a row, as texts that each end in ASCII would have, are malformed.
    let bytes = written(jis, &["日", "本"]);
    assert_eq!(bytes, b"\x1b$BF|K\\\x1b(B");
    assert_eq!(jis.stream(&bytes[..]).read_text().unwrap(), "日本");

    // There is no room to go back to ASCII: the file is closed without, and not published.
    let fs = MemFs::with_quota(4096);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).atomic(true).open(&fs, "/a").unwrap();
    let mut text = jis.open(file);
    text.write_str("日").unwrap();
    fs.set_max_quota(0);
    assert!(matches!(refused(text.close()), ErrorKind::QuotaExceeded { .. }));
    assert!(!fs.exists("/a"));
    assert_eq!(fs.stats().open_handles, 0);
}

#[test]
fn errors_of_the_file_come_through_with_their_path() {
    let fs = MemFs::builder().storage(Storage::Sequential).build().unwrap();
    fs.write("/a", "abc").unwrap();
    let mut text = fs.create_text("/b").unwrap();
    let error = text.read_line(&mut String::new()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::Unsupported, Some("/b")));
    drop(text);
    let mut text = fs.open_text("/a").unwrap();
    assert_eq!(refused(text.write_str("x")), ErrorKind::Unsupported);
    assert_eq!(text.read_chars(1).unwrap(), "a");
    assert_eq!(refused(text.seek(SeekFrom::Current(-2))), ErrorKind::InvalidInput);
    assert_eq!(text.position().unwrap(), 1);
    drop(text);
    let mut text = TextFile::new(updating(&fs, "/a"));
    assert_eq!(refused(text.write_str("x")), ErrorKind::Unsupported); // not at the end
    assert_eq!(refused(fs.open_text("/missing")), ErrorKind::NotFound);
    assert_eq!(refused(fs.create_text("/")), ErrorKind::IsADirectory);
}

#[test]
fn what_formatting_does_is_one_write() {
    struct Fails;
    impl std::fmt::Display for Fails {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half")?;
            Err(std::fmt::Error)
        }
    }
    let fs = MemFs::new();
    let mut text = fs.create_text("/a").unwrap();
    let (name, number) = ("x", 7);
    write!(text, "{name}-{number:03}").unwrap();
    assert_eq!(refused(write!(text, "{Fails}")), ErrorKind::Other);
    text.close().unwrap();
    assert_eq!(fs.read("/a").unwrap(), b"x-007");
}

#[test]
fn a_file_that_is_larger_than_any_buffer_reads_as_it_was_written() {
    let fs = MemFs::new();
    let lines: Vec<String> = (0..20_000).map(|i| format!("{i} {}", "日é€😀".repeat(i % 17))).collect();
    for label in ["utf-8", "utf-16", "utf-32be", "gb18030"] {
        for newline in [Newline::Keep, Newline::CrLf, Newline::Cr] {
            let options = encoded(label).newline(newline);
            let mut text = options.open(fs.create("/a").unwrap());
            text.write_str(&lines.join("\n")).unwrap();
            text.close().unwrap();
            let mut text = options.open(fs.open("/a").unwrap());
            assert!(text.lines().map(Result::unwrap).eq(lines.iter().cloned()), "{label} {newline:?}");
            text.rewind().unwrap();
            let mut joined = String::new();
            while text.read_chars(4099).map(|part| joined.push_str(&part)).is_ok() && !joined.is_empty() {
                if text.position().unwrap() == text.get_ref().len() {
                    break;
                }
            }
            assert!(joined == lines.join("\n"), "{label} {newline:?}");
        }
    }
}

#[test]
fn what_a_text_was_opened_with_can_be_asked() {
    let options = encoded("utf-16le").errors(TextErrors::Replace).newline(Newline::Cr);
    let text = options.stream(std::io::empty());
    assert_eq!(text.encoding(), TextEncoding::UTF_16LE);
    assert_eq!((text.errors(), text.newline()), (TextErrors::Replace, Newline::Cr));
    assert!(format!("{text:?}").contains("UTF-16LE"));
}
