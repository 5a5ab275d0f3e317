//! Whether Postfix can reach the milter's sockets, from where its services look and with the rights
//! that they have. Connects and closes; sends nothing.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    io,
    net::{TcpStream, ToSocketAddrs},
    os::{
        fd::AsRawFd,
        unix::fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr},
    unistd::{Gid, User, getgrouplist},
};

use super::{
    Scene,
    listed::{List, queue_directory},
    milters::{Entry, below},
    report::Answer,
};
use crate::postfix::survey::{Service, Survey};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const START: &str = "start the milter (`systemctl start mailhold-milter`) and look at its log";

/// Each socket of ours that a list names.
pub fn reachable(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let lists = List::all(survey);
    let mut seen = BTreeSet::new();
    let mut answers = Vec::new();
    for list in &lists {
        for listed in list.ours(scene, survey) {
            let roots: BTreeSet<_> = list.users(survey).into_iter().map(Root::of).collect();
            for root in roots {
                if seen.insert((listed.entry.endpoint.clone(), root)) {
                    answers.push(reach(scene, survey, listed.entry, root));
                }
            }
        }
    }
    answers.dedup();
    if answers.is_empty() {
        answers.push(super::live::unmade("no list names mailhold"));
    }
    answers
}

/// What a service of Postfix sees as `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    /// This host's.
    Host,
    /// The queue directory: a chroot.
    Queue,
}

impl Root {
    fn of(service: &Service) -> Self {
        if service.is_chrooted {
            Self::Queue
        } else {
            Self::Host
        }
    }
}

fn reach(scene: &Scene, survey: &Survey, entry: &Entry, root: Root) -> Answer {
    let Some(written) = entry.path() else {
        return reach_inet(&entry.endpoint);
    };
    let queue = queue_directory(survey);
    let path = if root == Root::Queue || written.is_relative() {
        below(queue, written)
    } else {
        written.to_owned()
    };
    let owner = survey.parameter("mail_owner").unwrap_or("postfix");
    let who = match Who::named(owner) {
        Ok(who) => who,
        Err(why) => return Answer::fault(why, "name Postfix's user in mail_owner of main.cf"),
    };
    if root == Root::Queue && written.starts_with(queue) {
        let inside = written.strip_prefix(queue).unwrap_or(written);
        return Answer::fault(
            format!(
                "{}: a chrooted service looks for it in {}",
                entry.endpoint,
                path.display()
            ),
            format!(
                "write unix:{} in its place in {}",
                inside.display(),
                scene.postfix_file("main.cf")
            ),
        );
    }
    if let Some(answer) = way(&who, &path, queue) {
        return answer;
    }
    listening(&who, &path, &entry.endpoint)
}

/// What stops Postfix's user on the way to a socket, the socket included.
fn way(who: &Who, path: &Path, queue: &Path) -> Option<Answer> {
    // Postfix's services stand in the queue directory already.
    let start = if path.starts_with(queue) {
        queue
    } else {
        Path::new("/")
    };
    let mut steps: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|step| *step != start)
        .collect();
    steps.reverse();
    for step in steps {
        let cure = "make it: owner mailhold, group postfix, mode 2750 \
                    (config/systemd/mailhold-tmpfiles.conf does so at each boot)";
        match fs::metadata(step) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Some(unseen(step));
            }
            Err(error) => return Some(Answer::fault(format!("{}: {error}", step.display()), cure)),
            Ok(found) if !who.may(&found, 0o1) => {
                return Some(Answer::fault(
                    format!(
                        "{} keeps {} out ({})",
                        step.display(),
                        who.name,
                        rights(&found)
                    ),
                    format!(
                        "chgrp {} {path}; chmod g+x {path}",
                        who.name,
                        path = step.display()
                    ),
                ));
            }
            Ok(_) => {}
        }
    }
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(unseen(path)),
        Err(error) => Some(Answer::away(format!("{}: {error}", path.display()), START)),
        Ok(found) if !found.file_type().is_socket() => Some(Answer::fault(
            format!("{} is not a socket", path.display()),
            "remove it and restart the milter",
        )),
        Ok(found) if !who.may(&found, 0o2) => Some(Answer::fault(
            format!(
                "{} may not be written by {} ({})",
                path.display(),
                who.name,
                rights(&found)
            ),
            format!(
                "set mode = \"0660\" and group = \"{}\" in its [[milter.listen]], and restart the \
                 milter",
                who.name
            ),
        )),
        Ok(_) => None,
    }
}

fn listening(who: &Who, path: &Path, endpoint: &str) -> Answer {
    match connect(path) {
        Ok(()) => Answer::good(format!(
            "{endpoint}: {} may connect, and somebody listens",
            who.name
        )),
        Err(Errno::EACCES | Errno::EPERM) => Answer::skipped(
            format!("{endpoint}: {} may connect, this user may not", who.name),
            "run this as root to see whether somebody listens",
        ),
        Err(Errno::EAGAIN) => Answer::away(
            format!(
                "{}: somebody listens and takes no connection: too many wait already",
                path.display()
            ),
            "look at the milter's log, and restart it if it stands still",
        ),
        Err(error) => {
            let error = io::Error::from(error);
            Answer::away(format!("{}: {error}", path.display()), START)
        }
    }
}

/// Connects and closes. Does not wait: a listener that takes nothing would make it last for ever.
fn connect(path: &Path) -> Result<(), Errno> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    socket::connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

fn reach_inet(endpoint: &str) -> Answer {
    let place = endpoint.strip_prefix("inet:").unwrap_or(endpoint);
    let connected = place.to_socket_addrs().and_then(|addresses| {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    match connected {
        Ok(()) => Answer::good(format!("{endpoint}: somebody listens")),
        Err(error) => Answer::away(format!("{endpoint}: {error}"), START),
    }
}

fn unseen(path: &Path) -> Answer {
    Answer::skipped(
        format!("{} cannot be looked at by this user", path.display()),
        "run this as root",
    )
}

fn rights(found: &Metadata) -> String {
    let mode = found.mode() & 0o7777;
    format!(
        "mode {mode:04o}, owner {}, group {}",
        found.uid(),
        found.gid()
    )
}

/// Postfix's user with its groups.
struct Who {
    name: String,
    uid: u32,
    gids: Vec<u32>,
}

impl Who {
    fn named(name: &str) -> Result<Self, String> {
        let user = User::from_name(name).ok().flatten();
        let user = user.ok_or_else(|| format!("mail_owner = {name}: there is no such user"))?;
        let c_name = std::ffi::CString::new(name).map_err(|error| error.to_string())?;
        // Postfix's services have all groups of their user (`src/util/chroot_uid.c`).
        let gids = getgrouplist(&c_name, user.gid).unwrap_or_else(|_| vec![user.gid]);
        Ok(Self {
            name: name.to_owned(),
            uid: user.uid.as_raw(),
            gids: gids.into_iter().map(Gid::as_raw).collect(),
        })
    }

    /// Whether the mode grants one right (1: pass through, 2: write), as the kernel reads it: the
    /// owner's bits count for the owner alone. Access lists are not looked at.
    fn may(&self, found: &Metadata, right: u32) -> bool {
        self.may_by(found.mode(), found.uid(), found.gid(), right)
    }

    fn may_by(&self, mode: u32, uid: u32, gid: u32, right: u32) -> bool {
        let shift = if uid == self.uid {
            6
        } else if self.gids.contains(&gid) {
            3
        } else {
            0
        };
        mode >> shift & right == right
    }
}

/// Below the queue directory, as `main.cf` names a socket; `None` if it lies elsewhere.
pub fn relative(queue: &Path, socket: &Path) -> Option<PathBuf> {
    let inside = |queue: &Path| socket.strip_prefix(queue).map(Path::to_owned).ok();
    inside(queue).or_else(|| {
        let whole = socket.parent()?.canonicalize().ok()?;
        let whole = whole.join(socket.file_name()?);
        let queue = queue.canonicalize().ok()?;
        whole.strip_prefix(queue).map(Path::to_owned).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_read_as_the_kernel_does() {
        let who = Who {
            name: "postfix".to_owned(),
            uid: 100,
            gids: vec![200, 201],
        };
        assert!(who.may_by(0o660, 1, 201, 0o2), "by one of its groups");
        assert!(!who.may_by(0o606, 1, 200, 0o2), "the group's bits count");
        assert!(!who.may_by(0o077, 100, 200, 0o2), "the owner's bits count");
        assert!(who.may_by(0o711, 1, 1, 0o1), "by the bits for all");
    }

    #[test]
    fn a_socket_elsewhere_has_no_path_below_the_queue() {
        let queue = Path::new("/var/spool/postfix");
        let inside = relative(queue, Path::new("/var/spool/postfix/mailhold/smtp.sock"));
        assert_eq!(inside, Some("mailhold/smtp.sock".into()));
        assert_eq!(relative(queue, Path::new("/run/mailhold/smtp.sock")), None);
    }
}
