//! Trees as JSON: the answer of `dump`, and the state of pyfunc's memfs.
//!
//! The state is `{"files": {path: {"type": "text" | "binary", "content": text or base64}}, "dirs": [path]}`.
//! Both are written as Python writes them, every character beyond ASCII as `\uXXXX`, so that they
//! survive whatever encoding the programs behind a pipe take them for.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Read, Write};

use arcfs::{Content, MemFs, Snapshot};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::failure::{Failure, Outcome};
use crate::paths::{base_name, join, normalize};

/// Writes path to text for each file, one a line. Bytes that are not UTF-8 become U+FFFD.
pub fn write_texts(files: impl Iterator<Item = (String, Content)>, out: &mut impl Write) -> Outcome {
    let mut json = serde_json::Serializer::with_formatter(&mut *out, Ascii(PrettyFormatter::new()));
    let mut map = json.serialize_map(None).map_err(failed)?;
    for (path, content) in files {
        let bytes = content.to_vec()?;
        map.serialize_entry(&path, &String::from_utf8_lossy(&bytes)).map_err(failed)?;
    }
    map.end().map_err(failed)?;
    out.write_all(b"\n").map_err(Failure::output)
}

/// One file of the state.
#[derive(Debug, Serialize, Deserialize)]
struct StateFile {
    #[serde(rename = "type")]
    kind: FileKind,
    content: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileKind {
    Text,
    Binary,
}

/// The whole state.
#[derive(Debug, Deserialize)]
pub struct State {
    files: BTreeMap<String, StateFile>,
    dirs: Vec<String>,
}

/// Writes the state of everything below `path`, in one line; its own path becomes the root. Of a file
/// it is one with this file in the root.
pub fn write(view: &Snapshot, path: &str, out: &mut impl Write) -> Outcome {
    let (mut files, mut dirs) = (Vec::new(), vec!["/".to_owned()]);
    if view.is_file(path) {
        files.push((path.to_owned(), join("/", base_name(path))));
    } else {
        for dir in view.walk(path)? {
            let place = join("/", dir.path.strip_prefix(path).unwrap_or(&dir.path).trim_start_matches('/'));
            files.extend(
                dir.files.iter().map(|name| (join(&dir.path, name.as_ref()), join(&place, name.as_ref()))),
            );
            dirs.extend(dir.dirs.iter().map(|name| join(&place, name.as_ref())));
        }
    }
    let mut json = serde_json::Serializer::with_formatter(&mut *out, Ascii(CompactFormatter));
    let mut state = json.serialize_map(None).map_err(failed)?;
    state.serialize_entry("files", &Files { view, files: &files }).map_err(failed)?;
    state.serialize_entry("dirs", &dirs).map_err(failed)?;
    state.end().map_err(failed)?;
    out.write_all(b"\n").map_err(Failure::output)
}

/// Files that are read one by one while they are written.
struct Files<'f> {
    view: &'f Snapshot,
    /// The path of each, and the one that it is to have.
    files: &'f [(String, String)],
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.files.len()))?;
        for (path, place) in self.files {
            let bytes = self.view.read(path).map_err(serde::ser::Error::custom)?;
            let file = match String::from_utf8(bytes) {
                Ok(text) => StateFile { kind: FileKind::Text, content: text },
                Err(error) => {
                    let content = STANDARD.encode(error.as_bytes());
                    StateFile { kind: FileKind::Binary, content }
                }
            };
            map.serialize_entry(place, &file)?;
        }
        map.end()
    }
}

/// Reads a state of at most `most` bytes. What is none is refused at its first byte that shows it,
/// so that an endless file is not gathered in memory.
pub fn read(from: impl Read, most: u64) -> Outcome<State> {
    let mut from = BufReader::with_capacity(64 << 10, from.take(most.saturating_add(1)));
    let state = serde_json::from_reader(&mut from);
    if from.get_ref().limit() == 0 {
        return Err(invalid(format!("it has more than {most} bytes, which cannot fit the quota")));
    }
    state.map_err(|error| match error.is_io() {
        true => Failure::Host { attempt: "cannot read the state of memfs".into(), source: error.into() },
        false => invalid(error.to_string()),
    })
}

fn invalid(text: impl fmt::Display) -> Failure {
    Failure::Message(format!("this is no state of memfs: {text}"))
}

/// Brings a state to `dest`, all of it or nothing. Returns how many files and bytes it has.
pub fn bring(fs: &MemFs, state: State, dest: &str) -> Outcome<(u64, u64)> {
    // What memfs calls relative is below the root here: there is nothing else.
    let place = |path: &str| {
        let path = normalize(path).ok_or_else(|| invalid(format!("{path:?} climbs above the root")))?;
        Ok::<_, Failure>(join(dest, path.trim_start_matches('/')))
    };
    let dirs = state.dirs.iter().map(|dir| place(dir)).collect::<Outcome<Vec<_>>>()?;
    let mut files = Vec::new();
    for (path, StateFile { kind, content }) in state.files {
        let bytes = match kind {
            FileKind::Text => content.into_bytes(),
            FileKind::Binary => STANDARD
                .decode(&content)
                .map_err(|error| invalid(format!("the content of {path:?} is not base64: {error}")))?,
        };
        files.push((place(&path)?, bytes));
    }
    let sums = (files.len() as u64, files.iter().map(|(_, bytes)| bytes.len() as u64).sum());
    fs.transaction(|tx| {
        dirs.iter().try_for_each(|dir| tx.create_dir_all(dir))?;
        tx.import_tree(files.iter().map(|(path, bytes)| (path, bytes)))
    })?;
    Ok(sums)
}

fn failed(error: serde_json::Error) -> Failure {
    if error.is_io() { Failure::output(error.into()) } else { Failure::Message(error.to_string()) }
}

/// Writes JSON in ASCII, and otherwise as the formatter within.
struct Ascii<F>(F);

impl<F: Formatter> Formatter for Ascii<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            out.write_all(&rest.as_bytes()[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcfs::ExportOptions;

    fn sample() -> MemFs {
        let fs = MemFs::new();
        fs.import_tree([("/a.txt", "caf\u{e9} \u{1f600}\n\"\\\u{7}".as_bytes()), ("/d/bin", b"\xff\0")])
            .unwrap();
        fs.create_dir_all("/empty/er").unwrap();
        fs
    }

    /// Reads a state and brings it.
    fn brought(fs: &MemFs, json: &[u8], dest: &str) -> Outcome<(u64, u64)> {
        bring(fs, read(json, 1 << 20)?, dest)
    }

    fn dumped(fs: &MemFs) -> String {
        let mut out = Vec::new();
        write(&fs.snapshot(), "/", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_written_as_python_writes_them() {
        let mut out = Vec::new();
        let files = sample().iter_export_tree("/", ExportOptions::default()).unwrap();
        write_texts(files, &mut out).unwrap();
        let expected = "{\n  \"/a.txt\": \"caf\\u00e9 \\ud83d\\ude00\\n\\\"\\\\\\u0007\",\n  \
                        \"/d/bin\": \"\\ufffd\\u0000\"\n}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);

        let mut out = Vec::new();
        write_texts(std::iter::empty(), &mut out).unwrap();
        assert_eq!(out, b"{}\n");
    }

    #[test]
    fn a_state_goes_out_and_comes_back() {
        let fs = sample();
        let json = dumped(&fs);
        assert!(json.is_ascii() && json.lines().count() == 1, "{json}");
        assert!(json.contains(r#""/d/bin":{"type":"binary","content":"/wA="}"#), "{json}");
        assert!(json.trim_end().ends_with(r#""dirs":["/","/d","/empty","/empty/er"]}"#), "{json}");

        let again = MemFs::new();
        assert_eq!(brought(&again, json.as_bytes(), "/").unwrap(), (2, 16));
        assert_eq!(dumped(&again), json);
        let below = MemFs::new();
        brought(&below, json.as_bytes(), "/old/state").unwrap();
        assert_eq!(below.read("/old/state/d/bin").unwrap(), b"\xff\0");
        assert!(below.is_dir("/old/state/empty/er"));
    }

    #[test]
    fn an_endless_state_is_refused() {
        let zeros = read(io::repeat(0), u64::MAX).unwrap_err().to_string();
        assert!(zeros.contains("line 1 column 1"), "{zeros}");
        let spaces = read(io::repeat(b' '), 1 << 20).unwrap_err().to_string();
        assert!(spaces.contains("more than 1048576 bytes"), "{spaces}");
        let text = read(b"{\"files\": {\"".chain(io::repeat(b'a')), 1 << 20).unwrap_err().to_string();
        assert!(text.contains("more than 1048576 bytes"), "{text}");
        let json = br#"{"files": {}, "dirs": []}"#;
        assert!(read(&json[..], json.len() as u64).is_ok());
        assert!(read(&json[..], json.len() as u64 - 1).is_err());
    }

    #[test]
    fn the_path_that_is_dumped_becomes_the_root() {
        let fs = MemFs::new();
        fs.import_tree([("/a/b/c/1", "one"), ("/a/b/2", "two"), ("/elsewhere", "")]).unwrap();
        let dump = |path: &str| {
            let mut out = Vec::new();
            write(&fs.snapshot(), path, &mut out).unwrap();
            let again = MemFs::new();
            brought(&again, &out, "/").unwrap();
            let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
            (again.glob("**").unwrap(), json["dirs"].clone())
        };
        assert_eq!(
            dump("/a/b"),
            (vec!["/2".into(), "/c".into(), "/c/1".into()], serde_json::json!(["/", "/c"]))
        );
        assert_eq!(dump("/a/b/c/1"), (vec!["/1".into()], serde_json::json!(["/"])));
        assert_eq!(dump("/").1, serde_json::json!(["/", "/a", "/a/b", "/a/b/c"]));
    }

    #[test]
    fn names_that_memfs_allowed_find_their_place() {
        let fs = MemFs::new();
        let json = r#"{"files": {"rel": {"type": "text", "content": "1"}, "//x": {"type": "text", "content": ""}}, "dirs": ["/", "."]}"#;
        assert_eq!(brought(&fs, json.as_bytes(), "/").unwrap(), (2, 1));
        assert_eq!(fs.glob("**").unwrap(), ["/rel", "/x"]);
    }

    #[test]
    fn what_is_no_state_changes_nothing() {
        for (json, expected) in [
            ("", "EOF"),
            ("[]", "invalid length"),
            ("{}", "missing field"),
            (r#"{"files": {"/a": {"type": "text", "content": 1}}, "dirs": []}"#, "invalid type"),
            (r#"{"files": {"/a": {"type": "odd", "content": ""}}, "dirs": []}"#, "unknown variant"),
            (r#"{"files": {"/a": {"type": "binary", "content": "?"}}, "dirs": []}"#, "not base64"),
            (r#"{"files": {"/../a": {"type": "text", "content": ""}}, "dirs": []}"#, "climbs above"),
            (
                r#"{"files": {"/a": {"type": "text", "content": ""}, "a": {"type": "text", "content": ""}}, "dirs": []}"#,
                "twice",
            ),
            (r#"{"files": {"/d": {"type": "text", "content": ""}}, "dirs": ["/x", "/d"]}"#, "directory"),
        ] {
            let fs = MemFs::new();
            let error = brought(&fs, json.as_bytes(), "/").unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
            assert_eq!((fs.stats().file_count, fs.stats().dir_count), (0, 1), "{json}");
        }
    }
}
