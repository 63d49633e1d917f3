//! What the system says about this process, where it is Linux. Elsewhere the numbers stay 0.

use std::sync::atomic::Ordering;

use crate::telemetry::sampled::Process;

/// Parts of a second in which Linux counts the time on processors (`USER_HZ`, which is the same on every machine).
const TICKS: f64 = 100.0;

pub(super) fn look(process: &Process) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let status = read("/proc/self/status");
    process.resident.set(kibibytes(&status, "VmRSS:"));
    process.virtual_memory.set(kibibytes(&status, "VmSize:"));
    process.threads.set(number_after(&status, "Threads:"));
    process.most_files.set(number_after(&read("/proc/self/limits"), "Max open files"));
    // The folder itself is open while it is read.
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
    process.open_files.set(files as u64);
    let (busy, started) = times(&read("/proc/self/stat"));
    process.cpu.inner().store(busy.to_bits(), Ordering::Relaxed);
    let booted = number_after(&read("/proc/stat"), "\nbtime");
    process.started.set(booted as f64 + started);
}

fn number_after(text: &str, name: &str) -> u64 {
    let rest = text.split_once(name).map(|(_, rest)| rest).unwrap_or_default();
    rest.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn kibibytes(status: &str, name: &str) -> u64 {
    number_after(status, name) << 10
}

/// The seconds on processors, and the seconds between the start of the machine and that of the process. The name of the program, which comes before them,
/// may contain anything.
fn times(stat: &str) -> (f64, f64) {
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default() / TICKS;
    (ticks(11) + ticks(12), ticks(19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_read() {
        let stat = "77 (a ) b) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 8 0 123400 1000 200 1";
        assert_eq!(times(stat), (3.0, 1234.0));
        assert_eq!(times(""), (0.0, 0.0));
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t    3 kB\nThreads:\t9\n";
        assert_eq!((kibibytes(status, "VmRSS:"), number_after(status, "Threads:"), kibibytes(status, "VmSwap:")), (3072, 9, 0));
        let limits = "Max processes 1 2 processes\nMax open files            1024                 524288               files\n";
        assert_eq!(number_after(limits, "Max open files"), 1024);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_files_and_threads() {
        let process = Process::default();
        look(&process);
        assert!(process.resident.get() > 0 && process.open_files.get() > 0 && process.threads.get() > 0 && process.started.get() > 1e9);
    }
}
