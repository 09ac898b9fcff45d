//! What processes used, by the kernel's own count in `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The kernel counts processor time for programs in hundredths of a second (`USER_HZ`, fixed on Linux).
const TICK: Duration = Duration::from_millis(10);
const KIB: u64 = 1024;

/// Processor time that a process has used, itself and those that it has waited for.
pub fn cpu(pid: u32) -> Duration {
    let Some(fields) = stat(pid) else { return Duration::ZERO };
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), the third being the first after the name.
    let ticks: u64 = fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// Processor time of a process and of all that descend from it and still live.
pub fn cpu_of_family(pid: u32) -> Duration {
    family(pid).into_iter().map(cpu).sum()
}

/// A process and all that descend from it.
pub fn family(pid: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for child in processes() {
        let parent = stat(child).and_then(|fields| fields[1].parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(child);
    }
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(one) = all.get(next) {
        all.extend(children.get(one).cloned().unwrap_or_default());
        next += 1;
    }
    all
}

/// Processor time that the whole machine has spent on work since it was started.
pub fn cpu_of_machine() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).map(|field| field.parse::<u64>().unwrap_or(0));
    // user, nice, system, (idle, iowait,) irq, softirq, steal: the first line of /proc/stat in proc(5).
    let ticks: u64 = fields.take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, ticks)| ticks).sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// Exact processor time of a process's threads, by the beginning of their names.
pub fn cpu_of_threads(pid: u32, name: &str) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let nanos = tasks.flatten().filter_map(|task| {
        let path = task.path();
        let comm = fs::read_to_string(path.join("comm")).ok()?;
        if !comm.starts_with(name) {
            return None;
        }
        fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Memory in bytes: now, and at the most so far.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    (field_in_kib(&status, "VmRSS:"), field_in_kib(&status, "VmHWM:"))
}

fn field_in_kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib * KIB)
}

fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The fields after the name, which may hold blanks itself.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect();
    (fields.len() > 20).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_shows_as_processor_time() {
        let (me, begun) = (std::process::id(), cpu(std::process::id()));
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut number = 1_u64;
        while cpu(me) < begun + Duration::from_millis(50) {
            assert!(Instant::now() < deadline, "no work is counted");
            for _ in 0..100_000 {
                number = std::hint::black_box(number.wrapping_mul(3));
            }
        }
        assert!(cpu_of_family(me) >= cpu(me) && cpu_of_machine() > cpu(me));
        assert!(cpu_of_threads(me, "") > Duration::ZERO);
    }

    #[test]
    fn the_most_memory_is_no_less_than_the_memory_now() {
        let (now, most) = memory(std::process::id());
        assert!(now > 100 * KIB && most >= now);
    }

    #[test]
    fn a_process_that_is_gone_has_used_nothing() {
        assert_eq!((cpu(u32::MAX), memory(u32::MAX)), (Duration::ZERO, (0, 0)));
    }
}
