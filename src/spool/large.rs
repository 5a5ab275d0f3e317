//! The own file of a content that is too large for memory. It removes itself unless it is kept.

use std::{
    fs::File,
    io::IoSlice,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    disk::{self, Disk},
    error::SpoolError,
    layout::Layout,
};

/// A large content on its way to the disk.
pub(super) struct LargeFile {
    disk: Arc<dyn Disk>,
    name: Uuid,
    path: PathBuf,
    file: File,
    n_bytes: u64,
    fate: Fate,
}

#[derive(Clone, Copy)]
enum Fate {
    Removed,
    Kept,
}

impl LargeFile {
    pub(super) fn create(disk: Arc<dyn Disk>, layout: &Layout) -> Result<Self, SpoolError> {
        let name = Uuid::now_v7();
        let path = layout.large(name);
        match disk.create(&path) {
            Ok(file) => Ok(Self {
                disk,
                name,
                path,
                file,
                n_bytes: 0,
                fate: Fate::Removed,
            }),
            Err(cause) => Err(SpoolError::Write { path, cause }),
        }
    }

    pub(super) fn name(&self) -> Uuid {
        self.name
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let mut slices = [IoSlice::new(bytes)];
        self.disk
            .write(&self.file, self.n_bytes, &mut slices)
            .map_err(|cause| SpoolError::Write {
                path: self.path.clone(),
                cause,
            })?;
        self.n_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes the content and its name durable: before a frame names it.
    pub(super) fn sync(&self, directory: &Path) -> Result<(), SpoolError> {
        self.disk
            .sync_file(&self.file)
            .map_err(|cause| SpoolError::Sync {
                path: self.path.clone(),
                cause,
            })?;
        self.disk
            .sync_directory(directory)
            .map_err(|cause| SpoolError::Sync {
                path: directory.to_owned(),
                cause,
            })
    }

    /// A durable frame names the file now.
    pub(super) fn keep(mut self) {
        self.fate = Fate::Kept;
    }
}

impl Drop for LargeFile {
    fn drop(&mut self) {
        match self.fate {
            Fate::Removed => disk::remove(&self.path),
            Fate::Kept => {}
        }
    }
}
