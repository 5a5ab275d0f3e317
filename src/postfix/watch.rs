//! Watches the hold queue for changes. Gives hints only: a listing is the truth.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent},
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{error::PostfixError, hold::Queues};
use crate::domain::queue_id::QueueId;

/// Reads of events in one go, of 4 kB each.
const READS_AT_ONCE: usize = 64;

/// What may have happened in the hold queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A file came, was written to, or changed its mode or owner; look at it.
    Changed(QueueId),
    /// A file went.
    Left(QueueId),
    /// Something was missed; list the queue.
    Rescan,
}

/// A watch on the hold queue.
pub struct Watch {
    inotify: Inotify,
    queues: Queues,
}

/// The runtime wakes up for each event of what is registered with it, whether anybody waits or not. So
/// this is made for a wait alone: under load hints are taken at a pace, and meanwhile events pile up.
struct Awaited<'a>(&'a Inotify);

impl AsRawFd for Awaited<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Watch {
    pub(super) fn start(queues: Queues) -> Result<Self, PostfixError> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
            .map_err(|fault| cannot_watch(&queues, fault.into()))?;
        let watch = Self { inotify, queues };
        watch.watch_all()?;
        Ok(watch)
    }

    /// Waits for changes. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    ///
    /// After an error the watch is blind: start another one and list the queue.
    pub async fn next_hints(&mut self) -> Result<Vec<Hint>, PostfixError> {
        loop {
            let events = self
                .next_events()
                .await
                .map_err(|cause| cannot_watch(&self.queues, cause))?;
            let mut hints: Vec<Hint> = events.iter().filter_map(hint).collect();
            hints.dedup();
            if events.iter().any(concerns_directories) {
                self.watch_all()?;
            }
            if !hints.is_empty() {
                return Ok(hints);
            }
        }
    }

    async fn next_events(&self) -> io::Result<Vec<InotifyEvent>> {
        loop {
            match self.events() {
                Ok(events) => return Ok(events),
                Err(Errno::EAGAIN) => {
                    let awaited = awaited(&self.inotify)?;
                    let _readable = awaited.readable().await?;
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// All that waits, up to a bound: one read gives a hundred events, and each message has several.
    fn events(&self) -> Result<Vec<InotifyEvent>, Errno> {
        let mut events = self.inotify.read_events()?;
        for _ in 1..READS_AT_ONCE {
            match self.inotify.read_events() {
                Ok(more) => events.extend(more),
                Err(Errno::EAGAIN) => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(events)
    }

    /// Watches the directories that there are now; those watched already stay as they are.
    fn watch_all(&self) -> Result<(), PostfixError> {
        let events = AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR
            | AddWatchFlags::IN_DONT_FOLLOW;
        for directory in self.queues.hold_directories()? {
            self.inotify
                .add_watch(&directory, events)
                .map_err(|fault| PostfixError::Watch {
                    path: directory,
                    cause: fault.into(),
                })?;
        }
        Ok(())
    }
}

#[expect(
    deprecated,
    reason = "the newer constructor is unsafe: it wants the promise that the descriptor lives as \
              long as its owner, which the borrow keeps"
)]
fn awaited(inotify: &Inotify) -> io::Result<AsyncFd<Awaited<'_>>> {
    AsyncFd::with_interest(Awaited(inotify), Interest::READABLE)
}

fn cannot_watch(queues: &Queues, cause: io::Error) -> PostfixError {
    PostfixError::Watch {
        path: queues.hold_directory(),
        cause,
    }
}

/// Whether directories of the queue came or went, or events were lost.
fn concerns_directories(event: &InotifyEvent) -> bool {
    event.mask.intersects(
        AddWatchFlags::IN_ISDIR
            | AddWatchFlags::IN_IGNORED
            | AddWatchFlags::IN_Q_OVERFLOW
            | AddWatchFlags::IN_UNMOUNT
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF,
    )
}

fn hint(event: &InotifyEvent) -> Option<Hint> {
    if concerns_directories(event) {
        return Some(Hint::Rescan);
    }
    let id = event.name.as_ref()?.to_str()?.parse().ok()?;
    let gone = AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_DELETE;
    Some(if event.mask.intersects(gone) {
        Hint::Left(id)
    } else {
        Hint::Changed(id)
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use super::*;
    use crate::postfix::postconf::Parameters;

    const ID: &str = "4jWkMG56f7z1j";

    fn watch(root: &Path, hash_queue_names: &[&str]) -> Watch {
        fs::create_dir_all(root.join("hold")).unwrap();
        let parameters = Parameters {
            queue_directory: root.to_owned(),
            hash_queue_names: hash_queue_names.iter().map(|name| (*name).into()).collect(),
            ..Parameters::usual()
        };
        Watch::start(Queues::of(&parameters)).unwrap()
    }

    async fn next(watch: &mut Watch) -> Vec<Hint> {
        let hints = tokio::time::timeout(Duration::from_secs(10), watch.next_hints());
        hints.await.expect("a hint in time").unwrap()
    }

    #[tokio::test]
    async fn a_message_that_comes_and_goes_is_told() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &[]);
        let id: QueueId = ID.parse().unwrap();
        let (outside, inside) = (root.path().join(ID), root.path().join("hold").join(ID));
        fs::write(&outside, "x").unwrap();
        fs::rename(&outside, &inside).unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Changed(id.clone())]);
        fs::rename(&inside, &outside).unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Left(id)]);
    }

    #[tokio::test]
    async fn a_crowd_of_messages_is_told_in_one_go() {
        const CROWD: usize = 1_000;
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &[]);
        for number in 0..CROWD {
            let name = format!("4jWkMG56f7z{number:04}");
            fs::write(root.path().join(&name), "x").unwrap();
            fs::rename(
                root.path().join(&name),
                root.path().join("hold").join(&name),
            )
            .unwrap();
        }
        assert_eq!(next(&mut watch).await.len(), CROWD);
    }

    #[tokio::test]
    async fn what_happens_while_nobody_waits_is_told_later() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &[]);
        let inside = root.path().join("hold");
        let (first, second) = (ID, "4jWkMG56f7z2j");
        for id in [first, second] {
            // A wait that is given up takes nothing with it.
            let waiting = tokio::time::timeout(Duration::ZERO, watch.next_hints());
            assert!(waiting.await.is_err());
            fs::write(root.path().join(id), "x").unwrap();
            fs::rename(root.path().join(id), inside.join(id)).unwrap();
            assert_eq!(next(&mut watch).await, [Hint::Changed(id.parse().unwrap())]);
        }
    }

    #[tokio::test]
    async fn a_message_that_becomes_ready_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("hold")).unwrap();
        let path = root.path().join("hold").join(ID);
        fs::write(&path, "x").unwrap();
        let mut watch = watch(root.path(), &[]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Changed(ID.parse().unwrap())]);
    }

    #[tokio::test]
    async fn a_new_branch_of_a_hashed_queue_is_watched() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &["hold"]);
        let branch = root.path().join("hold/B");
        fs::create_dir(&branch).unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Rescan]);
        fs::write(root.path().join(ID), "x").unwrap();
        fs::rename(root.path().join(ID), branch.join(ID)).unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Changed(ID.parse().unwrap())]);
    }

    #[tokio::test]
    async fn a_queue_that_is_taken_away_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &[]);
        fs::remove_dir(root.path().join("hold")).unwrap();
        assert!(watch.next_hints().await.is_err());
    }

    #[tokio::test]
    async fn other_names_give_no_hint() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = watch(root.path(), &[]);
        fs::write(root.path().join("hold/D305C34"), "x").unwrap();
        fs::write(root.path().join("hold").join(ID), "x").unwrap();
        assert_eq!(next(&mut watch).await, [Hint::Changed(ID.parse().unwrap())]);
    }
}
