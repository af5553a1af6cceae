//! Who changes the filesystem.
//!
//! Calls may be refused: what they need may be gone, or there is no room. That is no matter here.

use std::time::{Duration, SystemTime};

use arcfs::{MemFs, OpenOptions};

use crate::Shared;
use crate::random::Random;

const DIRS: usize = 6;
const FILES: usize = 40;

/// A long name, which is an object of its own weight.
const LONG: &str = "a-name-that-is-longer-than-twenty-three-bytes";

pub fn dir(random: &mut Random) -> String {
    match random.below(4) {
        0 => format!("/{}/{LONG}/{}", random.below(DIRS), random.below(3)),
        1 => format!("/{}/{LONG}", random.below(DIRS)),
        _ => format!("/{}", random.below(DIRS)),
    }
}

pub fn file(random: &mut Random) -> String {
    let dir = dir(random);
    match random.below(5) {
        0 => format!("{dir}/{LONG}{}", random.below(FILES)),
        _ => format!("{dir}/{}", random.below(FILES)),
    }
}

/// Bytes that say how many they are: what is read is whole, or it is noticed.
fn value(random: &mut Random) -> Vec<u8> {
    let len = match random.below(20) {
        0 => 0,
        1 => 5_000 + random.below(70_000),
        _ => 1 + random.below(300),
    };
    vec![len as u8; len]
}

/// Something to begin with.
pub fn begin(fs: &MemFs) {
    for dir in 0..DIRS {
        fs.create_dir_all(format!("/{dir}/{LONG}/0")).expect("there is room");
    }
}

/// One change; the same of a filesystem and of a transaction.
macro_rules! change {
    ($to:expr, $random:expr) => {{
        let random = &mut *$random;
        let (a, b) = (file(random), file(random));
        let (c, d) = (dir(random), dir(random));
        let _ = match random.below(24) {
            0 => $to.remove_file(a),
            1 => $to.remove_dir_all(d),
            2 => $to.create_dir_all(d),
            3 => $to.rename(a, b),
            4 => $to.replace(a, b),
            5 => $to.exchange(a, b),
            6 => $to.exchange(c, d),
            7 => $to.move_path(c, format!("{d}/moved")),
            8 => $to.copy(a, b).map(drop),
            9 => $to.copy_dir_all(c, format!("{d}/copy")),
            10 => $to.remove_dir_all(format!("{d}/copy")),
            11 => $to.set_modified(a, SystemTime::UNIX_EPOCH + Duration::from_secs(random.below(99) as u64)),
            12 | 13 => $to.append(a, value(random)),
            14 => $to.import_tree((0..8).map(|at| (format!("{d}/{at}"), value(random)))),
            15 => $to.remove_dir_all(format!("{d}/moved")),
            16 if random.below(40) == 0 => $to.clear(),
            _ => $to.write(a, value(random)),
        };
    }};
}

/// Changes entries one by one, and now and then through a handle.
pub fn write(shared: &Shared, role: usize, random: &mut Random) {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).lock_timeout(Some(Duration::from_millis(1)));
    while shared.goes_on(role) {
        change!(shared.fs, random);
        if random.below(16) == 0
            && let Ok(mut file) = options.atomic(random.below(2) == 0).open(&shared.fs, file(random))
        {
            let _ = file.write_at(&value(random), random.below(1000) as u64);
            let _ = file.commit();
            match random.below(3) {
                0 => file.discard(),
                1 => drop(file.close()),
                _ => drop(file),
            }
        }
    }
}

/// Changes some entries at once, or gives up.
pub fn transact(shared: &Shared, role: usize, random: &mut Random) {
    while shared.goes_on(role) {
        let seed = random.below(usize::MAX) as u64;
        let _ = shared.fs.transaction(|tx| {
            let mut random = Random::new(seed); // it may be run again
            for _ in 0..1 + random.below(8) {
                change!(tx, &mut random);
                let _ = tx.glob("/*/1*").map(drop);
            }
            if random.below(3) == 0 { tx.create_dir("/") } else { Ok(()) }
        });
    }
}

/// Goes back to what was, and copies out of it.
pub fn restore(shared: &Shared, role: usize, random: &mut Random) {
    let mut kept = Vec::new();
    while shared.goes_on(role) {
        kept.push(shared.fs.snapshot());
        (0..20).for_each(|_| change!(shared.fs, random));
        if random.below(2) == 0
            && let Some(old) = random.take(&mut kept)
        {
            let _ = shared.fs.copy_from(&old, dir(random), format!("{}/old", dir(random)));
            let _ = shared.fs.restore(&old);
        }
        if kept.len() > 4 {
            drop(random.take(&mut kept));
        }
    }
}
