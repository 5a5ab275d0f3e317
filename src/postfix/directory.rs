//! Which directory a path leads to: told by what stays when its file system is mounted again or from
//! elsewhere, and what no other directory has.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Postfix, error::PostfixError, hold::Queues};

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

/// What tells whether names came to some directories or left them: the change time of each, which no
/// program can set (inode(7)).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version(Vec<Changed>);

#[derive(Debug, PartialEq, Eq)]
struct Changed {
    path: PathBuf,
    device: u64,
    inode: u64,
    second: i64,
    nanosecond: i64,
}

/// A change within this time of another one might have the same change time: the clock of a file
/// system has steps, of two seconds at most.
const STEP_SECONDS: i64 = 2;

impl Version {
    /// The hold queue's directories as they are now; `None` if they cannot be looked at.
    pub fn of(queues: &Queues) -> Option<Self> {
        let directories = queues.hold_directories().ok()?.into_iter();
        let changed = directories.map(|path| {
            let found = fs::metadata(&path).ok()?;
            Some(Changed {
                path,
                device: found.dev(),
                inode: found.ino(),
                second: found.ctime(),
                nanosecond: found.ctime_nsec(),
            })
        });
        changed.collect::<Option<_>>().map(Self)
    }

    /// Whether it would be another one after any change from `now` on.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or_default();
        let mut changed = self.0.iter();
        changed.all(|one| one.second.saturating_add(STEP_SECONDS) < now)
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
    use crate::postfix::postconf::Parameters;

    fn version(root: &Path) -> Version {
        let parameters = Parameters {
            queue_directory: root.to_owned(),
            hash_queue_names: Vec::new(),
            ..Parameters::usual()
        };
        Version::of(&Queues::of(&parameters)).unwrap()
    }

    #[test]
    fn a_name_that_comes_or_leaves_makes_another_version_once_the_clock_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("hold/4jWpV34xY7z1X8k0");
        fs::create_dir(root.path().join("hold")).unwrap();
        let made = version(root.path());
        assert!(
            !made.is_settled(SystemTime::now()),
            "it has only just changed"
        );
        assert!(made.is_settled(SystemTime::now() + Duration::from_secs(10)));
        assert_eq!(version(root.path()), made);
        let next = |before: &Version| {
            for _ in 0..1_000 {
                fs::write(&file, "").unwrap();
                fs::remove_file(&file).unwrap();
                if version(root.path()) != *before {
                    return true;
                }
                thread::sleep(Duration::from_millis(1));
            }
            false
        };
        assert!(next(&made));
    }

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
