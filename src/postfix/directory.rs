//! Which directory a path leads to: told by what stays when its file system is mounted again or from
//! elsewhere, and what no other directory has.

use std::{fmt, fs, io, os::unix::fs::MetadataExt as _, path::Path, time::UNIX_EPOCH};

use super::{Postfix, error::PostfixError};

/// A directory, by its inode and when it was made. A file system that does not tell when is known by
/// its device, which can be another one after a reboot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryId(String);

impl DirectoryId {
    /// The directory that is there now.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        let made = found.created().ok();
        let made = made.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let inode = found.ino();
        Ok(Self(match made {
            Some(made) => format!(
                "inode {inode}, made {}.{:09}",
                made.as_secs(),
                made.subsec_nanos()
            ),
            None => format!("inode {inode}, device {}", found.dev()),
        }))
    }
}

impl Postfix {
    /// Which directory the hold queue is now.
    pub async fn hold_directory(&self) -> Result<DirectoryId, PostfixError> {
        self.look(|queues| queues.hold_identity()).await
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for DirectoryId {
    fn eq(&self, recorded: &str) -> bool {
        self.0 == recorded
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn a_directory_is_known_again_wherever_it_is_moved_and_another_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        let (hold, aside) = (root.path().join("hold"), root.path().join("aside"));
        fs::create_dir(&hold).unwrap();
        let id = DirectoryId::at(&hold).unwrap();
        fs::write(hold.join("file"), "x").unwrap();
        fs::rename(&hold, &aside).unwrap();
        assert_eq!(DirectoryId::at(&aside).unwrap(), id);
        // The clock of a file system moves in steps of some milliseconds.
        thread::sleep(Duration::from_millis(20));
        fs::create_dir(&hold).unwrap();
        assert_ne!(DirectoryId::at(&hold).unwrap(), id);
        assert_eq!(id, *id.to_string());
    }
}
