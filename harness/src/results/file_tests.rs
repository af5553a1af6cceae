//! Whatever is wrong with a result file is named together with the file and the place.

use std::error::Error as _;
use std::fs;

use super::*;
use crate::results::schema::Meta;
use crate::workload::{Better, Params, Unit};

fn run() -> Run {
    let full = Cell {
        workload: "stream".to_owned(),
        params: Params::new().number("bytes", 4096).word("keys", "zipf"),
        metric: "write".to_owned(),
        backend: "arcfs-calls".to_owned(),
        arcfs: true,
        unit: Unit::Nanoseconds,
        better: Better::Lower,
        samples: vec![0.1 + 0.2, 1e300, 5e-324],
        median: Some(0.1 + 0.2),
        min: Some(5e-324),
        max: Some(1e300),
        latency: Some(Latency {
            count: 10,
            p50: 1,
            p90: 2,
            p99: 2,
            p99_9: 2,
            max: 3,
            curve: vec![(0.0, 1), (0.9, 2)],
        }),
        checks: 7,
        empty: None,
    };
    let empty = Cell {
        backend: "vfs".to_owned(),
        arcfs: false,
        samples: Vec::new(),
        median: None,
        min: None,
        max: None,
        latency: None,
        checks: 0,
        empty: Some("cannot: has no snapshot".to_owned()),
        ..full.clone()
    };
    let meta = Meta { rounds: 3, ..Meta::default() };
    Run { schema: VERSION, meta, cells: vec![full, empty] }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The message and its causes of reading `content`.
fn refusal(content: &str) -> String {
    let directory = directory();
    let path = directory.path().join("some.json");
    fs::write(&path, content).expect("written");
    let error = read(&path).expect_err("refused");
    let message = error.to_string();
    assert!(message.contains("some.json"), "{message}");
    match error.source() {
        Some(cause) => format!("{message}: {cause}"),
        None => message,
    }
}

/// The refusal of a run that was valid before `change` was made to its JSON.
fn refusal_of(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::to_value(run()).expect("serialisable");
    change(&mut value);
    refusal(&value.to_string())
}

#[test]
fn what_is_written_is_read_back_to_the_last_bit() {
    let directory = directory();
    let path = directory.path().join("a.json");
    write(&path, &run()).expect("written");
    assert_eq!(read(&path).expect("read"), run());
    let names: Vec<_> = fs::read_dir(directory.path()).expect("listed").collect();
    assert_eq!(names.len(), 1, "no temporary file is left: {names:?}");
}

#[test]
fn an_existing_file_is_replaced_only_on_purpose() {
    let directory = directory();
    let path = directory.path().join("a.json");
    fs::write(&path, "precious").expect("written");
    assert!(matches!(write_new(&path, &run()), Err(Error::Exists { .. })));
    assert_eq!(fs::read_to_string(&path).expect("read"), "precious");
    write(&path, &run()).expect("replaced");
    assert_eq!(read(&path).expect("read"), run());
}

#[test]
fn a_place_that_is_no_file_keeps_what_it_is() {
    let directory = directory();
    assert!(matches!(write(directory.path(), &run()), Err(Error::NoFile { .. })));
    assert!(directory.path().is_dir());
    let missing = write(&directory.path().join("no/a.json"), &run()).expect_err("refused").to_string();
    assert!(missing.contains("cannot write") && missing.contains("check the path"), "{missing}");
}

#[cfg(unix)]
#[test]
fn a_new_file_can_be_read_by_whom_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = directory();
    let (ours, plain) = (directory.path().join("ours.json"), directory.path().join("plain"));
    write(&ours, &run()).expect("written");
    fs::write(&plain, "").expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[test]
fn other_text_and_other_json_are_told_apart() {
    assert!(refusal("hello").contains("is not JSON"));
    assert!(refusal("").contains("ends in the middle"));
    let text = text(&run()).expect("serialisable");
    assert!(refusal(&text[..text.len() / 2]).contains("ends in the middle"));
    assert!(refusal("[]").contains("it is no object"));
    assert!(refusal(r#"{"name": "x"}"#).contains("it names no schema"));
    assert!(refusal(r#"{"schema": "one"}"#).contains("it names no schema"));
    assert!(refusal(r#"{"schema": 1}"#).contains("it has no field meta"));
    assert!(refusal(r#"{"schema": 2, "new": 1}"#).contains("update the harness"));
    assert!(refusal(r#"{"schema": 0}"#).contains("run the benchmark again"));
}

#[test]
fn a_wrong_field_is_named_with_its_cell() {
    let message = refusal_of(|value| {
        value["cells"][1].as_object_mut().expect("a cell").remove("unit");
    });
    assert!(message.contains("cells[1] stream write vfs") && message.contains("`unit`"), "{message}");
    let message = refusal_of(|value| value["meta"]["cores"] = "two".into());
    assert!(message.contains("meta does not follow schema 1"), "{message}");
    let message = refusal_of(|value| value["cells"][0]["samples"][1] = Value::Null);
    assert!(message.contains("cells[0]") && message.contains("null"), "{message}");
}

#[test]
fn a_cell_that_contradicts_itself_is_refused() {
    let check = |change: fn(&mut Value), expected: &str| {
        let message = refusal_of(change);
        assert!(message.contains(expected), "{message}");
    };
    check(|value| value["cells"][0]["median"] = 2.into(), "median is 2, its samples give 0.3");
    check(|value| value["cells"][0]["min"] = Value::Null, "min is nothing");
    check(|value| value["cells"][1]["max"] = 0.into(), "max is 0, its samples give nothing");
    check(|value| value["cells"][0]["empty"] = "why".into(), "samples and a reason");
    check(|value| value["cells"][1]["empty"] = Value::Null, "neither samples nor a reason");
    check(|value| value["meta"]["rounds"] = 5.into(), "3 samples of 5 rounds");
    check(|value| value["cells"][0]["latency"]["p90"] = 9.into(), "ascending order");
    check(|value| value["cells"][0]["latency"]["curve"][1][0] = 0.into(), "ascending order");
    check(|value| value["cells"][1] = value["cells"][0].clone(), "the same cell is there twice");
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let directory = directory();
    let path = directory.path().join("a.json");
    let mut run = run();
    run.cells[0].samples[1] = f64::NAN;
    let message = write(&path, &run).expect_err("refused").to_string();
    assert!(message.contains("a sample is NaN"), "{message}");
    assert!(!path.exists());
}

#[test]
fn a_directory_is_prepared_and_left_empty() {
    let directory = directory();
    let inner = directory.path().join("new/results");
    prepare(&inner).expect("prepared");
    assert_eq!(fs::read_dir(&inner).expect("there").count(), 0);
    fs::write(directory.path().join("file"), "").expect("written");
    let message = prepare(&directory.path().join("file/below")).expect_err("refused").to_string();
    assert!(message.contains("create the directory") && message.contains("not a directory"), "{message}");
}

#[test]
fn more_cells_than_any_run_makes_are_refused() {
    let cell = serde_json::to_value(&run().cells[1]).expect("serialisable");
    let problem = refusal_of(|value| value["cells"] = Value::Array(vec![cell; MOST_CELLS + 1]));
    assert!(problem.contains("more cells than any run"), "{problem}");
}
