//! The tree that the twin is built with: the one that is not the default of arcfs.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=arcfs_tree=\"counted\"");
    // Known to the sources, and no matter of trees.
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"archive\", \"image\", \"text\", \"tokio\"))");
}
