//! All encodings against whole decodes and naive references, in pieces of all sizes.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use proptest::prelude::*;

use super::encoding::{Codec, Order};
use super::*;

/// Every encoding that there is.
fn encodings() -> Vec<TextEncoding> {
    let labels = "utf-8 utf-16 utf-16le utf-16be utf-32 utf-32le utf-32be ibm866 iso-8859-2 iso-8859-3 \
                  iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-10 iso-8859-13 \
                  iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250 \
                  windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 \
                  windows-1258 x-mac-cyrillic gbk gb18030 big5 euc-jp iso-2022-jp shift_jis euc-kr \
                  x-user-defined";
    let all: Vec<_> = labels.split_whitespace().map(|l| TextEncoding::for_label(l).unwrap()).collect();
    assert_eq!(all.len(), 43); // the 40 of the standard without `replacement`, and four of our own
    all
}

fn any_encoding() -> impl Strategy<Value = TextEncoding> {
    proptest::sample::select(encodings())
}

/// Escape sequences, byte order marks, line ends of all widths, and the beginnings of characters.
const TELLING: &[&[u8]] = &[
    b"\x1b(B",
    b"\x1b(J",
    b"\x1b(I",
    b"\x1b$B",
    b"\x1b$@",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\0\0",
    b"\0\0\xfe\xff",
    b"\r\n",
    b"\r\0\n\0",
    b"\0\r\0\n",
    b"\0\0\0\r",
    b"\n\0\0\0",
    b"\x810\x810",
    b"\x810\xff",
    b"\x88\x62",
    b"\x88\xa3",
    b"\x82\xa0",
    b"\xa4\xa2",
    b"\x3d\xd8\0\xde",
];

/// What ISO-2022-JP is made of, whole and in pieces.
const SHIFTING: &[&[u8]] = &[
    b"\r", b"\n", b"a", b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$B", b"\x1b$@", b"\x1b", b"(", b"J", b"$",
    b"F|",
];

/// Bytes that mean something somewhere: line ends, lead and trail bytes, escape sequences, marks.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => any::<u8>().prop_map(|byte| vec![byte]),
        4 => proptest::sample::select(&b"\r\n\r\n\0\0 aA\x1b(B$@J0\x81\x30\x88\x62\xd8\xdc\xe2\x82\xff\xfe"[..])
            .prop_map(|byte| vec![byte]),
        1 => proptest::sample::select(TELLING).prop_map(<[u8]>::to_vec),
    ];
    proptest::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// Text of characters that all, many or no encodings have.
fn any_text() -> impl Strategy<Value = String> {
    let alphabet: Vec<char> =
        "aZ ~\\\n\r\t\0?¥‾éßЖяαאع、。あン日本語한국繁體ｱ€™\u{2212}\u{feff}\u{e5e5}😀\u{10ffff}"
            .chars()
            .collect();
    proptest::collection::vec(prop_oneof![3 => proptest::sample::select(alphabet), 1 => any::<char>()], 0..40)
        .prop_map(|chars| chars.into_iter().collect())
}

/// A handle that gives as many bytes a call as it is told.
struct Dribble {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Dribble {
    fn new(bytes: &[u8], sizes: &[usize]) -> Self {
        Self { bytes: Cursor::new(bytes.to_vec()), sizes: sizes.to_vec(), turn: 0 }
    }
}

impl Read for Dribble {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.turn % self.sizes.len().max(1)).copied().unwrap_or(usize::MAX);
        self.turn += 1;
        if size == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = size.min(buf.len());
        self.bytes.read(&mut buf[..size])
    }
}

impl Seek for Dribble {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// How many bytes a handle gives, call by call; sometimes all, and never none for ever.
fn any_sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1 => Just(0), 6 => 1_usize..5, 1 => Just(1000)], 0..6).prop_map(
        |mut sizes| {
            sizes.push(3);
            sizes
        },
    )
}

/// Decodes as a whole, by the rules in their simplest form.
fn reference(encoding: TextEncoding, bytes: &[u8], newline: Newline) -> String {
    let (codec, bytes) = encoding
        .by_mark()
        .find_map(|codec| Some((codec, bytes.strip_prefix(codec.mark())?)))
        .unwrap_or((encoding.codec(), bytes));
    let text = match codec {
        Codec::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Codec::Whatwg(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        Codec::Utf16(order) => {
            let by = if order == Order::Big { encoding_rs::UTF_16BE } else { encoding_rs::UTF_16LE };
            by.decode_without_bom_handling(bytes).0.into_owned()
        }
        Codec::Utf32(order) => bytes
            .chunks(4)
            .map(|unit| match (<[u8; 4]>::try_from(unit), order) {
                (Err(_), _) => None,
                (Ok(unit), Order::Little) => char::from_u32(u32::from_le_bytes(unit)),
                (Ok(unit), Order::Big) => char::from_u32(u32::from_be_bytes(unit)),
            })
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect(),
    };
    if newline == Newline::Keep { text } else { text.replace("\r\n", "\n").replace('\r', "\n") }
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Line,
    Part(usize),
    Chars(usize),
    All,
}

fn any_call(least: usize) -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => Just(Call::Line),
        3 => (least..6).prop_map(Call::Part),
        3 => (least..9).prop_map(Call::Chars),
        1 => Just(Call::All),
    ]
}

fn call<H: Read>(text: &mut TextFile<H>, call: Call) -> Result<String> {
    let mut out = String::new();
    match call {
        Call::Line => text.read_line(&mut out)?,
        Call::Part(n) => text.read_line_part(&mut out, n)?,
        Call::Chars(n) => return text.read_chars(n),
        Call::All => text.read_to_string(&mut out)?,
    };
    Ok(out)
}

/// What a call should return of `left`.
fn expected(call: Call, left: &str) -> &str {
    let line = || {
        let end = left
            .find(['\n', '\r'])
            .map_or(left.len(), |at| at + if left[at..].starts_with("\r\n") { 2 } else { 1 });
        &left[..end]
    };
    let chars = |text: &'_ str, n| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    match call {
        Call::Line => line(),
        Call::Part(n) => &left[..chars(line(), n)],
        Call::Chars(n) => &left[..chars(left, n)],
        Call::All => left,
    }
}

/// As many as `PROPTEST_CASES` says, or so many that each encoding has its turns.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

fn any_newline() -> impl Strategy<Value = Newline> {
    proptest::sample::select(&[Newline::Keep, Newline::Universal, Newline::CrLf][..])
}

/// Reads `bytes` by these calls from a handle that gives so many a time, against a whole decode.
fn check_pieces(
    encoding: TextEncoding,
    bytes: &[u8],
    sizes: &[usize],
    calls: Vec<Call>,
    newline: Newline,
) -> Result<(), TestCaseError> {
    let options = TextOptions::new().encoded_as(encoding).errors(TextErrors::Replace).newline(newline);
    let whole = reference(encoding, bytes, newline);
    let mut text = options.open(Dribble::new(bytes, sizes));
    let mut left = whole.as_str();
    for one in calls.into_iter().chain([Call::All]) {
        let wanted = expected(one, left);
        let read = call(&mut text, one).unwrap();
        prop_assert_eq!(&read, wanted, "{:?} of {:?}", one, encoding);
        left = &left[wanted.len()..];

        // Whoever goes on from the position reads the rest.
        if encoding.name() != "ISO-2022-JP" {
            let at = text.position().unwrap();
            let mut other = options.open(Cursor::new(bytes));
            other.read_chars(0).unwrap(); // the byte order
            other.seek(SeekFrom::Start(at)).unwrap();
            let rest = other.read_text().unwrap();
            // Behind the first of the two characters that one pair of bytes is in Big5, it is
            // behind both.
            let second = left.starts_with(['\u{304}', '\u{30c}']) && encoding.name() == "Big5";
            let left = if second && rest != left { &left[2..] } else { left };
            prop_assert_eq!(rest, left, "from {} of {:?}", at, encoding);
        }
    }
    prop_assert_eq!(left, "");
    prop_assert_eq!(text.position().unwrap(), bytes.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn reading_in_any_pieces_is_decoding_as_a_whole(
        encoding in any_encoding(),
        bytes in any_bytes(),
        sizes in any_sizes(),
        calls in proptest::collection::vec(any_call(0), 0..30),
        newline in any_newline(),
    ) {
        check_pieces(encoding, &bytes, &sizes, calls, newline)?;
    }

    /// Where escape sequences stand between the characters of a line end.
    #[test]
    fn reading_by_shifts_in_any_pieces_is_decoding_as_a_whole(
        parts in proptest::collection::vec(proptest::sample::select(SHIFTING), 0..20),
        sizes in any_sizes(),
        calls in proptest::collection::vec(any_call(0), 0..30),
        newline in any_newline(),
    ) {
        let encoding = TextEncoding::for_label("iso-2022-jp").unwrap();
        check_pieces(encoding, &parts.concat(), &sizes, calls, newline)?;
    }

    #[test]
    fn strict_reading_stops_at_each_place_that_replacing_replaces(
        encoding in any_encoding(),
        bytes in any_bytes(),
        sizes in any_sizes(),
        one in any_call(1),
    ) {
        let options = TextOptions::new().encoded_as(encoding);
        let mut text = options.open(Dribble::new(&bytes, &sizes));
        text.read_chars(0).unwrap(); // a byte order mark is skipped by whatever reads first
        let (mut joined, mut last) = (String::new(), 0);
        loop {
            let before = text.position().unwrap();
            let read = match one {
                Call::All => text.read_to_string(&mut joined).map(|n| n > 0),
                one => call(&mut text, one).map(|read| { joined.push_str(&read); !read.is_empty() }),
            };
            match read {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    prop_assert_eq!(error.kind(), &ErrorKind::InvalidData);
                    let message = error.to_string();
                    let at: u64 = message.split("at offset ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
                    prop_assert!(at >= last && at < bytes.len() as u64, "{}", message);
                    // Escape sequences are no text, but taken with what is before them.
                    if !matches!(one, Call::All) && encoding.name() != "ISO-2022-JP" {
                        prop_assert_eq!(at, before, "{}: {}", encoding, message);
                    }
                    last = at;
                    joined.push('\u{fffd}');
                }
            }
        }
        prop_assert_eq!(joined, reference(encoding, &bytes, Newline::Keep));
    }

    #[test]
    fn writing_in_any_parts_is_encoding_as_a_whole(
        encoding in any_encoding(),
        parts in proptest::collection::vec(any_text(), 0..6),
        newline in proptest::sample::select(&[Newline::Keep, Newline::Universal, Newline::CrLf, Newline::Cr][..]),
    ) {
        let options = TextOptions::new().encoded_as(encoding).errors(TextErrors::Replace).newline(newline);
        let mut text = options.open(Cursor::new(Vec::new()));
        for part in &parts {
            let before = text.get_ref().get_ref().len();
            let written = text.write_str(part).unwrap();
            prop_assert_eq!(written, text.get_ref().get_ref().len() - before);
        }
        text.finish().unwrap();
        let bytes = text.into_inner().unwrap().into_inner();

        let whole = parts.concat();
        let whole = newline.written().map_or(whole.clone(), |newline| whole.replace('\n', newline));
        let naive: Vec<u8> = match encoding.codec() {
            Codec::Utf8 => whole.clone().into_bytes(),
            Codec::Utf16(Order::Little) => whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Codec::Utf16(Order::Big) => whole.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Codec::Utf32(Order::Little) => whole.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Codec::Utf32(Order::Big) => whole.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
            Codec::Whatwg(by) => {
                let has = |c: char| !by.encode(c.encode_utf8(&mut [0; 4])).2;
                let can: String = whole.chars().map(|c| if has(c) { c } else { '?' }).collect();
                by.encode(&can).0.into_owned()
            }
        };
        let mark = if encoding.has_mark() && !whole.is_empty() { encoding.codec().mark() } else { b"" };
        prop_assert_eq!(&bytes, &[mark, &naive].concat(), "{:?}", encoding);

        // What was written reads as text that is written as the same bytes.
        let keep = TextOptions::new().encoded_as(encoding);
        let read = keep.open(Cursor::new(&bytes)).read_text().unwrap();
        let skipped = bytes.starts_with(b"\xef\xbb\xbf") || whole.starts_with('\u{feff}');
        if !skipped {
            let mut again = keep.open(Cursor::new(Vec::new()));
            again.write_str(&read).unwrap();
            again.finish().unwrap();
            prop_assert_eq!(again.into_inner().unwrap().into_inner(), bytes, "{:?}", encoding);
        }
        if matches!(encoding.codec(), Codec::Utf8 | Codec::Utf16(_) | Codec::Utf32(_)) && !skipped {
            prop_assert_eq!(read, whole);
        }
    }

    #[test]
    fn reading_writing_and_seeking_in_turns_is_as_on_a_plain_array(
        start in proptest::collection::vec(proptest::sample::select(&['a', '日', '\r', '\n', 'ü'][..]), 0..40),
        steps in proptest::collection::vec((0_u8..4, any_call(0), "[xyž語\n]{0,4}", 0_usize..50), 0..30),
        encoding in proptest::sample::select(&[TextEncoding::UTF_16LE, TextEncoding::UTF_16BE, TextEncoding::UTF_32LE][..]),
    ) {
        let width = encoding.codec().width();
        let options = TextOptions::new().encoded_as(encoding);
        let mut text = options.open(Cursor::new(Vec::new()));
        let mut model: Vec<char> = start;
        text.write_str(&model.iter().collect::<String>()).unwrap();
        let mut at = model.len();
        for (step, one, written, to) in steps {
            match step {
                0 => {
                    at = to.min(model.len());
                    text.seek(SeekFrom::Start((at * width) as u64)).unwrap();
                }
                1 => {
                    text.write_str(&written).unwrap();
                    for c in written.chars() {
                        if at < model.len() { model[at] = c } else { model.push(c) }
                        at += 1;
                    }
                }
                _ => {
                    let left: String = model[at..].iter().collect();
                    let wanted = expected(one, &left);
                    prop_assert_eq!(call(&mut text, one).unwrap(), wanted);
                    at += wanted.chars().count();
                }
            }
            prop_assert_eq!(text.position().unwrap(), (at * width) as u64);
        }
        text.rewind().unwrap();
        prop_assert_eq!(text.read_text().unwrap(), model.iter().collect::<String>());
    }
}

/// A handle that fails as it is told: at these calls, of reading or of writing.
struct Failing {
    bytes: Cursor<Vec<u8>>,
    fails: Vec<bool>,
}

impl Failing {
    fn strikes(&mut self) -> io::Result<()> {
        match self.fails.pop() {
            Some(true) => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.strikes()?;
        self.bytes.read(&mut buf[..3])
    }
}

impl io::Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.strikes()?;
        self.bytes.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.strikes()
    }
}

#[test]
fn an_error_of_the_handle_comes_after_what_was_read_and_loses_nothing() {
    let bytes = Cursor::new(b"one two\r\nthree".to_vec());
    // The third read fails, then the fifth, which would tell what follows the return.
    let handle = Failing { bytes, fails: vec![true, false, true, false, false] };
    let mut text = TextOptions::new().stream(handle).named("tape");
    let mut lines = Vec::new();
    let mut line = String::new();
    loop {
        match text.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => lines.push(Ok(std::mem::take(&mut line))),
            Err(error) => {
                assert_eq!((error.kind(), error.path()), (&ErrorKind::Other, Some("tape")));
                assert!(std::error::Error::source(&error).is_some());
                lines.push(Err(error.operation()));
            }
        }
    }
    let pieces: Vec<&str> = lines.iter().map(|line| line.as_deref().unwrap_or("!")).collect();
    assert_eq!(pieces.concat().replace('!', ""), "one two\r\nthree");
    assert_eq!(lines.iter().filter(|line| **line == Err("read_line")).count(), 2);
    assert!(pieces.contains(&"three") && pieces.iter().all(|piece| !piece.starts_with('\n')), "{pieces:?}");
}

#[test]
fn a_write_that_fails_leaves_the_encoder_as_it_was() {
    let handle = Failing { bytes: Cursor::default(), fails: vec![true, true, false, true, false, true] };
    let mut text = TextOptions::new().encoding("iso-2022-jp").unwrap().stream(handle);
    assert!(text.write_str("日").is_err()); // still in ASCII
    text.write_str("日").unwrap();
    assert!(text.write_str("a").is_err()); // still in JIS X 0208
    text.write_str("本").unwrap();
    assert!(text.write_str("¥").is_err());
    assert!(text.finish().is_err()); // it may be called again
    text.finish().unwrap();
    text.finish().unwrap();
    text.write_str("a").unwrap();
    assert_eq!(text.get_ref().bytes.get_ref(), b"\x1b$BF|K\\\x1b(Ba");
}

#[test]
fn a_shift_between_return_and_feed_is_within_one_line_end() {
    // As written by who went back to ASCII behind the return: a line end is of characters, not of bytes.
    let options = TextOptions::new().encoding("iso-2022-jp").unwrap();
    let mut text = options.open(Cursor::new(Vec::new()));
    text.write_str("¥\r").unwrap();
    text.finish().unwrap();
    text.write_str("\n日").unwrap();
    text.finish().unwrap();
    let bytes = text.into_inner().unwrap().into_inner();
    assert_eq!(bytes, b"\x1b(J\\\r\x1b(B\n\x1b$BF|\x1b(B");

    let lines: Result<Vec<String>> = options.open(Cursor::new(&bytes)).lines().collect();
    assert_eq!(lines.unwrap(), ["¥", "日"]);
    let mut universal = options.newline(Newline::Universal).open(Cursor::new(&bytes));
    assert_eq!(universal.read_chars(2).unwrap(), "¥\n");
    assert_eq!(universal.position().unwrap(), 9);
    assert_eq!(universal.read_text().unwrap(), "日");
    let mut kept = options.open(Cursor::new(&bytes));
    assert_eq!([(); 4].map(|()| kept.read_chars(1).unwrap()), ["¥", "\r", "\n", "日"]);
}

#[test]
fn a_byte_order_mark_that_was_not_written_is_still_due() {
    let handle = Failing { bytes: Cursor::default(), fails: vec![true] };
    let mut text = TextOptions::new().encoding("utf-16").unwrap().stream(handle);
    assert!(text.write_str("a").is_err());
    assert_eq!(text.write_str("").unwrap(), 0);
    assert_eq!(text.write_str("a").unwrap(), 4);
    assert_eq!(text.get_ref().bytes.get_ref(), b"\xff\xfea\0");
}

#[test]
fn the_end_is_no_state() {
    let mut text = TextOptions::new().encoding("euc-jp").unwrap().open(Cursor::new(b"a\n".to_vec()));
    assert_eq!(text.read_text().unwrap(), "a\n");
    assert_eq!(text.read_text().unwrap(), "");
    text.get_mut().get_mut().extend_from_slice(b"\xa4\xa2\n");
    assert_eq!(text.lines().next().unwrap().unwrap(), "あ");
}

#[test]
fn much_malformed_input_takes_time_in_proportion() {
    let bytes = vec![0xff; 4 << 20];
    let options = TextOptions::new().errors(TextErrors::Replace);
    assert_eq!(options.stream(&bytes[..]).read_text().unwrap().len(), 3 * bytes.len());
    assert_eq!(options.stream(&bytes[..]).read_chars(1 << 20).unwrap().len(), 3 << 20);
}
