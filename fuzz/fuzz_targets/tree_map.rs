//! The map of a directory is a `BTreeMap` of which versions can be kept, whatever the names are.
//!
//! The input is a list of lines: a letter that says what to do, and a name.

#![no_main]

use std::collections::BTreeMap;
use std::ops::Bound;

use arcfs::internals::versioned::{Lone, MAX_NAME, Map, Value};
use libfuzzer_sys::fuzz_target;

type Model = BTreeMap<String, u32>;

fuzz_target!(|input: &str| {
    let (mut lone, mut model, mut versions) = (Lone::new(), Model::new(), Vec::<Model>::new());
    for (n, line) in (0..).zip(input.split('\n').take(500)) {
        let Some(op) = line.chars().next() else { continue };
        let name = &line[op.len_utf8()..];
        let valid = (1..=MAX_NAME).contains(&name.len());
        match op {
            'i' if valid => {
                let old = lone.insert(name, n).expect("there is memory");
                assert_eq!(old, model.insert(name.to_owned(), n).map(Value::number));
            }
            // A family: as many names as there are letters in it, with this one in front.
            'f' if valid && name.len() < 200 => {
                for member in 0..name.len() as u32 {
                    let name = format!("{name}{:02}", member * 37 % 100);
                    let old = lone.insert(&name, member).expect("there is memory");
                    assert_eq!(old, model.insert(name, member).map(Value::number));
                }
            }
            'o' => {
                assert_eq!(lone.overwrite(name, n).expect("there is memory"), model.contains_key(name));
                if let Some(value) = model.get_mut(name) {
                    *value = n;
                }
            }
            'r' => {
                let old = lone.remove(name).expect("there is memory");
                assert_eq!(old, model.remove(name).map(Value::number));
            }
            't' => {
                for name in model.keys().step_by(name.len() + 1).cloned().collect::<Vec<_>>() {
                    assert!(lone.remove(&name).expect("there is memory").is_some());
                    model.remove(&name);
                }
            }
            'k' if versions.len() < 5 => {
                lone.commit().expect("there is memory");
                lone.keep().expect("there is memory");
                versions.push(model.clone());
            }
            'd' if !versions.is_empty() => {
                lone.commit().expect("there is memory");
                let at = name.len() % versions.len();
                lone.forget(at);
                versions.swap_remove(at);
            }
            'c' => lone.commit().expect("there is memory"),
            _ => {
                let found = lone.get(name).map(|(name, value)| (name.as_str(), value));
                assert_eq!(
                    found,
                    model.get_key_value(name).map(|(name, n)| (name.as_str(), Value::number(*n)))
                );
                let behind = (Bound::Excluded(name), Bound::Unbounded);
                let expected = model.range::<str, _>(behind).map(|(name, _)| name.as_str());
                assert!(lone.iter_after(name).map(|(name, _)| name.as_str()).eq(expected));
                continue;
            }
        }
        if let Err(broken) = lone.check() {
            panic!("{broken}");
        }
    }
    same(lone.map(), &model);
    for (at, version) in versions.iter().enumerate() {
        same(lone.version(at), version);
        let mut both: BTreeMap<&str, (Option<Value>, Option<Value>)> = BTreeMap::new();
        for (name, n) in version {
            both.entry(name).or_default().0 = Some(Value::number(*n));
        }
        for (name, n) in &model {
            both.entry(name).or_default().1 = Some(Value::number(*n));
        }
        let expected = both.into_iter().filter(|(_, (old, new))| old != new);
        let changes = lone.changes_since(at).map(|change| (change.name.as_str(), (change.old, change.new)));
        assert!(changes.eq(expected));
    }
    lone.commit().expect("there is memory");
    while lone.kept() > 0 {
        lone.forget(0);
    }
    let tally = lone.check().expect("it was sound before");
    assert_eq!(lone.arena().objects(), tally.entries + tally.leaves + tally.inner);
});

fn same(map: &Map, model: &Model) {
    let entries = map.iter().map(|(name, value)| (name.as_str(), value));
    assert!(entries.eq(model.iter().map(|(name, n)| (name.as_str(), Value::number(*n)))));
}
