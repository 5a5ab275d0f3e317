//! How a held message stands: the file's type and mode say whether Postfix would act on it.

use std::fmt;

use nix::sys::stat::FileStat;

/// The owner's bits that make a queue file ready (`MAIL_QUEUE_STAT_READY`, `src/global/mail_queue.h`).
const READY: u32 = 0o700;

/// The bit that `postsuper -e` and `-f` set (`MAIL_QUEUE_STAT_EXPIRE`).
const FORCE_EXPIRED: u32 = 0o010;

/// How one queue ID stands in the hold queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is no such file.
    Missing,
    /// The file is still being written (mode 0600): not a message yet. Postfix leaves it alone.
    NotReady,
    /// A held message, mode 0700.
    Ready,
    /// A held message that somebody marked as expired (mode 0710): to release it is to bounce it.
    ForceExpired,
    /// Not what Postfix makes: a link, a directory, a file with two names or odd permissions.
    NotRegular,
}

impl Presence {
    /// The rules of `mail_open_ok` (`src/global/mail_open_ok.c`), and stricter: one name, no odd
    /// permissions.
    pub(super) fn of(file: &FileStat) -> Self {
        Self::read(file.st_mode, file.st_nlink)
    }

    fn read(mode: u32, n_names: u64) -> Self {
        const FILE_TYPE: u32 = 0o170_000;
        const REGULAR: u32 = 0o100_000;
        if mode & FILE_TYPE != REGULAR || n_names != 1 {
            return Self::NotRegular;
        }
        match mode & 0o7777 {
            READY => Self::Ready,
            bits if bits & READY != READY => Self::NotReady,
            bits if bits & FORCE_EXPIRED != 0 => Self::ForceExpired,
            _ => Self::NotRegular,
        }
    }
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no such file",
            Self::NotReady => "the file is not ready",
            Self::Ready => "the file is ready",
            Self::ForceExpired => "the message was marked as expired",
            Self::NotRegular => "the file is not one that Postfix makes",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_tells_how_a_message_stands() {
        for (mode, expected) in [
            (0o100_600, Presence::NotReady),
            (0o100_700, Presence::Ready),
            (0o100_710, Presence::ForceExpired),
            (0o100_500, Presence::NotReady),
            (0o100_610, Presence::NotReady),
            (0o100_704, Presence::NotRegular),
            (0o104_700, Presence::NotRegular),
            (0o040_700, Presence::NotRegular),
            (0o120_777, Presence::NotRegular),
        ] {
            assert_eq!(Presence::read(mode, 1), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_file_with_two_names_is_not_one_that_postfix_makes() {
        assert_eq!(Presence::read(0o100_700, 2), Presence::NotRegular);
    }
}
