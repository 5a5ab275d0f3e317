//! Is a queue file still the one that was read? What the file system tells of it, in one number of
//! each kind. Never opens a file.

use nix::sys::stat::FileStat;

use super::{error::PostfixError, hold::Queues};
use crate::domain::queue_id::QueueId;

/// What the file system tells of a queue file: every change to the file changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub(super) inode: u64,
    mode: u32,
    n_names: u64,
    size_bytes: i64,
    /// When content, mode, owner or number of names last changed: seconds and nanoseconds.
    changed_at: (i64, i64),
}

impl Stamp {
    pub(super) fn of(file: &FileStat) -> Self {
        Self {
            inode: file.st_ino,
            mode: file.st_mode,
            n_names: file.st_nlink,
            size_bytes: file.st_size,
            changed_at: (file.st_ctime, file.st_ctime_nsec),
        }
    }
}

impl Queues {
    /// The file of each queue ID in the hold queue just now; none where there is no such file.
    pub fn stamps(&self, ids: &[QueueId]) -> Result<Vec<Option<Stamp>>, PostfixError> {
        let stamp = |id| {
            let found = self.look_up("hold", id)?;
            Ok(found.map(|file| Stamp::of(&file)))
        };
        ids.iter().map(stamp).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
        thread,
        time::Duration,
    };

    use nix::sys::stat::lstat;

    use super::*;

    #[test]
    fn any_change_to_a_file_makes_another_stamp() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("4jWkMG56f7z1j");
        let stamp = || Stamp::of(&lstat(&path).unwrap());
        fs::write(&path, "x").unwrap();
        let mut seen = vec![stamp()];
        assert_eq!(stamp(), seen[0]);
        let changes: [&dyn Fn(); 5] = [
            &|| fs::set_permissions(&path, Permissions::from_mode(0o710)).unwrap(),
            &|| fs::write(&path, "y").unwrap(),
            &|| fs::hard_link(&path, root.path().join("second name")).unwrap(),
            &|| {
                fs::copy(&path, root.path().join("copy")).unwrap();
                fs::rename(root.path().join("copy"), &path).unwrap();
            },
            &|| {
                fs::remove_file(&path).unwrap();
                symlink("elsewhere", &path).unwrap();
            },
        ];
        for change in changes {
            // The clock of a file system moves in steps of some milliseconds.
            thread::sleep(Duration::from_millis(20));
            change();
            assert!(!seen.contains(&stamp()), "{seen:?}");
            seen.push(stamp());
        }
    }
}
