//! Operations on whole trees. Target (median): `walk("/")` over 1,000,000 files 80 ms.

use arcfs::{Content, MemFs};
use criterion::{Criterion, criterion_group, criterion_main};

fn million(c: &mut Criterion) {
    let fs = MemFs::with_quota(4 << 30);
    let paths = (0..1_000_000).map(|file| format!("/dir{:03}/file_{file:07}", file % 1000));
    fs.import_tree(paths.map(|path| (path, Content::default()))).expect("fits the quota");
    let mut group = c.benchmark_group("1,000,000 files in 1,000 directories");
    group.sample_size(10);
    group.bench_function("walk", |b| {
        b.iter(|| fs.walk("/").expect("the root exists").map(|dir| dir.files.len()).sum::<usize>());
    });
    group.bench_function("glob of one name", |b| b.iter(|| fs.glob("**/file_0012345").expect("valid").len()));
    group.bench_function("copy_dir_all + remove_dir_all of 1,000 files", |b| {
        b.iter(|| {
            fs.copy_dir_all("/dir001", "/copy").expect("fits the quota");
            fs.remove_dir_all("/copy").expect("exists");
        });
    });
    group.bench_function("diff after one write", |b| {
        let older = fs.snapshot();
        fs.write("/dir500/one_more", b"1").expect("fits the quota");
        let newer = fs.snapshot();
        b.iter(|| newer.diff(&older).count());
    });
    group.finish();
}

criterion_group!(benches, million);
criterion_main!(benches);
