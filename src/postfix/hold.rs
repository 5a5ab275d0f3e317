//! Looks into the queue directories. Read-only: only Postfix's own commands move a message.

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat},
    sys::stat::{FileStat, Mode, fstat, fstatat},
};

use super::{
    directory::DirectoryId, error::PostfixError, postconf::Parameters, presence::Presence,
    stamp::Stamp,
};
use crate::domain::queue_id::QueueId;

/// A queue outside hold that a message can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Being received, or about to become active.
    Incoming,
    /// Being delivered.
    Active,
    /// Waiting for the next try.
    Deferred,
    /// Waiting to be picked up, as after `postsuper -r`.
    Maildrop,
}

/// Where the queues of one instance are. All its functions block, briefly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queues {
    directory: PathBuf,
    hash_names: Vec<String>,
    hash_depth: usize,
}

impl Queues {
    pub fn of(parameters: &Parameters) -> Self {
        Self {
            directory: parameters.queue_directory.clone(),
            hash_names: parameters.hash_queue_names.clone(),
            hash_depth: parameters.hash_queue_depth,
        }
    }

    /// The hold queue's directory.
    pub fn hold_directory(&self) -> PathBuf {
        self.directory.join("hold")
    }

    /// The hold queue's directory and, where it is hashed, all those below it.
    pub fn hold_directories(&self) -> Result<Vec<PathBuf>, PostfixError> {
        let mut level = vec![self.hold_directory()];
        let mut all = level.clone();
        for _ in 0..self.depth_of("hold") {
            let mut next = Vec::new();
            for directory in &level {
                next.extend(branches(directory)?);
            }
            all.extend_from_slice(&next);
            level = next;
        }
        Ok(all)
    }

    /// Tells each name in the hold queue, whatever it is the name of; those of branches left out.
    pub fn each_held(&self, mut tell: impl FnMut(&[u8])) -> Result<(), PostfixError> {
        let is_hashed = self.depth_of("hold") > 0;
        for directory in self.hold_directories()? {
            each_name(&directory, |name| {
                if !is_hashed || name.len() > 1 {
                    tell(name);
                }
            })?;
        }
        Ok(())
    }

    /// Which directory the hold queue is now.
    pub fn hold_identity(&self) -> Result<DirectoryId, PostfixError> {
        let found = DirectoryId::at(&self.hold_directory());
        found.map_err(|cause| self.cannot_look("hold", cause))
    }

    /// How one queue ID stands in the hold queue, and how long its file is, in bytes.
    pub fn size_of_held(&self, id: &QueueId) -> Result<(Presence, u64), PostfixError> {
        let found = self.look_up("hold", id)?;
        Ok(found.map_or((Presence::Missing, 0), |file| {
            let size_bytes = u64::try_from(file.st_size).unwrap_or_default();
            (Presence::of(&file), size_bytes)
        }))
    }

    /// How one queue ID stands in the hold queue.
    pub fn presence(&self, id: &QueueId) -> Result<Presence, PostfixError> {
        let found = self.look_up("hold", id)?;
        Ok(found.map_or(Presence::Missing, |file| Presence::of(&file)))
    }

    /// In which other queue this message is.
    pub fn elsewhere(&self, id: &QueueId) -> Result<Option<Place>, PostfixError> {
        // A message can move behind the look-out from one queue to the next; as postsuper, look
        // twice.
        for place in Place::ALL.into_iter().chain(Place::ALL) {
            if self.look_up(place.directory(), id)?.is_some() {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Opens a held message for reading, if it stands as `expected`; tells its stamp too.
    pub fn open_held(
        &self,
        id: &QueueId,
        expected: Presence,
    ) -> Result<(fs::File, Stamp), PostfixError> {
        let stands = |presence| {
            let id = id.clone();
            Err(PostfixError::NotReady { id, presence })
        };
        let Some(directory) = self.open_directory("hold", id)? else {
            return stands(Presence::Missing);
        };
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(directory, id.as_str(), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return stands(Presence::Missing),
            // A link, or a socket.
            Err(Errno::ELOOP | Errno::ENXIO) => return stands(Presence::NotRegular),
            Err(fault) => return Err(self.cannot_look("hold", fault.into())),
        };
        let stat = fstat(&file).map_err(|fault| self.cannot_look("hold", fault.into()))?;
        let presence = Presence::of(&stat);
        if presence != expected {
            return stands(presence);
        }
        Ok((fs::File::from(file), Stamp::of(&stat)))
    }

    /// The file of a queue ID in one queue; none if there is no such file.
    pub fn look_up(&self, queue: &str, id: &QueueId) -> Result<Option<FileStat>, PostfixError> {
        self.look_up_as(queue, id, id.as_str())
    }

    /// The same under another name, which belongs into the same branch.
    pub fn look_up_as(
        &self,
        queue: &str,
        id: &QueueId,
        name: &str,
    ) -> Result<Option<FileStat>, PostfixError> {
        let Some(directory) = self.open_directory(queue, id)? else {
            return Ok(None);
        };
        match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(fault) => Err(self.cannot_look(queue, fault.into())),
        }
    }

    /// Opens the directory that this message would be in, step by step and without following links.
    fn open_directory(&self, queue: &str, id: &QueueId) -> Result<Option<OwnedFd>, PostfixError> {
        let fault = |fault: Errno| self.cannot_look(queue, fault.into());
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(&self.directory, flags, Mode::empty()).map_err(fault)?;
        let step = |at: &OwnedFd, name: &str| {
            openat(at.as_fd(), name, flags | OFlag::O_NOFOLLOW, Mode::empty())
        };
        let mut directory = step(&root, queue).map_err(fault)?;
        for name in branch_names(id, self.depth_of(queue)) {
            directory = match step(&directory, &name) {
                Ok(directory) => directory,
                Err(Errno::ENOENT) => return Ok(None),
                Err(other) => return Err(fault(other)),
            };
        }
        Ok(Some(directory))
    }

    fn depth_of(&self, queue: &str) -> usize {
        let is_hashed = |name: &String| name.eq_ignore_ascii_case(queue);
        if self.hash_names.iter().any(is_hashed) {
            self.hash_depth
        } else {
            0
        }
    }

    fn cannot_look(&self, queue: &str, cause: io::Error) -> PostfixError {
        PostfixError::Look {
            path: self.directory.join(queue),
            cause,
        }
    }
}

impl Place {
    /// All places, in the order in which a released message passes them.
    pub const ALL: [Self; 4] = [Self::Maildrop, Self::Deferred, Self::Incoming, Self::Active];

    /// The directory's name, which is the queue's.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Active => "active",
            Self::Deferred => "deferred",
            Self::Maildrop => "maildrop",
        }
    }
}

/// The sub-directories of a hashed queue: the first digits of the microsecond in hexadecimal
/// (`mail_queue_dir` in `src/global/mail_queue.c`, `dir_forest` in `src/util/dir_forest.c`).
fn branch_names(id: &QueueId, depth: usize) -> Vec<String> {
    let digits = format!("{:05X}", id.microsecond().unwrap_or(0));
    digits
        .chars()
        .chain(std::iter::repeat('_'))
        .take(depth)
        .map(String::from)
        .collect()
}

/// Tells the names in a directory without copying them; none if it vanished, as a branch can.
fn each_name(directory: &Path, mut tell: impl FnMut(&[u8])) -> Result<(), PostfixError> {
    let fault = |fault: Errno| PostfixError::Look {
        path: directory.to_owned(),
        cause: fault.into(),
    };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut opened = match Dir::open(directory, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::ENOENT) if is_named_as_branch(directory) => return Ok(()),
        Err(other) => return Err(fault(other)),
    };
    for entry in opened.iter() {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            tell(name);
        }
    }
    Ok(())
}

fn is_named_as_branch(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name.len() == 1)
}

fn branches(directory: &Path) -> Result<Vec<PathBuf>, PostfixError> {
    let entries = entries(directory)?;
    Ok(entries
        .iter()
        .filter(|entry| is_branch(entry))
        .map(fs::DirEntry::path)
        .collect())
}

fn is_branch(entry: &fs::DirEntry) -> bool {
    entry.file_name().len() == 1 && entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The entries of a directory; none if it vanished, as a branch can when Postfix is reloaded.
fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, PostfixError> {
    let fault = |cause| PostfixError::Look {
        path: directory.to_owned(),
        cause,
    };
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect::<Result<_, _>>().map_err(fault),
        Err(gone) if is_named_as_branch(directory) && gone.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        Err(other) => Err(fault(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::postfix::roll::Roll;

    const ID: &str = "4jWkMG56f7z1j";

    struct Lab {
        root: tempfile::TempDir,
        queues: Queues,
    }

    fn lab(hash_names: &[&str], hash_depth: usize) -> Lab {
        let root = tempfile::tempdir().unwrap();
        for queue in ["hold", "incoming", "active", "deferred", "maildrop"] {
            fs::create_dir(root.path().join(queue)).unwrap();
        }
        let queues = Queues {
            directory: root.path().to_owned(),
            hash_names: hash_names.iter().map(|name| (*name).to_owned()).collect(),
            hash_depth,
        };
        Lab { root, queues }
    }

    impl Lab {
        fn put(&self, path: &str, mode: u32) {
            let path = self.root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn presence(&self) -> Presence {
            self.queues.presence(&id()).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let mut names = Vec::new();
            let tell = |name: &[u8]| names.push(String::from_utf8_lossy(name).into_owned());
            self.queues.each_held(tell).unwrap();
            names
        }
    }

    fn id() -> QueueId {
        ID.parse().unwrap()
    }

    #[test]
    fn links_and_directories_are_no_messages() {
        let lab = lab(&[], 1);
        lab.put("outside", 0o700);
        let path = lab.root.path().join("hold").join(ID);
        symlink(lab.root.path().join("outside"), &path).unwrap();
        assert_eq!(lab.presence(), Presence::NotRegular);
        assert!(lab.queues.open_held(&id(), Presence::Ready).is_err());

        fs::remove_file(&path).unwrap();
        fs::hard_link(lab.root.path().join("outside"), &path).unwrap();
        assert_eq!(lab.presence(), Presence::NotRegular);

        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(lab.presence(), Presence::NotRegular);
    }

    #[test]
    fn names_that_are_no_long_queue_ids_are_counted_only() {
        let lab = lab(&[], 1);
        for name in [ID, "D305C34", "ALL", "4jWkMG56f7z1j#FIX"] {
            lab.put(&format!("hold/{name}"), 0o700);
        }
        assert_eq!(lab.names().len(), 4);
        let mut roll = Roll::default();
        assert_eq!(roll.call(&lab.queues).unwrap().came, [id()]);
        assert_eq!(roll.n_others(), 3);
    }

    #[test]
    fn a_hashed_hold_queue_is_walked() {
        // 721039 µs are B008F in hexadecimal.
        for (depth, path) in [(1, "hold/B/"), (2, "hold/B/0/"), (7, "hold/B/0/0/8/F/_/_/")] {
            let lab = lab(&["hold", "deferred"], depth);
            lab.put(&format!("{path}{ID}"), 0o700);
            assert_eq!(lab.presence(), Presence::Ready);
            assert_eq!(lab.names(), [ID]);
        }
    }

    #[test]
    fn a_message_is_found_in_the_other_queues() {
        let lab = lab(&["deferred"], 1);
        assert_eq!(lab.queues.elsewhere(&id()).unwrap(), None);
        lab.put(&format!("hold/{ID}"), 0o700);
        assert_eq!(lab.queues.elsewhere(&id()).unwrap(), None);
        lab.put(&format!("deferred/B/{ID}"), 0o700);
        assert_eq!(lab.queues.elsewhere(&id()).unwrap(), Some(Place::Deferred));
    }

    #[test]
    fn only_a_ready_message_is_opened() {
        let lab = lab(&[], 1);
        lab.put(&format!("hold/{ID}"), 0o600);
        let open = |expected| lab.queues.open_held(&id(), expected);
        assert!(open(Presence::Ready).unwrap_err().is_transient());
        lab.put(&format!("hold/{ID}"), 0o710);
        assert!(!open(Presence::Ready).unwrap_err().is_transient());
        open(Presence::ForceExpired).unwrap();
        lab.put(&format!("hold/{ID}"), 0o700);
        open(Presence::Ready).unwrap();
    }
}
