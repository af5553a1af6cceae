//! Everything that can be seen of a filesystem, as a value: equal before and after a call that
//! failed.

use arcfs::{MemFs, Metadata, Stats};

/// All nodes with their metadata and bytes, the figures, and the version.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    nodes: Vec<(String, Metadata, Option<Vec<u8>>)>,
    stats: Stats,
    version: u64,
}

impl State {
    /// What can be seen now.
    pub fn of(fs: &MemFs) -> Self {
        Self { nodes: nodes(fs), stats: fs.stats(), version: fs.version() }
    }
}

fn nodes(fs: &MemFs) -> Vec<(String, Metadata, Option<Vec<u8>>)> {
    let snapshot = fs.snapshot();
    let mut nodes = Vec::new();
    for dir in snapshot.walk("/").unwrap() {
        nodes.push((dir.path.clone(), snapshot.metadata(&dir.path).unwrap(), None));
        for name in &dir.files {
            let path = if dir.path == "/" { format!("/{name}") } else { format!("{}/{name}", dir.path) };
            let bytes = snapshot.read(&path).unwrap();
            nodes.push((path.clone(), snapshot.metadata(&path).unwrap(), Some(bytes)));
        }
    }
    nodes
}
