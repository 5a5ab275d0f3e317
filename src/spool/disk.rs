//! The few file operations whose failure the spool must survive. Never decides what to do about it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IoSlice, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use crate::{failpoint, telemetry::events};

/// File operations that write or sync; the tests put a failing disk in its place.
pub(super) trait Disk: Send + Sync {
    /// Makes a new file, mode 0600; an existing name, a symbolic link too, is an error.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    /// Writes all slices from `at` on.
    fn write(&self, mut file: &File, at: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        file.seek(SeekFrom::Start(at))?;
        let mut rest = slices;
        while rest.iter().any(|slice| !slice.is_empty()) {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes zeros from `from` to `to`, so that a later sync changes no extent.
    fn zero(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        let mut at = from;
        while at < to {
            let rest = usize::try_from(to - at).unwrap_or(usize::MAX);
            let chunk = ZEROS.get(..rest).unwrap_or(&ZEROS);
            file.write_all_at(chunk, at)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }

    /// Makes the content of a file durable, and its length.
    fn sync_file(&self, file: &File) -> io::Result<()> {
        failpoint::fault!("spool.sync");
        file.sync_data()
    }

    /// The same for a probe, which stands for no capture.
    fn sync_probe(&self, file: &File) -> io::Result<()> {
        self.sync_file(file)
    }

    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        failpoint::fault!("spool.sync");
        File::open(path)?.sync_all()
    }
}

/// The disk itself.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    /// No failpoint: a test that lets a sync fail means one of a capture.
    fn sync_probe(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// Removes a file that is not needed any more. A failure costs space, not mail: it is only logged.
pub(super) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => events::spool_untidy("remove", path, &error),
    }
}
