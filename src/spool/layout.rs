//! Where things lie below the spool directory, and whose it is. Never reads a capture.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use uuid::Uuid;

use super::error::SpoolError;
use crate::domain::capture_id::CaptureId;

/// The paths of one spool.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) segments: PathBuf,
    pub(super) large: PathBuf,
    pub(super) aside: PathBuf,
}

impl Layout {
    /// Makes what is missing, sets the modes, and takes the lock that makes the spool ours.
    pub(super) fn claim(directory: &Path) -> Result<(Self, File), SpoolError> {
        let layout = Self {
            root: directory.to_owned(),
            segments: directory.join("segments"),
            large: directory.join("large"),
            aside: directory.join("aside"),
        };
        let at = |path: &Path| {
            let directory = path.to_owned();
            move |cause| SpoolError::Open { directory, cause }
        };
        make_directory(&layout.root).map_err(at(&layout.root))?;
        let lock = layout.lock()?;
        for path in [&layout.segments, &layout.large, &layout.aside] {
            make_directory(path).map_err(at(path))?;
        }
        sync_path(&layout.root).map_err(at(&layout.root))?;
        Ok((layout, lock))
    }

    pub(super) fn segment(&self, id: Uuid) -> PathBuf {
        self.segments.join(id.to_string())
    }

    pub(super) fn large(&self, name: Uuid) -> PathBuf {
        self.large.join(name.to_string())
    }

    /// A file that says nothing, to see whether the disk takes one.
    pub(super) fn probe(&self) -> PathBuf {
        self.root.join("probe")
    }

    /// The facts and the reason of a capture that was set aside; its presence is what counts.
    pub(super) fn aside_facts(&self, id: CaptureId) -> PathBuf {
        self.aside.join(format!("{id}.json"))
    }

    /// The message of a capture that was set aside.
    pub(super) fn aside_message(&self, id: CaptureId) -> PathBuf {
        self.aside.join(format!("{id}.eml"))
    }

    /// Bytes that are no whole capture.
    pub(super) fn aside_part(&self, name: &str) -> PathBuf {
        self.aside.join(format!("{name}.part"))
    }

    fn lock(&self) -> Result<File, SpoolError> {
        let directory = self.root.clone();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(self.root.join("lock"));
        let file = match file {
            Ok(file) => file,
            Err(cause) => return Err(SpoolError::Open { directory, cause }),
        };
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(SpoolError::Owned { directory }),
            Err(TryLockError::Error(cause)) => Err(SpoolError::Open { directory, cause }),
        }
    }
}

/// Opens a file of the spool for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_path)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::metadata(path)?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if found.permissions().mode() & 0o7777 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn sync_path(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return sync_path(Path::new("."));
    }
    File::open(path)?.sync_all()
}
