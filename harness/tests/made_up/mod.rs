//! A run that nobody measured: shaped like one, with numbers from a generator.

use arcfs_harness::results::schema::{Cell, Latency, Meta, Run, VERSION};
use arcfs_harness::workload::{Better, Extent, Params, Unit};

/// Backends with how much slower than the first they are made up to be.
const BACKENDS: [(&str, f64); 11] = [
    ("arcfs-calls", 1.0),
    ("arcfs-handles", 1.3),
    ("tempfile-disk", 30.0),
    ("tempfile-memory", 9.0),
    ("map-mutex", 0.7),
    ("map-rwlock", 0.8),
    ("dashmap", 0.6),
    ("vfs-memory", 2.5),
    ("object-store", 3.0),
    ("imbl-arcswap", 1.7),
    ("python-d-memfs", 60.0),
];

/// A name that breaks what does not escape it.
pub const HOSTILE: &str = "<x>&\"'|`*_[y](z)";

/// Numbers between 0 and 1, always the same.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Maker {
    cells: Vec<Cell>,
    generator: Generator,
}

/// What a cell is like.
#[derive(Clone, Copy)]
struct Kind {
    unit: Unit,
    better: Better,
    latency: bool,
}

const TIME: Kind = Kind { unit: Unit::Nanoseconds, better: Better::Lower, latency: false };
const RATE: Kind = Kind { unit: Unit::OperationsPerSecond, better: Better::Higher, latency: false };
const PERCENTILES: Kind = Kind { latency: true, ..TIME };

impl Maker {
    /// A cell for each backend; `value` gives its figure from its slowness, or why there is none.
    fn add(
        &mut self,
        workload: &str,
        params: &Params,
        metric: &str,
        kind: Kind,
        value: impl Fn(&str, f64) -> Result<f64, &'static str>,
    ) {
        for (backend, slowness) in BACKENDS {
            let value = value(backend, slowness);
            let noise = if backend == "object-store" && metric == "read" { 0.9 } else { 0.08 };
            let mut sample = |value: f64| value * (1.0 + noise * (self.generator.next() - 0.5));
            let samples: Vec<f64> =
                value.iter().flat_map(|value| (0..5).map(|_| *value)).map(&mut sample).collect();
            let mut sorted = samples.clone();
            sorted.sort_by(f64::total_cmp);
            let latency = value.ok().filter(|_| kind.latency).map(latency);
            self.cells.push(Cell {
                workload: workload.to_owned(),
                params: params.clone(),
                metric: metric.to_owned(),
                backend: backend.to_owned(),
                arcfs: backend.starts_with("arcfs"),
                unit: kind.unit,
                better: kind.better,
                median: sorted.get(2).copied(),
                min: sorted.first().copied(),
                max: sorted.last().copied(),
                latency,
                checks: samples.len() as u64 * 100,
                empty: value.err().map(str::to_owned),
                samples,
            });
        }
    }
}

/// A distribution with a tail, whose 99th percentile is given.
fn latency(p99: f64) -> Latency {
    let at = |quantile: f64| (p99 * 0.3 * (1.0 - quantile).powf(-0.25)) as u64 + 1;
    let mut curve: Vec<(f64, u64)> =
        (0..=50).map(|step| 1.0 - 0.1_f64.powf(f64::from(step) / 10.0)).map(|q| (q, at(q))).collect();
    curve.push((1.0, at(0.999_999)));
    Latency {
        count: 60_000,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p99_9: at(0.999),
        max: at(0.999_999),
        curve,
    }
}

/// The run.
pub fn run() -> Run {
    let mut maker = Maker { cells: Vec::new(), generator: Generator(7) };
    cases(&mut maker);
    contention(&mut maker);
    others(&mut maker);
    let meta = Meta {
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        dirty: true,
        rustc: "rustc 1.95.0".to_owned(),
        profile: "release".to_owned(),
        cpu: "A Processor of Nobody".to_owned(),
        cores: 2,
        memory: 24 << 30,
        kernel: "Linux 6.18".to_owned(),
        date: "2026-01-02T03:04:05Z".to_owned(),
        args: vec!["run".to_owned(), "--python".to_owned()],
        extent: Some(Extent::Default),
        rounds: 5,
        rivals: vec![("dashmap".to_owned(), "6.2.1".to_owned())],
    };
    Run { schema: VERSION, meta, cells: maker.cells }
}

fn cases(maker: &mut Maker) {
    let cases = [
        ("small-files", Params::new().number("files", 300).number("size", 4096), 4e5),
        ("stream", Params::new().number("size", 16 << 20).number("piece", 64 << 10), 2e6),
        ("random-access", Params::new().number("size", 16 << 20).number("piece", 4096), 9e5),
        ("large-stream", Params::new().number("size", 512 << 20).number("piece", 1 << 20), 1e8),
        ("many-files", Params::new().number("files", 10_000).number("size", 4096), 3e7),
        ("deep-read", Params::new().number("depth", 50), 2e5),
    ];
    for (workload, params, base) in cases {
        for (metric, share) in [("total", 1.0), ("write", 0.7), ("read", 0.3)] {
            maker.add(workload, &params, metric, TIME, |backend, slowness| match (backend, workload) {
                ("object-store", "random-access") => Err("has no way to write within a file"),
                ("python-d-memfs", "deep-read") => Err("was left out: not the same case"),
                _ => Ok(base * share * slowness),
            });
        }
    }
}

fn contention(maker: &mut Maker) {
    let params = |threads: u64, mix: &str, sharing: &str, keys: &str, payload: u64| {
        let params = Params::new().number("threads", threads).word("mix", mix).word("sharing", sharing);
        params.word("keys", keys).number("payload", payload)
    };
    let mixes = ["read-mostly", "mixed", "write-only"];
    let mut all = Vec::new();
    for mix in mixes {
        for sharing in ["own", "shared", "hot"] {
            all.extend([1, 2, 4, 16].map(|threads| params(threads, mix, sharing, "uniform", 4096)));
        }
    }
    all.extend(mixes.map(|mix| params(4, mix, "shared", "zipf", 4096)));
    for payload in [256, 65536] {
        all.extend(mixes.map(|mix| params(4, mix, "shared", "uniform", payload)));
    }
    for params in all {
        let threads = params.get("threads") as f64;
        maker.add("contention", &params, "throughput", RATE, |backend, slowness| match backend {
            "python-d-memfs" => Err("runs in one thread"),
            "map-mutex" => Ok(1.5e6 / slowness / threads.sqrt()),
            _ => Ok(1.2e6 / slowness * threads.min(2.0)),
        });
        let fairness = Kind { unit: Unit::Share, better: Better::Higher, latency: false };
        maker.add("contention", &params, "fairness", fairness, |backend, _| match backend {
            "python-d-memfs" => Err("runs in one thread"),
            _ => Ok(0.9),
        });
    }
}

fn others(maker: &mut Maker) {
    for mix in ["read-mostly", "mixed"] {
        for rate in [20_000, 100_000, 300_000] {
            let params = Params::new().word("mix", mix).number("rate", rate);
            for (metric, share) in [("read-p99", 1.0), ("write-p99", 3.0)] {
                maker.add("latency", &params, metric, PERCENTILES, |backend, slowness| match backend {
                    "python-d-memfs" => Err("runs in one thread"),
                    _ => Ok(800.0 * share * slowness * rate as f64 / 20_000.0),
                });
            }
        }
    }
    let views = |backend: &str, value: f64| match backend {
        "arcfs-calls" | "arcfs-handles" | "imbl-arcswap" => Ok(value),
        _ => Err("has no consistent view of all files"),
    };
    for usage in ["none", "take", "walk", "glob", "export"] {
        let params = Params::new().number("writers", 2).word("use", usage);
        let kept = Kind { unit: Unit::Share, better: Better::Higher, latency: false };
        maker.add("consistency", &params, "writes", RATE, |backend, slowness| views(backend, 4e5 / slowness));
        maker.add("consistency", &params, "writers-kept", kept, |backend, slowness| {
            views(backend, 0.97 / slowness)
        });
        maker.add("consistency", &params, "view-p99", PERCENTILES, |backend, slowness| {
            views(backend, 90.0 * slowness)
        });
        maker.add("consistency", &params, "use-time", TIME, |backend, slowness| match usage {
            "none" | "take" => Err("does nothing with the view"),
            _ => views(backend, 2e4 * slowness),
        });
    }
    for writers in [1, 4] {
        let params = Params::new().number("writers", writers);
        let share = Kind { unit: Unit::Share, better: Better::Lower, latency: false };
        let limited = |backend: &str, value: f64| match backend {
            "arcfs-calls" | "arcfs-handles" | "python-d-memfs" => Ok(value),
            _ => Err("has no limit on bytes"),
        };
        maker.add("limits", &params, "accepted-edge", RATE, |backend, slowness| {
            limited(backend, 3e5 / slowness)
        });
        maker.add("limits", &params, "lost", share, |backend, slowness| {
            limited(backend, 0.02 * slowness.sqrt())
        });
    }
    for files in [1_000, 100_000, 1_000_000] {
        let params = Params::new().number("files", files).number("bytes", 1024);
        for (metric, unit, value) in
            [("live-per-file", Unit::BytesPerFile, 180.0), ("live-per-byte", Unit::BytesPerByte, 1.2)]
        {
            let kind = Kind { unit, better: Better::Lower, latency: false };
            maker.add("memory", &params, metric, kind, |backend, slowness| match backend {
                "tempfile-disk" | "tempfile-memory" => Err("was left out: its bytes are not in the process"),
                _ => Ok(value * slowness.sqrt()),
            });
        }
    }
    for files in [1_000, 10_000, 100_000, 1_000_000] {
        let params = Params::new().number("files", files);
        let n = files as f64;
        for (metric, base, power) in [
            ("create", 900.0, 0.1),
            ("lookup", 80.0, 0.15),
            ("list", 25.0, 0.0),
            ("snapshot", 18.0, 0.0),
            ("copy-tree", 60.0, 0.2),
            ("remove-tree", 50.0, 1.0),
        ] {
            maker.add("scale", &params, metric, TIME, |backend, slowness| match (backend, metric) {
                ("tempfile-disk" | "tempfile-memory", _) if files == 1_000_000 => {
                    Err("was left out: it needs minutes; --full has it")
                }
                (backend, "snapshot") => views(backend, base * if slowness > 1.5 { n } else { 1.0 }),
                _ => Ok(base * slowness * n.powf(power)),
            });
        }
    }
}

/// The run with names and values that nobody expects.
pub fn hostile() -> Run {
    let mut run = run();
    for cell in &mut run.cells {
        if cell.backend == "dashmap" {
            HOSTILE.clone_into(&mut cell.backend);
        }
        match (&*cell.workload, &*cell.backend) {
            ("stream", _) => cell.workload = "<stream>\u{0}\n\u{1b}[31m|".to_owned(),
            ("deep-read", _) => cell.workload = "../../etc/\u{202e}passwd".repeat(40),
            ("small-files", "map-mutex") => (cell.median, cell.min) = (Some(f64::NAN), Some(f64::INFINITY)),
            ("small-files", "map-rwlock") => (cell.median, cell.min) = (Some(-4e5), Some(-5e5)),
            ("scale", "vfs-memory") => (cell.median, cell.min) = (Some(0.0), Some(0.0)),
            ("scale", "map-rwlock") => (cell.median, cell.max) = (Some(1e-300), Some(1e300)),
            ("latency", "map-mutex") => {
                let latency = cell.latency.as_mut().expect("it was given one");
                latency.curve = vec![(f64::NAN, 7), (2.0, 0), (-1.0, u64::MAX), (0.9, 0)];
            }
            _ => {}
        }
    }
    run
}
