//! The port to one Postfix instance: its hold queue, its commands, its log. It moves messages only
//! by Postfix's own commands, and never talks to the database or the network.

pub mod directory;
pub mod error;
pub mod hold;
pub mod log;
pub mod permission;
pub mod postconf;
pub mod postsuper;
pub mod presence;
pub mod queue_file;
pub mod roll;
pub mod stamp;
pub mod survey;
pub mod watch;

mod background;
mod command;
mod content;
mod envelope;
mod flush;
mod held;
mod journal;
mod log_file;
mod record;
mod running;
mod short_name;

#[cfg(any(test, fuzzing))]
mod sample;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};

pub use self::held::Held;
use self::{
    background::in_background,
    error::PostfixError,
    hold::{Place, Queues},
    log::{Findings, LogMark},
    postconf::Parameters,
    postsuper::{Action, Report},
    presence::Presence,
    queue_file::QueueFile,
    roll::{Changes, Roll},
    stamp::Stamp,
    watch::Watch,
};
use crate::domain::queue_id::QueueId;

/// What became of reading a held message.
pub type Outcome = Result<Held, PostfixError>;

/// The configuration directory that Postfix's commands use when they are not told another.
const DEFAULT_CONFIG_DIRECTORY: &str = "/etc/postfix";

/// Where the instance and its commands are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory of `main.cf`.
    pub config_directory: PathBuf,
    /// The directory of `postsuper` and its like.
    pub command_directory: PathBuf,
    /// The program that makes `postsuper` run as root.
    pub sudo: PathBuf,
    /// Where Postfix logs.
    pub log: LogSource,
    /// How long one command may take.
    pub command_timeout: Duration,
}

/// Where Postfix logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// To the system's journal.
    Journal,
    /// To this file.
    File(PathBuf),
    /// Where we cannot read it.
    None,
}

/// One Postfix instance.
#[derive(Clone, Debug)]
pub struct Postfix(Arc<Instance>);

#[derive(Debug)]
struct Instance {
    settings: Settings,
    parameters: Parameters,
    queues: Queues,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config_directory: PathBuf::from(DEFAULT_CONFIG_DIRECTORY),
            command_directory: PathBuf::from("/usr/sbin"),
            sudo: PathBuf::from("/usr/bin/sudo"),
            log: LogSource::Journal,
            command_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Whether Postfix's commands must be told the configuration directory. They are not told the
    /// default one, so that the lines for `sudo` are the same on every ordinary host.
    fn is_other_instance(&self) -> bool {
        self.config_directory != Path::new(DEFAULT_CONFIG_DIRECTORY)
    }
}

impl Postfix {
    /// Asks the instance for its parameters; refuses one that makes short queue IDs.
    pub async fn open(settings: &Settings) -> Result<Self, PostfixError> {
        settings.check()?;
        let parameters = postconf::read(settings).await?;
        Ok(Self(Arc::new(Instance {
            settings: settings.clone(),
            queues: Queues::of(&parameters),
            parameters,
        })))
    }

    /// What the instance says of itself. Read once: a change needs a restart.
    pub fn parameters(&self) -> &Parameters {
        &self.0.parameters
    }

    /// Asks the instance again where its queues are.
    ///
    /// # Errors
    ///
    /// [`PostfixError::QueuesMoved`] if they are elsewhere than when it was opened: a message that
    /// is not found may still be there.
    pub async fn check_queues(&self) -> Result<(), PostfixError> {
        let now = postconf::read(&self.0.settings).await?;
        if Queues::of(&now) == self.0.queues {
            Ok(())
        } else {
            Err(PostfixError::QueuesMoved)
        }
    }

    /// Whether anybody is there to deliver what is released.
    ///
    /// # Errors
    ///
    /// [`PostfixError::NotRunning`] if not.
    pub async fn check_running(&self) -> Result<(), PostfixError> {
        running::check(&self.0.parameters.queue_directory).await
    }

    /// Whether there is a log to read at all.
    pub fn has_log(&self) -> bool {
        self.0.settings.log != LogSource::None
    }

    /// Lists the hold queue, and tells what has changed since the roll was called last.
    pub async fn call_roll(&self, mut roll: Roll) -> (Roll, Result<Changes, PostfixError>) {
        let called = self.look(move |queues| {
            let changes = roll.call(queues);
            Ok((roll, changes))
        });
        // A roll that is lost with its thread begins anew: all names are fresh ones then.
        called
            .await
            .unwrap_or_else(|lost| (Roll::default(), Err(lost)))
    }

    /// How one message stands in the hold queue.
    pub async fn presence(&self, id: &QueueId) -> Result<Presence, PostfixError> {
        let id = id.clone();
        self.look(move |queues| queues.presence(&id)).await
    }

    /// The short name under which one message is on hold, where Postfix has renamed it.
    pub async fn shortened(&self, id: &QueueId) -> Result<Option<String>, PostfixError> {
        let id = id.clone();
        self.look(move |queues| queues.shortened(&id)).await
    }

    /// How several messages stand in the hold queue, and how long their files are, in bytes.
    pub async fn sizes_of_held(
        &self,
        ids: Vec<QueueId>,
    ) -> Result<Vec<(QueueId, Presence, u64)>, PostfixError> {
        self.look(move |queues| {
            let looked = ids.into_iter().map(|id| {
                let (presence, size_bytes) = queues.size_of_held(&id)?;
                Ok((id, presence, size_bytes))
            });
            looked.collect()
        })
        .await
    }

    /// The files of these messages in the hold queue, as they are just now, in the same order.
    pub async fn stamps(&self, ids: &[QueueId]) -> Result<Vec<Option<Stamp>>, PostfixError> {
        let ids = ids.to_vec();
        self.look(move |queues| queues.stamps(&ids)).await
    }

    /// In which queue other than hold one message is.
    pub async fn elsewhere(&self, id: &QueueId) -> Result<Option<Place>, PostfixError> {
        let id = id.clone();
        self.look(move |queues| queues.elsewhere(&id)).await
    }

    /// Reads a held message: all of it once, in little memory.
    ///
    /// # Errors
    ///
    /// [`PostfixError::NotReady`] unless it is [`Presence::Ready`].
    pub async fn read_held(&self, id: &QueueId) -> Result<Held, PostfixError> {
        self.read_as(id, Presence::Ready).await
    }

    /// Reads a held message that is marked as expired: only to be returned can it leave hold.
    ///
    /// # Errors
    ///
    /// [`PostfixError::NotReady`] unless it is [`Presence::ForceExpired`].
    pub async fn read_expired(&self, id: &QueueId) -> Result<Held, PostfixError> {
        self.read_as(id, Presence::ForceExpired).await
    }

    /// Reads several held messages one after the other, in one go; what became of each.
    ///
    /// # Errors
    ///
    /// None could be read in time.
    pub async fn read_several(&self, ids: Vec<QueueId>) -> Result<Vec<Outcome>, PostfixError> {
        let field_limit = self.0.parameters.header_field_limit;
        self.look(move |queues| {
            // One that brings its reader down stops itself, not the others.
            let read = |id| {
                let read = || read_as(queues, id, Presence::Ready, field_limit);
                catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(PostfixError::GivenUp))
            };
            Ok(ids.iter().map(read).collect())
        })
        .await
    }

    async fn read_as(&self, id: &QueueId, expected: Presence) -> Outcome {
        let id = id.clone();
        let field_limit = self.0.parameters.header_field_limit;
        self.look(move |queues| read_as(queues, &id, expected, field_limit))
            .await
    }

    /// Reads a held message that was adopted: envelope, and content of up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`PostfixError::NotReady`] unless it stands as `expected`.
    pub async fn read_content(
        &self,
        id: &QueueId,
        expected: Presence,
        limit: usize,
    ) -> Result<(Held, Vec<u8>), PostfixError> {
        let id = id.clone();
        let field_limit = self.0.parameters.header_field_limit;
        self.look(move |queues| {
            let (file, stamp) = queues.open_held(&id, expected)?;
            match QueueFile::read_content(file, &id, field_limit, limit) {
                Ok((message, content)) => Ok((Held { message, stamp }, content)),
                Err(cause) => Err(PostfixError::ReadQueueFile { id, cause }),
            }
        })
        .await
    }

    /// Watches the hold queue. What came before is not told: list the queue after this.
    pub fn watch(&self) -> Result<Watch, PostfixError> {
        Watch::start(self.0.queues.clone())
    }

    /// Does one thing to these messages as far as they are on hold. Never touches another queue.
    ///
    /// The report is what `postsuper` said. It is no proof: look at [`Postfix::presence`] and
    /// [`Postfix::elsewhere`] of each.
    pub async fn carry_out(&self, action: Action, ids: &[QueueId]) -> Result<Report, PostfixError> {
        if ids.is_empty() {
            return Ok(Report::default());
        }
        postsuper::carry_out(&self.0.settings, action, ids).await
    }

    /// Has released messages tried at once. A failure only means that they are tried later.
    pub async fn deliver_now(&self, ids: &[QueueId]) -> Result<(), PostfixError> {
        flush::deliver_now(&self.0.settings, ids).await
    }

    /// Has requeued messages picked up at once. A failure only means that it is done later.
    pub async fn pick_up_now(&self) -> Result<(), PostfixError> {
        flush::pick_up_now(&self.0.settings).await
    }

    /// Marks the end of the log, to read on from there after a command.
    pub fn mark_log(&self, now: DateTime<Utc>) -> LogMark {
        LogMark::at_end(&self.0.settings, now)
    }

    /// What was logged of these messages since the mark; nothing where there is no log to read.
    pub async fn read_log(&self, mark: LogMark, ids: &[QueueId]) -> Result<Findings, PostfixError> {
        self.read_log_of(&log::HANDS, mark, ids).await
    }

    /// The same, and whether Postfix itself took a message in, and up for delivery. That is much more to
    /// read: these programs tell of all mail.
    pub async fn read_whole_log(
        &self,
        mark: LogMark,
        ids: &[QueueId],
    ) -> Result<Findings, PostfixError> {
        self.read_log_of(&log::HANDS_AND_POSTFIX, mark, ids).await
    }

    async fn read_log_of(
        &self,
        programs: &[&str],
        mark: LogMark,
        ids: &[QueueId],
    ) -> Result<Findings, PostfixError> {
        let syslog_name = &self.0.parameters.syslog_name;
        let names = programs
            .iter()
            .map(|program| format!("{syslog_name}/{program}"));
        log::read(&self.0.settings, &names.collect::<Vec<_>>(), mark, ids).await
    }

    async fn look<T: Send + 'static>(
        &self,
        at: impl FnOnce(&Queues) -> Result<T, PostfixError> + Send + 'static,
    ) -> Result<T, PostfixError> {
        let instance = Arc::clone(&self.0);
        in_background(move || at(&instance.queues)).await
    }
}

fn read_as(queues: &Queues, id: &QueueId, expected: Presence, field_limit: usize) -> Outcome {
    let (file, stamp) = queues.open_held(id, expected)?;
    match QueueFile::read(file, id, field_limit) {
        Ok(message) => Ok(Held { message, stamp }),
        Err(cause) => Err(PostfixError::ReadQueueFile {
            id: id.clone(),
            cause,
        }),
    }
}

impl Settings {
    fn check(&self) -> Result<(), PostfixError> {
        let paths = [
            ("config_directory", &self.config_directory),
            ("command_directory", &self.command_directory),
            ("sudo", &self.sudo),
        ];
        match paths.into_iter().find(|(_, path)| !path.is_absolute()) {
            Some((setting, path)) => Err(PostfixError::RelativePath {
                setting,
                path: path.clone(),
            }),
            None => Ok(()),
        }
    }
}
