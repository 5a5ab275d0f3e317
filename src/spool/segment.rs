//! One segment while it is written: groups of frames, one sync each. Never written again after a
//! failure: what a failed sync left behind is unknown, and a second sync may say that all is well.

use std::{fs::File, io::IoSlice, path::PathBuf};

use uuid::Uuid;

use crate::telemetry::events;

use super::{
    disk::{self, Disk},
    error::SpoolError,
    frame::{BLOCK_BYTES, Frame},
    layout::Layout,
};

/// A segment is closed at this length. Small, so that settled mail does not stay for long.
const SEGMENT_BYTES: u64 = 16 * 1_024 * 1_024;
/// How far zeros are written ahead of the frames. A sync that changes neither the length nor an
/// extent of the file needs no journal commit; `fallocate` would not do, because its extents change
/// when they are first written. Larger groups pay the commit and save the second write.
const AHEAD_BYTES: u64 = 256 * 1_024;

/// A segment that takes groups.
#[derive(Debug)]
pub(super) struct Segment {
    id: Uuid,
    path: PathBuf,
    file: File,
    /// Behind the last frame that was confirmed.
    end: u64,
    zeroed_to: u64,
}

impl Segment {
    /// Makes a segment whose name is durable before its first use.
    pub(super) fn create(disk: &dyn Disk, layout: &Layout) -> Result<Self, SpoolError> {
        let id = Uuid::now_v7();
        let path = layout.segment(id);
        let file = disk.create(&path).map_err(|cause| SpoolError::Write {
            path: path.clone(),
            cause,
        })?;
        let segment = Self {
            id,
            path,
            file,
            end: 0,
            zeroed_to: AHEAD_BYTES,
        };
        if let Err(error) = segment.found(disk, layout) {
            disk::remove(&segment.path);
            return Err(error);
        }
        Ok(segment)
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn has_room(&self, n_bytes: u64) -> bool {
        self.end == 0 || self.start().saturating_add(n_bytes) <= SEGMENT_BYTES
    }

    /// Writes a group and makes it durable; returns where each frame begins. After an error the
    /// segment is to be closed, never to be used again.
    pub(super) fn append(
        &mut self,
        disk: &dyn Disk,
        frames: &[&Frame],
    ) -> Result<Vec<u64>, SpoolError> {
        let heads: Vec<Vec<u8>> = frames.iter().map(|frame| frame.head(self.id)).collect();
        let mut slices = Vec::with_capacity(frames.len() * 3);
        let mut places = Vec::with_capacity(frames.len());
        let mut end = self.start();
        for (frame, head) in frames.iter().zip(&heads) {
            slices.extend([head, frame.facts(), frame.content()].map(IoSlice::new));
            places.push(end);
            end = end.saturating_add(frame.n_bytes());
        }
        let write = |cause| SpoolError::Write {
            path: self.path.clone(),
            cause,
        };
        disk.write(&self.file, self.start(), &mut slices)
            .map_err(write)?;
        let zeroed_to = self.write_zeros_ahead(disk, end);
        disk.sync_file(&self.file)
            .map_err(|cause| SpoolError::Sync {
                path: self.path.clone(),
                cause,
            })?;
        self.zeroed_to = zeroed_to;
        self.end = end;
        Ok(places)
    }

    /// Ends the segment. What is behind the last confirmed frame is cut off where the system lets
    /// us, so that a capture that was refused does not come back; no sync depends on it.
    pub(super) fn close(self) {
        if let Err(error) = self.file.set_len(self.end) {
            events::spool_untidy("cut", &self.path, &error);
        }
    }

    /// A block that holds confirmed frames is never written again.
    fn start(&self) -> u64 {
        self.end.next_multiple_of(BLOCK_BYTES as u64)
    }

    fn found(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), SpoolError> {
        let at = |path: &PathBuf| path.clone();
        disk.zero(&self.file, 0, AHEAD_BYTES)
            .map_err(|cause| SpoolError::Write {
                path: at(&self.path),
                cause,
            })?;
        disk.sync_file(&self.file)
            .map_err(|cause| SpoolError::Sync {
                path: at(&self.path),
                cause,
            })?;
        disk.sync_directory(&layout.segments)
            .map_err(|cause| SpoolError::Sync {
                path: at(&layout.segments),
                cause,
            })
    }

    /// Zeros are a matter of speed only, so that a failure (a full disk) costs nothing.
    fn write_zeros_ahead(&self, disk: &dyn Disk, end: u64) -> u64 {
        let n_bytes = end.saturating_sub(self.start());
        if end <= self.zeroed_to || n_bytes >= AHEAD_BYTES / 2 {
            return self.zeroed_to;
        }
        let to = end.saturating_add(AHEAD_BYTES);
        match disk.zero(&self.file, end, to) {
            Ok(()) => to,
            Err(_) => self.zeroed_to,
        }
    }
}
