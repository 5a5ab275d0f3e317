//! The clock of a file system against this host's, by a file without a name that nobody ever sees.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, SystemTime},
};

use nix::fcntl::OFlag;

use super::{Scene, listed::queue_directory, report::Answer};
use crate::postfix::survey::Survey;

/// Times are compared by the second: a queue ID tells the one in which its file was made.
const TOLERANCE: Duration = Duration::from_secs(2);

/// The queue's and the spool's file systems tell the time as this host does.
pub fn queue_clock(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let queue = queue_directory(survey);
    let mut answers = vec![clock_of(queue), clock_of(&scene.milter.spool.directory)];
    answers.dedup();
    answers
}

fn clock_of(directory: &Path) -> Answer {
    let before = SystemTime::now();
    let written = OpenOptions::new()
        .write(true)
        .mode(0o600)
        .custom_flags(OFlag::O_TMPFILE.bits())
        .open(directory)
        .and_then(|file| file.metadata()?.modified());
    match written {
        Ok(time) => judge(directory, time, before, SystemTime::now()),
        Err(error) => unmade(directory, &error),
    }
}

fn judge(directory: &Path, time: SystemTime, before: SystemTime, after: SystemTime) -> Answer {
    let early = before.duration_since(time).unwrap_or_default();
    let late = time.duration_since(after).unwrap_or_default();
    let off = early.max(late);
    let directory = directory.display();
    if off <= TOLERANCE {
        return Answer::good(format!("{directory}: files have the time of this host"));
    }
    let side = if early > late { "behind" } else { "ahead" };
    Answer::fault(
        format!(
            "{directory}: files are {} s {side} of this host",
            off.as_secs()
        ),
        "let the file server and this host take their time from the same source (NTP)",
    )
}

fn unmade(directory: &Path, error: &io::Error) -> Answer {
    let is_barred = error.kind() == io::ErrorKind::PermissionDenied;
    let cure = if error.kind() == io::ErrorKind::NotFound {
        "make the directory (the milter makes its spool at the start), then run this again"
    } else if is_barred && !nix::unistd::geteuid().is_root() {
        "run this as root"
    } else {
        "compare by hand: `touch FILE; stat -c %y FILE; date` in that directory"
    };
    Answer::skipped(format!("{}: {error}", directory.display()), cure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    fn verdict(off: i64) -> Verdict {
        let now = SystemTime::now();
        let by = Duration::from_secs(off.unsigned_abs());
        let time = if off < 0 { now - by } else { now + by };
        judge(Path::new("/var/spool/postfix"), time, now, now).verdict
    }

    #[test]
    fn a_file_system_with_another_time_is_a_fault() {
        assert_eq!(verdict(0), Verdict::Good);
        assert_eq!(verdict(-2), Verdict::Good);
        assert_eq!(verdict(-3), Verdict::Fault);
        assert_eq!(verdict(60), Verdict::Fault);
    }

    #[test]
    fn the_file_that_is_looked_at_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(clock_of(directory.path()).verdict, Verdict::Good);
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_is_not_there_is_not_called_good() {
        let answer = clock_of(Path::new("/nonexistent"));
        assert_eq!(answer.verdict, Verdict::Skipped);
    }
}
