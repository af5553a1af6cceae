//! Reports of a run as large as a default one, made up, with empty and noisy cells and hostile names.

mod made_up;

use std::collections::HashSet;
use std::fs;

use arcfs_harness::report::{self, EmbedError, Error, NamedRun, Timeline, Trend};
use arcfs_harness::results::schema::{Meta, Run};
use arcfs_harness::workload::Unit;
use made_up::{HOSTILE, run};

fn page(run: &Run) -> String {
    report::markdown(&NamedRun { name: "example", run })
}

/// What is wrong with an SVG: no XML, no number where one belongs, something outside of the picture.
fn check_svg(file: &str, svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{file}: {error}"));
    let root = document.root_element();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> Option<f64> {
        let text = node.attribute(name)?;
        Some(text.parse().unwrap_or_else(|_| panic!("{file}: {name} is {text:?}")))
    };
    let (width, height) = (number(root, "width").unwrap(), number(root, "height").unwrap());
    assert_eq!(width, 900.0, "{file}");
    let background = root.first_element_child().unwrap();
    assert_eq!(background.attribute("fill"), Some("#FFFFFF"), "{file}");
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        for (name, end) in [("x", width), ("x1", width), ("cx", width), ("y", height), ("y2", height)] {
            let Some(value) = number(node, name) else { continue };
            assert!((0.0..=end).contains(&value), "{file}: {name}={value} is outside of {end}");
        }
        for attribute in node.attributes() {
            let value = attribute.value();
            assert!(!value.contains("NaN") && !value.contains("inf"), "{file}: {}={value}", attribute.name());
        }
    }
}

/// Texts of a picture that lie over each other, judged by a narrow font.
fn overlaps(svg: &str) -> Vec<(String, String)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let boxes: Vec<_> = texts
        .filter(|node| node.attribute("transform").is_none())
        .map(|node| {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let text = node.text().unwrap_or_default().trim().to_owned();
            let (size, x, y) = (number("font-size"), number("x"), number("y"));
            let width = text.chars().count() as f64 * size * 0.5;
            let left = match node.attribute("text-anchor") {
                Some("end") => x - width,
                Some("middle") => x - width / 2.0,
                _ => x,
            };
            (text, left, left + width, y - size * 0.4, y + size * 0.4)
        })
        .collect();
    let mut found = Vec::new();
    for (index, a) in boxes.iter().enumerate() {
        for b in &boxes[index + 1..] {
            if a.1 < b.2 && b.1 < a.2 && a.3 < b.4 && b.3 < a.4 {
                found.push((a.0.clone(), b.0.clone()));
            }
        }
    }
    found
}

#[test]
fn every_chart_is_sound_and_no_text_covers_another() {
    let charts = report::svgs(&run());
    let names: HashSet<_> = charts.iter().map(|(file, _)| file).collect();
    assert_eq!(names.len(), charts.len(), "file names are unique");
    for kind in ["percentiles", "over-threads", "over-files", "small-files.svg", "consistency-use-time"] {
        assert!(names.iter().any(|name| name.contains(kind)), "no chart of {kind}: {names:?}");
    }
    for (file, svg) in &charts {
        check_svg(file, svg);
        assert_eq!(overlaps(svg), [], "{file}");
    }
}

#[test]
fn hostile_names_and_values_break_nothing() {
    let charts = report::svgs(&made_up::hostile());
    assert!(charts.len() > 3);
    let mut texts = String::new();
    for (file, svg) in &charts {
        check_svg(file, svg);
        assert!(
            file.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)),
            "{file}"
        );
        let document = roxmltree::Document::parse(svg).unwrap();
        texts.extend(document.descendants().filter_map(|node| node.text()));
    }
    assert!(texts.contains(HOSTILE), "the name is shown as it is");
    let page = page(&made_up::hostile());
    assert!(!page.contains("<x>"), "markup of names is escaped");
    check_tables(&page);
    report::terminal_within(&made_up::hostile(), 20);
}

#[test]
fn runs_of_almost_nothing_have_reports() {
    let mut small = run();
    small.meta = Meta::default();
    for keep in [2, 1, 0] {
        small.cells.truncate(keep);
        assert!(page(&small).starts_with("# example"));
        assert_eq!(report::svgs(&small).len(), keep.min(1));
        report::svgs(&small).iter().for_each(|(file, svg)| check_svg(file, svg));
        report::terminal_within(&small, 80);
    }
    let mut empty = run();
    for cell in &mut empty.cells {
        (cell.median, cell.min, cell.max, cell.latency) = (None, None, None, None);
        cell.samples.clear();
    }
    assert_eq!(report::svgs(&empty), [], "nothing measured is nothing drawn");
    check_tables(&page(&empty));
}

/// Every row of a table has as many columns as its head.
fn check_tables(page: &str) -> usize {
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<_> = page.lines().collect();
    let tables = lines.split(|line| !line.starts_with('|')).filter(|table| !table.is_empty());
    tables
        .map(|table| {
            assert!(table.len() > 2 && table[1].starts_with("|---|"), "{table:?}");
            for row in table {
                assert_eq!(columns(row), columns(table[0]), "{row}");
                assert!(row.ends_with('|'), "{row}");
            }
        })
        .count()
}

#[test]
fn tables_have_equal_rows_and_every_figure() {
    let run = run();
    let page = page(&run);
    assert!(check_tables(&page) > 20);
    let shown = page.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('±').count());
    let figures = run.cells.iter().filter(|cell| cell.samples.len() > 1).count();
    let fits = arcfs_harness::results::growth::growth(&run).len();
    assert!(fits > 0, "scale has sizes");
    assert_eq!(shown.sum::<usize>(), figures + fits, "each figure with its spread and each fit, once");
    let links: Vec<_> = page.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')')).collect();
    let files: Vec<_> = report::svgs(&run).into_iter().map(|(file, _)| format!("example/{file}")).collect();
    assert_eq!(links, files, "each chart is linked, in its place");
}

#[test]
fn empty_cells_have_a_reason_and_no_bar() {
    let mut run = run();
    run.cells.retain(|cell| cell.workload == "small-files" && cell.metric == "write");
    let bars = |run: &Run| {
        let charts = report::svgs(run);
        assert_eq!(charts.len(), 1);
        charts[0].1.matches("<rect").count()
    };
    let all = bars(&run);
    let cell = run.cells.iter_mut().find(|cell| cell.backend == "dashmap").unwrap();
    (cell.median, cell.min, cell.max) = (None, None, None);
    cell.empty = Some("has | no such thing".to_owned());
    cell.samples.clear();
    assert_eq!(bars(&run), all - 1);
    assert!(report::svgs(&run)[0].1.contains("No figure: dashmap"));
    let page = page(&run);
    assert!(page.contains("| dashmap | – <sup>1</sup> |"), "{page}");
    assert!(page.contains("<sup>1</sup> has &#124; no such thing"));
    assert!(report::terminal_within(&run, 100).contains("[1] has | no such thing"));
}

#[test]
fn the_terminal_is_never_too_narrow() {
    for width in [60, 80, 100, 120, 200] {
        let text = report::terminal_within(&run(), width);
        let grid = text.lines().filter(|line| line.starts_with(['│', '┌', '╞']));
        assert!(grid.map(|line| line.chars().count()).max().unwrap() <= width, "{width}");
        let place = |name: &str| text.find(&format!("\n{name}")).unwrap();
        assert!(place("small-files") < place("contention") && place("contention") < place("scale"));
    }
}

#[test]
fn equal_runs_give_equal_bytes() {
    assert_eq!(page(&run()), page(&run()));
    assert_eq!(report::svgs(&run()), report::svgs(&run()));
    let text = serde_json::to_string(&run()).unwrap();
    let read: Run = serde_json::from_str(&text).unwrap();
    assert_eq!(page(&read), page(&run()), "also after a trip through a file");
}

#[test]
fn files_are_written_where_they_are_linked() {
    let dir = tempfile::tempdir().unwrap();
    let written = report::write(&run(), "run 1", dir.path()).unwrap();
    assert!(written.iter().all(|path| path.is_file()));
    let page = fs::read_to_string(dir.path().join("run 1.md")).unwrap();
    let links: Vec<_> = page.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')')).collect();
    assert_eq!(links.len() + 1, written.len());
    for link in links {
        assert!(dir.path().join(link.replace("%20", " ")).is_file(), "{link}");
    }
    let again = report::write(&run(), "run 1", dir.path()).unwrap();
    assert_eq!(again, written);
    assert_eq!(fs::read_to_string(dir.path().join("run 1.md")).unwrap(), page);
}

#[test]
fn what_cannot_be_written_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["", "..", "../x", "a/b", ".hidden", "a\0b"] {
        assert!(matches!(report::write(&run(), name, dir.path()), Err(Error::Name(_))), "{name:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(Error::Write { path, .. }) = report::write(&run(), "x", &file) else {
        panic!("a file is no directory");
    };
    assert_eq!(path, file.join("x"));
    fs::create_dir(dir.path().join("y.md")).unwrap();
    let error = report::write(&run(), "y", dir.path()).unwrap_err();
    assert!(error.to_string().ends_with("y.md"), "{error}");
}

fn made_up_history() -> Timeline {
    let series = |figure: &str, backend: &str, scale: f64| Trend {
        figure: figure.to_owned(),
        unit: Unit::Nanoseconds,
        backend: backend.to_owned(),
        arcfs: backend.starts_with("arcfs"),
        points: (0..12)
            .map(|run| (run % 5 != 3).then_some(scale * (10.0 + f64::from(run % 4))))
            .map(|value| value.map(|value| (value, value * 0.9, value * 1.2)))
            .collect(),
    };
    Timeline {
        runs: (0..12_u64).map(|run| format!("{:07x}", (0x0a1b_2c3d * (run + 1)) & 0xfff_ffff)).collect(),
        machine: "a processor, 2 cores".to_owned(),
        trends: vec![
            series("small-files: total", "arcfs-calls", 1e5),
            series("small-files: total", "arcfs-handles", 1.2e5),
            series("small-files: total", "map-mutex", 0.7e5),
            series("stream: total", "arcfs-calls", 1e6),
            series("stream: total", "map-mutex", 40e6),
        ],
    }
}

#[test]
fn a_history_is_drawn_with_its_gaps() {
    let mut history = made_up_history();
    let svg = report::timeline("History", &history);
    check_svg("history", &svg);
    assert_eq!(overlaps(&svg), []);
    history.trends[0].points[0] = Some((f64::NAN, f64::NAN, f64::NAN));
    history.runs.clear();
    check_svg("empty history", &report::timeline("<History>", &history));
}

#[test]
fn a_document_keeps_what_people_wrote() {
    let run = run();
    let named = NamedRun { name: "example", run: &run };
    let embed = |document: &str| report::embed(document, "results/", &named);
    let document = "# Mine\n\n<!-- begin stream -->\nold\n<!-- end stream -->\nmine too\n\
                    <!-- begin machine -->\n<!-- end machine -->\n<!-- a remark -->\n";
    let first = embed(document).unwrap();
    assert!(first.starts_with("# Mine\n\n<!-- begin stream -->\n"));
    assert!(first.contains("<!-- end stream -->\nmine too\n<!-- begin machine -->\n"));
    assert!(first.contains("](results/example/stream.svg)") && first.contains("| arcfs-calls |"));
    assert!(!first.contains("old\n") && first.ends_with("<!-- a remark -->\n"));
    assert_eq!(embed(&first).unwrap(), first, "doing it again changes nothing");
    check_tables(&first);
    let alone = |line, marker: &str| Err(EmbedError::Alone { line, marker: marker.to_owned() });
    assert_eq!(embed("x\n<!-- begin stream -->\n"), alone(2, "begin stream"));
    assert_eq!(embed("<!-- end stream -->\n"), alone(1, "end stream"));
    assert_eq!(embed("<!-- begin stream -->\n<!-- end scale -->\n"), alone(2, "end scale"));
    assert_eq!(embed("nothing"), Err(EmbedError::None));
    let unknown = EmbedError::Unknown { line: 1, name: "nonsense".to_owned() };
    assert_eq!(embed("<!-- begin nonsense -->\n<!-- end nonsense -->"), Err(unknown));
}

/// `ARCFS_REPORT_OUT=DIR cargo test -p arcfs-harness --test report -- --ignored`
#[test]
#[ignore = "checks nothing: it writes reports to look at into $ARCFS_REPORT_OUT"]
fn pictures_to_look_at() {
    let dir =
        std::path::PathBuf::from(std::env::var_os("ARCFS_REPORT_OUT").expect("ARCFS_REPORT_OUT is set"));
    for (name, run) in [("example", run()), ("hostile", made_up::hostile())] {
        report::write(&run, name, &dir).unwrap();
        fs::write(dir.join(format!("{name}.txt")), report::terminal_within(&run, 110)).unwrap();
    }
    fs::write(dir.join("example.json"), serde_json::to_string(&run()).unwrap()).unwrap();
    fs::write(dir.join("history.svg"), report::timeline("History", &made_up_history())).unwrap();
}
