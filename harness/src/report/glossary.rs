//! What the words in a report mean, for whoever has not read the code: workloads, metrics, parameters, backends.
//!
//! Result files keep names only, so that an explanation can be corrected. A word that is not known here,
//! from another version or another program, is left without one.

use crate::{backend, python, workload};

/// What a workload does, as a sentence.
pub fn workload(name: &str) -> Option<String> {
    let about = workload::all().iter().find(|workload| workload.name() == name)?.about();
    let first = about.chars().next()?.to_uppercase();
    Some(format!("{first}{}.", about.chars().skip(1).collect::<String>()))
}

/// What a backend is.
pub fn backend(name: &str) -> Option<&'static str> {
    if name == python::NAME {
        return Some(python::ABOUT);
    }
    backend::all().iter().find(|backend| backend.name == name).map(|backend| backend.about)
}

/// What a metric of a workload is.
pub fn metric(workload: &str, metric: &str) -> Option<&'static str> {
    let text = match (workload, metric) {
        ("small-files" | "many-files", "write") => "the time to write every file once, in the store alone",
        ("small-files" | "many-files", "read") => {
            "the time to read every file once into the caller's buffers, in the store alone"
        }
        ("small-files" | "many-files", "read-zero-copy") => {
            "the time to look up every file once and to touch the bytes that the store lends; not in total"
        }
        ("stream" | "large-stream", "write") => {
            "the time to write the file from start to end, with opening and closing"
        }
        ("stream" | "large-stream", "read") => {
            "the time to read it from start to end into the caller's buffer, with opening and closing"
        }
        ("deep-read", "write") => "the time of all writes, each a replacement by the whole path",
        ("deep-read", "read") => "the time of all reads, each by the whole path",
        ("random-access", "write") => {
            "the time of all writes in place at random offsets of a file that was just written whole"
        }
        ("random-access", "write-again") => {
            "the same once more, on the file as such writes left it; not in total"
        }
        ("random-access", "read") => "the time of all reads at random offsets, of the file as it was written",
        ("random-access", "mixed") => "the time of writes and reads in turns through one handle",
        (
            "small-files" | "many-files" | "stream" | "large-stream" | "deep-read" | "random-access",
            "total",
        ) => "write and read together",
        ("contention", "throughput") => "operations per second of all threads together, checks included",
        ("contention", "fairness") => "the operations of the slowest thread as a share of the mean",
        ("contention" | "latency", "torn") => {
            "the share of reads that saw parts of two writes; a backend that says it replaces files at once \
             fails instead"
        }
        ("latency", "read-p99") => {
            "99 of 100 reads took at most this, counted from when each was due, so a queue counts"
        }
        ("latency", "write-p99") => "the same of writes",
        ("latency", "unstarted") => "the share of operations that were due and had not begun at the end",
        ("consistency", "writes") => "writes per second of all writers while views are taken",
        ("consistency", "writers-kept") => {
            "that as a share of what they write while none is taken: 100 % means that views cost writers nothing"
        }
        ("consistency", "view-p99") => "99 of 100 views were there after this time",
        ("consistency", "use-time") => {
            "the median time of one walk, glob or export of a view and giving it back; with use take, of \
             giving it back alone"
        }
        ("consistency", "views") => {
            "views per second; one is due every millisecond, but none while one is used"
        }
        ("limits", "accepted-far") => {
            "accepted writes per second in the store, with a limit far above the need"
        }
        ("limits", "accepted-edge") => "the same with a limit of half the need",
        ("limits", "lost") => "the share of the time in the store that went into refused writes, at the edge",
        ("limits", "refused") => {
            "the share of writes that was refused, at the edge: it tells what the load was"
        }
        ("memory", "live-per-file") => {
            "bytes asked of the allocator and not given back, beyond the payload, for each file"
        }
        ("memory", "live-per-byte") => "the same with the payload, for each byte of payload",
        ("memory", "resident-per-file") => "resident memory beyond the payload, for each file",
        ("memory", "resident-per-byte") => "the same with the payload, for each byte of payload",
        ("memory", "drop") => "the time to drop the whole store",
        ("memory-under-snapshot", "peak-per-byte") => {
            "the most live bytes while every piece is overwritten under a snapshot, in copies of the file: 2 \
             are the old and the new content"
        }
        ("memory-under-snapshot", "after-drop-per-byte") => {
            "live bytes when the snapshot is gone, in copies of the file"
        }
        ("scale", "create") => "the time to create one small file, the mean over all",
        ("scale", "lookup") => "the time to ask for the size of one file chosen at random, the mean",
        ("scale", "list") => "the time to list a directory, for each of its entries",
        ("scale", "snapshot") => "the time to take one view of everything and to give it back",
        ("scale", "copy-tree") => "the time to copy everything, as a whole",
        ("scale", "remove-tree") => "the time to remove everything, until the call returns",
        _ => return None,
    };
    Some(text)
}

/// What a parameter is.
pub fn parameter(name: &str) -> Option<&'static str> {
    let text = match name {
        "depth" => "directories above the file",
        "files" => "the number of files",
        "keys" => "how a thread chooses its next file: all alike (uniform), or few of them often (zipf)",
        "mix" => {
            "reads and writes in 100 operations: read-mostly 95 and 5, mixed 50 and 50, write-only 100 writes"
        }
        "ms" => "the length of a round in milliseconds; tables write “for 60 ms”",
        "operations" => "how many reads or writes make a figure",
        "payload" | "size" => "the bytes of a file",
        "per-directory" => "files in a directory",
        "phase-ms" => "the length of each phase of a round in milliseconds",
        "piece" => "the bytes of each read or write",
        "rate" => "operations that are due in a second, all threads together",
        "process" => {
            "shared: memory that earlier rounds gave back is used again; fresh: the first thing that a process does"
        }
        "reads" | "writes" => "how many of them make a figure",
        "sharing" => {
            "own: each thread has a directory of its own; shared: all use all files of one; hot: all use one file"
        }
        "threads" | "writers" => "threads at work at once",
        "use" => {
            "what is done with each view: nothing is taken (none), given back at once (take), walked, globbed, exported"
        }
        _ => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Extent, Scope};

    #[test]
    fn every_word_of_every_workload_is_explained() {
        for own in workload::all() {
            let name = own.name();
            assert!(workload(name).is_some_and(|text| text.starts_with(char::is_uppercase)), "{name}");
            for known in own.metrics() {
                assert!(metric(name, known.name).is_some(), "{name} {}", known.name);
            }
            for extent in [Extent::Smoke, Extent::Quick, Extent::Default, Extent::Full] {
                for params in own.cells(&Scope { extent, large: true }) {
                    for (known, _) in params.iter() {
                        assert!(parameter(known).is_some(), "{name} {known}");
                    }
                }
            }
        }
        assert!(backend::all().iter().all(|known| backend(known.name).is_some()));
    }
}
