//! What was measured, where and when.
//!
//! What a binary was built from is captured by the build script, so it stays true whatever is checked
//! out when it runs. Machine and date are asked for at the start of a run.

use std::time::{SystemTime, UNIX_EPOCH};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::schema::Meta;
use crate::workload::Extent;

/// Crates whose stores, or whose parts of a store, are measured beside arcfs.
const RIVALS: [&str; 8] =
    ["arc-swap", "bytes", "dashmap", "imbl", "object_store", "parking_lot", "tempfile", "vfs"];

/// The meta data of a run that begins now.
pub fn collect(extent: Extent, rounds: usize, args: Vec<String>) -> Meta {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted).ok();
    let system = system.as_ref();
    let cpu = system.and_then(|system| system.cpus().first());
    Meta {
        commit: env!("ARCFS_HARNESS_COMMIT").to_owned(),
        dirty: env!("ARCFS_HARNESS_DIRTY") == "true",
        rustc: env!("ARCFS_HARNESS_RUSTC").to_owned(),
        profile: profile(),
        cpu: cpu.map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory: system.map_or(0, System::total_memory),
        kernel: System::kernel_long_version().unwrap_or_default(),
        date: rfc3339(now()),
        args,
        extent: Some(extent),
        rounds,
        rivals: rivals(env!("ARCFS_HARNESS_DEPENDENCIES")),
    }
}

/// The profile, and the flags for the compiler where there are any.
fn profile() -> String {
    match env!("ARCFS_HARNESS_RUSTFLAGS") {
        "" => env!("ARCFS_HARNESS_PROFILE").to_owned(),
        flags => format!("{} {flags}", env!("ARCFS_HARNESS_PROFILE")),
    }
}

/// The rivals among `name=version` words.
fn rivals(dependencies: &str) -> Vec<(String, String)> {
    let pairs = dependencies.split(' ').filter_map(|word| word.split_once('='));
    let rivals = pairs.filter(|(name, _)| RIVALS.contains(name));
    rivals.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

/// Seconds since 1970; 0 on a machine whose clock stands before that.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds since 1970-01-01 00:00 UTC as RFC 3339.
fn rfc3339(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The Gregorian date that is `days` after 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_ends_of_years() {
        let check = |seconds, expected: &str| assert_eq!(rfc3339(seconds), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(951_868_800, "2000-03-01T00:00:00Z");
        check(1_767_225_599, "2025-12-31T23:59:59Z");
        check(1_767_225_600, "2026-01-01T00:00:00Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }

    #[test]
    fn the_build_knows_its_compiler_and_its_rivals() {
        let meta = collect(Extent::Quick, 3, vec!["run".to_owned()]);
        assert!(meta.rustc.starts_with("rustc 1."), "{}", meta.rustc);
        assert!(meta.cores > 0 && meta.memory > 0);
        let names: Vec<&str> = meta.rivals.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, RIVALS);
        assert!(meta.rivals.iter().all(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit())));
    }

    #[test]
    fn a_commit_is_a_whole_hash_or_nothing() {
        let commit = env!("ARCFS_HARNESS_COMMIT");
        assert!(commit.is_empty() || commit.len() >= 40 && commit.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
