//! Whether the file system has room for more mail. Never frees any.

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::statvfs::statvfs;

use super::{Settings, error::SpoolError};

/// How long a measurement is believed.
const FRESH: Duration = Duration::from_secs(1);

/// What is free on the spool's file system for an unprivileged process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Bytes.
    pub bytes: u64,
    /// Inodes; `u64::MAX` where the file system has no fixed number of them.
    pub inodes: u64,
}

/// The limits and the last measurement.
#[derive(Debug)]
pub(super) struct Room {
    directory: PathBuf,
    min_free_percent: u8,
    min_free_bytes: u64,
    measured: Mutex<Option<(Instant, Measure)>>,
}

#[derive(Clone, Copy, Debug)]
struct Measure {
    free: Free,
    total_bytes: u64,
    total_inodes: u64,
}

impl Room {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            directory: settings.directory.clone(),
            min_free_percent: settings.min_free_percent,
            min_free_bytes: settings.min_free_bytes,
            measured: Mutex::new(None),
        }
    }

    /// The space that is free, at most a second old.
    pub(super) fn free(&self) -> Result<Free, SpoolError> {
        Ok(self.measure()?.free)
    }

    /// Refuses when too little is free.
    pub(super) fn check(&self) -> Result<(), SpoolError> {
        let measure = self.measure()?;
        if measure.suffices(self.min_free_percent, self.min_free_bytes) {
            return Ok(());
        }
        Err(SpoolError::Full {
            directory: self.directory.clone(),
            free_bytes: measure.free.bytes,
            free_inodes: measure.free.inodes,
        })
    }

    fn measure(&self) -> Result<Measure, SpoolError> {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, measure)) = *measured
            && when.elapsed() < FRESH
        {
            return Ok(measure);
        }
        let found = statvfs(&self.directory).map_err(|errno| SpoolError::Measure {
            directory: self.directory.clone(),
            cause: io::Error::from(errno),
        })?;
        let measure = Measure {
            free: Free {
                bytes: found
                    .blocks_available()
                    .saturating_mul(found.fragment_size()),
                // Some file systems make inodes as needed and say that there are none.
                inodes: match found.files() {
                    0 => u64::MAX,
                    _ => found.files_available(),
                },
            },
            total_bytes: found.blocks().saturating_mul(found.fragment_size()),
            total_inodes: found.files(),
        };
        *measured = Some((Instant::now(), measure));
        Ok(measure)
    }
}

impl Measure {
    /// The smaller of the two space limits counts; inodes have the same percentage.
    fn suffices(&self, percent: u8, bytes: u64) -> bool {
        let share = |total: u64| total / 100 * u64::from(percent.min(100));
        self.free.bytes >= share(self.total_bytes).min(bytes)
            && self.free.inodes >= share(self.total_inodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn suffices(free_bytes: u64, total_bytes: u64, free_inodes: u64, total_inodes: u64) -> bool {
        let free = Free {
            bytes: free_bytes,
            inodes: free_inodes,
        };
        Measure {
            free,
            total_bytes,
            total_inodes,
        }
        .suffices(10, 2 * GIB)
    }

    #[test]
    fn on_a_large_disk_two_gibibytes_are_enough() {
        assert!(suffices(3 * GIB, 1_000 * GIB, 500, 1_000));
        assert!(!suffices(GIB, 1_000 * GIB, 500, 1_000));
    }

    #[test]
    fn on_a_small_disk_ten_percent_are_enough() {
        assert!(suffices(GIB, 8 * GIB, 500, 1_000));
        assert!(!suffices(GIB / 2, 8 * GIB, 500, 1_000));
    }

    #[test]
    fn used_up_inodes_are_no_room() {
        assert!(!suffices(100 * GIB, 1_000 * GIB, 99, 1_000));
        assert!(suffices(100 * GIB, 1_000 * GIB, u64::MAX, 0));
    }
}
