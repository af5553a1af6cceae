//! Resident memory of this process, where the system tells.

/// Resident anonymous memory in bytes, where the system tells. The roll-up is exact; what `status` says
/// lags behind by some pages for each thread.
pub fn resident() -> Option<f64> {
    let read = |path: &str, field: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        kilobytes(&text, field).map(|value| value as f64 * 1024.0)
    };
    read("/proc/self/smaps_rollup", "Anonymous:").or_else(|| read("/proc/self/status", "RssAnon:"))
}

/// The number in the line `field    number kB`.
fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_line_of_its_field() {
        let text = "Rss:    1832 kB\nAnonymous:     112 kB\nPss_Anon: 5 kB\nOdd: 7\n";
        assert_eq!(kilobytes(text, "Anonymous:"), Some(112));
        assert_eq!(kilobytes(text, "Odd:"), None);
        assert_eq!(kilobytes(text, "Missing:"), None);
        if cfg!(target_os = "linux") {
            assert!(resident().expect("Linux tells") > 0.0);
        }
    }
}
