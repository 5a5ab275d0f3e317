//! Tries whether the disk takes and keeps anything. Never touches a file with a capture, and is no
//! second try of a failed sync: each probe is a file of its own.

use std::{fs, io, io::IoSlice};

use super::{disk::Disk, error::SpoolError, layout::Layout};

/// Said in the file, for a person who finds one that a crash left.
const TEXT: &[u8] = b"mailhold looks whether this disk can be written\n";

/// Makes a file, syncs it and removes it.
pub(super) fn write(disk: &dyn Disk, layout: &Layout) -> Result<(), SpoolError> {
    let path = layout.probe();
    let unwritten = |cause| SpoolError::Write {
        path: path.clone(),
        cause,
    };
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(error)),
        // Left by a crash, or not there.
        Ok(()) | Err(_) => {}
    }
    let file = disk.create(&path).map_err(unwritten)?;
    let written = disk.write(&file, 0, &mut [IoSlice::new(TEXT)]);
    let synced = written.map_err(unwritten).and_then(|()| {
        let path = path.clone();
        let sync = disk.sync_probe(&file);
        sync.map_err(|cause| SpoolError::Sync { path, cause })
    });
    let removed = fs::remove_file(&path).map_err(unwritten);
    synced.and(removed)
}
