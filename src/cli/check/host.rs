//! The spool and the time of this host. Makes nothing and removes nothing.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use nix::unistd::{Uid, User};

use super::{Scene, report::Answer};
use crate::{
    milter::listener::Socket,
    spool::{self, SpoolError},
    telemetry::chain::Chain,
};

const GIB: f64 = 1_073_741_824.0;

/// The spool's directory is the milter's alone.
pub fn spool(scene: &Scene) -> Vec<Answer> {
    let directory = &scene.milter.spool.directory;
    let name = directory.display();
    let found = match fs::symlink_metadata(directory) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![missing(directory, &scene.file)];
        }
        Err(error) => {
            return vec![Answer::skipped(
                format!("{name}: {error}"),
                "run this as root",
            )];
        }
    };
    if !found.is_dir() {
        return vec![Answer::fault(
            format!("{name} is not a directory"),
            format!("name a directory in spool.directory of {}", scene.file),
        )];
    }
    let mode = found.mode() & 0o7777;
    let milter = milter_user(scene);
    let answer = if found.uid() == 0 {
        Answer::fault(
            format!("{name} belongs to root, as whom the milter never runs"),
            format!("chown -R mailhold: {name}"),
        )
    } else if milter.is_some_and(|uid| uid != found.uid()) {
        Answer::fault(
            format!(
                "{name} belongs to {}, the milter is another user",
                user(found.uid())
            ),
            format!("give it to the milter's user: chown -R mailhold: {name}"),
        )
    } else if mode & 0o077 != 0 {
        Answer::fault(
            format!("{name} has mode {mode:04o}: others may look into captured mail"),
            format!("chmod 0700 {name}"),
        )
    } else {
        Answer::good(format!(
            "{name}: mode {mode:04o}, owner {}",
            user(found.uid())
        ))
    };
    vec![answer]
}

fn missing(directory: &Path, file: &str) -> Answer {
    let name = directory.display();
    if directory.parent().is_some_and(Path::is_dir) {
        return Answer::warning(
            format!("{name} is not there yet"),
            "start the milter, it makes the directory",
        );
    }
    Answer::fault(
        format!("{name}: its parent is not there, so the milter cannot make it"),
        format!("make the parent for the milter's user, or set spool.directory in {file}"),
    )
}

/// The name of a user, or its number where it has none.
fn user(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| user.name)
}

/// Who runs the milter, by the sockets that it made.
fn milter_user(scene: &Scene) -> Option<u32> {
    let mut sockets = scene.milter.milter.listeners.iter();
    sockets.find_map(|one| match &one.socket {
        Socket::Unix { path, .. } => {
            let found = fs::symlink_metadata(path).ok()?;
            found.file_type().is_socket().then(|| found.uid())
        }
        Socket::Inet(_) => None,
    })
}

/// The spool's file system has the room that the settings ask for.
pub fn spool_space(scene: &Scene) -> Vec<Answer> {
    let settings = &scene.milter.spool;
    let mut settings = settings.clone();
    // What is not there yet will be made on its parent's file system.
    if matches!(settings.directory.try_exists(), Ok(false)) {
        settings.directory = settings
            .directory
            .parent()
            .unwrap_or(Path::new("/"))
            .to_owned();
    }
    if matches!(settings.directory.try_exists(), Ok(false)) {
        return vec![super::live::unmade("the spool cannot be made yet")];
    }
    let name = settings.directory.display();
    let answer = match spool::measure(&settings) {
        Ok(free) => Answer::good(format!("{name}: {}", room(free.bytes, free.inodes))),
        Err(SpoolError::Full {
            free_bytes,
            free_inodes,
            ..
        }) => Answer::fault(
            format!(
                "{name}: {}: flagged mail is asked to come again",
                room(free_bytes, free_inodes)
            ),
            format!(
                "free space there, or lower spool.min_free or spool.min_free_percent in {}",
                scene.file
            ),
        ),
        Err(error) => Answer::skipped(Chain(&error).to_string(), "run this as root"),
    };
    vec![answer]
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn room(bytes: u64, inodes: u64) -> String {
    let space = bytes as f64 / GIB;
    match inodes {
        u64::MAX => format!("{space:.1} GiB free"),
        inodes => format!("{space:.1} GiB and {inodes} inodes free"),
    }
}

/// This host's clock is kept by somebody.
pub fn clock_sync(_: &Scene) -> Vec<Answer> {
    vec![kept(Path::new("/run"))]
}

/// By the marks that the usual programs leave. Without one nothing is proven: the clock of a
/// container or of a virtual host may be kept from outside.
fn kept(run: &Path) -> Answer {
    const MARKS: [(&str, &str); 5] = [
        (
            "systemd/timesync/synchronized",
            "systemd-timesyncd has set it",
        ),
        ("chrony/chronyd.pid", "chronyd runs"),
        ("chronyd.pid", "chronyd runs"),
        ("ntpd.pid", "ntpd runs"),
        ("openntpd.pid", "openntpd runs"),
    ];
    let mark = MARKS.iter().find(|(mark, _)| run.join(mark).exists());
    match mark {
        Some((_, seen)) => Answer::good(*seen),
        None if run.join("systemd/timesync").is_dir() => Answer::warning(
            "systemd-timesyncd runs, but has not set the clock yet",
            "look at `timedatectl timesync-status`: its servers may be out of reach",
        ),
        None => Answer::skipped(
            "no program is seen that keeps this clock",
            "look at `timedatectl`; in a container, look at its host",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(kept(run.path()).verdict, Verdict::Skipped);
        let timesync = run.path().join("systemd/timesync");
        fs::create_dir_all(&timesync).unwrap();
        assert_eq!(kept(run.path()).verdict, Verdict::Warning);
        fs::write(timesync.join("synchronized"), "").unwrap();
        assert_eq!(kept(run.path()).verdict, Verdict::Good);
    }
}
