//! Where data lies, and how long a sync takes there. Virtual disks change their mood, so figures are judged on an emulated one: data in
//! memory, and a library loaded before all others that makes each sync take two milliseconds at the least.

use crate::Failure;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// The library's source.
const SLOW_SYNC: &str = include_str!("../disk/slow_sync.c");
/// What is synced to measure: a page of PostgreSQL's log.
const PAGE: usize = 8 << 10;
/// How often.
const SYNCS: usize = 100;

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Disk {
    /// Memory, and each sync takes at least two milliseconds. Figures are judged on it.
    Emulated,
    /// Memory: syncs are free, and processors are the limit.
    Memory,
    /// This machine's own.
    Plain,
}

impl Disk {
    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emulated => "emulated, 2 ms a sync",
            Self::Memory => "memory",
            Self::Plain => "this machine's disk",
        }
    }
}

/// Folders that are removed when the measurement ends, and the library.
#[derive(Debug)]
pub struct Disks {
    memory: Folder,
    plain: Folder,
    library: PathBuf,
}

/// A folder that is removed when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Disks {
    /// Makes the folders, and compiles the library.
    pub async fn new(memory: &Path, plain: &Path) -> Result<Self, Failure> {
        let own = format!("ducat-bench-{}", std::process::id());
        let (memory, plain) = (Folder(memory.join(&own)), Folder(plain.join(&own)));
        for folder in [&memory, &plain] {
            open_folder(&folder.0).map_err(|e| format!("{}: {e}", folder.0.display()))?;
        }
        let library = compile(&memory.0).await?;
        Ok(Self { memory, plain, library })
    }

    /// The folder of a disk.
    pub fn folder(&self, disk: Disk) -> &Path {
        match disk {
            Disk::Emulated | Disk::Memory => &self.memory.0,
            Disk::Plain => &self.plain.0,
        }
    }

    /// What programs that write to a disk load before all others.
    pub fn preload(&self, disk: Disk) -> Option<&Path> {
        (disk == Disk::Emulated).then_some(self.library.as_path())
    }

    /// How long a sync takes on a disk now, as a program of its own finds: the median of many.
    pub async fn sync_time(&self, disk: Disk) -> Result<Duration, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("sync").arg(self.folder(disk).join("sync"));
        if let Some(library) = self.preload(disk) {
            command.env("LD_PRELOAD", library);
        }
        let out = command.output().await?;
        let text = String::from_utf8(out.stdout)?;
        text.trim().parse().map(Duration::from_nanos).map_err(|_| "the sync time was not told".into())
    }
}

/// A folder that everybody may enter, because PostgreSQL runs as somebody else than root.
pub fn open_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

async fn compile(folder: &Path) -> Result<PathBuf, Failure> {
    let (source, library) = (folder.join("slow_sync.c"), folder.join("slow_sync.so"));
    std::fs::write(&source, SLOW_SYNC)?;
    let mut command = Command::new("cc");
    command.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    if command.status().await?.success() { Ok(library) } else { Err("the emulated disk does not compile".into()) }
}

/// Whether a process has really loaded the library: one that is linked statically ignores it without a word.
pub fn is_loaded(pid: u32, library: &Path) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    library.to_str().is_some_and(|library| maps.contains(library))
}

/// Writes a page and syncs it, again and again, and says how long half of the syncs took at the most.
pub fn measure_sync(file: &Path) -> Result<Duration, Failure> {
    let mut handle = std::fs::File::create(file)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        handle.seek(SeekFrom::Start(0))?;
        handle.write_all(&[1; PAGE])?;
        handle.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(file)?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command as Blocking;

    /// Every way of syncing that a database takes, one after the other.
    const SYNCS_OF_ALL_KINDS: &str = r#"
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <time.h>
        #include <unistd.h>
        static int timed(const char *what, int file, void *map) {
            struct timespec a, b;
            clock_gettime(CLOCK_MONOTONIC, &a);
            if (!strcmp(what, "fsync")) fsync(file);
            if (!strcmp(what, "fdatasync")) fdatasync(file);
            if (!strcmp(what, "msync")) msync(map, 4096, MS_SYNC);
            if (!strcmp(what, "range")) sync_file_range(file, 0, 4096, SYNC_FILE_RANGE_WRITE);
            clock_gettime(CLOCK_MONOTONIC, &b);
            return (int)((b.tv_sec - a.tv_sec) * 1000000L + (b.tv_nsec - a.tv_nsec) / 1000L);
        }
        int main(int count, char **arguments) {
            (void)count;
            int file = open(arguments[1], O_RDWR | O_CREAT, 0600);
            if (file < 0 || ftruncate(file, 4096)) return 1;
            void *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            const char *kinds[] = {"fsync", "fdatasync", "msync", "range"};
            for (int n = 0; n < 4; n++) printf("%d\n", timed(kinds[n], file, map));
            return 0;
        }
    "#;

    #[tokio::test]
    async fn every_kind_of_sync_takes_as_long_as_it_was_told_to() {
        let folder = Folder(std::env::temp_dir().join(format!("ducat-bench-test-{}", std::process::id())));
        open_folder(&folder.0).expect("a folder");
        let library = compile(&folder.0).await.expect("the library compiles");
        let (source, program) = (folder.0.join("syncs.c"), folder.0.join("syncs"));
        std::fs::write(&source, SYNCS_OF_ALL_KINDS).expect("written");
        assert!(Blocking::new("cc").arg("-o").arg(&program).arg(&source).status().expect("a compiler").success());
        let out = Blocking::new(&program)
            .arg(folder.0.join("data"))
            .env("LD_PRELOAD", &library)
            .env("SLOW_SYNC_US", "30000")
            .output()
            .expect("it runs");
        let text = String::from_utf8(out.stdout).expect("text");
        let micros: Vec<u64> = text.lines().map(|line| line.parse().expect("a number")).collect();
        assert_eq!(micros.len(), 4);
        assert!(micros.iter().all(|micros| *micros >= 30_000), "{micros:?}");
    }

    #[test]
    fn a_sync_takes_some_time_and_leaves_nothing_behind() {
        let file = std::env::temp_dir().join(format!("ducat-bench-sync-{}", std::process::id()));
        assert!(measure_sync(&file).expect("measured") > Duration::ZERO);
        assert!(!file.exists());
    }
}
