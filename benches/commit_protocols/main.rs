//! How concurrent commits of the counted tree best take turns; see `counted`. It needs that tree:
//! `RUSTFLAGS='--cfg arcfs_tree="counted"' cargo bench --features internals --bench commit_protocols`.

#[cfg(arcfs_tree = "counted")]
mod counted;

#[cfg(arcfs_tree = "counted")]
criterion::criterion_main!(counted::benches);

#[cfg(not(arcfs_tree = "counted"))]
fn main() {
    println!("SKIPPED: the protocols are those of the counted tree; build with --cfg arcfs_tree=\"counted\"");
}
