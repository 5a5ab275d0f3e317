//! The faults that a house can suffer, and what each kind is called.

use super::{ledger::Act, proxy::Weather};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of the milter.
    MilterKilled,
    /// `kill -9` of a worker.
    WorkerKilled(usize),
    /// A worker stands still for longer than its lease, and goes on.
    WorkerFrozen(usize),
    /// The milter stands still, and goes on.
    MilterFrozen,
    /// PostgreSQL is stopped at once, and started again.
    PostgresStopped,
    /// All processes of PostgreSQL stand still, and go on.
    PostgresFrozen,
    /// Somebody holds locks on the tables.
    PostgresLocked,
    /// Sessions that say nothing have all seats of PostgreSQL.
    PostgresTaken,
    /// slapd dies, and is started again.
    DirectoryStopped,
    /// slapd stands still, and goes on.
    DirectoryFrozen,
    /// Somebody else answers in slapd's place.
    DirectoryForged,
    /// The disk of the spool is full.
    DiskFull,
    /// The disk of the spool has no inode left.
    InodesUsedUp,
    /// The spool can be read only.
    SpoolReadOnly,
    /// Connections that say nothing have all seats of the milter.
    MilterTaken,
    /// Postfix is stopped, and started again.
    PostfixStopped,
    /// Postfix reads its settings again.
    PostfixReloaded,
    /// The milter reads its settings again, and looks each message up from now on.
    MirrorOff,
    /// An operator does something to one message.
    ByHand(Act),
    /// A person is flagged, or is no more.
    FlagChanged,
    /// Two programs hear each other badly.
    Weather(Pair, Weather),
}

/// Two programs with a proxy in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// smtpd and the milter.
    Smtp,
    /// cleanup and the milter.
    Local,
    /// The milter and the directory.
    Directory,
    /// The milter and PostgreSQL.
    Recorder,
    /// A worker and PostgreSQL.
    Worker(usize),
    /// Postfix and the sink.
    Relay,
}

/// A lock may leave time for all but what waits for it.
const STORE: [&str; 6] = [
    "milter store_unreachable",
    "worker store_unreachable",
    "other-worker store_unreachable",
    "milter capture_waits",
    "worker decision_waits",
    "other-worker decision_waits",
];
const DIRECTORY: [&str; 2] = ["milter directory_unreachable", "milter mirror_lost"];
/// A milter that dies at a place cannot start while its spool is read-only.
const SPOOL: [&str; 3] = ["milter spool_full", "milter spool_failing", "milter away"];

impl Fault {
    /// Whether a server, or the way to it, is not there meanwhile.
    pub fn stops_a_server(self) -> bool {
        matches!(
            self,
            Self::PostgresStopped
                | Self::PostgresFrozen
                | Self::PostgresTaken
                | Self::DirectoryStopped
                | Self::DirectoryFrozen
                | Self::DirectoryForged
                | Self::PostfixStopped
                | Self::PostfixReloaded
        )
    }

    /// Whether a process of mailhold needs for its start what is missing meanwhile.
    pub fn hinders_a_start(self) -> bool {
        match self {
            Self::PostgresStopped
            | Self::PostgresFrozen
            | Self::PostgresLocked
            | Self::PostgresTaken
            | Self::DiskFull
            | Self::InodesUsedUp
            | Self::SpoolReadOnly
            | Self::Weather(Pair::Recorder | Pair::Worker(_), _) => true,
            Self::MilterKilled
            | Self::WorkerKilled(_)
            | Self::WorkerFrozen(_)
            | Self::MilterFrozen
            | Self::DirectoryStopped
            | Self::DirectoryFrozen
            | Self::DirectoryForged
            | Self::MilterTaken
            | Self::PostfixStopped
            | Self::PostfixReloaded
            | Self::MirrorOff
            | Self::ByHand(_)
            | Self::FlagChanged
            | Self::Weather(..) => false,
        }
    }

    /// What monitoring sees of it, any of these; nothing where it need not see anything.
    pub fn signs(self) -> &'static [&'static str] {
        match self {
            Self::PostgresStopped | Self::PostgresFrozen | Self::PostgresTaken => &STORE[..3],
            Self::PostgresLocked => &STORE,
            Self::DirectoryStopped | Self::DirectoryFrozen | Self::DirectoryForged => &DIRECTORY,
            Self::DiskFull | Self::InodesUsedUp => &SPOOL[..2],
            Self::SpoolReadOnly => &SPOOL,
            Self::MilterTaken => &["milter connections_exhausted"],
            Self::PostfixStopped => &["worker postfix_refused", "other-worker postfix_refused"],
            Self::WorkerFrozen(0) => &["worker away"],
            Self::WorkerFrozen(_) => &["other-worker away"],
            Self::MilterFrozen => &["milter away"],
            Self::MilterKilled
            | Self::WorkerKilled(_)
            | Self::PostfixReloaded
            | Self::MirrorOff
            | Self::ByHand(_)
            | Self::FlagChanged
            | Self::Weather(..) => &[],
        }
    }

    /// What is counted as one kind.
    pub fn kind(self) -> String {
        match self {
            Self::MilterKilled => "kill -9 of the milter".to_owned(),
            Self::WorkerKilled(_) => "kill -9 of a worker".to_owned(),
            Self::WorkerFrozen(_) => "worker frozen beyond its lease".to_owned(),
            Self::MilterFrozen => "milter frozen".to_owned(),
            Self::PostgresStopped => "PostgreSQL stopped".to_owned(),
            Self::PostgresFrozen => "PostgreSQL frozen".to_owned(),
            Self::PostgresLocked => "PostgreSQL locked".to_owned(),
            Self::PostgresTaken => "PostgreSQL without a free seat".to_owned(),
            Self::DirectoryStopped => "directory stopped".to_owned(),
            Self::DirectoryFrozen => "directory frozen".to_owned(),
            Self::DirectoryForged => "directory with a wrong certificate".to_owned(),
            Self::DiskFull => "disk of the spool full".to_owned(),
            Self::InodesUsedUp => "disk of the spool without inodes".to_owned(),
            Self::SpoolReadOnly => "spool read-only".to_owned(),
            Self::MilterTaken => "milter without a free seat".to_owned(),
            Self::PostfixStopped => "Postfix stopped".to_owned(),
            Self::PostfixReloaded => "Postfix reloaded".to_owned(),
            Self::MirrorOff => "mirror switched off".to_owned(),
            Self::ByHand(act) => format!("postsuper {} by hand", act.option()),
            Self::FlagChanged => "flag changed".to_owned(),
            Self::Weather(pair, weather) => format!("{}: {}", pair.name(), weather.name()),
        }
    }
}

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtpd-milter",
            Self::Local => "cleanup-milter",
            Self::Directory => "milter-directory",
            Self::Recorder => "milter-PostgreSQL",
            Self::Worker(_) => "worker-PostgreSQL",
            Self::Relay => "Postfix-sink",
        }
    }
}

impl Weather {
    fn name(self) -> String {
        match self {
            Self::Fair => "fair".to_owned(),
            Self::Late(pause) => format!("{} ms late", pause.as_millis()),
            Self::Slow(n_bytes) => format!("{n_bytes} bytes a second"),
            Self::Sliced => "byte by byte".to_owned(),
            Self::Cut => "cut".to_owned(),
            Self::HalfClosed => "half closed".to_owned(),
            Self::Stalled => "stalled".to_owned(),
            Self::Refused => "refused".to_owned(),
        }
    }
}
