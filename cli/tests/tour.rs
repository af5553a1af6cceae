//! The examples of the README, run from top to bottom in one place.

#![cfg(unix)]

mod support;

use std::process::Command;

use support::Place;

/// A command of a page, and what it answers.
struct Step {
    line: usize,
    command: String,
    answer: Vec<String>,
}

/// The steps in the `console` blocks of a page.
fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut within) = (Vec::<Step>::new(), false);
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            within = line == "```console";
        } else if let (true, Some(command)) = (within, line.strip_prefix("$ ")) {
            steps.push(Step { line: number + 1, command: command.into(), answer: Vec::new() });
        } else if let (true, Some(step)) = (within, steps.last_mut()) {
            step.answer.push(line.into());
        }
    }
    steps
}

/// Whether a line is as expected, where `...` stands for anything.
fn fits(line: &str, expected: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

fn check(page: &str) -> usize {
    let place = Place::new();
    let mut path = std::env::split_paths(&std::env::var_os("PATH").expect("set")).collect::<Vec<_>>();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_arcfs"));
    path.insert(0, binary.parent().expect("a directory").into());
    let steps = steps(page);
    for Step { line, command, answer } in &steps {
        let template = place.command(&[]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .env("PATH", std::env::join_paths(&path).expect("joined"));
        shell.current_dir(template.get_current_dir().expect("set"));
        for (name, value) in template.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            shell.env(name, value);
        }
        let output = shell.output().expect("sh runs");
        let mut printed: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(Into::into).collect();
        match output.status.code() {
            Some(0) => {}
            code => printed.push(format!("[exit code {}]", code.unwrap_or(-1))),
        }
        let same = printed.len() == answer.len()
            && printed.iter().zip(answer).all(|(line, expected)| fits(line, expected));
        assert!(
            same,
            "line {line}: {command}\nexpected:\n{}\nprinted:\n{}",
            answer.join("\n"),
            printed.join("\n")
        );
    }
    steps.len()
}

#[test]
fn the_examples_do_what_the_page_says() {
    assert!(check(include_str!("../README.md")) > 30);
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    assert!(fits("abc", "abc") && fits("abc", "a...c") && fits("abc", "...") && fits("abc", "ab..."));
    assert!(!fits("abc", "ab") && !fits("abc", "a...b") && !fits("abc", "b...") && !fits("abcd", "abc"));
}

#[test]
#[should_panic(expected = "line 2: echo one")]
fn an_example_that_is_wrong_is_noticed() {
    check("```console\n$ echo one\ntwo\n```\n");
}
