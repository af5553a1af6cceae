//! Who reads, and who keeps versions.

use std::hash::{DefaultHasher, Hasher};
use std::sync::mpsc::{Receiver, SyncSender};

use arcfs::{ExportOptions, MemFs, MemFsBuilder, Snapshot};

use crate::Shared;
use crate::random::Random;
use crate::work::{dir, file};

/// An iterator that is on its way.
pub type Begun = Box<dyn Iterator<Item = usize> + Send>;

/// Reads what is published, without a snapshot.
pub fn read(shared: &Shared, role: usize, random: &mut Random) {
    let mut buffer = Vec::new();
    while shared.goes_on(role) {
        let (fs, path) = (&shared.fs, file(random));
        match random.below(12) {
            0 => {
                let _ = fs.read_into(path, &mut buffer);
            }
            1 => {
                let _ = fs.content(path).map(|content| content.len());
            }
            2 => {
                let _ = fs.usage(dir(random));
            }
            3 => {
                let _ = fs.glob("/*/*/*1*");
            }
            4 => {
                let _ = fs.open(path).map(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
            }
            5..8 => {
                let _ = fs.metadata(path).map(|metadata| (metadata.len(), metadata.modified()));
            }
            _ => _ = std::hint::black_box(fs.exists(path)),
        }
    }
}

/// Everything that can be seen of a version, in short.
fn sum(of: &Snapshot) -> u64 {
    let mut sum = DefaultHasher::new();
    for dir in of.walk("/").expect("the root") {
        sum.write(dir.path.as_bytes());
        dir.dirs.iter().chain(&dir.files).for_each(|name| sum.write(name.as_str().as_bytes()));
    }
    for (path, content) in of.iter_export_tree("/", ExportOptions::default()).expect("the root") {
        sum.write(path.as_bytes());
        for chunk in content.chunks() {
            let chunk = chunk.expect("it is in memory");
            sum.write_usize(chunk.len());
            sum.write(&chunk[..chunk.len().min(64)]);
        }
    }
    sum.finish()
}

/// Takes snapshots, and drops them in any order, each as it was.
pub fn snapshots(shared: &Shared, role: usize, random: &mut Random) {
    let mut kept = Vec::new();
    while shared.goes_on(role) {
        let snapshot = shared.fs.snapshot();
        kept.push((sum(&snapshot), snapshot));
        if kept.len() > 8 {
            for _ in 0..random.below(8) {
                if let Some((before, snapshot)) = random.take(&mut kept) {
                    assert_eq!(
                        sum(&snapshot),
                        before,
                        "a snapshot of version {} changed",
                        snapshot.version()
                    );
                }
            }
        }
    }
    assert!(kept.iter().all(|(before, snapshot)| sum(snapshot) == *before), "a snapshot changed");
}

/// Forks of forks, which outlive what they grew from, or do not.
pub fn forks(shared: &Shared, role: usize, random: &mut Random) {
    let mut kept: Vec<(MemFs, Snapshot, u64)> = Vec::new();
    while shared.goes_on(role) {
        let base = match random.below(3) {
            0 if !kept.is_empty() => kept[random.below(kept.len())].0.snapshot(),
            _ => shared.fs.snapshot(),
        };
        let Ok(fork) = MemFs::from_snapshot(&base, MemFsBuilder::default()) else { continue };
        for _ in 0..random.below(40) {
            let _ = fork.write(file(random), b"of a fork");
            let _ = fork.rename(file(random), file(random));
            let _ = fork.remove_dir_all(dir(random));
        }
        let snapshot = fork.snapshot();
        let _ = fork.copy_dir_all(dir(random), "/copy");
        let _ = fork.restore(&snapshot);
        kept.push((fork, snapshot.clone(), sum(&snapshot)));
        if kept.len() > 4
            && let Some((fork, snapshot, before)) = random.take(&mut kept)
        {
            drop(fork);
            assert_eq!(sum(&snapshot), before, "a snapshot of a fork changed");
        }
    }
}

/// Begins iterators over what is published, and hands them on.
pub fn begin_iterators(shared: &Shared, to: &SyncSender<Begun>, random: &mut Random) {
    while !shared.over.load(std::sync::atomic::Ordering::Relaxed) {
        let (fs, at) = (&shared.fs, dir(random));
        let begun: Option<Begun> = match random.below(3) {
            0 => fs.walk("/").ok().map(|walk| Box::new(walk.map(|dir| dir.files.len())) as _),
            1 => fs.read_dir(at).ok().map(|list| Box::new(list.map(|entry| entry.name().len())) as _),
            _ => fs.iter_export_tree(at, ExportOptions::default()).ok().map(|files| {
                Box::new(files.map(|(path, content)| {
                    let lasts = content.chunks().map(|chunk| *chunk.expect("memory").last().expect("bytes"));
                    path.len() + lasts.map(usize::from).sum::<usize>()
                })) as _
            }),
        };
        if let Some(mut begun) = begun {
            let _ = begun.next();
            if to.send(begun).is_err() {
                return;
            }
        }
    }
}

/// Goes on with iterators that another thread began, later.
pub fn end_iterators(from: &Receiver<Begun>) {
    let (mut kept, mut random) = (Vec::<Begun>::new(), Random::new(7));
    for begun in from {
        kept.push(begun);
        if kept.len() > 8 {
            let left = random.take(&mut kept).map_or(0, Iterator::sum::<usize>);
            std::hint::black_box(left);
        }
    }
}
