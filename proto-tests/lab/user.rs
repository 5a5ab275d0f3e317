//! The unprivileged users that the programs of a lab run as. Never makes a user.

use nix::unistd;

/// A number below the ranges that Debian and systemd give out: nobody's.
const MILTER_UID: u32 = 59_461;
/// As above.
const WEB_UID: u32 = 59_462;

/// Who a program runs as, or who owns a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user ID.
    pub uid: u32,
    /// The primary and only group.
    pub gid: u32,
}

impl User {
    /// For what nobody else may do: Postfix's master, mounts.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// The user of a Debian package.
    pub fn named(name: &str) -> Self {
        let user = unistd::User::from_name(name).unwrap();
        let user = user.unwrap_or_else(|| panic!("this machine has no user {name}"));
        Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }
    }

    /// Runs `mailhold milter`: no user of the machine, but in Postfix's group for the sockets.
    pub fn milter() -> Self {
        Self {
            uid: MILTER_UID,
            gid: Self::named("postfix").gid,
        }
    }

    /// Runs `mailhold web`: no user of the machine, in no group of it.
    pub fn web() -> Self {
        Self {
            uid: WEB_UID,
            gid: WEB_UID,
        }
    }

    /// The group that Postfix gives its queue to commands with (`setgid_group`).
    pub fn postdrop_gid() -> u32 {
        unistd::Group::from_name("postdrop")
            .unwrap()
            .expect("group postdrop")
            .gid
            .as_raw()
    }
}
