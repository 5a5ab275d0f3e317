//! The names in the hold queue from one listing to the next. It tells what came and what left, and
//! asks nothing of a file but its name: a hundred thousand known ones cost no memory and little time.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::SystemTime};

use super::{
    directory::{DirectoryId, Version},
    error::PostfixError,
    hold::Queues,
};
use crate::domain::queue_id::QueueId;

/// The names that the hold queue had when it was listed last.
#[derive(Debug, Default)]
pub struct Roll {
    /// Each name with the listing that had it last.
    names: HashMap<Name, u64>,
    n_others: usize,
    listing: u64,
    directory: Option<DirectoryId>,
    /// What the directory had then, if any change since would be seen by it.
    version: Option<Version>,
}

/// What has changed from one listing to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names that were not there before.
    pub came: Vec<QueueId>,
    /// Names that are not there any more. A file may be renamed while the directory is read, where
    /// the queue is hashed: look for each before it counts as gone.
    pub left: Vec<QueueId>,
}

/// A queue ID that is found by its bytes, so that no known name is copied.
#[derive(Debug, PartialEq, Eq)]
struct Name(QueueId);

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }
}

impl Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_str().as_bytes().hash(state);
    }
}

impl Roll {
    /// Whether this name was in the last listing.
    pub fn has(&self, id: &QueueId) -> bool {
        self.names.contains_key(id.as_str().as_bytes())
    }

    /// How many long queue IDs were in the last listing. Their files may be anything.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the last listing had no long queue ID.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many other names the last listing had, such as short queue IDs. Nothing acts on them.
    pub fn n_others(&self) -> usize {
        self.n_others
    }

    /// All names of the last listing, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &QueueId> {
        self.names.keys().map(|name| &name.0)
    }

    /// The directory of the last listing.
    pub fn directory(&self) -> Option<&DirectoryId> {
        self.directory.as_ref()
    }

    /// Lets any directory take the place of this one.
    pub fn leave_directory(&mut self) {
        self.directory = None;
    }

    /// Lists the hold queue anew, unless no name has come or left since the listing before. After an
    /// error the names are those of the listing before.
    ///
    /// Another directory with none of them is refused: because a file system is not mounted, it would
    /// look as if all had gone.
    pub(super) fn call(&mut self, queues: &Queues) -> Result<Changes, PostfixError> {
        let identity = queues.hold_identity()?;
        let before = self.directory.as_ref();
        if before.is_some_and(|before| *before != identity) && !self.has_any_in(queues)? {
            return Err(PostfixError::HoldReplaced);
        }
        self.directory = Some(identity);
        let now = SystemTime::now();
        let version = Version::of(queues);
        if version.is_some() && version == self.version {
            return Ok(Changes::default());
        }
        self.version = None;
        // Also after a listing that broke off, so that its marks do not count.
        self.listing += 1;
        let listing = self.listing;
        let mut fresh: Vec<QueueId> = Vec::new();
        let mut n_others = 0;
        queues.each_held(|name| {
            if let Some(seen_in) = self.names.get_mut(name) {
                *seen_in = listing;
            } else if let Some(id) = std::str::from_utf8(name)
                .ok()
                .and_then(|name| name.parse().ok())
            {
                fresh.push(id);
            } else {
                n_others += 1;
            }
        })?;
        self.n_others = n_others;
        let left = self.names.extract_if(|_, seen_in| *seen_in != listing);
        let left = left.map(|(name, _)| name.0).collect();
        let mut came = Vec::new();
        for id in fresh {
            // A file that is renamed meanwhile can be told twice.
            if self.names.insert(Name(id.clone()), listing).is_none() {
                came.push(id);
            }
        }
        self.version = version.filter(|version| version.is_settled(now));
        Ok(Changes { came, left })
    }

    /// Whether any name of the listing before is there, or there was none: then nothing is lost.
    fn has_any_in(&self, queues: &Queues) -> Result<bool, PostfixError> {
        let mut has_any = self.is_empty();
        queues.each_held(|name| has_any |= self.names.contains_key(name))?;
        Ok(has_any)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::postfix::postconf::Parameters;

    const IDS: [&str; 3] = ["4jWkMG56f7z1j", "4jWkMG56f7z1k", "4jWkMG56f7z1l"];

    fn id(text: &str) -> QueueId {
        text.parse().unwrap()
    }

    fn queues(root: &Path) -> Queues {
        fs::create_dir_all(root.join("hold")).unwrap();
        Queues::of(&Parameters {
            queue_directory: root.to_owned(),
            ..Parameters::usual()
        })
    }

    fn put(root: &Path, name: &str) {
        fs::write(root.join("hold").join(name), "x").unwrap();
    }

    #[test]
    fn what_came_and_what_left_is_told_once() {
        let root = tempfile::tempdir().unwrap();
        let queues = queues(root.path());
        let mut roll = Roll::default();
        put(root.path(), IDS[0]);
        put(root.path(), IDS[1]);
        put(root.path(), "D305C34");
        let mut changes = roll.call(&queues).unwrap();
        changes.came.sort();
        assert_eq!(changes.came, [id(IDS[0]), id(IDS[1])]);
        assert_eq!((roll.len(), roll.n_others()), (2, 1));
        assert_eq!(roll.call(&queues).unwrap(), Changes::default());

        fs::remove_file(root.path().join("hold").join(IDS[0])).unwrap();
        put(root.path(), IDS[2]);
        let changes = roll.call(&queues).unwrap();
        assert_eq!(changes.left, [id(IDS[0])]);
        assert_eq!(changes.came, [id(IDS[2])]);
        assert!(!roll.has(&id(IDS[0])) && roll.has(&id(IDS[1])));
    }

    #[test]
    fn nothing_leaves_while_the_directory_cannot_be_read() {
        let root = tempfile::tempdir().unwrap();
        let queues = queues(root.path());
        let mut roll = Roll::default();
        put(root.path(), IDS[0]);
        roll.call(&queues).unwrap();
        let (hold, aside) = (root.path().join("hold"), root.path().join("aside"));
        fs::rename(&hold, &aside).unwrap();
        assert!(roll.call(&queues).is_err());
        assert!(roll.has(&id(IDS[0])));

        fs::create_dir(&hold).unwrap();
        let fault = roll.call(&queues).unwrap_err();
        assert!(matches!(fault, PostfixError::HoldReplaced), "{fault}");
        assert!(fault.is_transient() && roll.has(&id(IDS[0])));
        put(root.path(), IDS[1]);
        assert!(roll.call(&queues).is_err(), "Postfix may work in it");

        fs::remove_dir_all(&hold).unwrap();
        fs::rename(&aside, &hold).unwrap();
        assert_eq!(roll.call(&queues).unwrap(), Changes::default());
    }

    #[test]
    fn another_directory_with_a_known_name_or_on_a_persons_word_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let queues = queues(root.path());
        let hold = root.path().join("hold");
        let mut roll = Roll::default();
        put(root.path(), IDS[0]);
        put(root.path(), IDS[1]);
        roll.call(&queues).unwrap();
        let replace = |old: &str| {
            fs::rename(&hold, root.path().join(old)).unwrap();
            fs::create_dir(&hold).unwrap();
        };
        replace("first");
        put(root.path(), IDS[1]);
        assert_eq!(roll.call(&queues).unwrap().left, [id(IDS[0])]);

        replace("second");
        assert!(roll.call(&queues).is_err());
        roll.leave_directory();
        assert_eq!(roll.call(&queues).unwrap().left, [id(IDS[1])]);
    }

    #[test]
    fn a_directory_without_any_name_may_be_the_wrong_one() {
        let root = tempfile::tempdir().unwrap();
        let queues = queues(root.path());
        let mut roll = Roll::default();
        roll.call(&queues).unwrap();
        let hold = root.path().join("hold");
        fs::rename(&hold, root.path().join("stub")).unwrap();
        fs::create_dir(&hold).unwrap();
        put(root.path(), IDS[0]);
        assert_eq!(roll.call(&queues).unwrap().came, [id(IDS[0])]);
    }
}
