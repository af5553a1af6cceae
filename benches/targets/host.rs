//! Files of the host, on all processors against one.

use std::fs;
use std::io;

use arcfs::{ArchiveOptions, MemFs};

use crate::measure::{Table, nanoseconds};

pub fn rows(table: &mut Table) {
    let (import, export) =
        ("import of 50,000 files | one thread", "export of 50,000 files as zip | one thread");
    if !table.wants(import) && !table.wants(export) {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = table.size.of(50_000);
    for number in 0..files {
        let below = dir.path().join(format!("{:03}", number / 100));
        if number % 100 == 0 {
            fs::create_dir(&below).expect("new");
        }
        let line = format!("line of the file {number}\n");
        fs::write(below.join(format!("{number:05}.txt")), line.repeat(1 + number % 200))
            .expect("there is room");
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let all = rayon::ThreadPoolBuilder::new().build().expect("all threads");
    let read = || {
        let memory = MemFs::with_quota(2 << 30);
        nanoseconds(|| drop(memory.import_dir(dir.path(), "/files").expect("fits")))
    };
    table.row(import, 1.0 / 1.6, || all.install(read), || one.install(read));
    let memory = MemFs::with_quota(2 << 30);
    memory.import_dir(dir.path(), "/files").expect("fits");
    let write = || nanoseconds(|| _ = memory.export_zip(io::sink(), ArchiveOptions::new()).expect("writes"));
    table.row(export, 1.0 / 1.6, || all.install(write), || one.install(write));
}
