//! Reads the end of a log file, also over a rotation. Knows nothing of what stands in it.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// How much of a log is read at most.
pub(super) const TAIL_BYTES: usize = 8 * 1_024 * 1_024;

/// What a rotated log ends in once it is compressed, and cannot be read here.
const COMPRESSED: [&str; 5] = ["gz", "bz2", "xz", "zst", "lz4"];

/// The end of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// What was read.
    pub text: Vec<u8>,
    /// From this byte on it is all that was logged: before it something may have been left out.
    pub unbroken_from: usize,
}

impl Tail {
    /// The part from which nothing is left out, up to the end of the log.
    pub fn unbroken(&self) -> &[u8] {
        self.text.get(self.unbroken_from..).unwrap_or_default()
    }
}

/// Reads a log file from the mark on. If it was rotated since, or may have been, what the file before it
/// has comes first: what a worker did right before must not be overlooked. A mark is the file's inode and
/// its length then; there is none where only a time is known.
pub(super) fn read_tail(path: &Path, mark: Option<(u64, u64)>) -> io::Result<Tail> {
    let file = fs::File::open(path)?;
    let now = file.metadata()?;
    let (mut text, seen) = match mark {
        Some((inode, length)) if inode == now.ino() && length <= now.len() => (Vec::new(), length),
        Some(_) | None => (rotated(path, mark), 0),
    };
    let n_before = text.len();
    let start = read_from(file, seen, &mut text)?;
    Ok(Tail {
        text,
        unbroken_from: if start > seen { n_before } else { 0 },
    })
}

/// Gives where in the file it began to read: what is longer than may be read is cut at its begin.
fn read_from(mut file: fs::File, seen: u64, tail: &mut Vec<u8>) -> io::Result<u64> {
    let limit = u64::try_from(TAIL_BYTES).unwrap_or(u64::MAX);
    let length = file.metadata()?.len();
    let start = seen.max(length.saturating_sub(limit));
    file.seek(SeekFrom::Start(start))?;
    file.take(limit).read_to_end(tail)?;
    Ok(start)
}

/// What the youngest rotated file has, from the mark on if that was in it. Nothing if there is none, or
/// if it cannot be read: then it is as if the log did not tell.
fn rotated(path: &Path, mark: Option<(u64, u64)>) -> Vec<u8> {
    let mut tail = Vec::new();
    if let Some(older) = youngest_rotated(path)
        && let Ok(file) = fs::File::open(older)
        && let Ok(found) = file.metadata()
    {
        let seen = mark.filter(|(inode, _)| *inode == found.ino());
        let seen = seen.map_or(0, |(_, length)| length);
        if read_from(file, seen, &mut tail).is_err() {
            tail.clear();
        }
    }
    tail
}

/// The file that was last written among `mail.log.1`, `mail.log-20261126`, `mail.log.20261126-103000`
/// and their like, as logrotate and Postfix's own `postfix logrotate` name them. Nothing if that one is
/// compressed: between an older file and the log would be a gap.
fn youngest_rotated(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let entries = fs::read_dir(path.parent()?).ok()?.flatten();
    let is_rotated = |entry: &fs::DirEntry| {
        let entry_name = entry.file_name();
        let rest = entry_name.to_str().and_then(|text| text.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['.', '-']))
    };
    let written = |entry: &fs::DirEntry| entry.metadata().and_then(|found| found.modified()).ok();
    let youngest = entries.filter(is_rotated).max_by_key(written)?.path();
    let ending = youngest.extension().and_then(|ending| ending.to_str());
    (!ending.is_some_and(|ending| COMPRESSED.contains(&ending))).then_some(youngest)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        time::{Duration, SystemTime},
    };

    use super::*;

    fn mark_of(path: &Path) -> (u64, u64) {
        let file = fs::metadata(path).unwrap();
        (file.ino(), file.len())
    }

    #[test]
    fn a_log_is_read_from_the_mark_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        fs::write(&path, "before\n").unwrap();
        let mark = mark_of(&path);
        fs::write(&path, "before\nafter\n").unwrap();
        assert_eq!(read_tail(&path, Some(mark)).unwrap().text, b"after\n");

        let rotated = directory.path().join("mail.log.1");
        fs::rename(&path, rotated).unwrap();
        fs::write(&path, "a new file that is longer\n").unwrap();
        let tail = read_tail(&path, Some(mark)).unwrap();
        assert_eq!(tail.text, b"after\na new file that is longer\n");
    }

    #[test]
    fn a_log_that_may_have_been_rotated_is_read_with_the_file_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        fs::write(&path, "now\n").unwrap();
        let tail = || read_tail(&path, None).unwrap().text;
        let put = |name: &str, text: &str, age: u64| {
            let mut file = fs::File::create(directory.path().join(name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let written = SystemTime::now() - Duration::from_secs(age);
            file.set_modified(written).unwrap();
        };
        put("mail.log.2.gz", "compressed", 90);
        put("mail.logs", "of another program", 0);
        put("mail.log-20261125", "older\n", 60);
        assert_eq!(tail(), b"older\nnow\n");
        put("mail.log.1", "before\n", 30);
        assert_eq!(tail(), b"before\nnow\n");
        put("mail.log.0.gz", "compressed", 15);
        assert_eq!(tail(), b"now\n", "nothing before a gap");
    }

    #[test]
    fn what_is_left_out_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        fs::write(directory.path().join("mail.log.1"), "before\n").unwrap();
        fs::write(&path, "now\n").unwrap();
        let unbroken = || read_tail(&path, None).unwrap().unbroken().to_vec();
        assert_eq!(unbroken(), b"before\nnow\n");

        let line = b"a line\n";
        let long = line.repeat(TAIL_BYTES / line.len() + 1);
        fs::write(&path, &long).unwrap();
        assert_eq!(unbroken(), &long[long.len() - TAIL_BYTES..]);
        let text = read_tail(&path, None).unwrap().text;
        assert!(text.starts_with(b"before\n"), "it may tell all the same");
    }

    #[test]
    fn a_copied_and_truncated_log_is_read_from_its_begin() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.log");
        fs::write(&path, "long before the command\n").unwrap();
        let mark = mark_of(&path);
        fs::copy(&path, directory.path().join("mail.log.1")).unwrap();
        fs::write(&path, "after\n").unwrap();
        let tail = read_tail(&path, Some(mark)).unwrap();
        assert!(tail.text.ends_with(b"after\n"));
    }
}
