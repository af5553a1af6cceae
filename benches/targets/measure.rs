//! Rounds in turns, medians, ratios.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A table to be read.
    Full,
    /// Whether it works.
    Smoke,
}

impl Size {
    /// `full`, or a small part of it.
    pub fn of(self, full: usize) -> usize {
        if self == Self::Smoke { full.div_ceil(200).max(2) } else { full }
    }
}

/// The rows as they come.
pub struct Table {
    pub size: Size,
    chosen: Vec<String>,
}

impl Table {
    pub fn new(size: Size, chosen: Vec<String>) -> Self {
        println!(
            "{:<52} {:>11} {:>11} {:>7} {:>15} {:>7}",
            "case", "arcfs", "rival", "ratio", "from - to", "target"
        );
        Self { size, chosen }
    }

    /// Whether a row is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|word| name.contains(word.as_str()))
    }

    /// Measures both sides in turns, nanoseconds each, and prints the ratio of each pair: its median, least and largest.
    pub fn row(
        &mut self,
        name: &str,
        target: f64,
        mut ours: impl FnMut() -> f64,
        mut rival: impl FnMut() -> f64,
    ) {
        if !self.wants(name) {
            return;
        }
        let rounds = if self.size == Size::Smoke { 1 } else { 9 };
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        for round in 0..=rounds {
            // In turns also within a pair: who comes second finds other caches.
            let pair = if round % 2 == 0 {
                let ours = ours();
                (ours, rival())
            } else {
                let rival = rival();
                (ours(), rival)
            };
            if round > 0 {
                pairs.push(pair); // the first one warms up
            }
        }
        let mut ratios: Vec<f64> = pairs.iter().map(|(ours, rival)| ours / rival).collect();
        let (ours, rival) = (
            median(&mut pairs.iter().map(|pair| pair.0).collect::<Vec<_>>()),
            median(&mut pairs.iter().map(|pair| pair.1).collect::<Vec<_>>()),
        );
        let ratio = median(&mut ratios);
        let met = if ratio <= target { "met" } else { "" };
        println!(
            "{name:<52} {:>11} {:>11} {ratio:>7.2} {:>15} {target:>7} {met}",
            time(ours),
            time(rival),
            format!("{:.2} - {:.2}", ratios[0], ratios[ratios.len() - 1]),
        );
    }

    pub fn finish(&self) {
        println!(
            "\nTimes are for one operation, or for the whole where the case is one. On {} processors.",
            std::thread::available_parallelism().map_or(1, usize::from)
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e4 => format!("{nanoseconds:.0} ns"),
        ..1e7 => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.1} ms", nanoseconds / 1e6),
    }
}

/// Brings the allocator of the system to where a program that has run for a while has it: the one of glibc gives
/// memory back to the kernel, and gets it as pages that must be cleared, until a large block was given back
/// once. Rivals pay for that alone, since arcfs keeps memory of its own.
pub fn settle() {
    const LARGEST: usize = (32 << 20) - (64 << 10); // from which it learns
    drop(black_box(Vec::<u8>::with_capacity(LARGEST)));
}

/// Nanoseconds that `work` takes.
pub fn nanoseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

/// Nanoseconds for each of so many calls.
pub fn each(count: usize, mut call: impl FnMut(usize)) -> f64 {
    nanoseconds(|| (0..count).for_each(&mut call)) / count as f64
}

/// What a process of its own measures for `job` on one side.
pub fn in_fresh_process(job: &str, side: &str) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args(["--child", job, side]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// What such a process says.
pub fn answer(nanoseconds: f64) {
    println!("{nanoseconds}");
}

/// Numbers that jump, the same in each run.
pub struct Jumps(u64);

impl Jumps {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
